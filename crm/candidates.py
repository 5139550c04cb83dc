"""What was asked, chosen and corrected: candidates for the training data, which a person accepts or not.

Nothing here trains. Personal data never enters: a sentence is kept with stand-ins for names, numbers and
addresses, or as a mere reference to the message; it goes when its person is erased.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from crm import audit, db, writes
from crm.actor import SYSTEM, Actor, check
from crm.errors import NotFound
from crm.models import Message, TrainingCandidate
from crm.naming import in_language

ANSWERED_WITHIN = timedelta(minutes=10)
"""Later words are about something else."""
LONGEST = 300  # code points of a sentence worth learning from

# What stands for a person's own, by entity: in the company's own language and in others.
_STANDINS: Final = {
    "person": ("홍길동", "Jane Doe"),
    "company": ("한국상사", "Acme Inc."),
    "address": ("서울 중구 세종대로 110", "110 Sejong-daero"),
    "phone": ("010-0000-0000", "010-0000-0000"),
    "email": ("name@example.com", "name@example.com"),
    "request_no": ("SR-2026-000001", "SR-2026-000001"),
    "quote_no": ("Q-2026-000001", "Q-2026-000001"),
    "order_no": ("O-2026-000001", "O-2026-000001"),
    "contract_no": ("C-2026-000001", "C-2026-000001"),
}
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_DIGITS = re.compile(r"\d(?:[\d .-]{4,})\d")
_MARKUP = re.compile(r"[\[\]()]")


def masked(text: str, entities: Sequence[Mapping[str, Any]], language: str) -> str:
    """The sentence in the notation of the training data, without anything of a person's own.

    Entities are marked; those that tell who somebody is get a stand-in. Long numbers and e-mail addresses
    that no entity covers get one too.
    """
    parts, at = [], 0
    for one in sorted(entities, key=lambda one: int(one["start"])):
        start, end, name = int(one["start"]), int(one["end"]), str(one["entity"])
        if start < at:
            continue
        pair = _STANDINS.get(name)
        value = in_language(*pair, language) if pair else _plain(text[start:end])
        parts += [_plain(text[at:start]), f"[{value}]({name})"]
        at = end
    return " ".join("".join([*parts, _plain(text[at:])]).split())


def _plain(text: str) -> str:
    text = _EMAIL.sub(_STANDINS["email"][0], _MARKUP.sub(" ", text))
    return _DIGITS.sub(lambda match: re.sub(r"\d", "0", match.group()), text)


async def keep(
    conversation_id: int,
    inbox_id: int,
    text: str,
    entities: Sequence[Mapping[str, Any]],
    *,
    language: str,
    offered: Sequence[str],
    now: datetime,
) -> None:
    """Keep a sentence the bot asked about (`offered`: the intents it put forward) or did not understand.

    `now` is aware. The same message twice is kept once.
    """
    db.require_aware(now)
    sentence = masked(text, entities, language)
    if not sentence or len(text) > LONGEST:
        return
    await TrainingCandidate.get_or_create(
        inbox_id=inbox_id,
        defaults={
            "conversation_id": conversation_id, "text": sentence, "language": language,
            "offered": list(offered), "how": "asked" if offered else "missed", "at": now,
        },
    )  # fmt: skip


async def settle(conversation_id: int, intent: str, *, pressed: bool, now: datetime) -> None:
    """What came next tells what the last unsettled sentence meant; `intent` "" is 'none of these'.

    A pressed intent counts where it was offered; typed words that were understood correct what was not.
    """
    newest = (
        await TrainingCandidate.filter(conversation_id=conversation_id, at__gte=now - ANSWERED_WITHIN)
        .order_by("-id")
        .first()
    )
    if newest is None or newest.verdict or newest.intent:
        return
    if pressed and newest.how == "asked" and (not intent or intent in newest.offered):
        newest.how, newest.intent = ("chosen", intent) if intent else ("none", "")
    elif not pressed and intent and newest.how in ("missed", "none"):
        newest.how, newest.intent = "corrected", intent
    else:
        return
    await newest.save(update_fields=["how", "intent"])


async def correct(actor: Actor, conversation_id: int, seq: int, intent: str, *, now: datetime) -> None:
    """Staff say that the bot took a customer's message (`seq`) wrongly; `intent` "" where they name none.

    The words are not copied: without entities nobody could mask them. They are read where a person reviews
    them (`words_of`). Raises `NotFound` for what is no written message of a customer's.
    """
    check(actor, "conversation.write")
    message = await _written(conversation_id=conversation_id, seq=seq)
    async with writes.transaction():
        one, _ = await TrainingCandidate.get_or_create(
            inbox_id=message.inbox_id,
            defaults={
                "conversation_id": conversation_id, "text": "", "language": message.lang or "ko",
                "how": "corrected", "at": now,
            },
        )  # fmt: skip
        if one.verdict:
            return
        one.how, one.intent = "corrected", intent
        await one.save(update_fields=["how", "intent"])
        await audit.record(actor, "candidate.corrected", "training_candidate", one.id, now=now)


async def words_of(one: TrainingCandidate) -> Message:
    """The message that a candidate without words of its own stands for. Raises `NotFound`."""
    return await _written(inbox_id=one.inbox_id)


async def _written(**where: int) -> Message:
    found = await Message.filter(direction="in", author="contact", inbox_id__isnull=False, **where).first()
    if found is None or not found.text.strip():
        raise NotFound("no written message of a customer's")
    return found


async def undecided(after: int = 0, *, limit: int = 20) -> list[TrainingCandidate]:
    """The oldest sentences that nobody has decided on, with a number above `after`."""
    return await TrainingCandidate.filter(verdict="", id__gt=after).order_by("id").limit(limit)


async def decide(candidate: TrainingCandidate, *, accepted: bool, now: datetime) -> None:
    """Write down that a person at the terminal accepted or rejected the sentence, and audit it."""
    db.require_aware(now)
    async with db.transaction():
        candidate.verdict, candidate.decided_at = "accepted" if accepted else "rejected", now
        await candidate.save(update_fields=["verdict", "decided_at"])
        await audit.record(
            SYSTEM, f"candidate.{candidate.verdict}", "training_candidate", candidate.id, now=now
        )
