"""Conversations, their messages, files, notes' mentions and the bot's dialogue snapshot."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from crm.models.keys import KeyField
from crm.models.people import Contact, Identity
from crm.models.staff import Staff, Team


class Conversation(Model):
    """One thread with one identity. `owner` says who speaks: the bot, or staff (a person or, while
    `assignee` is empty, the waiting queue of `team`)."""

    id = fields.BigIntField(primary_key=True)
    contact: fields.ForeignKeyRelation[Contact] = fields.ForeignKeyField(
        "crm.Contact", related_name="conversations", on_delete=fields.CASCADE
    )
    contact_id: int
    identity: fields.ForeignKeyRelation[Identity] = fields.ForeignKeyField(
        "crm.Identity", related_name="conversations", on_delete=fields.CASCADE
    )
    identity_id: int
    channel = fields.CharField(max_length=16)
    channel_account = fields.CharField(max_length=64, default="")
    status = fields.CharField(max_length=10, default="open")  # open, snoozed, closed
    owner = fields.CharField(max_length=5, default="bot")  # bot, staff
    assignee: fields.ForeignKeyNullableRelation[Staff] = fields.ForeignKeyField(
        "crm.Staff", related_name="conversations", null=True, on_delete=fields.SET_NULL
    )
    assignee_id: int | None
    team: fields.ForeignKeyNullableRelation[Team] = fields.ForeignKeyField(
        "crm.Team", related_name="conversations", null=True, on_delete=fields.SET_NULL
    )
    team_id: int | None
    priority = fields.CharField(max_length=6, default="normal")  # low, normal, high, urgent
    locale = fields.CharField(max_length=5, default="ko")
    message_seq = fields.BigIntField(default=0)  # the last number given to a message
    seen_seq = fields.BigIntField(default=0)  # the last number the customer has seen
    staff_seen_seq = fields.BigIntField(default=0)
    unread = fields.IntField(default=0)  # customer messages no staff member has looked at
    misses = fields.IntField(default=0)  # turns in a row the bot did not understand
    handover_reason = fields.CharField(max_length=32, default="")
    waiting_since = fields.DatetimeField(null=True)  # a person's answer is owed since
    reply_due_at = fields.DatetimeField(null=True)  # by the response target, in business time
    overdue_for = fields.DatetimeField(null=True)  # the missed `reply_due_at` that staff were told of
    returns_at = fields.DatetimeField(null=True)  # when a staff-owned conversation goes back to the bot
    snoozed_until = fields.DatetimeField(null=True)
    last_message_at = fields.DatetimeField()
    last_inbound_at = fields.DatetimeField(null=True)
    last_message = fields.JSONField[dict[str, Any]](default=dict)  # {"from","text","kind"} for the list
    created_at = fields.DatetimeField()
    closed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "conversation"
        indexes = [
            Index(fields=["status", "last_message_at", "id"]),
            Index(fields=["status", "owner", "assignee_id", "last_message_at", "id"]),
            Index(fields=["contact_id", "last_message_at"]),
            Index(fields=["contact_id", "status", "last_message_at"]),
            Index(fields=["identity_id", "id"]),
            Index(fields=["returns_at"]),
            Index(fields=["waiting_since"]),
            Index(fields=["snoozed_until"]),
            Index(fields=["reply_due_at"]),
        ]


class Message(Model):
    """One message, note or event line of a conversation; `seq` orders them and never repeats."""

    id = fields.BigIntField(primary_key=True)
    conversation: fields.ForeignKeyRelation[Conversation] = fields.ForeignKeyField(
        "crm.Conversation", related_name="messages", on_delete=fields.CASCADE
    )
    conversation_id: int
    seq = fields.BigIntField()
    direction = fields.CharField(max_length=5)  # in, out, note, event
    author = fields.CharField(max_length=7)  # contact, bot, staff, system
    staff: fields.ForeignKeyNullableRelation[Staff] = fields.ForeignKeyField(
        "crm.Staff", related_name="messages", null=True, on_delete=fields.SET_NULL
    )
    staff_id: int | None
    text = fields.TextField(default="")
    lang = fields.CharField(max_length=5, default="")
    purpose = fields.CharField(max_length=8, default="reply")  # reply, info, ad, opt_out, duty
    # {"label", "value", "payload"}: value is the short token a channel sees, payload stays here
    choices = fields.JSONField[list[dict[str, Any]]](default=list)
    cards = fields.JSONField[list[dict[str, Any]]](default=list)
    key = fields.CharField(max_length=40, unique=True)  # idempotency key of sending
    external_id = fields.CharField(max_length=200, default="")
    inbox_id = fields.BigIntField(null=True)  # the incoming message that caused it (out), or itself (in)
    in_reply_to = fields.CharField(max_length=200, null=True)  # the channel's id of that incoming message
    state = fields.CharField(max_length=9, default="stored")  # or queued sent delivered seen failed parked
    data = fields.JSONField[dict[str, Any]](default=dict)
    unindexed = fields.BooleanField(null=True)  # true until search has indexed the text, then empty
    created_at = fields.DatetimeField()
    edited_at = fields.DatetimeField(null=True)
    delivered_at = fields.DatetimeField(null=True)
    seen_at = fields.DatetimeField(null=True)
    files: fields.ReverseRelation["File"]

    class Meta:
        table = "message"
        unique_together = (("conversation_id", "seq"),)
        indexes = [Index(fields=["inbox_id"]), Index(fields=["unindexed", "id"])]


class MessageKey(Model):
    """A token of a message's text, for search without a database extension."""

    id = fields.BigIntField(primary_key=True)
    key = KeyField(max_length=32)
    message: fields.ForeignKeyRelation[Message] = fields.ForeignKeyField(
        "crm.Message", related_name="keys", on_delete=fields.CASCADE
    )
    message_id: int

    class Meta:
        table = "message_key"
        indexes = [Index(fields=["key", "message_id"]), Index(fields=["message_id"])]


class File(Model):
    """A file outside the web root. `token` is unguessable; addresses are signed on top of it."""

    id = fields.BigIntField(primary_key=True)
    token = fields.CharField(max_length=43, unique=True)
    message: fields.ForeignKeyNullableRelation[Message] = fields.ForeignKeyField(
        "crm.Message", related_name="files", null=True, on_delete=fields.CASCADE
    )
    message_id: int | None
    conversation: fields.ForeignKeyNullableRelation[Conversation] = fields.ForeignKeyField(
        "crm.Conversation", related_name="files", null=True, on_delete=fields.CASCADE
    )
    conversation_id: int | None
    request: fields.ForeignKeyNullableRelation[Model] = fields.ForeignKeyField(
        "crm.ServiceRequest", related_name="files", null=True, on_delete=fields.SET_NULL
    )
    request_id: int | None
    owner = fields.CharField(max_length=80, default="")  # who uploaded: "identity:7", "staff:3"
    name = fields.CharField(max_length=200)
    type = fields.CharField(max_length=100)  # by content, not by name
    size = fields.BigIntField()  # bytes
    sha256 = fields.CharField(max_length=64)
    storage_key = fields.CharField(max_length=200)
    description = fields.CharField(max_length=300, default="")
    width = fields.IntField(null=True)
    height = fields.IntField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "file"
        indexes = [
            Index(fields=["message_id"]),
            Index(fields=["request_id"]),
            Index(fields=["conversation_id"]),
        ]


class Mention(Model):
    """A staff member named with @ in an internal note."""

    id = fields.BigIntField(primary_key=True)
    message: fields.ForeignKeyRelation[Message] = fields.ForeignKeyField(
        "crm.Message", related_name="mentions", on_delete=fields.CASCADE
    )
    message_id: int
    staff: fields.ForeignKeyRelation[Staff] = fields.ForeignKeyField(
        "crm.Staff", related_name="mentions", on_delete=fields.CASCADE
    )
    staff_id: int
    conversation: fields.ForeignKeyRelation[Conversation] = fields.ForeignKeyField(
        "crm.Conversation", related_name="mentions", on_delete=fields.CASCADE
    )
    conversation_id: int
    seen_at = fields.DatetimeField(null=True)

    class Meta:
        table = "mention"
        indexes = [Index(fields=["staff_id", "seen_at", "id"]), Index(fields=["conversation_id"])]


class CannedReply(Model):
    """자주 쓰는 답장: a ready text with variables such as {고객} and {접수번호}."""

    id = fields.BigIntField(primary_key=True)
    shortcut = fields.CharField(max_length=40, unique=True)
    title = fields.CharField(max_length=80)
    text = fields.TextField()
    locale = fields.CharField(max_length=5, default="ko")
    team: fields.ForeignKeyNullableRelation[Team] = fields.ForeignKeyField(
        "crm.Team", related_name="canned_replies", null=True, on_delete=fields.SET_NULL
    )
    team_id: int | None

    class Meta:
        table = "canned_reply"


class DialogueSnapshot(Model):
    """The bot's memory of one conversation: a short event list of Rasa as JSON, about 3 kB."""

    conversation: fields.OneToOneRelation[Conversation] = fields.OneToOneField(
        "crm.Conversation", related_name="dialogue", primary_key=True, on_delete=fields.CASCADE
    )
    conversation_id: int
    body = fields.TextField()
    model = fields.CharField(max_length=64, default="")
    at = fields.DatetimeField()

    class Meta:
        table = "dialogue_snapshot"
