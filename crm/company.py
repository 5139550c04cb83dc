"""The company's own profile: one row that the desk edits and the bot quotes."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from crm import audit, db, happenings, reads, writes
from crm.actor import Actor, check
from crm.business_time import Span
from crm.checks import only, text, whole
from crm.errors import Invalid
from crm.models import BusinessHours, CompanyProfile
from crm.naming import in_language

TEXTS = {
    "name": 100,
    "name_en": 100,
    "phone": 20,
    "email": 254,
    "refusal_phone": 20,
    "address": 300,
    "address_en": 300,
    "privacy_notice": 10_000,
    "privacy_notice_en": 10_000,
}
NUMBERS = {
    "reply_target_minutes": (1, 60 * 24 * 7),
    "return_to_bot_minutes": (5, 60 * 24 * 30),
    "auto_close_days": (1, 90),
}
_DIALLED = re.compile(r"\+?\d[\d ()-]{5,18}\d")  # also short service numbers such as 1588-0410
_WRONG = {
    "phone": ("not_a_phone", _DIALLED),
    "refusal_phone": ("not_a_phone", _DIALLED),
    "email": ("not_an_email", re.compile(r"[^@\s<>,;]+@[^@\s<>,;.]+(\.[^@\s<>,;.]+)+")),
}
SWITCHES = ("korean_holidays", "away_message")
USUAL_DAY = Span(9 * 60, 18 * 60)  # what a company that entered nothing is taken to keep


async def ensure(name: str = "단골", name_en: str = "Dangol") -> CompanyProfile:
    """The profile; on an empty database it is made, with Monday to Friday 9–18 as business hours."""
    async with writes.transaction():
        profile, made = await CompanyProfile.get_or_create(
            id=1, defaults={"name": name, "name_en": name_en, "settings": {}}
        )
        if made and not await BusinessHours.exists():
            for weekday in range(5):
                await BusinessHours.create(weekday=weekday, opens=USUAL_DAY.opens, closes=USUAL_DAY.closes)
        return profile


async def get() -> CompanyProfile:
    """The profile in force; on an empty database one with the defaults, not saved."""
    rows = await db.read("SELECT * FROM company_profile WHERE id = 1")
    if rows:
        return reads.as_model(CompanyProfile, rows[0])
    return CompanyProfile(id=1, name="단골", name_en="Dangol")


async def name(language: str) -> str:
    """What the company calls itself in `language`."""
    profile = await get()
    return in_language(profile.name, profile.name_en, language)


async def update(actor: Actor, changes: Mapping[str, Any], *, now: datetime) -> CompanyProfile:
    """Change the profile. Raises `Invalid` naming the field; `settings` is merged key by key."""
    check(actor, "company.write")
    values = _checked(changes)
    async with writes.transaction():
        profile = await ensure()
        if "settings" in values:
            values["settings"] = {**profile.settings, **values["settings"]}
        profile.update_from_dict(values)
        await profile.save()
        await happenings.record("company.changed", now=now, fields=sorted(values))
        await audit.record(actor, "company.updated", "company", 1, now=now, fields=sorted(values))
        return profile


def _checked(changes: Mapping[str, Any]) -> dict[str, Any]:
    only(changes, {*TEXTS, *NUMBERS, *SWITCHES, "settings"})
    values: dict[str, Any] = {}
    for field, value in changes.items():
        if field in TEXTS:
            values[field] = text(field, value, longest=TEXTS[field], required=field == "name")
            if values[field] and (wrong := _WRONG.get(field)) and not wrong[1].fullmatch(values[field]):
                raise Invalid(field, wrong[0])
        elif field in NUMBERS:
            least, most = NUMBERS[field]
            values[field] = whole(field, value, least=least, most=most)
        elif not isinstance(value, dict if field == "settings" else bool):
            raise Invalid(field, "unknown")
        else:
            values[field] = value
    return values
