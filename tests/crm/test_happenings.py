"""Happenings are recorded with what they tell of, and no reader misses one."""

import asyncio
from datetime import UTC, datetime

import pytest

from crm import db as database
from crm import happenings
from crm.models import Contact, TimelineEntry

AT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)


async def kinds_since(last_id: int) -> list[str]:
    return [happened.kind for happened in await happenings.since(last_id)]


async def test_a_happening_is_read_as_it_was_recorded(any_db):
    number = await happenings.record("message.received", now=AT, conversation_id=7, seq=3)
    (happened,) = await happenings.since(0)
    assert happened == happenings.Happened(number, "message.received", AT, conversation_id=7, data={"seq": 3})


async def test_what_matters_to_a_contact_is_on_the_timeline(any_db):
    contact = await Contact.create(created_at=AT, updated_at=AT)
    await happenings.record("request.opened", now=AT, contact_id=contact.id, request_id=5)
    await happenings.record("message.received", now=AT, contact_id=contact.id)
    (entry,) = await TimelineEntry.filter(contact_id=contact.id)
    assert (entry.kind, entry.subject, entry.subject_id, entry.at) == ("request.opened", "request", 5, AT)


async def test_an_unknown_kind_is_refused(db):
    with pytest.raises(KeyError):
        await happenings.record("contact.vanished", now=AT)


async def test_a_rolled_back_happening_did_not_happen_and_holds_nobody_up(any_db):
    with pytest.raises(ZeroDivisionError):
        async with database.transaction():
            await happenings.record("contact.created", now=AT)
            raise ZeroDivisionError
    await happenings.record("request.opened", now=AT)
    assert await kinds_since(0) == ["request.opened"]


@pytest.mark.postgres
async def test_a_higher_number_committed_first_waits_for_the_lower(pg):
    recorded, commit = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with database.transaction():
            await happenings.record("contact.created", now=AT)
            recorded.set()
            await commit.wait()

    task = database.spawn(slow())
    await recorded.wait()
    await happenings.record("request.opened", now=AT)
    assert await kinds_since(0) == []
    assert await kinds_since(0) == []
    commit.set()
    await task
    assert await kinds_since(0) == ["contact.created", "request.opened"]


async def test_a_durable_reader_consumes_each_once(any_db):
    for _ in range(3):
        await happenings.record("contact.created", now=AT)
    got = []

    async def handler(happened: happenings.Happened) -> None:
        got.append(happened.id)

    counts = await asyncio.gather(*(happenings.consume("desk", [handler]) for _ in range(2)))
    assert sum(counts) == len(set(got)) == 3
    assert await happenings.consume("desk", [handler]) == 0


async def test_a_handler_that_always_fails_is_passed_over_after_its_attempts(any_db):
    await happenings.record("contact.created", now=AT)

    async def handler(happened: happenings.Happened) -> None:
        raise ZeroDivisionError

    for _ in range(happenings.MAX_ATTEMPTS):
        with pytest.raises(ZeroDivisionError):
            await happenings.consume("desk", [handler])
    assert await happenings.consume("desk", [handler]) == 1
