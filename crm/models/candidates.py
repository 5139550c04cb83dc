"""Sentences the assistant was unsure of, kept until a person says what they teach."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from crm.models.conversations import Conversation


class TrainingCandidate(Model):
    """One message that the bot asked about, did not understand or, as staff say, misunderstood.

    `text` holds no personal data; it is empty where staff said so, and the message is read at the review.
    """

    id = fields.BigIntField(primary_key=True)
    conversation: fields.ForeignKeyRelation[Conversation] = fields.ForeignKeyField(
        "crm.Conversation", related_name="training_candidates", on_delete=fields.CASCADE
    )
    inbox_id = fields.BigIntField(unique=True)
    text = fields.TextField()  # in the notation of the training data: [세탁기](product)
    language = fields.CharField(max_length=5)
    offered = fields.JSONField[list[Any]](default=list)  # intents put to the customer, likeliest first
    how = fields.CharField(max_length=9)  # asked, missed; then chosen, none, corrected
    intent = fields.CharField(max_length=64, default="")  # what it turned out to mean
    at = fields.DatetimeField()
    verdict = fields.CharField(max_length=8, default="")  # accepted, rejected
    decided_at = fields.DatetimeField(null=True)

    class Meta:
        table = "training_candidate"
        indexes = [Index(fields=["conversation_id", "id"]), Index(fields=["verdict", "id"])]
