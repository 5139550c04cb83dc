"""What goes out through providers: approved templates, and what was reported about messages."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class MessageTemplate(Model):
    """A text that a provider has approved for one use, language and channel account."""

    id = fields.BigIntField(primary_key=True)
    channel = fields.CharField(max_length=16, default="alimtalk")
    channel_account = fields.CharField(max_length=64, default="")
    use = fields.CharField(max_length=24)  # crm/message_templates.py: USES
    locale = fields.CharField(max_length=5, default="ko")
    code = fields.CharField(max_length=60)  # the provider's name of it
    title = fields.CharField(max_length=80, default="")
    text = fields.TextField()  # with #{variables}
    buttons = fields.JSONField[list[dict[str, Any]]](default=list)  # name, url; both may hold #{variables}
    status = fields.CharField(max_length=9, default="draft")  # draft, pending, approved, rejected, stopped
    updated_at = fields.DatetimeField()

    class Meta:
        table = "message_template"
        unique_together = (
            ("channel", "channel_account", "code"),
            ("channel", "channel_account", "use", "locale"),
        )


class DeliveryReport(Model):
    """A provider's last word on one request; the first of an id holds. `applied_at`: it stands on the
    message."""

    id = fields.BigIntField(primary_key=True)
    provider_id = fields.CharField(max_length=100, unique=True)
    message_key = fields.CharField(max_length=40)
    state = fields.CharField(max_length=9)  # delivered, failed
    reason = fields.CharField(max_length=60, default="")
    at = fields.DatetimeField()
    received_at = fields.DatetimeField()
    applied_at = fields.DatetimeField(null=True)

    class Meta:
        table = "delivery_report"
        indexes = [Index(fields=["applied_at", "received_at"])]
