"""`dangol talk`: the bot in the terminal, through the same turn as every channel."""

import asyncio
import secrets
from datetime import UTC, datetime
from pathlib import Path

from bots import catalogue, training, wiring
from bots.settings import Settings
from bots.work import Assistant, executor
from bots.worker import Worker
from crm import choices, inbox
from crm.inbox import Inbound
from crm.models import Message
from nlu.engine import Engine

LONGEST_ANSWER_SECONDS = 60.0
QUIT = frozenset({"/quit", "/exit", "끝"})


async def run(settings: Settings, *, root: Path, language: str) -> None:
    """Read lines until the end of input; print what the bot says. A number presses that choice."""
    engine = await Engine.load(training.present(settings, root=root), executor())
    async with wiring.ready(settings):
        await catalogue.fill()
        helper = Assistant(settings, engine)
        worker = Worker(helper, on_parked=helper.parked)
        user, seen = f"talk-{secrets.token_hex(4)}", 0
        offered: list[str] = []
        while (line := await _read()) is not None and line not in QUIT:
            if not line:
                continue
            stored = await inbox.store(_inbound(user, line, offered, language), now=datetime.now(UTC))
            await worker.drain()
            await inbox.wait_done(stored.inbox_id, LONGEST_ANSWER_SECONDS)  # another worker may have it
            seen, offered = await _show(stored.conversation_id, max(seen, stored.seq))


async def _read() -> str | None:
    try:
        return (await asyncio.to_thread(input, "> ")).strip()
    except EOFError:
        return None


def _inbound(user: str, line: str, offered: list[str], language: str) -> Inbound:
    pressed = offered[int(line) - 1] if line.isdigit() and 0 < int(line) <= len(offered) else ""
    return Inbound(
        channel="terminal",
        external_user=user,
        external_id=secrets.token_hex(8),
        kind="choice" if pressed else "message",
        text="" if pressed else line,
        choice=pressed,
        locale=language,
        received_at=datetime.now(UTC),
    )


async def _show(conversation_id: int, seen: int) -> tuple[int, list[str]]:
    offered: list[str] = []
    said = await Message.filter(conversation_id=conversation_id, seq__gt=seen, direction="out").order_by(
        "seq"
    )
    for message in said:
        print(message.text)
        offered = []
        for number, choice in enumerate(choices.pressables(message.choices, message.cards), start=1):
            offered.append(str(choice.get("value", "")))
            print(f"  {number}. {choices.said(choice)}")
    return (said[-1].seq if said else seen), offered
