"""Staff: who works here, with which role, and whether they are there."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from crm import audit, db, happenings, sessions, teams, writes
from crm.actor import Actor, check
from crm.checks import one_of, only, text
from crm.errors import Conflict, Forbidden, Invalid, NotFound
from crm.logins import DemoRefused, LoginBlocked, WrongLogin, authenticate, hash_password
from crm.models import AccessToken, Staff
from crm.sessions import NewSession, SignedIn, actor_of

__all__ = [
    "DemoRefused",
    "LoginBlocked",
    "NewSession",
    "SignedIn",
    "WrongLogin",
    "actor_of",
    "authenticate",
    "create",
    "disable",
    "enable",
    "get",
    "list_staff",
    "set_password",
    "set_presence",
    "update",
]

ROLES = ("agent", "technician", "sales", "marketing", "manager", "admin")
PRESENCES = ("present", "busy", "away")
PRESENCE_LASTS = timedelta(hours=12)  # a laptop closed without signing out is not there tomorrow
PASSWORD_LEAST = 10
TEXTS = {"name": 60, "name_en": 60, "email": 254}


async def create(
    actor: Actor,
    *,
    login: str,
    name: str,
    role: str,
    password: str,
    name_en: str = "",
    email: str = "",
    locale: str = "ko",
    team_ids: Sequence[int] = (),
    now: datetime,
) -> Staff:
    """Add a staff member. Raises `Invalid` by field, `Conflict` `login_taken`."""
    check(actor, "staff.write")
    login = check_login(login)
    values = _checked({"name": name, "name_en": name_en, "email": email, "role": role, "locale": locale})
    check_password(password)
    hashed = await hash_password(password)
    async with writes.transaction():
        if await Staff.exists(login=login):
            raise Conflict("login_taken", login=login)
        staff = await Staff.create(login=login, password_hash=hashed, created_at=now, **values)
        await teams.join(staff.id, team_ids)
        await happenings.record("staff.changed", now=now, staff_id=staff.id)
        await audit.record(actor, "staff.created", "staff", staff.id, now=now)
    return staff


async def update(actor: Actor, staff_id: int, changes: Mapping[str, Any], *, now: datetime) -> Staff:
    """Change name, e-mail, locale, role or `team_ids`. One may change one's own name, e-mail and locale.

    Raises `Conflict` `last_admin` when nobody would be left to administer.
    """
    own = actor.is_staff and actor.id == staff_id and not {"role", "team_ids"} & set(changes)
    if not own:
        check(actor, "staff.write")
    only(changes, {*TEXTS, "role", "locale", "team_ids"})
    values = _checked({k: v for k, v in changes.items() if k != "team_ids"})
    async with writes.transaction():
        staff = await get(staff_id)
        if values.get("role", staff.role) != staff.role:
            await _keep_an_admin(staff)
        await staff.update_from_dict(values).save()
        if "team_ids" in changes:
            await teams.join(staff_id, changes["team_ids"])
        await happenings.record("staff.changed", now=now, staff_id=staff_id)
        await audit.record(actor, "staff.updated", "staff", staff_id, now=now, fields=sorted(changes))
    return staff


async def set_password(actor: Actor, staff_id: int, password: str, *, now: datetime) -> None:
    """Set a new password (one's own, or anyone's as admin) and sign every browser of theirs out."""
    if not (actor.is_staff and actor.id == staff_id):
        check(actor, "staff.write")
    check_password(password)
    hashed = await hash_password(password)
    async with writes.transaction():
        if not await Staff.filter(id=staff_id).update(password_hash=hashed, demo=False):
            raise NotFound("staff")
        await sessions.end_all(staff_id)
        await audit.record(actor, "staff.password", "staff", staff_id, now=now)


async def disable(actor: Actor, staff_id: int, *, now: datetime) -> None:
    """Let a staff member in no more: sessions and tokens end at once; history keeps the name."""
    check(actor, "staff.write")
    async with writes.transaction():
        staff = await get(staff_id)
        await _keep_an_admin(staff)
        await Staff.filter(id=staff_id).update(active=False, presence="away", presence_at=now)
        await sessions.end_all(staff_id)
        await AccessToken.filter(staff_id=staff_id, revoked_at=None).update(revoked_at=now)
        await happenings.record("staff.changed", now=now, staff_id=staff_id)
        await audit.record(actor, "staff.disabled", "staff", staff_id, now=now)


async def enable(actor: Actor, staff_id: int, *, now: datetime) -> None:
    """Let a disabled staff member in again, with the old password."""
    check(actor, "staff.write")
    async with writes.transaction():
        if not await Staff.filter(id=staff_id).update(active=True):
            raise NotFound("staff")
        await happenings.record("staff.changed", now=now, staff_id=staff_id)
        await audit.record(actor, "staff.enabled", "staff", staff_id, now=now)


async def set_presence(actor: Actor, presence: str, *, now: datetime) -> None:
    """Say whether one is present, busy or away; only the present are given new work."""
    if not actor.is_staff:
        raise Forbidden("presence")
    one_of("presence", presence, PRESENCES)
    async with db.transaction():
        await Staff.filter(id=actor.id).update(presence=presence, presence_at=now)
        await happenings.record("staff.presence_changed", now=now, staff_id=actor.id, presence=presence)


async def get(staff_id: int) -> Staff:
    """Raises `NotFound`."""
    staff = await Staff.get_or_none(id=staff_id)
    if staff is None:
        raise NotFound("staff")
    return staff


async def by_login(login: str) -> Staff:
    """Raises `NotFound`."""
    staff = await Staff.get_or_none(login=login.strip().lower())
    if staff is None:
        raise NotFound("staff")
    return staff


async def list_staff(*, active: bool | None = True) -> list[Staff]:
    """Staff by name; `active` None includes those who left."""
    query = Staff.all() if active is None else Staff.filter(active=active)
    return await query.order_by("name", "id").prefetch_related("memberships__team")


def is_present(staff: Staff, now: datetime) -> bool:
    """Whether new work may be given to this person."""
    fresh = staff.presence_at is not None and now - staff.presence_at < PRESENCE_LASTS
    return staff.active and staff.presence == "present" and fresh


def check_login(login: str) -> str:
    """A login in lower case. Raises `Invalid` `login`."""
    login = text("login", login, longest=40, required=True).lower()
    if not (login.isascii() and login.replace(".", "").replace("-", "").replace("_", "").isalnum()):
        raise Invalid("login", "letters_and_digits")
    return login


def check_password(password: str) -> None:
    """Raises `Invalid` `password` when shorter than ten characters."""
    if len(password) < PASSWORD_LEAST:
        raise Invalid("password", "too_short", least=PASSWORD_LEAST)
    if len(password) > 1024:
        raise Invalid("password", "too_long", longest=1024)


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    done: dict[str, Any] = {}
    for field, value in values.items():
        if field in TEXTS:
            done[field] = text(field, value, longest=TEXTS[field], required=field == "name")
        elif field == "role":
            done[field] = one_of(field, value, ROLES)
        else:
            done[field] = one_of(field, value, ("ko", "en"))
    return done


async def _keep_an_admin(staff: Staff) -> None:
    if (
        staff.role == "admin"
        and not await Staff.filter(role="admin", active=True).exclude(id=staff.id).exists()
    ):
        raise Conflict("last_admin")
