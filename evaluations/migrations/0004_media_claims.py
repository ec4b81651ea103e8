from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("evaluations", "0003_outcomes_stand"),
    ]

    operations = [
        migrations.AddField(
            model_name="mediafile",
            name="claimed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="mediafile",
            name="attempts",
            field=models.PositiveSmallIntegerField(default=0),
        ),
    ]
