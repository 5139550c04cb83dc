"""The short list of events leaves the same dialogue as the full history."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActiveLoop, Event, SlotSet
from rasa.shared.core.slots import AnySlot, TextSlot
from rasa.shared.core.trackers import DialogueStateTracker

from nlu import parsing
from nlu.engine import Engine
from nlu.snapshot import restore, save
from tests.nlu.assistant.build import engine
from tests.nlu.assistant.talk import NOW, Talk, heard

pytestmark = pytest.mark.rasa


@dataclass(frozen=True)
class Move:
    """Something a customer does."""

    text: str
    payload: str | None = None
    band: str | None = None
    expired: bool = False
    slots: dict[str, Any] = field(default_factory=dict)


def said(text: str, **more: Any) -> Move:
    return Move(text, **more)


MOVES = [
    said("안녕"),
    said("세탁기 고장"),
    said("고장"),
    said("냉장고"),
    said("물이 새요"),
    said("물"),
    said("네"),
    said("아니"),
    said("취소"),
    said("영업시간"),
    said("영업시간", band="ask"),
    said("평가"),
    said("5점"),
    said("조회"),
    said("세탁기 문의"),
    said("규칙없음"),
    said("거절"),
    said("알 수 없는 말"),
    said("안녕", expired=True),
    said("고장", expired=True),
    said("안녕", slots={"language": "en", "product": "정수기"}),
    Move("냉장고", payload='/choose{"slot": "product", "value": "냉장고"}'),
    Move("처음부터", payload="/restart"),
    Move("접수", payload='/request_service{"product": "세탁기"}'),
]
INTERRUPTED = "고장 영업시간 세탁기 영업시간 안녕 물이_새요 영업시간 네 조회 안녕"
SWITCHED = "고장 세탁기 평가 5점 물이_새요 네 조회 평가 취소 고장 취소"


async def history(engine: Engine, moves: Sequence[Move], *, short: bool) -> list[Any]:
    """What each turn said, did and left, on snapshots or on one tracker that keeps everything."""
    tracker = engine.tracker("s", None)
    record = []
    for move in moves:
        parsed = (
            parsing.command(move.payload, text=move.text)
            if move.payload
            else await heard(engine, move.text, move.band)
        )
        before = len(tracker.events)
        replies, intent = await engine.turn_on(
            tracker,
            text=move.text,
            parsed=parsed,
            metadata={},
            slots={"language": "ko"} | move.slots,
            at=NOW,
            expired=move.expired,
        )
        done = [brief(event) for event in list(tracker.events)[before:]]
        record.append((intent, done, replies, state(tracker)))
        if short:
            tracker = engine.tracker("s", save(tracker))
    return record


def brief(event: Event) -> tuple[Any, ...]:
    name = getattr(event, "action_name", None) or getattr(event, "key", None) or getattr(event, "name", None)
    return (event.type_name, name, getattr(event, "value", None))


def state(tracker: DialogueStateTracker) -> dict[str, Any]:
    slots = tracker.current_slot_values()
    del slots["session_started_metadata"]
    return {"slots": slots, "loop": tracker.active_loop_name, "rejected": tracker.is_active_loop_rejected}


def same(moves: Sequence[Move]) -> None:
    async def both() -> tuple[list[Any], list[Any]]:
        return (
            await history(engine(), moves, short=True),
            await history(engine(), moves, short=False),
        )

    short, full = asyncio.run(both())
    assert short == full


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(MOVES), min_size=6, max_size=25))
def test_any_conversation_goes_on_from_a_snapshot_as_from_its_full_history(moves: list[Move]) -> None:
    same(moves)


@pytest.mark.parametrize("script", [INTERRUPTED, SWITCHED, "안녕 " * 12, "규칙없음 " * 6 + "안녕"])
def test_a_scripted_conversation_goes_on_as_from_its_full_history(script: str) -> None:
    same([said(text.replace("_", " ")) for text in script.split()])


async def test_a_snapshot_does_not_grow_with_the_conversation() -> None:
    talk = Talk(engine())
    script = [said(text.replace("_", " ")) for text in (INTERRUPTED + " " + SWITCHED).split()]
    sizes = [len((await talk.say(move.text)).snapshot.encode()) for move in script * 5]
    assert max(sizes) < 3_000
    assert sizes[-len(script) :] == sizes[-2 * len(script) : -len(script)]


async def test_a_snapshot_holds_no_words_but_those_in_slots() -> None:
    talk = Talk(engine())
    for text in ("안녕 홍길동입니다", "알 수 없는 말"):
        await talk.say(text)
    assert "홍길동" not in str(talk.snapshot)
    assert "알 수" not in str(talk.snapshot)


async def test_a_model_without_the_form_of_a_snapshot_forgets_just_the_form() -> None:
    talk = Talk(engine())
    await talk.say("세탁기 고장")
    domain = Domain.empty()
    domain.slots = [TextSlot("product", [])]
    events = restore(str(talk.snapshot), domain)
    assert events is not None
    assert not [event for event in events if isinstance(event, ActiveLoop)]
    assert {event.key for event in events if isinstance(event, SlotSet)} == {"product"}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"v": 2, "events": []}', '{"v": 1, "events": [{"x": 1}]}']
)
def test_an_unreadable_snapshot_begins_anew(text: str) -> None:
    assert restore(text, Domain.empty()) is None


def test_a_slot_that_is_no_json_is_refused() -> None:
    tracker = DialogueStateTracker("s", [AnySlot("s", [], influence_conversation=False)])
    tracker.update(SlotSet("s", object()))
    with pytest.raises(TypeError):
        save(tracker)


async def test_a_snapshot_is_readable_json() -> None:
    talk = Talk(engine())
    await talk.say("안녕")
    assert json.loads(str(talk.snapshot))["events"][0] == {"action": "action_listen"}
