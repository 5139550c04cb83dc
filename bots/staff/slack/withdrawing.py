"""Deletes what we wrote in a thread of Slack, where it may no longer stand."""

from collections.abc import Mapping
from typing import Any

from bots.channels.base import Undeliverable
from bots.staff.slack.client import Slack
from crm.slack_cards import Card


async def withdraw(slack: Slack, card: Card) -> None:
    """Delete all that we wrote in a thread, its root last."""
    cursor: dict[str, str] = {}
    ours: list[Mapping[str, Any]] = []
    while True:
        told = await slack.get("conversations.replies", channel=card.channel, ts=card.ts, limit=200, **cursor)
        ours += [m for m in told.get("messages", []) if m.get("user") == await slack.bot()]
        on = str((told.get("response_metadata") or {}).get("next_cursor") or "")
        if not on:
            break
        cursor = {"cursor": on}
    for message in reversed(ours):
        for file in message.get("files", ()):
            await _gone(slack, "files.delete", file=file["id"])
        await _gone(slack, "chat.delete", channel=card.channel, ts=message["ts"])


async def _gone(slack: Slack, method: str, **what: Any) -> None:
    """Delete something that may be gone already."""
    try:
        await slack.call(method, **what)
    except Undeliverable as fault:
        if str(fault) not in ("message_not_found", "file_not_found", "file_deleted"):
            raise
