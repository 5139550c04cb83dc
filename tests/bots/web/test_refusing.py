"""`/u/{token}`: advertising is refused with one click, without a login, and only by a click."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bots.web import app_keys, pages, refusing
from crm import audit, consent, gate, happenings, refusals, vault
from crm.errors import Invalid
from crm.models import AuditEntry, CompanyProfile, Consent, Contact
from tests.crm.makers import a_company

Browser = TestClient[web.Request, web.Application]
AT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)


@pytest.fixture
async def pages_of(any_db: str) -> AsyncIterator[Browser]:
    """A browser at the pages that anyone may open."""
    vault.use(b"x" * 32)
    await a_company()
    app = web.Application()
    app[app_keys.CONFIG] = app_keys.WebConfig(secret_key=b"x" * 32)
    pages.setup(app)
    refusing.routes(app)
    async with TestClient(TestServer(app)) as client:
        yield client


@pytest.fixture
async def person(pages_of: Browser) -> Contact:
    made = await Contact.create(name="김민지", created_at=AT, updated_at=AT)
    await consent.record(made.id, "ad", channel="sms", granted=True, source="form", told=True, now=AT)
    return made


async def refused(person: Contact, channel: str = "sms") -> bool:
    return await gate.refuses_now(person.id, channel)


async def test_opening_the_address_changes_nothing(pages_of: Browser, person: Contact) -> None:
    answer = await pages_of.get(f"/u/{refusals.token(person.id, 'sms')}?lang=ko")
    page = await answer.text()
    assert answer.status == 200
    assert "문자 광고를 그만 받을까요?" in page
    assert "김민지" not in page
    assert not await refused(person)


async def test_the_button_refuses_says_so_and_is_audited_once(pages_of: Browser, person: Contact) -> None:
    address = f"/u/{refusals.token(person.id, 'sms')}?lang=ko"
    for _ in range(3):
        page = await (await pages_of.post(address)).text()
        assert "광고를 받지 않도록 바꿨어요. 안내 메시지만 보내요." in page
    assert await refused(person)
    assert not await refused(person, "email")
    assert await Consent.filter(contact_id=person.id, purpose="ad", granted=False).count() == 1
    assert await AuditEntry.filter(act="consent.refused", contact_id=person.id).count() == 1
    assert (await audit.verify()).whole
    assert [o for o in await gate.owed_reports(datetime.now(UTC)) if not o.granted] == []


async def test_a_mail_programs_one_click_refuses_and_is_confirmed_by_a_message(
    pages_of: Browser, person: Contact
) -> None:
    address = f"/u/{refusals.token(person.id, 'email')}"
    answer = await pages_of.post(address, data={"List-Unsubscribe": "One-Click"})
    assert answer.status == 200
    assert await refused(person, "email")
    told = [h for h in await happenings.since(0) if h.kind == "consent.changed" and not h.data["granted"]]
    assert [h.data["told"] for h in told if h.data["purpose"] == "ad"] == [False]


async def test_it_is_shown_in_english_too(pages_of: Browser, person: Contact) -> None:
    address = f"/u/{refusals.token(person.id, '')}?lang=en"
    assert "Stop all ads?" in await (await pages_of.get(address)).text()
    assert "No more ads. Service notices only." in await (await pages_of.post(address)).text()
    assert await refused(person)


async def test_an_address_for_everything_ends_every_channel(person: Contact) -> None:
    later = AT + timedelta(days=1)
    for channel in ("email", "kakao"):
        await consent.record(person.id, "ad", channel=channel, granted=True, source="form", told=True, now=AT)
    await refusals.refuse(refusals.token(person.id, ""), told=True, now=later)
    assert all([await refused(person, channel) for channel in ("sms", "email", "kakao", "")])


@pytest.mark.parametrize("change", ["", "x", "A" * 26, "가나다", "%2e%2e"])
async def test_a_changed_address_does_nothing(pages_of: Browser, person: Contact, change: str) -> None:
    token = refusals.token(person.id, "sms")
    bad = change or f"{'B' if token[0] == 'A' else 'A'}{token[1:]}"
    for ask in (pages_of.get, pages_of.post):
        assert (await ask(f"/u/{bad}")).status == 404
    assert not await refused(person)


async def test_who_agrees_again_can_refuse_again(person: Contact) -> None:
    token = refusals.token(person.id, "sms")
    await refusals.refuse(token, told=True, now=AT + timedelta(days=1))
    await consent.record(
        person.id, "ad", channel="sms", granted=True, source="chat", told=True, now=AT + timedelta(days=2)
    )
    assert not (await refusals.look(token)).done
    await refusals.refuse(token, told=True, now=AT + timedelta(days=3))
    assert await refused(person)


async def test_the_last_line_of_an_advertisement_names_the_free_number_or_the_address(
    person: Contact,
) -> None:
    url = "https://help.example.com"
    address = refusals.address(url, person.id, "sms")
    assert len(address.rpartition("/")[2]) == 26
    assert await refusals.line(url, person.id, "sms", language="ko") == f"무료수신거부 {address}"
    await CompanyProfile.filter(id=1).update(refusal_phone="080-123-4567")
    assert await refusals.line(url, person.id, "sms", language="ko") == "무료수신거부 080-123-4567"
    assert "/u/" in await refusals.line(url, person.id, "email", language="en")
    with pytest.raises(Invalid):
        refusals.token(person.id, "fax")
