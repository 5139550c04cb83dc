"""Service requests (접수), their history and links, ratings, and the callback queue."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from crm.models.conversations import Conversation
from crm.models.keys import KeyField
from crm.models.people import Contact
from crm.models.products import Possession, Product
from crm.models.staff import Staff, Team


class ServiceRequest(Model):
    """One matter to be done for a contact. Statuses and transitions: crm/requests.py."""

    contact_id: int
    conversation_id: int | None
    product_id: int | None
    possession_id: int | None
    team_id: int | None
    assignee_id: int | None
    id = fields.BigIntField(primary_key=True)
    number = fields.CharField(max_length=16, unique=True)  # SR-2026-000123, gap-free a year
    contact: fields.ForeignKeyRelation[Contact] = fields.ForeignKeyField(
        "crm.Contact", related_name="requests", on_delete=fields.RESTRICT
    )
    conversation: fields.ForeignKeyNullableRelation[Conversation] = fields.ForeignKeyField(
        "crm.Conversation", related_name="requests", null=True, on_delete=fields.SET_NULL
    )
    product: fields.ForeignKeyNullableRelation[Product] = fields.ForeignKeyField(
        "crm.Product", related_name="requests", null=True, on_delete=fields.SET_NULL
    )
    possession: fields.ForeignKeyNullableRelation[Possession] = fields.ForeignKeyField(
        "crm.Possession", related_name="requests", null=True, on_delete=fields.SET_NULL
    )
    product_text = fields.CharField(max_length=120, default="")  # as the customer said it
    symptom = fields.TextField(default="")
    category = fields.CharField(max_length=24, default="repair")  # repair, visit, complaint, question, other
    status = fields.CharField(max_length=16, default="received")
    reopened = fields.IntField(default=0)
    priority = fields.CharField(max_length=6, default="normal")
    team: fields.ForeignKeyNullableRelation[Team] = fields.ForeignKeyField(
        "crm.Team", related_name="requests", null=True, on_delete=fields.SET_NULL
    )
    assignee: fields.ForeignKeyNullableRelation[Staff] = fields.ForeignKeyField(
        "crm.Staff", related_name="requests", null=True, on_delete=fields.SET_NULL
    )
    visit_from = fields.DatetimeField(null=True)
    visit_to = fields.DatetimeField(null=True)
    address = fields.CharField(max_length=300, default="")
    phone = fields.CharField(max_length=20, default="")
    due_at = fields.DatetimeField(null=True)  # the next step is owed by, in business time; see crm/sla.py
    resolution = fields.TextField(default="")
    channel = fields.CharField(max_length=16, default="")
    version = fields.IntField(default=1)  # counts every change; tells two staff members who act at once
    status_at = fields.DatetimeField()  # since when it has this status
    overdue_at = fields.DatetimeField(null=True)  # when the missed `due_at` was noticed
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()
    resolved_at = fields.DatetimeField(null=True)
    closed_at = fields.DatetimeField(null=True)
    unindexed = fields.BooleanField(null=True, default=True)  # true until search has indexed its words

    class Meta:
        table = "service_request"
        indexes = [
            Index(fields=["status", "id"]),
            Index(fields=["status", "resolved_at"]),
            Index(fields=["due_at"]),
            Index(fields=["visit_from"]),
            Index(fields=["contact_id", "created_at"]),
            Index(fields=["assignee_id", "status"]),
            Index(fields=["conversation_id"]),
            Index(fields=["unindexed", "id"]),
        ]


class RequestKey(Model):
    """A token of what a request is about, for search without a database extension."""

    id = fields.BigIntField(primary_key=True)
    key = KeyField(max_length=32)
    request: fields.ForeignKeyRelation[ServiceRequest] = fields.ForeignKeyField(
        "crm.ServiceRequest", related_name="keys", on_delete=fields.CASCADE
    )
    request_id: int

    class Meta:
        table = "request_key"
        indexes = [Index(fields=["key", "request_id"]), Index(fields=["request_id"])]


class RequestEvent(Model):
    """History of a request: each change with who, when and why."""

    id = fields.BigIntField(primary_key=True)
    request: fields.ForeignKeyRelation[ServiceRequest] = fields.ForeignKeyField(
        "crm.ServiceRequest", related_name="events", on_delete=fields.CASCADE
    )
    kind = fields.CharField(max_length=24)  # kinds: crm/requests.py
    actor = fields.CharField(max_length=40)  # "staff:3", "contact:7", "bot", "system"
    data = fields.JSONField[dict[str, Any]](default=dict)
    text = fields.TextField(default="")
    at = fields.DatetimeField()

    class Meta:
        table = "request_event"
        indexes = [Index(fields=["request_id", "at", "id"])]


class RequestLink(Model):
    """Two requests that belong together: related, duplicate, or split from one another."""

    id = fields.BigIntField(primary_key=True)
    source: fields.ForeignKeyRelation[ServiceRequest] = fields.ForeignKeyField(
        "crm.ServiceRequest", related_name="links_out", on_delete=fields.CASCADE
    )
    target: fields.ForeignKeyRelation[ServiceRequest] = fields.ForeignKeyField(
        "crm.ServiceRequest", related_name="links_in", on_delete=fields.CASCADE
    )
    kind = fields.CharField(max_length=10)  # related, duplicate, split

    class Meta:
        table = "request_link"
        unique_together = (("source_id", "target_id", "kind"),)


class Rating(Model):
    """A customer's score (1 to 5) of a resolved request."""

    id = fields.BigIntField(primary_key=True)
    request: fields.OneToOneRelation[ServiceRequest] = fields.OneToOneField(
        "crm.ServiceRequest", related_name="rating", on_delete=fields.CASCADE
    )
    contact: fields.ForeignKeyRelation[Contact] = fields.ForeignKeyField(
        "crm.Contact", related_name="ratings", on_delete=fields.CASCADE
    )
    score = fields.IntField()
    comment = fields.TextField(default="")
    at = fields.DatetimeField()

    class Meta:
        table = "rating"


class Callback(Model):
    """A customer's wish to be phoned: due time, attempts, outcome."""

    contact_id: int
    conversation_id: int | None
    request_id: int | None
    assignee_id: int | None
    id = fields.BigIntField(primary_key=True)
    contact: fields.ForeignKeyRelation[Contact] = fields.ForeignKeyField(
        "crm.Contact", related_name="callbacks", on_delete=fields.CASCADE
    )
    conversation: fields.ForeignKeyNullableRelation[Conversation] = fields.ForeignKeyField(
        "crm.Conversation", related_name="callbacks", null=True, on_delete=fields.SET_NULL
    )
    phone = fields.CharField(max_length=20)
    topic = fields.TextField(default="")
    status = fields.CharField(max_length=10, default="due")  # due, done, given_up, cancelled
    due_at = fields.DatetimeField()
    assignee: fields.ForeignKeyNullableRelation[Staff] = fields.ForeignKeyField(
        "crm.Staff", related_name="callbacks", null=True, on_delete=fields.SET_NULL
    )
    attempts = fields.IntField(default=0)
    outcome = fields.CharField(max_length=16, default="")  # reached, no_answer, busy, wrong_number
    request: fields.ForeignKeyNullableRelation[ServiceRequest] = fields.ForeignKeyField(
        "crm.ServiceRequest", related_name="callbacks", null=True, on_delete=fields.SET_NULL
    )
    created_at = fields.DatetimeField()
    done_at = fields.DatetimeField(null=True)

    class Meta:
        table = "callback"
        indexes = [Index(fields=["status", "due_at", "id"]), Index(fields=["contact_id", "created_at"])]


class CallbackAttempt(Model):
    """One try to reach the customer by phone."""

    id = fields.BigIntField(primary_key=True)
    callback: fields.ForeignKeyRelation[Callback] = fields.ForeignKeyField(
        "crm.Callback", related_name="tries", on_delete=fields.CASCADE
    )
    staff: fields.ForeignKeyNullableRelation[Staff] = fields.ForeignKeyField(
        "crm.Staff", related_name="callback_tries", null=True, on_delete=fields.SET_NULL
    )
    outcome = fields.CharField(max_length=16)
    note = fields.TextField(default="")
    at = fields.DatetimeField()

    class Meta:
        table = "callback_attempt"
        indexes = [Index(fields=["callback_id", "at"])]
