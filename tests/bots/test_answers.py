"""Short words under the newest message are as good as a button."""

from datetime import datetime
from typing import Any

import pytest

from actions import people
from bots import answers
from crm import conversations, identities
from crm.models import Message

SCORES = [
    {"label": f"{n}점", "payload": f'/rate_service{{"request_no": "SR-1", "score": "{n}"}}'}
    for n in range(1, 6)
]
YES_NO = [{"label": "상담원 연결", "payload": "/talk_to_human"}, {"label": "괜찮아요", "payload": "/deny"}]


async def under(now: datetime, text: str, offered: list[dict[str, Any]], said: str) -> str | None:
    """The payload that `said` amounts to under a message."""
    identity = await identities.find_or_create("web", "", "u", locale="ko", now=now)
    conversation = await conversations.reach(identity, now=now, locale="ko")
    await Message.create(
        conversation_id=conversation.id, seq=1, direction="out", author="bot", text=text, choices=offered,
        cards=[], key="k", created_at=now,
    )  # fmt: skip
    meant = await answers.meant(conversation.id, said)
    return str(meant["payload"]) if meant else None


@pytest.mark.parametrize(
    ("text", "said", "payload"),
    [
        ("지금 상담원과 이야기하시겠어요?", "네", "/talk_to_human"),
        ("지금 상담원과 이야기하시겠어요?", "네네!", "/talk_to_human"),
        ("Would you like to talk to a person now?", "yes please", "/talk_to_human"),
        ("Would you like to talk to a person now?", "Yes.", "/talk_to_human"),
        ("지금 상담원과 이야기하시겠어요?", "괜찮아요", "/deny"),
        ("지금 상담원과 이야기하시겠어요?", " 상담원 연결 ", "/talk_to_human"),
        ("지금 상담원과 이야기하시겠어요?", "냉장고가 고장났어요", None),
        ("무엇을 도와드릴까요?", "네", None),
        ("Which of these two?", "yes", None),
        ("다시 말씀해 주시겠어요?", "네", None),
        ("방문만 취소할까요, 접수를 모두 취소할까요?", "네", None),
        ("Cancel only the visit, or the whole request?", "yes", None),
        ("상담원에게 연결할게요.", "네", None),
    ],
)
async def test_a_yes_is_the_first_choice_of_a_question_that_can_be_answered_by_yes(
    db: str, now: datetime, text: str, said: str, payload: str | None
) -> None:
    assert await under(now, text, YES_NO, said) == payload


@pytest.mark.parametrize(
    ("said", "payload"),
    [
        ("3", SCORES[2]["payload"]),
        ("5점이요", SCORES[4]["payload"]),
        ("1점", SCORES[0]["payload"]),
        ("6", None),
        ("아직도 안 돼요", '/reopen_request{"request_no": "SR-1"}'),
        ("it still does not work", '/reopen_request{"request_no": "SR-1"}'),
        ("고마워요", None),
    ],
)
async def test_under_a_survey_a_number_is_the_score_and_still_broken_reopens(
    db: str, now: datetime, said: str, payload: str | None
) -> None:
    notice = "해결됐어요. 이 일이 해결됐나요? 1점부터 5점까지 골라 주세요."
    assert await under(now, notice, SCORES, said) == payload


async def test_before_anything_was_said_words_stand_for_themselves(db: str, now: datetime) -> None:
    identity = await identities.find_or_create("web", "", "u", locale="ko", now=now)
    conversation = await conversations.reach(identity, now=now, locale="ko")
    assert await answers.meant(conversation.id, "네") is None


ADVICE = [
    {"label": "해결됐어요", "payload": "/thank"},
    {"label": "수리 접수", "payload": "/request_service"},
    {"label": "상담원 연결", "payload": "/talk_to_human"},
]


@pytest.mark.parametrize(
    ("said", "payload"),
    [
        ("아니요", "/request_service"),
        ("그것도 안 되면요?", "/request_service"),
        ("해봤는데 똑같아요", "/request_service"),
        ("that didn't help", "/request_service"),
        ("네", "/thank"),
        ("해결됐어요", "/thank"),
        ("영업시간은 언제예요?", None),
    ],
)
async def test_advice_that_was_no_use_leads_to_a_repair(
    db: str, now: datetime, said: str, payload: str | None
) -> None:
    assert await under(now, "도움이 됐나요?", ADVICE, said) == payload


@pytest.mark.parametrize(
    ("text", "wants"),
    [
        ("아 됐어요 봇이랑 할게요", True),
        ("봇과 계속할게요", True),
        ("let's go on with the bot", True),
        ("봇 말고 사람이랑 얘기할래요", False),
        ("네", False),
        ("세탁기에서 물이 새요", False),
    ],
)
def test_who_waits_may_go_back_to_the_bot_in_words(text: str, wants: bool) -> None:
    assert people.wants_bot(text) is wants
