"""Tokens of what a customer may press: choices of a message and those inside its cards.

A pressable has a `payload` (an intent command of ours) and, once `mint` has run, a short `value`: the only
thing a channel ever sees. A pressed token is looked up again among the conversation's recent messages.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crm import db
from crm.models import Message

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is misread aloud
LENGTH = 8
REMEMBERED_MESSAGES = 300  # how far back a pressed choice is still understood


def pressables(
    choices: Sequence[Mapping[str, Any]], cards: Sequence[Mapping[str, Any]]
) -> Iterator[Mapping[str, Any]]:
    """Everything in a message that can be pressed."""
    yield from choices
    for card in cards:
        for row in card.get("chips", ()):
            yield from row
        yield from card.get("actions", ())
        yield from card.get("scores", ())


def mint(
    choices: Sequence[Mapping[str, Any]], cards: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Copies in which every payload without a `value` has got a fresh token."""
    return [_minted(item) for item in choices], [_minted(card) for card in cards]


def _minted(node: Any) -> Any:
    if isinstance(node, Mapping):
        copy = {key: _minted(value) for key, value in node.items()}
        if "payload" in copy:
            copy.setdefault("value", token())
        return copy
    return [_minted(item) for item in node] if isinstance(node, list | tuple) else node


def token() -> str:
    """A short word for one choice, unguessable within a conversation."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def public(node: Any) -> Any:
    """A copy of choices or cards without payloads, each pressable with a `label`: what may leave us."""
    if isinstance(node, Mapping):
        copy = {key: public(value) for key, value in node.items() if key != "payload"}
        if "payload" in node:
            copy["label"] = label(node)
            copy.pop("title", None)
        return copy
    return [public(item) for item in node] if isinstance(node, list | tuple) else node


def label(pressable: Mapping[str, Any]) -> str:
    """The words on a pressable; as the customer's own message a chip is said in full."""
    return str(pressable.get("label") or pressable.get("title") or "")


def said(pressable: Mapping[str, Any]) -> str:
    """What the customer has said by pressing it."""
    return str(pressable.get("full") or label(pressable))


def find(
    choices: Sequence[Mapping[str, Any]], cards: Sequence[Mapping[str, Any]], value: str
) -> Mapping[str, Any] | None:
    """The pressable of a message whose token is `value`."""
    return next((item for item in pressables(choices, cards) if item.get("value") == value), None)


async def known(conversation_id: int, value: str) -> Mapping[str, Any] | None:
    """The choice that `value` stands for in this conversation, outdated ones included; None when unknown."""
    for row in await _said(conversation_id, REMEMBERED_MESSAGES):
        if found := find(row["choices"], row["cards"], value):
            return found
    return None


async def last_said(conversation_id: int) -> Mapping[str, Any] | None:
    """Text, choices and cards of the newest message to the customer; None when there is none."""
    rows = await _said(conversation_id, 1)
    return rows[0] if rows else None


async def _said(conversation_id: int, limit: int) -> list[dict[str, Any]]:
    """Every customer's message asks for these."""
    rows = await db.fetch(
        "SELECT text, choices, cards FROM message WHERE conversation_id = ? AND direction = 'out'"
        " ORDER BY seq DESC LIMIT ?",
        conversation_id,
        limit,
    )
    return db.read_rows(rows, documents=("choices", "cards"))


async def newest(channel: str, account: str, external_user: str) -> tuple[int, list[Any], list[Any]] | None:
    """Conversation, choices and cards of the newest message that we sent to a channel user."""
    rows = (
        await Message.filter(
            conversation__identity__channel=channel,
            conversation__identity__channel_account=account,
            conversation__identity__external_id=external_user,
            direction="out",
        )
        .order_by("-id")
        .limit(1)
        .values_list("conversation_id", "choices", "cards")
    )
    return (int(rows[0][0]), list(rows[0][1]), list(rows[0][2])) if rows else None
