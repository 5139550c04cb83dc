"""A channel user becomes one identity with one contact, however many messages arrive at once."""

import asyncio

from crm import db, identities, search
from crm.models import Contact, Happening, Identity


async def find(external_id, now, **more):
    return await identities.find_or_create("web", "", external_id, now=now, **more)


async def test_the_first_message_makes_a_contact_that_search_finds(any_db, now):
    identity = await find("s1", now, display_name="김민준", locale="ko")
    assert await search.find_contacts("김민") == [identity.contact_id]
    assert await Happening.filter(kind="contact.created").count() == 1


async def test_the_next_message_finds_the_same_identity_and_notes_the_time(any_db, now):
    first, second = await find("s1", now), await find("s1", now.replace(hour=5))
    assert second.id == first.id
    assert second.last_seen_at == now.replace(hour=5)


async def test_first_messages_at_once_make_one_contact(any_db, now):
    found = await asyncio.gather(*(db.retried(lambda: find("s1", now)) for _ in range(8)))
    assert len({identity.id for identity in found}) == 1
    assert await Contact.all().count() == 1


async def test_the_same_id_on_another_account_is_another_person(any_db, now):
    one = await identities.find_or_create("telegram", "", "7", now=now)
    other = await identities.find_or_create("telegram", "sales", "7", now=now)
    assert one.contact_id != other.contact_id


async def test_an_unreachable_identity_is_reachable_again_once_it_writes(any_db, now):
    identity = await find("s1", now)
    await identities.mark_unreachable(identity.id, now=now)
    assert (await Identity.get(id=identity.id)).blocked_at == now
    assert (await find("s1", now)).blocked_at is None
