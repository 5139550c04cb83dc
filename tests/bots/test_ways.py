"""Notices take the way that reaches the customer, and the confirmation of a refusal comes by itself."""

from datetime import datetime, timedelta

import pytest

from bots.composing import composer
from bots.notices import Notices
from bots.settings import Settings
from bots.ways import TERMS, table
from crm import consent, gate, happenings, outbox, vault
from crm.models import Conversation, Message, MessageTemplate, Outbox, Proof, Route, ServiceRequest
from tests.bots.test_notices import Office, words


@pytest.fixture
async def office(db: str, now: datetime) -> Office:
    vault.use(b"a secret of the installation")
    return await Office(now).opens()


async def told(office: Office, *channels: str, public_url: str = "") -> list[tuple[str, str]]:
    """Channel and text of every message after all happenings were handled."""
    notices = Notices(words(), {channel: TERMS[channel] for channel in channels}, public_url=public_url)
    while await happenings.consume("notices", [notices]):
        pass
    sent = Message.filter(direction="out").order_by("id").select_related("conversation")
    return [(message.conversation.channel, message.text) for message in await sent]


async def proves_phone(office: Office) -> None:
    await Proof.create(
        contact_id=office.conversation.contact_id, kind="phone", value="+821012342481", how="code",
        at=office.now,
    )  # fmt: skip


async def test_a_status_reaches_a_customer_who_left_the_page_by_sms(office: Office) -> None:
    await proves_phone(office)
    await office.hurries("assigned")
    assert await told(office, "web", "sms") == [("sms", "SR-2026-000001 접수에 담당자가 정해졌어요.")]


async def test_a_survey_behind_a_link_has_its_scores_on_the_page_and_not_in_the_text_message(
    office: Office,
) -> None:
    await proves_phone(office)
    await office.hurries("assigned", "in_progress", "resolved")
    await told(office, "web", "sms", public_url="https://help.example")
    texted = await Message.filter(direction="out", conversation__channel="sms").order_by("-id").first()
    shown = await Message.get(conversation_id=office.conversation.id, direction="out")
    assert texted
    assert "https://help.example/c/" in texted.text
    assert [choice["label"] for choice in shown.choices] == ["1점", "2점", "3점", "4점", "5점"]
    assert (shown.state, await Outbox.filter(message_id=shown.id).exists()) == ("sent", False)
    (claim,) = await outbox.claim("sender", office.now + timedelta(minutes=1))
    out = await composer("https://help.example")(claim.items[-1])
    assert (out.choices, out.cards) == ((), ())
    assert texted.choices  # a bare '5', texted back, is a score


async def fails(office: Office, minutes: int) -> None:
    """What was put last comes back from its provider for good."""
    now = office.now + timedelta(minutes=minutes)
    (claim,) = await outbox.claim("sender", now)
    await outbox.dead(claim, claim.items[-1], "blocked", now)


async def test_a_survey_whose_text_message_fails_is_sent_as_it_stands_on_the_page_and_stands_there_once(
    office: Office,
) -> None:
    await proves_phone(office)
    await office.hurries("assigned", "in_progress", "resolved")
    await told(office, "web", "sms", public_url="https://help.example")
    await fails(office, 1)
    await told(office, "web", "sms", public_url="https://help.example")
    (shown,) = await Message.filter(conversation_id=office.conversation.id, direction="out")
    (route,) = await Route.all()
    assert route.message_id == shown.id
    assert [step["why"] for step in route.steps] == ["cheapest", "waits"]
    assert (shown.state, len(shown.choices)) == ("queued", 5)
    (waits,) = await outbox.waiting(office.conversation.identity_id)
    assert waits.message_id == shown.id


async def test_a_survey_whose_template_fails_has_its_scores_on_the_next_way(office: Office) -> None:
    await proves_phone(office)
    await MessageTemplate.create(
        channel="alimtalk", channel_account="", use="survey", locale="ko", code="KA01TPsurvey", title="",
        text="#{접수번호} 접수가 해결됐어요.", buttons=[{"name": "평가하기", "url": "#{링크}"}],
        status="approved", created_at=office.now, updated_at=office.now,
    )  # fmt: skip
    channels = ("web", "alimtalk", "sms")
    await office.hurries("assigned", "in_progress", "resolved")
    await told(office, *channels, public_url="https://help.example")
    await fails(office, 1)
    await told(office, *channels, public_url="https://help.example")
    assert [step["channel"] for step in (await Route.get()).steps] == ["alimtalk", "sms"]
    texted = await Message.get(direction="out", conversation__channel="sms")
    assert [choice["label"] for choice in texted.choices] == ["1점", "2점", "3점", "4점", "5점"]
    assert await Message.filter(conversation_id=office.conversation.id, direction="out").count() == 1


async def test_a_status_stays_on_the_page_while_the_customer_is_there(office: Office) -> None:
    await proves_phone(office)
    await Conversation.all().update(last_inbound_at=office.now)
    await office.hurries("assigned")
    assert [channel for channel, _ in await told(office, "web", "sms")] == ["web"]


async def test_a_notice_that_cannot_be_sent_takes_the_next_way(office: Office) -> None:
    await proves_phone(office)
    await office.hurries("assigned")
    await told(office, "web", "sms")
    (claim,) = await outbox.claim("sender", office.now + timedelta(minutes=1))
    await outbox.dead(claim, claim.items[0], "blocked", office.now + timedelta(minutes=2))
    assert [channel for channel, _ in await told(office, "web", "sms")] == ["sms", "web"]
    assert [step["why"] for step in (await Route.get()).steps] == ["cheapest", "waits"]


async def test_a_request_that_staff_opened_for_a_caller_is_told_of_by_sms_with_its_survey(
    office: Office,
) -> None:
    await proves_phone(office)
    await ServiceRequest.all().update(conversation_id=None)
    await office.hurries("assigned")
    assert await told(office, "web", "sms") == [("sms", "SR-2026-000001 접수에 담당자가 정해졌어요.")]
    await office.hurries("in_progress", "resolved")
    *_, (channel, text) = await told(office, "web", "sms")
    assert (channel, "SR-2026-000001" in text) == ("sms", True)
    scores = (await Message.filter(direction="out").order_by("-id").first()).choices
    assert [choice["label"][0] for choice in scores][:5] == ["1", "2", "3", "4", "5"]


async def test_a_refusal_said_to_a_person_is_confirmed_with_date_and_sender(office: Office) -> None:
    await Conversation.all().update(owner="staff")
    await gate.hear(office.conversation.id, "광고 그만 보내세요", source="message:1", now=office.now)
    ((_, text),) = await told(office, "web")
    assert text.startswith("[새봄가전] 3월 4일(수)에 광고성 정보 수신 거부를 처리했어요.")
    assert await gate.owed_reports(office.now) == []
    assert (await Message.get(direction="out")).purpose == "opt_out"


async def test_a_consent_of_two_years_is_told_again_and_stays(office: Office) -> None:
    given = {"channel": "web", "source": "chat", "told": True}
    await consent.record(office.conversation.contact_id, "ad", granted=True, now=office.now, **given)
    later = office.now.replace(year=2028)
    assert await gate.flag_reconfirmations(later) == 1
    ((_, text),) = await told(office, "web")
    assert "2026년 3월 4일(수)에 이 채널로 광고성 정보를 받는 데 동의하셨어요." in text
    assert await consent.holds(office.conversation.contact_id, "ad", channel="web")


def test_only_channels_that_are_on_are_ways() -> None:
    assert set(table(Settings(_env_file=None))) == {"web"}
    assert set(table(Settings(_env_file=None, telegram_token=f"123456:{'A' * 35}"))) == {"web", "telegram"}
