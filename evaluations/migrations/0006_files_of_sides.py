from django.db import migrations

# Files belong to sides, and sessions that have ended are revealed: apart from the change of the tables, because
# PostgreSQL does not alter a table in the transaction that has changed its rows.
FILES = """
    UPDATE evaluations_mediafile AS media SET side_id = episode.side_id, received_at = episode.received_at
    FROM evaluations_episode AS episode WHERE episode.id = media.episode_id
"""
SESSIONS = "UPDATE evaluations_session SET revealed_at = closed_at WHERE closed_at IS NOT NULL"


class Migration(migrations.Migration):
    dependencies = [("evaluations", "0005_sessions_in_the_browser")]

    operations = [
        migrations.RunSQL(FILES, migrations.RunSQL.noop),
        migrations.RunSQL(SESSIONS, migrations.RunSQL.noop),
    ]
