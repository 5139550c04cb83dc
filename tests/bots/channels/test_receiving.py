"""What every channel's messages go through before they are stored."""

import io
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from PIL import Image
from tortoise.exceptions import DoesNotExist, IntegrityError, OperationalError

from bots.channels.base import Caps
from bots.receiving import Receiver
from crm import db, files, identities, inbox, lanes, linking, outbox, storage, vault
from crm.actor import SYSTEM
from crm.models import Contact, Conversation, File, Identity, Inbox, Message


def png() -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (2, 2)).save(made, "PNG")
    return made.getvalue()


OFFER = [{"label": "네", "payload": "/affirm", "value": "aaaa"}, {"label": "아니요", "value": "bbbb"}]


@pytest.fixture
def receive_on_sqlite(sqlite, now):
    return Receiver("sms", Caps(text_max=90), now=lambda: now)


@pytest.fixture
def receive(any_db, now, tmp_path):
    vault.use(b"s" * 32)
    files.use(storage.Folder(tmp_path / "files"), max_bytes=1024 * 1024)
    return Receiver("sms", Caps(text_max=90), now=lambda: now)


def inbound(now, text: str = "", **changes: Any) -> inbox.Inbound:
    made = inbox.Inbound(
        channel="sms", external_user="+821012345678", external_id="m1", text=text, received_at=now
    )
    return replace(made, **changes)


async def test_a_typed_number_is_the_choice_of_the_newest_message(receive, now):
    first = await receive(inbound(now, "안녕하세요"))
    await outbox.put(first.conversation_id, author="bot", text="맞을까요?", choices=OFFER, now=now)
    stored = await receive(inbound(now, "2", external_id="m2"))
    row, message = await Inbox.get(id=stored.inbox_id), await Message.get(id=stored.message_id)
    assert (row.kind, row.data["choice"], message.text) == ("choice", "bbbb", "아니요")


async def test_a_database_that_is_away_is_no_fault_of_the_message(receive_on_sqlite, now):
    await db.execute("PRAGMA query_only = ON")  # as a file that has become read-only
    with pytest.raises(ConnectionError):  # a channel brings it again, however often
        await receive_on_sqlite(inbound(now, "안녕하세요"))
    await db.execute("PRAGMA query_only = OFF")
    assert (await receive_on_sqlite(inbound(now, "안녕하세요"))).seq == 1


async def test_a_statement_of_ours_that_the_database_does_not_know_is_held_against_the_message(receive, now):
    await db.execute("ALTER TABLE inbox RENAME TO elsewhere")
    with pytest.raises(OperationalError):  # a channel parks it after some attempts
        await receive(inbound(now, "안녕하세요"))


@pytest.mark.parametrize(
    ("fault", "away"),
    [
        (asyncpg.CannotConnectNowError("the database system is starting up"), True),
        (asyncpg.TooManyConnectionsError("sorry, too many clients already"), True),
        (asyncpg.LockNotAvailableError("canceling statement due to lock timeout"), True),
        (asyncpg.InterfaceError("connection is closed"), True),
        (OperationalError("database is locked"), True),
        (OperationalError(asyncpg.UndefinedColumnError("column does not exist")), False),
        (OperationalError(asyncpg.DataError("invalid byte sequence")), False),
        (asyncpg.ProgramLimitExceededError("index row size exceeds maximum"), False),
        (DoesNotExist(Inbox, "id"), False),
        (IntegrityError("NOT NULL"), False),
        (ValueError("no such day"), False),
    ],
)
def test_what_a_database_says_of_a_row_is_not_that_it_is_away(fault, away):
    assert db.is_away(fault) is away


@pytest.mark.parametrize("sql", ["SELECT nothing FROM inbox", "SELECT 1 FROM nowhere", "SELEC 1"])
async def test_what_a_real_database_does_not_understand_is_our_own_fault(any_db, sql):
    with pytest.raises(OperationalError) as raised:
        await db.fetch(sql)
    assert not db.is_away(raised.value)


async def test_a_real_database_that_may_only_be_read_is_away(any_db):
    setting = "PRAGMA query_only = ON" if db.dialect() == "sqlite" else "SET TRANSACTION READ ONLY"
    with pytest.raises((OperationalError, asyncpg.PostgresError)) as raised:
        async with db.transaction():
            await db.execute(setting)
            await db.execute("DELETE FROM inbox")
    assert db.is_away(raised.value)


async def test_the_pieces_of_an_album_are_one_message_whenever_they_come(receive, now):
    stored = []
    for piece in ("p1", "p2", "p2", "p3", "p1"):
        one = inbound(now, "사진이에요" if piece == "p2" else "", external_id=piece, data={"album": "77"})
        token = await receive.keep_file(one, "사진.png", png())
        stored.append(await receive(replace(one, kind="file", files=(token,))))
    assert len({one.message_id for one in stored}) == 1
    message = await Message.get(id=stored[0].message_id)
    assert message.text == "사진이에요"
    assert await File.filter(message_id=message.id).count() == 3
    assert len((await Inbox.get()).data["files"]) == 3


async def test_an_album_is_answered_after_a_moment(receive, now):
    await receive(inbound(now, external_id="p1", data={"album": "77"}))
    assert await lanes.claim("inbox", "w", now) == []
    assert len(await lanes.claim("inbox", "w", now + timedelta(seconds=2))) == 1


async def test_an_edit_changes_the_message_and_makes_no_new_turn(receive, now):
    stored = await receive(inbound(now, "냉장고요"))
    await receive.edited(inbound(now, "세탁기요"))
    message = await Message.get(id=stored.message_id)
    assert (message.text, message.data["first_text"]) == ("세탁기요", "냉장고요")
    assert message.edited_at == now
    assert await Inbox.all().count() == 1


async def test_a_signed_link_joins_a_new_identity_to_its_contact(receive, now):
    known = await identities.find_or_create("web", "", "s1", now=now)
    token = await linking.link_for(SYSTEM, known.contact_id, now=now)
    stored = await receive(inbound(now, "안녕하세요", data={"start": token}))
    assert (await Identity.get(channel="sms")).contact_id == known.contact_id
    assert (await Conversation.get(id=stored.conversation_id)).contact_id == known.contact_id


@pytest.mark.parametrize("change", ["forged", "late"])
async def test_a_forged_or_old_link_joins_nobody(receive, now, change):
    known = await identities.find_or_create("web", "", "s1", now=now)
    issued = now - timedelta(days=2) if change == "late" else now
    token = await linking.link_for(SYSTEM, known.contact_id, now=issued)
    if change == "forged":
        token = ("A" if token[5] != "A" else "B").join((token[:5], token[6:]))
    await receive(inbound(now, "안녕하세요", data={"start": token}))
    assert (await Identity.get(channel="sms")).contact_id != known.contact_id


async def test_a_proven_phone_is_the_contacts_and_a_typed_one_is_not(receive, now):
    await receive(inbound(now, "010-1111-2222"))
    contact = await Contact.get()
    assert (contact.phone, contact.verified) == ("", False)
    await receive(inbound(now, "010-1234-5678", external_id="m2", data={"proven_phone": "+821012345678"}))
    await contact.refresh_from_db()
    assert (contact.phone, contact.verified) == ("+821012345678", True)


async def test_a_refused_file_is_seen_by_staff_and_explained_to_the_customer(receive, now):
    one = inbound(now, kind="file", data={"refused": ["놀이.exe"]})
    for stored in (await receive(one), await receive(one)):
        messages = await Message.filter(conversation_id=stored.conversation_id).order_by("seq")
    assert [message.direction for message in messages] == ["in", "out"]
    assert "놀이.exe" in messages[0].text
    assert "받을 수 없는" in messages[1].text


async def test_more_choices_come_with_the_tokens_they_have(receive, now):
    offer = [{"label": f"선택 {n}", "value": f"t{n}"} for n in range(5)]
    first = await receive(inbound(now, "안녕하세요"))
    said = await outbox.put(first.conversation_id, author="bot", text="골라요", choices=offer, now=now)
    await receive(inbound(now, kind="choice", choice=f"more.{said.seq}.3", external_id="m2"))
    newest = await Message.filter(direction="out").order_by("-id").first()
    assert newest is not None
    assert [item["value"] for item in newest.choices] == ["t3", "t4"]


async def test_blocking_and_unblocking_is_noted(receive, now):
    await receive(inbound(now, "안녕하세요"))
    await receive.reachable("", "+821012345678", False)
    assert (await Identity.get()).blocked_at == now
    await receive.reachable("", "+821012345678", True)
    assert (await Identity.get()).blocked_at is None


async def test_a_moved_chat_keeps_its_identity(receive, now):
    await receive(inbound(now, "안녕하세요"))
    await receive.moved("", "+821012345678", "+821099999999")
    assert (await Identity.get()).external_id == "+821099999999"
