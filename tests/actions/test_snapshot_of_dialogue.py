"""On the real dialogue: what the short snapshot leads to is what the whole history leads to."""

import random
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from crm import conversations, db, identities
from nlu import parsing
from nlu.engine import Engine
from nlu.snapshot import save
from tests.actions import company

pytestmark = [pytest.mark.full, pytest.mark.rasa]
CONVERSATIONS = 25
TURNS = 16
LARGEST = 6_000  # bytes of a snapshot
SAID = [
    "안녕하세요", "세탁기에서 물이 새요", "드럼세탁기요", "물이 새고 소리가 커요",
    "다음주 화요일 오후 3시", "네", "네 맞아요", "아니요", "아니 냉장고요", "서울시 강남구 테헤란로 1",
    "010-1234-5678", "영업시간이 어떻게 되나요?", "취소할래요", "접수 현황 알려주세요",
    "접수 취소해 주세요", "전화 주세요", "내일 오후 2시", "에러코드 E21 뭐예요", "고맙습니다",
    "ㅁㄴㅇㄹ", "도와줘", "불만이에요 너무 느려요", "What are your hours?", "my fridge is broken",
    "별점 5점 줄게요", "방문 시간 바꿔주세요", "가격이 얼마예요", "방문 취소할게요",
    "접수에 추가할게요", "#press", "#press", "#press", "#press", "#press", "#silence",
]  # fmt: skip


class Talk:
    """One conversation on a database of its own, with a short memory or the whole one."""

    def __init__(self, engine: Engine, *, short: bool) -> None:
        self.engine = engine
        self.short = short
        self.tracker = engine.tracker("1", None)
        self.at = company.MONDAY
        self.buttons: list[Any] = []
        self.random = random.Random(1)
        self.largest = 0

    async def begin(self, folder: Path) -> None:
        await company.open_shop(folder)
        identity = await identities.find_or_create("web", "", "u", locale="ko", now=self.at)
        self.conversation = await conversations.reach(identity, now=self.at, locale="ko")
        await company.give(self.conversation.contact_id, company.WASHER)

    async def turn(self, move: str) -> Any:
        """What came of a move: replies, intent, slots and the active form."""
        self.at += timedelta(minutes=1)
        text, parsed = await self._meant("안녕하세요" if move == "#silence" else move)
        metadata = {
            "conversation_id": self.conversation.id,
            "contact_id": self.conversation.contact_id,
            "inbox_id": None,
            "audience": "customer",
            "channel": "web",
            "files": 0,
            "pressed": move == "#press",
        }
        if self.short:
            self.tracker = self.engine.tracker("1", save(self.tracker))
        async with db.transaction():
            replies, intent = await self.engine.turn_on(
                self.tracker,
                text=text,
                parsed=parsed,
                metadata=metadata,
                slots={"language": parsed.get("language") or "ko"},
                at=self.at,
                expired=move == "#silence",
            )
        self.largest = max(self.largest, len(save(self.tracker).encode()))
        self.buttons = [b for reply in replies for b in reply.get("buttons", [])] or self.buttons
        slots = self.tracker.current_slot_values()
        slots.pop("session_started_metadata", None)
        return text, intent, replies, slots, self.tracker.active_loop_name

    async def _meant(self, move: str) -> tuple[str, Any]:
        if move != "#press":
            return move, await self.engine.parse(move, at=self.at)
        if not self.buttons:
            return "네", await self.engine.parse("네", at=self.at)
        button = self.buttons[self.random.randrange(len(self.buttons))]
        payload = button["payload"]
        known = payload if payload != "/back_to_bot" else "/help"
        return button["title"], parsing.command(known, text=button["title"])


@pytest.mark.parametrize("seed", range(CONVERSATIONS))
async def test_a_short_memory_leads_to_the_same_dialogue(
    engine: Engine, sqlite_template: Path, tmp_path: Path, seed: int
) -> None:
    moves = random.Random(seed).choices(SAID, k=TURNS)
    outcomes = []
    for short in (True, False):
        path = tmp_path / f"{short}.db"
        shutil.copy(sqlite_template, path)
        await db.connect(f"sqlite://{path}", synchronous="OFF")
        try:
            talk = Talk(engine, short=short)
            await talk.begin(tmp_path)
            outcomes.append([await talk.turn(move) for move in moves])
            assert talk.largest < LARGEST
        finally:
            await db.close()
    for with_snapshot, with_history in zip(*outcomes, strict=True):
        assert with_snapshot == with_history
