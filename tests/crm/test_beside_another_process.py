"""On SQLite a service that looks before it writes goes on after another process has written meanwhile.

A transaction that has read keeps the picture it saw; once somebody else has written, it may never write
('database is locked', at once). So such services take the lock before they look.
"""

import asyncio
import sqlite3
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest

from crm import callbacks, candidates, conversations, inbox, vault
from crm.actor import BOT, Actor
from crm.models import AuditEntry, Conversation, Message
from tests.crm.makers import a_staff

AT = datetime(2026, 3, 4, 0, 30, tzinfo=UTC)


async def beside(url: str, act: Coroutine[Any, Any, object]) -> None:
    """Do `act` while somebody else writes: it begins before their commit, and ends after it."""
    other = sqlite3.connect(url.removeprefix("sqlite://"), isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE conversation SET locale = 'en'")
        doing = asyncio.create_task(act)
        await asyncio.sleep(0.2)  # an act that looks first has looked by now
        assert not doing.done()
        other.execute("COMMIT")
        await doing
    finally:
        other.close()


@pytest.fixture
async def talk(sqlite: str) -> Conversation:
    vault.use(b"a secret of the installation")
    one = inbox.Inbound(channel="web", external_user="kim", external_id="1", text="안녕", received_at=AT)
    return await Conversation.get(id=(await inbox.store(one, now=AT)).conversation_id)


@pytest.fixture
async def agent(sqlite: str) -> Actor:
    return await a_staff(AT)


async def test_a_number_to_dial_is_shown(sqlite: str, talk: Conversation, agent: Actor) -> None:
    wish = await callbacks.request(BOT, talk.contact_id, phone="+821012342481", now=AT)
    await beside(sqlite, callbacks.reveal(agent, wish.id, now=AT))
    assert await AuditEntry.filter(act="contact.revealed", subject_id=wish.id).count() == 1


async def test_a_misunderstood_message_is_noted(sqlite: str, talk: Conversation, agent: Actor) -> None:
    seq = (await Message.get(conversation_id=talk.id, direction="in")).seq
    await beside(sqlite, candidates.correct(agent, talk.id, seq, "ask_hours", now=AT))
    assert [one.intent for one in await candidates.undecided()] == ["ask_hours"]


async def test_a_note_is_changed(sqlite: str, talk: Conversation, agent: Actor) -> None:
    note = await conversations.note(agent, talk.id, "전화함", now=AT)
    await beside(sqlite, conversations.amend_note(agent, note.id, "두 번 전화함", now=AT))
    assert (await Message.get(id=note.id)).text == "두 번 전화함"
