"""Commands of an operator on this machine: staff accounts, erasure, the audit chain."""

from datetime import UTC, datetime

from bots import wiring
from bots.settings import Settings
from crm import audit, db, privacy, staff, tokens
from crm.actor import SYSTEM


async def add_staff(
    settings: Settings, *, login: str, name: str, role: str, email: str, password: str
) -> None:
    """Add a staff member. Raises `crm.errors.Invalid` naming the field that is wrong."""
    async with wiring.ready(settings):
        made = await staff.create(
            SYSTEM, login=login, name=name, role=role, email=email, password=password, now=datetime.now(UTC)
        )
        print(f"Added {made.login} ({made.role}).")


async def list_staff(settings: Settings) -> None:
    """Print all staff members."""
    async with wiring.ready(settings):
        everybody = await staff.list_staff(active=None)
        if not everybody:
            print("No staff yet. Example: dangol staff add LOGIN --role admin")
        for one in everybody:
            state = "" if one.active else "  disabled"
            print(f"{one.login:<20} {one.role:<12} {one.name}{state}")


async def disable_staff(settings: Settings, login: str) -> None:
    """Close an account and end its sessions."""
    async with wiring.ready(settings):
        one = await staff.by_login(login)
        await staff.disable(SYSTEM, one.id, now=datetime.now(UTC))
        print(f"Disabled {login}.")


async def make_token(settings: Settings, login: str, name: str) -> None:
    """Print a new bearer token; only its hash is kept."""
    async with wiring.ready(settings):
        one = await staff.by_login(login)
        print(await tokens.issue(SYSTEM, one.id, name, now=datetime.now(UTC)))


async def erase(settings: Settings, contact_id: int) -> None:
    """Erase a person's data."""
    async with wiring.ready(settings):
        await privacy.erase(SYSTEM, contact_id, now=datetime.now(UTC))
        await db.settle()
        print(f"Erased contact {contact_id}.")


async def verify_audit(settings: Settings) -> bool:
    """Walk the chain; print and return whether it is whole."""
    async with wiring.ready(settings):
        verdict = await audit.verify()
        if verdict.whole:
            print(f"The audit chain is whole: {verdict.entries} entries.")
        else:
            print(f"The audit chain is broken at entry {verdict.broken_at}.")
        return bool(verdict.whole)
