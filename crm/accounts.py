"""Accounts (거래처): the companies that contacts belong to."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from crm import audit, db, reads
from crm.actor import Actor, check
from crm.checks import only
from crm.checks import text as checked_text
from crm.errors import Invalid, NotFound
from crm.formats import normalise_phone
from crm.models import Account, Contact

LONGEST: Final = {"name": 200, "business_no": 20, "phone": 20, "address": 300, "notes": 4000}
# Weights of the check digit of a Korean business number (국세청 사업자등록번호 검증).
_WEIGHTS = (1, 3, 7, 1, 3, 7, 1, 3, 5)


def is_business_no(text: str) -> bool:
    """Does '123-45-67891' carry the check digit of a Korean business registration number?"""
    digits = [int(c) for c in text if c.isascii() and c.isdigit()]
    if len(digits) != 10:
        return False
    total = sum(d * w for d, w in zip(digits, _WEIGHTS, strict=False)) + digits[8] * 5 // 10
    return (10 - total % 10) % 10 == digits[9]


async def create(actor: Actor, *, name: str, now: datetime, **values: Any) -> Account:
    """A new account. Raises `Invalid` naming the field."""
    check(actor, "contact.write")
    checked = _checked({"name": name, **values})
    async with db.transaction():
        account = await Account.create(**checked, created_at=now)
        await audit.record(actor, "account.created", "account", account.id, now=now, fields=sorted(checked))
    return account


async def update(actor: Actor, account_id: int, changes: Mapping[str, Any], *, now: datetime) -> Account:
    """Change fields of an account. Raises `NotFound`, `Invalid` naming the field."""
    check(actor, "contact.write")
    checked = _checked(changes)
    async with db.transaction():
        if not await reads.lock("account", account_id):
            raise NotFound(f"account {account_id}")
        account = await Account.get(id=account_id)
        account.update_from_dict(checked)
        await account.save(update_fields=list(checked))
        await audit.record(actor, "account.updated", "account", account_id, now=now, fields=sorted(checked))
    return account


async def get(actor: Actor, account_id: int) -> Account:
    """One account. Raises `NotFound`."""
    check(actor, "contact.read")
    account = await Account.get_or_none(id=account_id)
    if account is None:
        raise NotFound(f"account {account_id}")
    return account


async def list_accounts(actor: Actor, *, query: str = "", limit: int = 50) -> list[Account]:
    """Accounts by name, those whose name begins with or holds `query`."""
    check(actor, "contact.read")
    return await Account.filter(name__icontains=query.strip()).order_by("name", "id").limit(limit)


async def people_of(actor: Actor, account_id: int, *, limit: int = 100) -> list[Contact]:
    """The contacts of an account, by name."""
    check(actor, "contact.read")
    return await Contact.filter(account_id=account_id, erased_at=None).order_by("name", "id").limit(limit)


def _checked(changes: Mapping[str, Any]) -> dict[str, Any]:
    only(changes, LONGEST)
    values = {
        field: checked_text(field, value, longest=LONGEST[field], required=field == "name")
        for field, value in changes.items()
    }
    if values.get("business_no") and not is_business_no(values["business_no"]):
        raise Invalid("business_no", "not_a_business_no")
    if values.get("phone"):
        number = normalise_phone(values["phone"])
        if number is None:
            raise Invalid("phone", "not_a_phone")
        values["phone"] = number
    return values
