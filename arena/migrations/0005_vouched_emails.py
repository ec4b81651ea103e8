"""Everybody who has an account by now was given it by an operator, who vouched for the e-mail."""

from django.db import migrations


def vouch(apps, schema_editor):
    person_model = apps.get_model("arena", "Person")
    address_model = apps.get_model("account", "EmailAddress")
    known = address_model.objects.values("user")
    people = person_model.objects.exclude(pk__in=known).values_list("pk", "email")
    address_model.objects.bulk_create(
        [address_model(user_id=pk, email=email, verified=True, primary=True) for pk, email in people.iterator()],
        batch_size=1000,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("account", "0009_emailaddress_unique_primary_email"),
        ("arena", "0004_notices_to_addresses"),
    ]

    operations = [migrations.RunPython(vouch, migrations.RunPython.noop)]
