"""What the company sells or rents, and what a contact owns or rents."""

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from crm.models.people import Contact


class Product(Model):
    """A product of the catalogue. Prices in minor units of `currency` (won has none below 1)."""

    id = fields.BigIntField(primary_key=True)
    code = fields.CharField(max_length=40, unique=True)
    name = fields.CharField(max_length=120)
    name_en = fields.CharField(max_length=120, default="")
    category = fields.CharField(max_length=60, default="")
    category_en = fields.CharField(max_length=60, default="")
    aliases = fields.JSONField[list[str]](default=list)
    price = fields.BigIntField(null=True)
    rental_fee = fields.BigIntField(null=True)  # a month
    currency = fields.CharField(max_length=3, default="KRW")
    warranty_months = fields.IntField(default=12)
    active = fields.BooleanField(default=True)
    updated_at = fields.DatetimeField(null=True)

    class Meta:
        table = "product"
        indexes = [Index(fields=["category", "name"])]


class Possession(Model):
    """A product that a contact bought or rents (the form offers these first)."""

    id = fields.BigIntField(primary_key=True)
    contact: fields.ForeignKeyRelation[Contact] = fields.ForeignKeyField(
        "crm.Contact", related_name="possessions", on_delete=fields.CASCADE
    )
    contact_id: int
    product: fields.ForeignKeyRelation[Product] = fields.ForeignKeyField(
        "crm.Product", related_name="possessions", on_delete=fields.RESTRICT
    )
    product_id: int
    kind = fields.CharField(max_length=10)  # purchase, rental
    since = fields.DateField()
    months = fields.IntField(null=True)  # term of a rental
    serial_no = fields.CharField(max_length=60, default="")
    ended_on = fields.DateField(null=True)

    class Meta:
        table = "possession"
        indexes = [Index(fields=["contact_id", "since"])]
