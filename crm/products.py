"""Products of the catalogue, and what a contact bought or rents."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from crm import audit, db
from crm.actor import Actor, check
from crm.checks import one_of, only
from crm.checks import text as checked_text
from crm.errors import Invalid, NotFound
from crm.models import Contact, Possession, Product
from crm.search import fold

LONGEST: Final = {"code": 40, "name": 120, "name_en": 120, "category": 60, "category_en": 60}
CHANGEABLE = frozenset({*LONGEST, "aliases", "price", "rental_fee", "currency", "warranty_months", "active"})
KINDS = ("purchase", "rental")


async def save(actor: Actor, *, now: datetime, **values: Any) -> Product:
    """Make the product of a `code`, or change it when there is one. Raises `Invalid` naming the field."""
    check(actor, "company.write")
    checked = _checked(values)
    async with db.transaction():
        claimed = await db.execute(
            "UPDATE product SET updated_at = ? WHERE code = ?", db.stamp(now), checked["code"]
        )
        if claimed:
            product = await Product.get(code=checked["code"])
            product.update_from_dict(checked)
            await product.save(update_fields=list(checked))
        else:
            product = await Product.create(**checked, updated_at=now)
        if actor.is_staff:
            await audit.record(actor, "product.saved", "product", product.id, now=now, fields=sorted(checked))
    return product


async def get(product_id: int) -> Product:
    """One product. Raises `NotFound`."""
    product = await Product.get_or_none(id=product_id)
    if product is None:
        raise NotFound(f"product {product_id}")
    return product


async def list_products(*, category: str | None = None, active_only: bool = True) -> list[Product]:
    """The catalogue by category and name."""
    products = Product.all().order_by("category", "name")
    if category is not None:
        products = products.filter(category=category)
    return await (products.filter(active=True) if active_only else products)


async def version() -> str:
    """Changes whenever the catalogue's names change."""
    row = (await db.fetch("SELECT COUNT(*) AS n, MAX(updated_at) AS at FROM product WHERE active"))[0]
    return f"{row['n']}:{row['at']}"


async def names() -> list[tuple[str, str]]:
    """(id, name) of active products in both languages, for the understanding.

    An alias that another product is called as well, alone or within its name ('세탁기'), names neither.
    """
    catalogue = await list_products()
    called = {product.id: {fold(name) for name in _called(product)} for product in catalogue}
    found: list[tuple[str, str]] = []
    for product in catalogue:
        for name in dict.fromkeys(_called(product)):
            if name in (product.name, product.name_en) or not _shared(name, product.id, called):
                found.append((str(product.id), name))
    return found


def _called(product: Product) -> list[str]:
    return [name for name in (product.name, product.name_en, *product.aliases) if name]


def _shared(alias: str, owner: int, called: Mapping[int, set[str]]) -> bool:
    word = fold(alias)
    return any(word in name for product, names in called.items() if product != owner for name in names)


async def match(text: str) -> Product | None:
    """The one product that a text names: its code, name or alias; else the only one whose name holds it.

    A word shared by several products ('냉장고') names none.
    """
    wanted = fold(text)
    if not wanted:
        return None
    holding: list[Product] = []
    for product in await list_products():
        if wanted in {fold(name) for name in (product.code, product.name, product.name_en) if name}:
            return product
        if any(wanted in fold(name) for name in _called(product)):
            holding.append(product)
    return holding[0] if len(holding) == 1 else None


async def give(
    actor: Actor,
    contact_id: int,
    product_id: int,
    *,
    kind: str,
    since: date,
    now: datetime,
    months: int | None = None,
    serial_no: str = "",
) -> Possession:
    """Write down that a contact bought or rents a product. Raises `Invalid` naming the field."""
    check(actor, "contact.write")
    one_of("kind", kind, KINDS)
    serial_no = checked_text("serial_no", serial_no, longest=60)
    async with db.transaction():
        possession = await Possession.create(
            contact_id=contact_id,
            product_id=product_id,
            kind=kind,
            since=since,
            months=months,
            serial_no=serial_no,
        )
        await Contact.filter(id=contact_id, customer_since=None).update(customer_since=since)
        if actor.is_staff:
            await audit.record(
                actor, "possession.created", "possession", possession.id, now=now, contact_id=contact_id
            )
    return possession


async def possessions_of(contact_id: int, *, current_only: bool = True) -> list[dict[str, Any]]:
    """What a contact owns or rents, newest first, one statement. Rows: id, product_id, name, name_en,
    category, kind, since, months, serial_no, ended_on, warranty_until (None for a rental)."""
    ended = " AND p.ended_on IS NULL" if current_only else ""
    rows = await db.fetch(
        "SELECT p.id, p.product_id, p.kind, p.since, p.months, p.serial_no, p.ended_on, d.name, d.name_en,"
        " d.category, d.category_en, d.warranty_months"
        " FROM possession p JOIN product d ON d.id = p.product_id"
        f" WHERE p.contact_id = ?{ended} ORDER BY p.since DESC, p.id DESC",
        contact_id,
    )
    for row in rows:
        row["since"], row["ended_on"] = _date(row["since"]), _date(row["ended_on"])
        months = row.pop("warranty_months")
        row["warranty_until"] = add_months(row["since"], months) if row["kind"] == "purchase" else None
    return rows


def add_months(day: date, months: int) -> date:
    """The same day `months` later, or the month's last day when it has no such day."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    last = (date(year + month // 12, month % 12 + 1, 1) - date.resolution).day
    return date(year, month, min(day.day, last))


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    only(values, CHANGEABLE)
    checked = dict(values)
    for field in LONGEST.keys() & checked.keys():
        required = field in ("code", "name")
        checked[field] = checked_text(field, checked[field], longest=LONGEST[field], required=required)
    for field in ("code", "name"):
        if not checked.get(field):
            raise Invalid(field, "required")
    for field in ("price", "rental_fee"):
        amount = checked.get(field)
        if amount is not None and (not isinstance(amount, int) or amount < 0):
            raise Invalid(field, "out_of_range")
    aliases: Sequence[object] = checked.get("aliases", [])
    checked["aliases"] = [checked_text("aliases", alias, longest=120, required=True) for alias in aliases]
    return checked


def _date(value: Any) -> Any:
    return date.fromisoformat(value) if isinstance(value, str) else value
