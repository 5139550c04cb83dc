"""One contact on the desk: its address of our Telegram bot, and where it would rather hear from us."""

import re

from crm import consent, contacts, identities, linking
from crm.actor import SYSTEM
from crm.models import AuditEntry, Contact
from tests.bots.web.desk_fixtures import Staffed, browser_of, company, desk_server, signed_in
from tests.bots.web.desk_people import Browser, utc_now

__all__ = ["browser_of", "company", "desk_server", "signed_in"]


async def a_contact() -> Contact:
    return await contacts.create(SYSTEM, now=utc_now(), name="한지우", phone="010-7777-1234")


async def issued() -> int:
    return await AuditEntry.filter(act="contact.link_issued").count()


async def ask(browser: Browser, contact: Contact, **headers: str) -> tuple[int, str]:
    answer = await browser.client.post(
        f"/desk/contacts/{contact.id}/link", headers={"X-Fragment": "form", **headers}
    )
    return answer.status, await answer.text()


async def test_the_address_makes_a_telegram_user_this_contact(signed_in: Staffed) -> None:
    contact = await a_contact()
    browser = await signed_in("yuna")
    status, sheet = await ask(browser, contact, **{"X-CSRF-Token": browser.csrf})
    assert status == 200
    assert "한지우 님의 텔레그램 연결 QR 코드" in sheet
    found = re.search(r'value="https://t\.me/saebom_bot\?start=([\w-]{43})"', sheet)
    assert found is not None
    stranger = await identities.find_or_create("telegram", "", "7", now=utc_now())
    joined = await linking.open_link(stranger.id, found[1], now=utc_now())
    assert joined.contact_id == contact.id
    assert await issued() == 1


async def test_looking_makes_no_address_and_neither_does_another_site(signed_in: Staffed) -> None:
    contact = await a_contact()
    browser = await signed_in("yuna")
    looked = await browser.client.get(f"/desk/contacts/{contact.id}/link")
    assert looked.status == 405
    assert (await ask(browser, contact))[0] == 403  # without the page's word
    assert (await ask(browser, contact, **{"X-CSRF-Token": "forged"}))[0] == 403
    assert await issued() == 0


async def test_who_may_not_merge_is_given_no_address(signed_in: Staffed) -> None:
    contact = await a_contact()
    browser = await signed_in("mari")
    assert "/link" not in await browser.page(f"/desk/contacts/{contact.id}")
    status, told = await ask(browser, contact, **{"X-CSRF-Token": browser.csrf})
    assert status == 403
    assert "start=" not in told
    assert await issued() == 0


async def test_staff_write_down_where_a_customer_would_rather_hear_from_us(signed_in: Staffed) -> None:
    contact = await a_contact()
    browser = await signed_in("seojun")
    form = await browser.page(f"/desk/contacts/{contact.id}/edit", "form")
    assert '<option value="web">웹 채팅</option>' in form
    assert 'value="sms"' not in form  # that channel is off
    await browser.act("contact_update", contact=contact.id, preferred_channel="sms")
    assert (await Contact.get(id=contact.id)).preferred_channel == "sms"
    assert "<dt>안내 채널</dt><dd>문자</dd>" in await browser.page(f"/desk/contacts/{contact.id}")
    again = await browser.page(f"/desk/contacts/{contact.id}/edit", "form")
    assert '<option value="sms" selected>문자</option>' in again
    status, _ = await browser.try_act("contact_update", contact=contact.id, preferred_channel="pigeon")
    assert status == 422


async def test_the_history_says_what_was_agreed_to_and_where(signed_in: Staffed) -> None:
    contact = await a_contact()
    for purpose, channel, granted in (
        ("privacy_notice", "sms", True), ("ad", "sms", True), ("ad", "", False), ("night_ad", "sms", False),
    ):  # fmt: skip
        await consent.record(
            contact.id, purpose, channel=channel, granted=granted, source="form", now=utc_now()
        )
    page = await (await signed_in("yuna")).page(f"/desk/contacts/{contact.id}")
    for shown in (
        "개인정보 안내를 받음", "광고 수신 동의 · 문자", "광고 수신 거부 · 모든 채널",
        "야간 광고 수신 거부 · 문자",
    ):  # fmt: skip
        assert shown in page
