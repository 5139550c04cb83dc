"""Privacy: told once, copied on demand, erased without a hole in the audit."""

import asyncio
import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from crm import (
    audit,
    company,
    consent,
    contacts,
    conversations,
    db,
    files,
    identities,
    privacy,
    products,
    search,
    timeline,
    vault,
)
from crm.actor import SYSTEM, Actor
from crm.errors import Forbidden, NotFound
from crm.models import (
    Callback,
    Consent,
    Contact,
    ContactCipher,
    ContactKey,
    File,
    Message,
    MessageKey,
    RetainedRecord,
    ServiceRequest,
    Staff,
)
from crm.storage import Folder

ADMIN = Actor("staff", 1, "admin", "관리자")
YUNA = Actor("staff", 3, "agent", "한유나")
SECRETS = ["김민준", "821055122481", "minjun@example.com", "월드컵로", "물이 새요", "비밀번호", "저녁에만"]


@pytest.fixture(autouse=True)
def secret(tmp_path):
    vault.use(b"a secret of the installation")
    files.use(Folder(tmp_path / "files"), max_bytes=1024)


async def customer(now, who="s1"):
    """A contact who wrote, bought, complained, asked to be phoned and sent a file."""
    await Staff.get_or_create(
        id=YUNA.id, defaults={"login": "yuna", "name": "한유나", "role": "agent", "created_at": now}
    )
    identity = await identities.find_or_create("web", "", who, display_name="김민준", now=now)
    contact_id = identity.contact_id
    await contacts.update(
        YUNA,
        contact_id,
        {
            "phone": "010-5512-2481", "email": "minjun@example.com", "address": "서울 마포구 월드컵로 12",
            "notes": "저녁에만 통화",
        },
        now=now,
    )  # fmt: skip
    talk = await conversations.reach(identity, now=now)
    photo = await files.store(b"photo of minjun", name="민준.txt", owner=f"identity:{identity.id}", now=now)
    await conversations.append(
        talk.id, direction="in", author="contact", text="세탁기에서 물이 새요", files=[photo.token], now=now
    )
    await conversations.note(YUNA, talk.id, "비밀번호 1234", now=now)
    await search.index_pending(now)
    await bought(contact_id, now)
    for category, number in (("complaint", f"SR-{who}-1"), ("repair", f"SR-{who}-2")):
        await ServiceRequest.create(
            number=number, contact_id=contact_id, conversation_id=talk.id, category=category,
            symptom="물이 새요", phone="+821055122481", address="서울 마포구 월드컵로 12",
            created_at=now, updated_at=now, status_at=now,
        )  # fmt: skip
    await Callback.create(contact_id=contact_id, phone="+821055122481", due_at=now, created_at=now)
    await consent.record(contact_id, "ad", channel="web", granted=True, source="chat", now=now)
    return contact_id


async def bought(contact_id, now):
    washer = await products.save(SYSTEM, code="W1", name="드럼세탁기", now=now)
    await products.give(YUNA, contact_id, washer.id, kind="purchase", since=date(2025, 3, 1), now=now)


# --- the notice


async def test_the_notice_is_given_once_in_the_customers_language(any_db, now):
    await company.ensure("새봄가전")
    await company.update(
        SYSTEM, {"privacy_notice": "대화를 보관해요.", "privacy_notice_en": "We keep chat."}, now=now
    )
    identity = await identities.find_or_create("web", "", "s1", locale="en", now=now)
    told = await asyncio.gather(
        *(db.retried(lambda: privacy.notice(identity.contact_id, channel="web", now=now)) for _ in range(5))
    )
    assert sorted(told, key=str) == [None] * 4 + ["We keep chat."]
    assert await consent.holds(identity.contact_id, "privacy_notice", channel="web")
    history = await timeline.of(SYSTEM, identity.contact_id)
    assert [entry["kind"] for entry in history.items] == ["consent.changed", "contact.created"]


async def test_the_newest_decision_about_a_purpose_and_channel_holds(any_db, now):
    identity = await identities.find_or_create("web", "", "s1", now=now)
    contact_id = identity.contact_id
    assert not await consent.holds(contact_id, "ad", channel="web")
    await consent.record(contact_id, "ad", channel="web", granted=True, source="chat", now=now)
    assert await consent.holds(contact_id, "ad", channel="web")
    assert not await consent.holds(contact_id, "ad", channel="sms")
    await consent.record(contact_id, "ad", channel="web", granted=False, source="chat", now=now)
    assert not await consent.holds(contact_id, "ad", channel="web")
    assert [row["granted"] for row in await consent.current(contact_id)] == [False]


# --- a copy


async def test_a_person_gets_all_that_is_kept_of_them_but_not_the_staffs_notes(any_db, now):
    contact_id = await customer(now)
    copy = await privacy.export(YUNA, contact_id, now=now)
    text = json.dumps(copy, ensure_ascii=False)
    assert all(value in text for value in ("김민준", "월드컵로", "물이 새요", "드럼세탁기", "민준.txt"))
    assert "비밀번호" not in text
    assert copy["looked_at"][-1]["act"] == "contact.exported"


# --- erasure


async def everything():
    """All text that the database still holds, of every table."""
    if db.dialect() == "sqlite":
        tables = await db.fetch("SELECT name FROM sqlite_master WHERE type = 'table'")
    else:
        tables = await db.fetch("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'")
    rows = [await db.fetch(f'SELECT * FROM "{table["name"]}"') for table in tables]
    return json.dumps(rows, ensure_ascii=False, default=lambda v: v.hex() if isinstance(v, bytes) else str(v))


async def test_the_files_of_the_database_hold_nothing_of_an_erased_person(sqlite_url, now):
    await db.connect(sqlite_url, synchronous="NORMAL")
    try:
        contact_id = await customer(now)
        path = Path(sqlite_url.removeprefix("sqlite://"))
        await db.settle()
        assert SECRETS[0].encode() in path.read_bytes()
        await privacy.erase(ADMIN, contact_id, now=now)
        await db.settle()
        own = [file for file in path.parent.glob(f"{path.name}*") if file.is_file()]
        stored = b"".join(file.read_bytes() for file in own)
        assert [word for word in SECRETS if word.encode() in stored] == []
    finally:
        await db.close()


async def test_an_erased_person_is_nowhere_and_the_chain_is_whole(any_db, now, tmp_path):
    contact_id = await customer(now)
    before = await everything()
    assert all(value in before for value in SECRETS)
    await privacy.erase(ADMIN, contact_id, now=now)
    after = await everything()
    assert [value for value in SECRETS if value in after] == []
    assert (await audit.verify()).whole
    assert await ContactCipher.all().count() == 0
    assert await MessageKey.all().count() + await ContactKey.all().count() + await File.all().count() == 0
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []
    assert await search.find_contacts("김민준") == []
    assert (await timeline.of(ADMIN, contact_id)).items == []


async def test_the_audit_still_says_who_did_what_but_not_the_values(db, now):
    contact_id = await customer(now)
    await privacy.erase(ADMIN, contact_id, now=now)
    entries = await audit.of_contact(ADMIN, contact_id)
    assert {entry.act for entry in entries} >= {"contact.updated", "contact.erased"}
    assert {await audit.personal_values(ADMIN, entry) and "read" for entry in entries} == {None}


async def test_what_the_law_orders_to_keep_is_kept_apart_and_sealed_until_its_day(db, now):
    contact_id = await customer(now)
    erased = await privacy.erase(ADMIN, contact_id, now=now)
    assert erased.kept == {"contract": 1, "complaint": 1, "consent": 1}
    assert erased.kept_until.date() == date(2030, 3, 1)
    complaint = await RetainedRecord.get(kind="complaint")
    facts = await privacy.kept_facts(ADMIN, complaint)
    assert (facts["name"], facts["symptom"]) == ("김민준", "물이 새요")
    with pytest.raises(Forbidden):
        await privacy.kept_facts(YUNA, complaint)
    assert await privacy.purge_kept(now + timedelta(days=365 * 3 + 1)) == 2
    assert await privacy.purge_kept(now + timedelta(days=365 * 5)) == 1


async def test_others_keep_what_is_theirs(db, now):
    erased, other = await customer(now), await customer(now, "s2")
    await privacy.erase(ADMIN, erased, now=now)
    assert (await Contact.get(id=other)).name == "김민준"
    assert await Message.filter(text="세탁기에서 물이 새요").count() == 1
    assert await Consent.filter(contact_id=other).count() == 1
    assert len(await search.find_contacts("김민준")) == 1
    assert await File.all().count() == 1


async def test_the_same_person_writing_again_is_a_stranger(db, now):
    contact_id = await customer(now)
    await privacy.erase(ADMIN, contact_id, now=now)
    again = await identities.find_or_create("web", "", "s1", now=now)
    assert again.contact_id != contact_id
    assert not await conversations.may_send(1, author="staff")


async def test_erasing_twice_changes_nothing(db, now):
    contact_id = await customer(now)
    await privacy.erase(ADMIN, contact_id, now=now)
    kept = await RetainedRecord.all().count()
    await privacy.erase(ADMIN, contact_id, now=now)
    assert await RetainedRecord.all().count() == kept


async def test_only_an_administrator_erases(db, now):
    contact_id = await customer(now)
    with pytest.raises(Forbidden):
        await privacy.erase(YUNA, contact_id, now=now)
    with pytest.raises(NotFound):
        await privacy.erase(ADMIN, 99, now=now)
