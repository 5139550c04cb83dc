"""What the bot was unsure of is kept for review, and unseen sentences show how sure it may be."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from crm.models import TrainingCandidate
from nlu.engine import Engine
from tests.actions.conversation import Customer

pytestmark = pytest.mark.rasa

PROBE = Path(__file__).parent.parent / "nlu/probe"


async def test_the_answer_to_a_question_of_the_middle_band_is_kept(customer: Customer) -> None:
    await customer.says("바꿀게요")
    asked = await TrainingCandidate.get()
    assert (asked.how, asked.text, len(asked.offered)) == ("asked", "바꿀게요", 2)
    await customer.presses(customer.labels[0])
    chosen = await TrainingCandidate.get()
    assert (chosen.how, chosen.intent) == ("chosen", asked.offered[0])


async def test_none_of_these_settles_without_an_intent(customer: Customer) -> None:
    await customer.says("바꿀게요")
    await customer.presses("둘 다 아니에요")
    assert (await TrainingCandidate.get()).how == "none"


async def test_what_is_said_after_a_miss_corrects_it(customer: Customer) -> None:
    await customer.says("ㅁㄴㅇㄹ")
    await customer.says("영업시간이 어떻게 되나요?")
    corrected = await TrainingCandidate.get()
    assert (corrected.how, corrected.intent) == ("corrected", "ask_hours")


async def test_what_was_understood_is_not_kept(customer: Customer) -> None:
    await customer.says("안녕하세요")
    await customer.says("냉장고에서 소리가 나요")
    assert await TrainingCandidate.all().count() == 0


@pytest.mark.parametrize(
    ("file", "audience"), [("customers_ko", "customer"), ("customers_en", "customer"), ("staff", "staff")]
)
async def test_sentences_nobody_trained_on_are_understood(engine: Engine, file: str, audience: str) -> None:
    lines = (PROBE / f"{file}.txt").read_text(encoding="utf-8").splitlines()
    at, right, outside = datetime(2026, 3, 4, 3, 0, tzinfo=UTC), [], []
    for line in lines:
        intent, text = line.split("\t")
        parsed = await engine.parse(text, at=at, audience=audience)
        right.append(parsed["intent"]["name"] == intent)
        if intent == "out_of_scope":
            outside.append(parsed["band"] == "handover")
    assert sum(right) >= 0.95 * len(right)
    assert sum(outside) >= 0.8 * len(outside)
