"""Contacts (people), accounts (companies), their identities on channels, consent, labels and timeline."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from crm.models.keys import KeyField


class Account(Model):
    """거래처: a company that contacts belong to."""

    id = fields.BigIntField(primary_key=True)
    name = fields.CharField(max_length=200)
    business_no = fields.CharField(max_length=20, default="")
    phone = fields.CharField(max_length=20, default="")
    address = fields.CharField(max_length=300, default="")
    notes = fields.TextField(default="")
    created_at = fields.DatetimeField()

    class Meta:
        table = "account"
        indexes = [Index(fields=["name"])]


class Contact(Model):
    """고객: a person. One row a person, however many channels they write from."""

    id = fields.BigIntField(primary_key=True)
    name = fields.CharField(max_length=100, default="")
    phone = fields.CharField(max_length=20, default="")  # E.164, e.g. +821012345678; "" when unknown
    email = fields.CharField(max_length=254, default="")
    address = fields.CharField(max_length=300, default="")
    locale = fields.CharField(max_length=5, default="ko")
    account: fields.ForeignKeyNullableRelation[Account] = fields.ForeignKeyField(
        "crm.Account", related_name="contacts", null=True, on_delete=fields.SET_NULL
    )
    account_id: int | None
    verified = fields.BooleanField(default=False)  # phone or e-mail proven, not merely typed
    blocked = fields.BooleanField(default=False)  # spam: messages are stored, nothing answers
    notes = fields.TextField(default="")
    customer_since = fields.DateField(null=True)
    privacy_noticed_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()
    erased_at = fields.DatetimeField(null=True)
    preferred_channel = fields.CharField(max_length=16, default="")  # for messages that start with us
    merged_into_id = fields.BigIntField(null=True)  # the contact that this one was found to be

    class Meta:
        table = "contact"
        indexes = [
            Index(fields=["phone"]),
            Index(fields=["email"]),
            Index(fields=["created_at", "id"]),
            Index(fields=["merged_into_id"]),
        ]


class ContactKey(Model):
    """A searchable suffix of a contact's name or phone (see docs/adr: suffix search)."""

    id = fields.BigIntField(primary_key=True)
    key = KeyField(max_length=64)  # a kind's letter, then an NFD jamo suffix or digits (crm/search.py)
    contact: fields.ForeignKeyRelation[Contact] = fields.ForeignKeyField(
        "crm.Contact", related_name="keys", on_delete=fields.CASCADE
    )
    contact_id: int

    class Meta:
        table = "contact_key"
        indexes = [Index(fields=["key", "contact_id"]), Index(fields=["contact_id"])]


class OpenKey(Model):
    """A `ContactKey` of a contact with a conversation that is not closed (crm/open_search.py)."""

    id = fields.BigIntField(primary_key=True)
    key = KeyField(max_length=64)
    contact: fields.ForeignKeyRelation[Contact] = fields.ForeignKeyField(
        "crm.Contact", related_name="open_keys", on_delete=fields.CASCADE
    )
    contact_id: int

    class Meta:
        table = "open_key"
        indexes = [Index(fields=["key", "contact_id"]), Index(fields=["contact_id"])]


class Identity(Model):
    """A contact on one channel account, e.g. a browser session of the web chat."""

    id = fields.BigIntField(primary_key=True)
    contact: fields.ForeignKeyRelation[Contact] = fields.ForeignKeyField(
        "crm.Contact", related_name="identities", on_delete=fields.CASCADE
    )
    contact_id: int
    channel = fields.CharField(max_length=16)  # web, telegram, kakao, sms, email, desk
    channel_account = fields.CharField(max_length=64, default="")
    external_id = fields.CharField(max_length=200)
    display_name = fields.CharField(max_length=100, default="")
    verified = fields.BooleanField(default=False)
    blocked_at = fields.DatetimeField(null=True)  # the customer blocked us, or the address is undeliverable
    data = fields.JSONField[dict[str, Any]](default=dict)
    created_at = fields.DatetimeField()
    last_seen_at = fields.DatetimeField(null=True)

    class Meta:
        table = "identity"
        unique_together = (("channel", "channel_account", "external_id"),)


class Consent(Model):
    """One decision about one purpose on one channel; the newest row of a pair holds."""

    id = fields.BigIntField(primary_key=True)
    contact: fields.ForeignKeyRelation[Contact] = fields.ForeignKeyField(
        "crm.Contact", related_name="consents", on_delete=fields.CASCADE
    )
    contact_id: int
    purpose = fields.CharField(max_length=24)  # privacy_notice, ad, night_ad, recording
    channel = fields.CharField(max_length=16, default="")
    granted = fields.BooleanField()
    source = fields.CharField(max_length=64)
    at = fields.DatetimeField()
    identity_id = fields.BigIntField(null=True)  # who said so, where a channel is known
    reported_at = fields.DatetimeField(null=True)  # when the contact was told the result
    reconfirmed_at = fields.DatetimeField(null=True)  # when they were last reminded of a standing yes

    class Meta:
        table = "consent"
        indexes = [
            Index(fields=["contact_id", "purpose", "channel", "at"]),
            Index(fields=["reported_at", "at"]),
        ]


class Label(Model):
    """A coloured word that staff put on conversations, requests and contacts."""

    id = fields.BigIntField(primary_key=True)
    name = fields.CharField(max_length=40, unique=True)
    colour = fields.CharField(max_length=8, default="slate")  # slate blue amber green red

    class Meta:
        table = "label"


class Labelling(Model):
    """A label on one thing. `subject` is conversation, request or contact."""

    id = fields.BigIntField(primary_key=True)
    label: fields.ForeignKeyRelation[Label] = fields.ForeignKeyField(
        "crm.Label", related_name="labellings", on_delete=fields.CASCADE
    )
    label_id: int
    subject = fields.CharField(max_length=16)
    subject_id = fields.BigIntField()

    class Meta:
        table = "labelling"
        unique_together = (("subject", "subject_id", "label_id"),)


class TimelineEntry(Model):
    """What happened with a contact, newest first on the desk. `kind` is a happening's name."""

    id = fields.BigIntField(primary_key=True)
    contact: fields.ForeignKeyRelation[Contact] = fields.ForeignKeyField(
        "crm.Contact", related_name="timeline", on_delete=fields.CASCADE
    )
    contact_id: int
    kind = fields.CharField(max_length=48)
    subject = fields.CharField(max_length=16, default="")  # request, conversation, callback, possession, ...
    subject_id = fields.BigIntField(null=True)
    data = fields.JSONField[dict[str, Any]](default=dict)  # references and numbers only, no personal values
    at = fields.DatetimeField()

    class Meta:
        table = "timeline_entry"
        indexes = [Index(fields=["contact_id", "at", "id"])]
