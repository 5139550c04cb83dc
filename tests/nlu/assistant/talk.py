"""A customer's conversation with the engine, as the tests tell it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from nlu import parsing
from nlu.engine import Engine, Turned

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


class Talk:
    """Says one thing after the other, and keeps the snapshot between."""

    def __init__(self, engine: Engine, sender: str = "s") -> None:
        self.engine = engine
        self.sender = sender
        self.snapshot: str | None = None

    async def say(self, text: str, *, band: str | None = None, **about: Any) -> Turned:
        return await self.turn(text, await heard(self.engine, text, band), **about)

    async def choose(self, payload: str, label: str = "선택") -> Turned:
        return await self.turn(label, parsing.command(payload, text=label))

    async def turn(
        self,
        text: str,
        parsed: Mapping[str, Any],
        *,
        slots: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        expired: bool = False,
    ) -> Turned:
        turned = await self.engine.turn(
            sender=self.sender,
            text=text,
            parsed=parsed,
            snapshot=self.snapshot,
            metadata=metadata or {},
            slots=slots or {},
            at=NOW,
            expired=expired,
        )
        self.snapshot = turned.snapshot
        return turned


async def heard(engine: Engine, text: str, band: str | None = None) -> dict[str, Any]:
    """Parse data as the pipeline of the product gives it: with a band."""
    parsed = await engine.parse(text, at=NOW)
    parsed["band"] = band or ("act" if parsed["intent"]["name"] else "handover")
    return parsed


def texts(turned: Turned) -> list[str]:
    return [reply.get("text", "") for reply in turned.replies]
