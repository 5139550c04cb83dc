"""What is remembered of mailboxes: how far each was read, and mails that became no message."""

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class Mailbox(Model):
    """How far a mailbox was read. UIDs hold only as long as the server keeps its `uid_validity`
    (https://www.rfc-editor.org/rfc/rfc3501#section-2.3.1.1)."""

    account = fields.CharField(max_length=64, primary_key=True)  # of the channel; '' is the first
    uid_validity = fields.BigIntField()
    last_uid = fields.BigIntField()
    since = fields.DatetimeField()  # when it was first opened: older mails are none of ours
    read_at = fields.DatetimeField()

    class Meta:
        table = "mailbox"


class MailOriginal(Model):
    """A customer's mail as it looked: its HTML, made safe before it was kept."""

    message_id = fields.BigIntField(primary_key=True, generated=False)
    html = fields.TextField()
    at = fields.DatetimeField()

    class Meta:
        table = "mail_original"


class MailAside(Model):
    """A mail that became no message. It stays in the mailbox; nothing of its contents is kept here."""

    id = fields.BigIntField(primary_key=True)
    account = fields.CharField(max_length=64, default="")
    external_id = fields.CharField(max_length=200)
    verdict = fields.CharField(max_length=8)  # auto, list, bounce, own, old, parked
    reason = fields.CharField(max_length=60, default="")
    uid = fields.BigIntField(default=0)
    at = fields.DatetimeField()

    class Meta:
        table = "mail_aside"
        unique_together = (("account", "external_id"),)
        indexes = [Index(fields=["verdict", "at"]), Index(fields=["at"])]
