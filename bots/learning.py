"""Keeps what the bot asked about or missed, and what the customer meant by it, for a person to review."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from crm import candidates, dialogue
from nlu.engine import Turned
from nlu.parsing import CHOOSE, FALLBACK, fits

_NONE = {"slot": "which", "value": "none"}  # the button 'none of these' of the middle band


async def note(
    conversation_id: int,
    inbox_id: int,
    text: str,
    parsed: Mapping[str, Any],
    turned: Turned,
    *,
    pressed: bool,
    language: str,
    missed_before: int,
    now: datetime,
) -> None:
    """After a turn, inside its transaction: keep an unclear sentence, or settle the one before it.

    A turn that was clear and follows none that was not costs nothing here.
    """
    offered = _offered(turned.replies)
    if turned.intent == FALLBACK and not pressed:
        missed = not offered and await dialogue.misses(conversation_id) > missed_before
        if offered or missed:
            await candidates.keep(
                conversation_id, inbox_id, text, parsed.get("entities") or (),
                language=language, offered=offered, now=now,
            )  # fmt: skip
    elif pressed and (meant := _meant(parsed)) is not None:
        await candidates.settle(conversation_id, meant, pressed=True, now=now)
    elif missed_before and parsed.get("band") == "act":
        await candidates.settle(conversation_id, str(turned.intent), pressed=False, now=now)


def _offered(replies: list[dict[str, Any]]) -> list[str]:
    """The intents that a question of the middle band put forward; empty for any other reply."""
    for reply in replies:
        payloads = [str(button.get("payload", "")) for button in reply.get("buttons") or ()]
        if any(_is_none(payload) for payload in payloads):
            return [payload[1:] for payload in payloads if not _is_none(payload)]
    return []


def _is_none(payload: str) -> bool:
    command, _, values = payload.partition("{")
    return command == "/choose" and bool(values) and json.loads("{" + values) == _NONE


def _meant(parsed: Mapping[str, Any]) -> str | None:
    """The intent of a pressed choice; "" for 'none of these', None for an answer to something else."""
    name = str((parsed.get("intent") or {}).get("name") or "")
    if name == CHOOSE:
        values = {str(one["entity"]): one["value"] for one in parsed.get("entities") or ()}
        return "" if values == _NONE else None
    return name if fits(name, "customer") else None
