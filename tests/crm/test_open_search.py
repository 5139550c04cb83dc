"""Who has a conversation that is not closed is found by their name, however many others bear it."""

from datetime import timedelta

import pytest

from crm import contacts, conversations, db, identities, merging, open_search, search, vault
from crm.actor import SYSTEM, Actor
from crm.models import Identity, Staff


@pytest.fixture(autouse=True)
def secret():
    vault.use(b"a secret of the installation")


async def manager(now):
    row = await Staff.create(
        login="yuna", name="Yuna", role="manager", presence="present", presence_at=now, created_at=now
    )
    return Actor("staff", row.id, "manager", row.name)


async def conversation(now, who="s1", name="김민준"):
    identity = await identities.find_or_create("web", "", who, display_name=name, now=now)
    return await conversations.reach(identity, now=now, locale="ko")


async def open_keys_of(contact_id: int) -> set[str]:
    rows = await db.fetch("SELECT key FROM open_key WHERE contact_id = ?", contact_id)
    assert len(rows) == len({row["key"] for row in rows})
    return {row["key"] for row in rows}


async def test_who_has_a_conversation_that_is_not_closed_is_found_among_the_open(any_db, now):
    yuna, talk = await manager(now), await conversation(now, name="김민준")
    keys = search.contact_keys("김민준", "")
    assert await open_keys_of(talk.contact_id) == keys
    await conversations.close(yuna, talk.id, now)
    assert await open_keys_of(talk.contact_id) == set()
    await conversations.reopen(yuna, talk.id, now)
    await conversations.snooze(yuna, talk.id, now + timedelta(hours=1), now)
    assert await open_keys_of(talk.contact_id) == keys
    await contacts.update(yuna, talk.contact_id, {"name": "이서연"}, now=now)
    assert await open_keys_of(talk.contact_id) == search.contact_keys("이서연", "")


async def test_the_keys_stay_while_another_conversation_of_the_person_is_open(any_db, now):
    yuna, talk = await manager(now), await conversation(now, name="김민준")
    other = await Identity.create(
        contact_id=talk.contact_id, channel="telegram", external_id="t1", created_at=now
    )
    beside = await conversations.reach(other, now=now)
    await conversations.close(yuna, talk.id, now)
    assert await open_keys_of(talk.contact_id) == search.contact_keys("김민준", "")
    await conversations.close(yuna, beside.id, now)
    assert await open_keys_of(talk.contact_id) == set()


async def test_a_sweep_adds_what_is_missing_once(any_db, now):
    talks = [await conversation(now, f"s{at}", name="김민준") for at in range(3)]
    nameless = await conversation(now, "s9", name="")
    await db.execute("DELETE FROM open_key")
    assert await open_search.sweep(now) == 3 * len(search.contact_keys("김민준", ""))
    assert await open_search.sweep(now) == 0
    for talk in talks:
        assert await open_keys_of(talk.contact_id) == search.contact_keys("김민준", "")
    assert await open_keys_of(nameless.contact_id) == set()


async def test_of_two_that_are_one_person_the_kept_one_is_found_by_either_name(any_db, now):
    kept, absorbed = await conversation(now, "s1"), await conversation(now, "s2", name="이서연")
    await merging.merge(SYSTEM, kept.contact_id, absorbed.contact_id, now=now)
    both = search.contact_keys("김민준", "") | search.contact_keys("이서연", "")
    assert await open_keys_of(kept.contact_id) == both
    assert await open_keys_of(absorbed.contact_id) == set()
