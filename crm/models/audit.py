"""Who did or looked at what: a hash chain that survives the erasure of a person."""

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class ContactCipher(Model):
    """A contact's own key, itself encrypted with the installation's. Erasure deletes this row."""

    contact_id = fields.BigIntField(primary_key=True, generated=False)
    wrapped_key = fields.BinaryField()
    created_at = fields.DatetimeField()

    class Meta:
        table = "contact_cipher"


class AuditHead(Model):
    """The end of the chain: one row, id 1. Updating it first serialises those who append."""

    id = fields.IntField(primary_key=True, generated=False)
    entry_id = fields.BigIntField(default=0)
    hash = fields.CharField(max_length=64, default="")

    class Meta:
        table = "audit_head"


class RetainedRecord(Model):
    """What the law makes us keep of an erased person, apart from live data and sealed with the
    installation's key. Deleted after `keep_until`."""

    id = fields.BigIntField(primary_key=True)
    kind = fields.CharField(max_length=16)  # contract, complaint, consent
    reference = fields.CharField(max_length=40)  # number or id of the thing kept
    basis = fields.CharField(max_length=80)  # the rule that demands it
    sealed = fields.BinaryField()
    keep_until = fields.DatetimeField()

    class Meta:
        table = "retained_record"
        indexes = [Index(fields=["keep_until"]), Index(fields=["reference"])]


class AuditEntry(Model):
    """One act. `sealed` holds personal values encrypted with the contact's key; `hash` covers all columns
    and the previous entry's hash."""

    id = fields.BigIntField(primary_key=True)
    actor = fields.CharField(max_length=40)
    act = fields.CharField(max_length=48)  # e.g. contact.updated, contact.revealed, request.status
    subject = fields.CharField(max_length=24)
    subject_id = fields.BigIntField(null=True)
    contact_id = fields.BigIntField(null=True)  # no foreign key: the entry outlives the person
    fields_changed = fields.JSONField[list[str]](default=list)
    sealed = fields.BinaryField(null=True)
    at = fields.DatetimeField()
    previous = fields.CharField(max_length=64)
    hash = fields.CharField(max_length=64)

    class Meta:
        table = "audit_entry"
        indexes = [Index(fields=["subject", "subject_id"]), Index(fields=["contact_id", "at"])]
