"""The numbers on the rail and the tabs."""

from typing import Any

from bots.web.desk.frame import Desk
from crm import callbacks, conversations, live_views


async def counts(desk: Desk) -> dict[str, Any]:
    """`views`: how many conversations each tab holds; beside it what waits for me or anybody, due calls."""
    views = await conversations.counts(desk.actor)
    return {
        "views": views,
        "conversations": views["mine"] + views["unassigned"],
        "callbacks": await callbacks.count_due(desk.actor),
        "calls": await live_views.count_waiting(desk.actor),
    }
