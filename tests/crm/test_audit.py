"""The audit chain: whole under concurrency and after erasure, broken by any change."""

import asyncio
from datetime import datetime

import pytest

from crm import audit, db, vault
from crm.actor import Actor
from crm.errors import Forbidden
from crm.models import AuditEntry

YUNA = Actor("staff", 3, "agent", "한유나")
BOSS = Actor("staff", 1, "manager", "김대표")


@pytest.fixture(autouse=True)
def secret() -> None:
    vault.use(b"a secret of the installation")


pytestmark = pytest.mark.usefixtures("any_db")


async def reveal(contact_id: int, phone: str, now: datetime) -> int:
    return await audit.record(
        YUNA,
        "contact.revealed",
        "contact",
        contact_id,
        now=now,
        contact_id=contact_id,
        fields=["phone"],
        personal={"phone": phone},
    )


async def test_the_chain_of_several_acts_is_whole(now):
    for number in range(5):
        await reveal(number, "+821012345678", now)
    assert await audit.verify(batch=2) == audit.Verdict(5, None)


async def test_personal_values_are_readable_until_the_contacts_key_is_destroyed(now):
    entry = await AuditEntry.get(id=await reveal(7, "+821012345678", now))
    assert b"1234" not in bytes(entry.sealed)
    assert await audit.personal_values(BOSS, entry) == {"phone": "+821012345678"}
    assert await vault.forget(7)
    assert await audit.personal_values(BOSS, entry) is None
    assert (await audit.verify()).whole


async def test_an_agent_may_not_read_the_audit(now):
    with pytest.raises(Forbidden):
        await audit.of_contact(YUNA, 7)


async def test_a_changed_entry_is_found(now):
    ids = [await reveal(number, "1", now) for number in range(3)]
    await AuditEntry.filter(id=ids[1]).update(actor="staff:9")
    assert (await audit.verify()).broken_at == ids[1]


async def test_a_removed_entry_is_found(now):
    ids = [await reveal(number, "1", now) for number in range(3)]
    await AuditEntry.filter(id=ids[1]).delete()
    assert await audit.verify() == audit.Verdict(1, ids[2], "previous")


async def test_a_cut_tail_is_found(now):
    ids = [await reveal(number, "1", now) for number in range(3)]
    await AuditEntry.filter(id=ids[2]).delete()
    assert (await audit.verify()).reason == "head"


async def test_acts_of_many_at_once_form_one_chain(now):
    await asyncio.gather(*(db.retried(lambda n=n: reveal(n % 4, "1", now)) for n in range(24)))
    assert await audit.verify() == audit.Verdict(24, None)


async def test_an_act_that_is_rolled_back_leaves_no_hole(now):
    await reveal(1, "1", now)
    with pytest.raises(ZeroDivisionError):
        async with db.transaction():
            await reveal(2, "1", now)
            raise ZeroDivisionError
    await reveal(3, "1", now)
    assert await audit.verify() == audit.Verdict(2, None)
