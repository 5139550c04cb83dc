"""What a customer hears of live support on their channel: link, reminder, missed, receipt with survey."""

from datetime import datetime, timedelta

import pytest

from bots.live_notices import LiveNotices
from bots.ways import TERMS
from crm import happenings, live_asking, live_links, live_people, live_sessions, live_ticks, vault
from crm.live_asking import Made
from crm.models import Callback, Contact, Conversation, Message, Proof
from tests.bots.test_notices import Office, words

LINK = "https://help.saebom.example"


@pytest.fixture
async def office(db: str, now: datetime) -> Office:
    vault.use(b"a secret of the installation")
    live_links.use(LINK)
    opened = await Office(now).opens()
    await Conversation.all().update(last_inbound_at=now)
    await happenings.consume("live", [])
    return opened


async def told(office: Office, *channels: str) -> list[tuple[str, str]]:
    """Channel and text of what the customer was told, in order."""
    notices = LiveNotices(words(), {channel: TERMS[channel] for channel in channels})
    while await happenings.consume("live", [notices]):
        pass
    sent = Message.filter(direction="out", author="system").order_by("id").select_related("conversation")
    return [(message.conversation.channel, message.text) for message in await sent]


async def invited(office: Office, at: datetime | None = None) -> Made:
    contact = office.conversation.contact_id
    return await live_asking.create(
        office.technician, contact, request_id=office.request.id, scheduled_at=at, now=office.now
    )


async def gone_by_phone(office: Office) -> None:
    """The customer closed the chat hours ago; their number was proved."""
    contact = office.conversation.contact_id
    await Contact.filter(id=contact).update(phone="+821012342481")
    await Proof.create(contact_id=contact, kind="phone", value="+821012342481", how="code", at=office.now)
    await Conversation.all().update(last_inbound_at=office.now - timedelta(hours=5))


async def a_call(office: Office) -> Made:
    """Invited, held for seven minutes, ended."""
    made = await invited(office)
    await live_sessions.wait(made.customer.id, office.now)
    await live_people.take(office.technician, made.session.id, now=office.now)
    await live_sessions.end(made.session.id, office.technician, now=office.now + timedelta(minutes=7))
    return made


async def test_the_link_and_then_the_receipt_with_the_survey_come_in_the_chat(office: Office) -> None:
    made = await a_call(office)
    (first, invitation), (last, receipt) = await told(office, "web", "sms")
    assert (first, last) == ("web", "web")
    assert live_links.url_of(made.customer) in invitation
    assert "7분" in receipt
    assert live_links.url_of(made.customer) in receipt
    assert len(await told(office, "web", "sms")) == 2


async def test_who_left_the_chat_gets_both_as_text_messages(office: Office) -> None:
    await gone_by_phone(office)
    made = await a_call(office)
    lines = await told(office, "web", "sms")
    assert [channel for channel, _ in lines] == ["sms", "sms"]
    assert all(live_links.url_of(made.customer) in text for _, text in lines)


async def test_an_arranged_call_is_confirmed_and_reminded_of_a_day_and_a_quarter_of_an_hour_before(
    office: Office,
) -> None:
    at = office.now + timedelta(days=2)
    await invited(office, at)
    assert len(await told(office, "web")) == 1
    for before, count in ((timedelta(hours=23), 2), (timedelta(minutes=14), 3)):
        await live_ticks.remind(at - before)
        lines = await told(office, "web")
        assert len(lines) == count
        assert LINK in lines[-1][1]


async def test_a_missed_call_names_the_time_of_the_callback_on_the_desk(office: Office) -> None:
    await gone_by_phone(office)
    made = await invited(office)
    await live_sessions.wait(made.customer.id, office.now)
    for minutes in (6, 31):  # an appointment is offered, then it is given up
        await live_ticks.look(office.now + timedelta(minutes=minutes))
    callback = await Callback.get()
    assert (callback.contact_id, callback.phone) == (office.conversation.contact_id, "+821012342481")
    channel, text = (await told(office, "web", "sms"))[-1]
    assert channel == "sms"
    assert "전화" in text
