from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from crm.models.keys import KeyField


class Migration(migrations.Migration):
    dependencies = [("crm", "0012_channels")]

    initial = False

    operations = [
        ops.AddField("ServiceRequest", "unindexed", fields.BooleanField(default=True, null=True)),
        ops.AddIndex("ServiceRequest", Index(fields=["unindexed", "id"])),
        ops.CreateModel(
            name="RequestKey",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("key", KeyField(max_length=32)),
                (
                    "request",
                    fields.ForeignKeyField(
                        "crm.ServiceRequest",
                        source_field="request_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="keys",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
            ],
            options={
                "table": "request_key",
                "app": "crm",
                "indexes": [Index(fields=["key", "request_id"]), Index(fields=["request_id"])],
                "pk_attr": "id",
            },
        ),
        ops.RunSQL("UPDATE service_request SET unindexed = TRUE"),
    ]
