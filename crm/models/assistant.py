"""Which trained model answers."""

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class AssistantModel(Model):
    """A trained model that was put in force; the newest row holds. Its file lies in storage by this name."""

    id = fields.BigIntField(primary_key=True)
    fingerprint = fields.CharField(max_length=64)
    at = fields.DatetimeField()

    class Meta:
        table = "assistant_model"
        indexes = [Index(fields=["at"])]
