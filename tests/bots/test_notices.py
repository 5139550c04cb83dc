"""What customers hear without having asked, and what they do not."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from bots import ways
from bots.notices import Notices
from bots.staff import acts, commands
from crm import conversations, happenings, identities, linking, requests, vault, visit_reminders, zone
from crm.actor import SYSTEM, Actor
from crm.models import Conversation, Message, MessageTemplate, ServiceRequest, Staff
from tests.crm.makers import a_company, a_staff, a_team

assert commands  # registers the acts
FOLDER = Path(__file__).resolve().parents[2] / "nlu" / "domain" / "responses"


def words() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in FOLDER.glob("*.yml"):
        found |= yaml.safe_load(path.read_text())["responses"]
    return {"responses": found}


class Office:
    """A conversation with a request, a technician, and the notices."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    async def opens(self, locale: str = "ko") -> "Office":
        await a_company()
        self.technician = await a_staff(self.now, "minho", role="technician")
        await Staff.filter(id=self.technician.id).update(name="김민호", name_en="Minho Kim")
        await a_team("수리팀", ["repair", "general"])
        identity = await identities.find_or_create("web", "", "u", locale=locale, now=self.now)
        self.conversation = await conversations.reach(identity, now=self.now, locale=locale)
        contact = self.conversation.contact_id
        self.request = await requests.open(
            Actor("contact", contact), contact, conversation_id=self.conversation.id, product_text="냉장고",
            symptom="소음", now=self.now,
        )  # fmt: skip
        return self

    async def moves(self, *statuses: str, by: Actor | None = None, reason: str = "확인") -> None:
        """One status after the other, each told of before the next."""
        for status in statuses:
            await self.hurries(status, by=by, reason=reason)
            await self.tells()

    async def hurries(self, *statuses: str, by: Actor | None = None, reason: str = "확인") -> None:
        """One status after the other, before anybody is told."""
        for status in statuses:
            self.now += timedelta(minutes=1)
            await requests.change_status(
                by or self.technician, self.request.id, status, reason=reason, now=self.now
            )

    async def tells(self) -> list[Message]:
        while await happenings.consume("notices", [Notices(words())]):
            pass
        return await Message.filter(conversation_id=self.conversation.id, direction="out").order_by("seq")


@pytest.fixture
async def office(db: str, now: datetime) -> Office:
    return await Office(now).opens()


async def test_each_step_of_a_colleague_is_told_once(office: Office) -> None:
    await office.moves("assigned", "in_progress", "waiting_customer", "in_progress", "resolved")
    told = [message.text for message in await office.tells()]
    assert told == [
        "SR-2026-000001 접수에 담당자가 정해졌어요.",
        "SR-2026-000001 접수를 처리하고 있어요.",
        "SR-2026-000001 접수에 확인이 필요해요. 담당자의 메시지를 봐 주세요.",
        "SR-2026-000001 접수를 처리하고 있어요.",
        "SR-2026-000001 접수가 해결됐어요. 이 일이 해결됐나요? 1점부터 5점까지 골라 주세요.",
    ]
    assert len(await office.tells()) == len(told)


async def test_what_a_request_passed_through_is_no_news_any_more(office: Office) -> None:
    await office.hurries("assigned", "in_progress", "resolved")
    assert [message.text for message in await office.tells()] == [
        "SR-2026-000001 접수가 해결됐어요. 이 일이 해결됐나요? 1점부터 5점까지 골라 주세요."
    ]


async def test_a_request_that_is_resolved_and_closed_at_once_is_told_of_as_resolved(office: Office) -> None:
    await office.moves("assigned", "in_progress")
    before = len(await office.tells())
    await office.hurries("resolved", "closed")
    assert [message.text for message in (await office.tells())[before:]] == [
        "SR-2026-000001 접수가 해결됐어요. 이 일이 해결됐나요? 1점부터 5점까지 골라 주세요."
    ]


async def test_the_survey_comes_with_five_scores_and_the_card(office: Office) -> None:
    await office.moves("assigned", "in_progress", "resolved")
    survey = (await office.tells())[-1]
    assert [choice["label"] for choice in survey.choices] == ["1점", "2점", "3점", "4점", "5점"]
    assert all(len(choice["value"]) == 8 for choice in survey.choices)
    assert (survey.cards[0]["number"], survey.cards[0]["status"]) == ("SR-2026-000001", "resolved")


async def test_what_customers_do_themselves_is_not_told_again(office: Office) -> None:
    customer = Actor("contact", office.conversation.contact_id)
    await requests.cancel(customer, office.request.id, reason="customer", now=office.now)
    assert await office.tells() == []


async def test_closing_is_the_companys_own_affair(office: Office) -> None:
    await office.moves("assigned", "in_progress", "resolved")
    before = len(await office.tells())
    await office.moves("closed", by=SYSTEM)
    assert len(await office.tells()) == before


async def test_notices_come_in_the_customers_language(db: str, now: datetime) -> None:
    office = await Office(now).opens(locale="en")
    await office.moves("assigned", "in_progress", "resolved")
    assert [message.text for message in await office.tells()] == [
        "A colleague now has SR-2026-000001.",
        "We are working on SR-2026-000001.",
        "SR-2026-000001 is resolved. Is it solved? Choose 1 to 5.",
    ]


async def test_a_request_without_a_conversation_is_told_to_nobody(office: Office) -> None:
    await ServiceRequest.filter(id=office.request.id).update(conversation_id=None)
    await office.moves("assigned")
    assert await office.tells() == []


async def test_a_notice_reaches_a_customer_while_a_person_speaks(office: Office) -> None:
    await conversations.take_over(office.technician, office.conversation.id, now=office.now)
    await office.moves("assigned", "in_progress")
    told = await office.tells()
    assert {message.purpose for message in told} == {"info"}
    assert "김민호 상담원이 이어받았어요." in [message.text for message in told]


async def test_a_finished_request_gives_its_conversation_back_to_the_bot(office: Office) -> None:
    await conversations.take_over(office.technician, office.conversation.id, now=office.now)
    await office.moves("assigned", "in_progress", "resolved")
    await office.tells()
    assert (await Conversation.get(id=office.conversation.id)).owner == "bot"


async def test_who_joins_is_named_in_the_customers_script(db: str, now: datetime) -> None:
    office = await Office(now).opens(locale="en")
    await conversations.take_over(office.technician, office.conversation.id, now=office.now)
    assert [message.text for message in await office.tells()] == ["Minho Kim has joined."]


async def test_a_reply_that_takes_over_says_first_who_joins_and_only_once(office: Office) -> None:
    act = {"conversation": office.conversation.id, "text": "바로 볼게요"}
    await acts.perform(office.technician, "reply", act, office.now)
    assert [message.text for message in await office.tells()] == [
        "김민호 상담원이 이어받았어요.",
        "바로 볼게요",
    ]


async def test_who_has_given_the_conversation_back_is_not_announced_any_more(office: Office) -> None:
    await conversations.take_over(office.technician, office.conversation.id, now=office.now)
    await conversations.hand_back(office.technician, office.conversation.id, now=office.now)
    assert await office.tells() == []


async def test_a_message_that_could_not_be_read_gets_an_apology_and_a_person(office: Office) -> None:
    await Notices(words()).parked(office.conversation.id, office.now)
    (apology,) = await office.tells()
    assert apology.text == "문제가 생겨 답이 늦었어요. 죄송해요. 담당자가 확인할게요."
    assert (await Conversation.get(id=office.conversation.id)).owner == "staff"


WAYS = {"web": ways.TERMS["web"], "alimtalk": ways.TERMS["alimtalk"], "sms": ways.TERMS["sms"]}


async def _visit_tomorrow(office: Office) -> datetime:
    """The request gets a visit, its customer a proven phone; returns the evening before."""
    vault.use(b"s" * 32)
    identity, now = office.conversation.identity_id, office.now
    await linking.prove(identity, "phone", "+821012345678", how="code", now=now)
    day = (now.astimezone(zone.current()) + timedelta(days=4)).replace(hour=14, minute=0, second=0)
    visit = {"visit_from": day, "visit_to": day + timedelta(hours=1)}
    await requests.amend(office.technician, office.request.id, visit, now=now)
    return day.replace(hour=17) - timedelta(days=1)


async def test_tomorrows_visit_is_told_of_by_its_template_and_once(office: Office) -> None:
    evening = await _visit_tomorrow(office)
    await MessageTemplate.create(
        channel="alimtalk", channel_account="", use="visit", locale="ko", code="KA01TPvisit", title="",
        text="#{고객}님, #{일시}에 #{접수번호} 방문합니다.", buttons=[], status="approved",
        created_at=office.now, updated_at=office.now,
    )  # fmt: skip
    for _ in range(2):
        await visit_reminders.flag(evening)
        while await happenings.consume("notices", [Notices(words(), WAYS)]):
            pass
    (message,) = await _sent_by("alimtalk")
    assert message.purpose == "info"
    assert message.data["template"]["code"] == "KA01TPvisit"
    assert "오후 2:00" in message.text
    assert office.request.number in message.text


async def test_without_a_template_tomorrows_visit_is_told_of_by_text_message(office: Office) -> None:
    evening = await _visit_tomorrow(office)
    await visit_reminders.flag(evening)
    while await happenings.consume("notices", [Notices(words(), WAYS)]):
        pass
    (message,) = await _sent_by("sms")
    assert "내일 방문 안내예요" in message.text
    assert "오후 2:00" in message.text
    assert await _sent_by("alimtalk") == []


async def test_a_visit_that_moved_before_the_reminder_went_is_not_told_of(office: Office) -> None:
    evening = await _visit_tomorrow(office)
    await visit_reminders.flag(evening)
    await ServiceRequest.filter(id=office.request.id).update(visit_from=evening + timedelta(days=5))
    while await happenings.consume("notices", [Notices(words(), WAYS)]):
        pass
    assert [await _sent_by("sms"), await _sent_by("alimtalk")] == [[], []]


async def _sent_by(channel: str) -> list[Message]:
    return await Message.filter(direction="out", conversation__channel=channel).order_by("id")
