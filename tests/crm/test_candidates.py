"""Sentences kept for review hold no personal data, settle by what came next, and are decided once."""

from datetime import UTC, datetime, timedelta

import pytest

from crm import candidates, inbox
from crm.actor import Actor
from crm.errors import Forbidden, NotFound
from crm.models import AuditEntry, Conversation, Message, TrainingCandidate

AGENT = Actor("staff", 1, "agent", "이수민")
AT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)


@pytest.fixture
async def talk(any_db: str) -> Conversation:
    """A conversation in the web chat."""
    stored = await inbox.store(
        inbox.Inbound(channel="web", external_user="kim", external_id="1", text="안녕", received_at=AT),
        now=AT,
    )
    return await Conversation.get(id=stored.conversation_id)


def span(text: str, value: str, entity: str) -> dict[str, object]:
    start = text.index(value)
    return {"entity": entity, "value": value, "start": start, "end": start + len(value)}


def test_a_kept_sentence_names_nobody() -> None:
    text = "박지영인데 010-1234-5678로 세탁기 건 전화주세요 me@home.kr 계좌 110-234-567890"
    entities = [span(text, "박지영", "person"), span(text, "010-1234-5678", "phone"),
                span(text, "세탁기", "product")]  # fmt: skip
    kept = candidates.masked(text, entities, "ko")
    assert kept == (
        "[홍길동](person)인데 [010-0000-0000](phone)로 [세탁기](product) 건 전화주세요"
        " name@example.com 계좌 000-000-000000"
    )


def test_markup_typed_by_a_customer_is_no_markup() -> None:
    assert candidates.masked("[냉장고](product) 얼마", [], "ko") == "냉장고 product 얼마"


@pytest.mark.parametrize(("language", "standin"), [("ko", "홍길동"), ("en", "Jane Doe"), ("ja", "Jane Doe")])
def test_who_writes_no_korean_is_stood_in_for_in_english(language: str, standin: str) -> None:
    assert candidates.masked("田中", [span("田中", "田中", "person")], language) == f"[{standin}](person)"


async def test_what_was_chosen_settles_what_was_asked(talk: Conversation) -> None:
    await candidates.keep(talk.id, 1, "접수 언제", [], language="ko",
                          offered=["check_request", "ask_hours"], now=AT)  # fmt: skip
    await candidates.settle(talk.id, "opt_in", pressed=True, now=AT)
    assert (await TrainingCandidate.get(inbox_id=1)).how == "asked"
    await candidates.settle(talk.id, "ask_hours", pressed=True, now=AT)
    settled = await TrainingCandidate.get(inbox_id=1)
    assert (settled.how, settled.intent) == ("chosen", "ask_hours")


async def test_words_understood_next_correct_what_was_missed(talk: Conversation) -> None:
    await candidates.keep(talk.id, 1, "그거 있잖아요", [], language="ko", offered=[], now=AT)
    await candidates.settle(talk.id, "check_order", pressed=False, now=AT + timedelta(minutes=1))
    settled = await TrainingCandidate.get(inbox_id=1)
    assert (settled.how, settled.intent) == ("corrected", "check_order")


async def test_words_of_an_hour_later_correct_nothing(talk: Conversation) -> None:
    await candidates.keep(talk.id, 1, "그거 있잖아요", [], language="ko", offered=[], now=AT)
    await candidates.settle(talk.id, "check_order", pressed=False, now=AT + timedelta(hours=1))
    assert (await TrainingCandidate.get(inbox_id=1)).intent == ""


async def test_a_message_is_kept_once_and_decided_once(talk: Conversation) -> None:
    for _ in range(2):
        await candidates.keep(talk.id, 7, "그거", [], language="ko", offered=[], now=AT)
    (one,) = await candidates.undecided()
    await candidates.decide(one, accepted=False, now=AT)
    assert await candidates.undecided() == []
    assert await AuditEntry.filter(act="candidate.rejected", subject_id=one.id).count() == 1


async def test_what_staff_correct_is_kept_as_a_reference_and_audited(talk: Conversation) -> None:
    message = await Message.get(conversation_id=talk.id, direction="in")
    await candidates.correct(AGENT, talk.id, message.seq, "greet", now=AT)
    await candidates.correct(AGENT, talk.id, message.seq, "ask_hours", now=AT)
    (one,) = await candidates.undecided()
    assert (one.how, one.intent, one.text) == ("corrected", "ask_hours", "")
    assert (await candidates.words_of(one)).id == message.id
    assert await AuditEntry.filter(act="candidate.corrected", actor=AGENT.ref).count() == 2


async def test_staff_overrule_what_the_customer_chose_until_it_is_decided(talk: Conversation) -> None:
    message = await Message.get(conversation_id=talk.id, direction="in")
    await candidates.keep(
        talk.id, message.inbox_id or 0, "안녕", [], language="ko", offered=["greet"], now=AT
    )
    await candidates.correct(AGENT, talk.id, message.seq, "", now=AT)
    (one,) = await candidates.undecided()
    assert (one.how, one.intent, one.text) == ("corrected", "", "안녕")
    await candidates.decide(one, accepted=False, now=AT)
    await candidates.correct(AGENT, talk.id, message.seq, "greet", now=AT)
    assert (await TrainingCandidate.get(id=one.id)).intent == ""


async def test_only_written_messages_are_corrected_and_only_by_who_may_write(talk: Conversation) -> None:
    message = await Message.get(conversation_id=talk.id, direction="in")
    with pytest.raises(NotFound):
        await candidates.correct(AGENT, talk.id, message.seq + 1, "greet", now=AT)
    with pytest.raises(Forbidden):
        await candidates.correct(Actor("staff", 2, "marketing"), talk.id, message.seq, "greet", now=AT)
    assert await candidates.undecided() == []
