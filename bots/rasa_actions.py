"""For stock Rasa: `rasa run actions --actions bots.rasa_actions` wires the database and exposes `actions`.

Proof that this is ordinary Rasa, and the other side of the benchmark `turn`.
"""

import asyncio
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.executor import ActionExecutor, CollectingDispatcher
from rasa_sdk.interfaces import Action

import actions as ours
from bots import settings, wiring
from crm import writes

_opened: dict[str, Any] = {}
_opening = asyncio.Lock()


async def _connect() -> None:
    """Open the database in the server's own loop, once, at the first action."""
    async with _opening:
        if "context" not in _opened:
            context = wiring.connected(settings.load())
            await context.__aenter__()
            _opened["context"] = context


def _wired(action: Action) -> type[Action]:
    async def run(
        self: Action, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Any:
        await _connect()
        async with writes.transaction():
            return await action.run(dispatcher, tracker, domain)

    name = str(action.name())
    return type(f"Wired_{name}", (Action,), {"name": lambda self: name, "run": run, "__module__": __name__})


_MADE = [_wired(action) for action in ours.ALL]


def _register(executor: ActionExecutor) -> None:
    """Register ours alone.

    The server would make one of every subclass of Action that is imported; some of ours take arguments, some
    are bases, and none but these opens the database.
    """
    for made in _MADE:
        executor.register_action(made)


ActionExecutor._register_all_actions = _register
