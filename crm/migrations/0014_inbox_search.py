from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from crm.models.keys import KeyField


class Migration(migrations.Migration):
    dependencies = [("crm", "0013_request_search")]

    initial = False

    operations = [
        ops.AddIndex("Conversation", Index(fields=["contact_id", "status", "last_message_at"])),
        ops.CreateModel(
            name="OpenKey",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("key", KeyField(max_length=64)),
                (
                    "contact",
                    fields.ForeignKeyField(
                        "crm.Contact",
                        source_field="contact_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="open_keys",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
            ],
            options={
                "table": "open_key",
                "app": "crm",
                "indexes": [Index(fields=["key", "contact_id"]), Index(fields=["contact_id"])],
                "pk_attr": "id",
            },
        ),
        ops.RunSQL(
            "INSERT INTO open_key (key, contact_id) SELECT k.key, k.contact_id FROM contact_key k WHERE"
            " k.contact_id IN (SELECT contact_id FROM conversation WHERE status <> 'closed')"
        ),
    ]
