import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("evaluations", "0006_files_of_sides")]

    operations = [
        migrations.AlterField(
            model_name="mediafile",
            name="side",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="media", to="evaluations.side"
            ),
        ),
        migrations.RemoveField(
            model_name="mediafile",
            name="episode",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="mediafile",
            trigger=pgtrigger.compiler.Trigger(
                name="media_immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."side_id" IS DISTINCT FROM (NEW."side_id") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."file" IS DISTINCT FROM (NEW."file") OR OLD."size" IS DISTINCT FROM (NEW."size") OR OLD."sha256" IS DISTINCT FROM (NEW."sha256"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="9f7d8d0e0a25b8817af09e905a9a324463b1fb0e",
                    operation="UPDATE",
                    pgid="pgtrigger_media_immutable_dd7c9",
                    table="evaluations_mediafile",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="mediafile",
            constraint=models.UniqueConstraint(
                condition=models.Q(("withdrawn_at", None)), fields=("side", "kind"), name="media_unique"
            ),
        ),
    ]
