"""The machinery: lanes, inbox, outbox, jobs, happenings, leases, numbers and processes."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from crm.models.conversations import Conversation, Message
from crm.models.people import Identity


class Lane(Model):
    """The queue of one conversation (`inbox`), one recipient (`outbox`) or one job (`job`).

    `due_at` is empty while nothing waits. `token` rises with every claim: a holder that lost its lease no
    longer matches it. `attempts` counts the claims of the work at the head since the last success.
    """

    id = fields.BigIntField(primary_key=True)
    kind = fields.CharField(max_length=8)
    key = fields.BigIntField()  # conversation, identity or job
    token = fields.BigIntField(default=0)
    holder = fields.CharField(max_length=160, default="")
    leased_until = fields.DatetimeField(null=True)
    due_at = fields.DatetimeField(null=True)
    attempts = fields.IntField(default=0)
    error = fields.CharField(max_length=200, default="")  # the last fault's class, no personal data

    class Meta:
        table = "lane"
        unique_together = (("kind", "key"),)
        indexes = [Index(fields=["kind", "due_at", "id"])]


class Inbox(Model):
    """One thing received, stored before it is acknowledged. A channel that gives no id leaves it empty."""

    id = fields.BigIntField(primary_key=True)
    channel = fields.CharField(max_length=16)
    channel_account = fields.CharField(max_length=64, default="")
    external_id = fields.CharField(max_length=200, null=True)
    conversation: fields.ForeignKeyNullableRelation[Conversation] = fields.ForeignKeyField(
        "crm.Conversation", related_name="inbox", null=True, on_delete=fields.CASCADE
    )
    message_id = fields.BigIntField(null=True)
    seq = fields.BigIntField(default=0)  # of the message: the order within the conversation
    kind = fields.CharField(max_length=8)  # message, choice, file, event
    data = fields.JSONField[dict[str, Any]](default=dict)  # choice, files, what the channel adds
    state = fields.CharField(max_length=8, default="waiting")  # waiting, done, parked
    error = fields.CharField(max_length=200, default="")
    received_at = fields.DatetimeField()
    done_at = fields.DatetimeField(null=True)

    class Meta:
        table = "inbox"
        unique_together = (("channel", "channel_account", "external_id"),)
        indexes = [Index(fields=["conversation_id", "state", "seq"]), Index(fields=["state", "received_at"])]


class Outbox(Model):
    """One message to be sent, in order within its recipient. `key` of the message makes repeats visible."""

    id = fields.BigIntField(primary_key=True)
    identity: fields.ForeignKeyRelation[Identity] = fields.ForeignKeyField(
        "crm.Identity", related_name="outbox", on_delete=fields.CASCADE
    )
    message: fields.ForeignKeyRelation[Message] = fields.ForeignKeyField(
        "crm.Message", related_name="outbox", on_delete=fields.CASCADE
    )
    conversation_id = fields.BigIntField()
    channel = fields.CharField(max_length=16)
    channel_account = fields.CharField(max_length=64, default="")
    inbox_id = fields.BigIntField(null=True)
    ordinal = fields.IntField(default=0)  # the how-manieth answer to that incoming message
    address = fields.CharField(max_length=254, default="")  # of a recipient who is not the identity's own
    permit = fields.CharField(max_length=40, default="")  # of crm/gate.py; a row without one is never sent
    # waiting, taken (crm/taking.py), asleep (an advertisement, until the morning), sent, dead
    state = fields.CharField(max_length=8, default="waiting")
    attempts = fields.IntField(default=0)
    wires = fields.IntField(default=0)  # requests of this message that the provider has taken already
    error = fields.CharField(max_length=200, default="")
    provider_id = fields.CharField(max_length=200, default="")
    created_at = fields.DatetimeField()
    done_at = fields.DatetimeField(null=True)

    class Meta:
        table = "outbox"
        unique_together = (("inbox_id", "ordinal"),)
        indexes = [
            Index(fields=["identity_id", "state", "id"]),
            Index(fields=["state", "created_at"]),
            Index(fields=["message_id"]),
        ]


class Job(Model):
    """Slow work, done once for each `key`."""

    id = fields.BigIntField(primary_key=True)
    kind = fields.CharField(max_length=40)
    key = fields.CharField(max_length=200, unique=True)
    payload = fields.JSONField[dict[str, Any]](default=dict)
    state = fields.CharField(max_length=8, default="waiting")  # waiting, done, dead
    attempts = fields.IntField(default=0)
    error = fields.CharField(max_length=200, default="")
    result = fields.JSONField[dict[str, Any]](default=dict)
    not_before = fields.DatetimeField()
    created_at = fields.DatetimeField()
    done_at = fields.DatetimeField(null=True)

    class Meta:
        table = "job"
        indexes = [Index(fields=["state", "created_at"])]


class Happening(Model):
    """A recorded domain fact, in the past tense (names: crm/happenings.py). References only in `data`."""

    id = fields.BigIntField(primary_key=True)
    kind = fields.CharField(max_length=48)
    contact_id = fields.BigIntField(null=True)
    conversation_id = fields.BigIntField(null=True)
    request_id = fields.BigIntField(null=True)
    staff_id = fields.BigIntField(null=True)
    data = fields.JSONField[dict[str, Any]](default=dict)
    at = fields.DatetimeField()

    class Meta:
        table = "happening"
        indexes = [Index(fields=["kind", "id"]), Index(fields=["contact_id", "id"])]


class Cursor(Model):
    """How far a durable reader of happenings has come."""

    name = fields.CharField(max_length=60, primary_key=True)
    last_id = fields.BigIntField(default=0)
    attempts = fields.IntField(default=0)  # of the happening after `last_id`

    class Meta:
        table = "cursor"


class Lease(Model):
    """What only one process may do at a time (a poller, a mailbox reader)."""

    name = fields.CharField(max_length=80, primary_key=True)
    holder = fields.CharField(max_length=160)
    until = fields.DatetimeField()

    class Meta:
        table = "lease"


class Sequence(Model):
    """The last number given of a yearly series, e.g. SR-2026."""

    name = fields.CharField(max_length=40, primary_key=True)
    value = fields.BigIntField()

    class Meta:
        table = "sequence"


class Process(Model):
    """A running process: its heartbeat, loaded model and metrics."""

    name = fields.CharField(max_length=160, primary_key=True)  # the holder's name, unique a start
    kind = fields.CharField(max_length=8)  # front, worker, jobs, media
    host = fields.CharField(max_length=100)
    pid = fields.IntField()
    model = fields.CharField(max_length=64, default="")
    metrics = fields.JSONField[dict[str, Any]](default=dict)
    started_at = fields.DatetimeField()
    seen_at = fields.DatetimeField()

    class Meta:
        table = "process"
        indexes = [Index(fields=["kind", "seen_at"])]
