"""Which contacts were found to be one person, and all that is needed to part them again."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class ContactMerge(Model):
    """One merge: `absorbed_id` became part of `kept_id`. The absorbed row stays as it was, out of sight.

    `sealed` holds the kept contact's fields before and after, encrypted with that contact's own key, so that
    erasing the person ends the way back as well.
    """

    id = fields.BigIntField(primary_key=True)
    kept_id = fields.BigIntField()  # no foreign keys: the journal outlives both
    absorbed_id = fields.BigIntField()
    proof = fields.CharField(max_length=16)  # staff, or one of crm/linking.py
    actor = fields.CharField(max_length=40)
    sealed = fields.BinaryField()
    at = fields.DatetimeField()
    undone_at = fields.DatetimeField(null=True)
    undone_by = fields.CharField(max_length=40, default="")

    class Meta:
        table = "contact_merge"
        indexes = [Index(fields=["kept_id", "id"]), Index(fields=["absorbed_id", "id"])]


class MergedRow(Model):
    """A row that belonged to one of the two when they were merged; `side` is `kept` or `absorbed`."""

    id = fields.BigIntField(primary_key=True)
    merge: fields.ForeignKeyRelation[ContactMerge] = fields.ForeignKeyField(
        "crm.ContactMerge", related_name="rows", on_delete=fields.CASCADE
    )
    merge_id: int
    side = fields.CharField(max_length=8)
    kind = fields.CharField(max_length=16)  # the table's name
    row_id = fields.BigIntField()

    class Meta:
        table = "merged_row"
        unique_together = (("merge_id", "kind", "row_id"),)


class NotDuplicate(Model):
    """Staff decided that two contacts are two people: they are not suggested again."""

    id = fields.BigIntField(primary_key=True)
    first_id = fields.BigIntField()  # the smaller number of the two
    second_id = fields.BigIntField()
    actor = fields.CharField(max_length=40)
    at = fields.DatetimeField()

    class Meta:
        table = "not_duplicate"
        unique_together = (("first_id", "second_id"),)


class Proof(Model):
    """An address or an outside site's number that a contact has proven to be theirs; phones as E.164."""

    id = fields.BigIntField(primary_key=True)
    contact_id = fields.BigIntField()
    identity_id = fields.BigIntField(null=True)  # by whom it was proven: where it goes when contacts part
    kind = fields.CharField(max_length=8)  # phone, email, visitor
    value = fields.CharField(max_length=254)
    how = fields.CharField(max_length=16)  # crm/linking.py: HOW
    at = fields.DatetimeField()

    class Meta:
        table = "proof"
        unique_together = (("contact_id", "kind", "value"),)
        indexes = [Index(fields=["kind", "value"])]


class OneTimeCode(Model):
    """A code sent to an address to learn whether the asker reads it there; only a keyed hash is kept, and
    until it is sent the digits, sealed."""

    id = fields.BigIntField(primary_key=True)
    identity_id = fields.BigIntField()  # who asked
    kind = fields.CharField(max_length=8)  # phone, email
    target = fields.CharField(max_length=254)
    hash = fields.CharField(max_length=64)
    tries = fields.IntField(default=0)
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)
    sealed = fields.BinaryField(null=True)  # the digits, for the sender; gone when it is over
    message_id = fields.BigIntField(null=True)  # the line of the thread that carries it
    ways = fields.JSONField[list[str]](default=list)  # channels that are left when this one fails

    class Meta:
        table = "one_time_code"
        indexes = [
            Index(fields=["message_id"]),
            Index(fields=["identity_id", "created_at"]),
            Index(fields=["kind", "target", "created_at"]),
            Index(fields=["expires_at"]),
        ]


class SpentLink(Model):
    """A linking address that was used: each works once."""

    digest = fields.CharField(max_length=64, primary_key=True)
    contact_id = fields.BigIntField()
    expires_at = fields.DatetimeField()

    class Meta:
        table = "spent_link"
        indexes = [Index(fields=["expires_at"])]


class Route(Model):
    """A message that started with us: which way it went, and which were tried before."""

    id = fields.BigIntField(primary_key=True)
    key = fields.CharField(max_length=80, unique=True)  # of the caller: the same message goes out once
    contact_id = fields.BigIntField()
    purpose = fields.CharField(max_length=8)
    message_id = fields.BigIntField(null=True)  # the one that is under way
    steps = fields.JSONField[list[dict[str, Any]]](default=list)  # channel, identity, cost, why
    created_at = fields.DatetimeField()

    class Meta:
        table = "route"
        indexes = [Index(fields=["message_id"]), Index(fields=["contact_id", "created_at"])]
