"""Live support: a link into a call while somebody can come, other ways when we are closed."""

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from actions.context import Turn, turn_of
from actions.languages import dates_in
from actions.words import button, label, say
from crm import conversations, hours, live_asking, live_links, live_views, requests
from crm.actor import BOT


class StartLive(Action):
    """The customer wants to be seen or to show something."""

    def name(self) -> str:
        return "action_start_live"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        turn = await turn_of(tracker)
        calendar = await hours.load()
        if calendar.is_open(turn.at):
            await self._invite(dispatcher, turn)
        else:
            opens = calendar.next_open(turn.at)
            ways = [
                button(label(domain, turn.language, f"label_intent_{name}"), f"/{name}")
                for name in ("request_callback", "book_visit")
            ]
            if opens is None:
                say(dispatcher, "utter_live_closed_all", buttons=ways)
            else:
                at = dates_in(turn.language).opening(opens, now=turn.at, tz=turn.tz)
                say(dispatcher, "utter_live_closed", buttons=ways, opens=at)
        return []

    async def _invite(self, dispatcher: CollectingDispatcher, turn: Turn) -> None:
        """A session about the newest open request; staff hear of it, and see who waits."""
        matters = await requests.of_contact(turn.contact_id, open_only=True, limit=1)
        made = await live_asking.create(
            BOT,
            turn.contact_id,
            request_id=matters[0].id if matters else None,
            conversation_id=turn.conversation_id,
            now=turn.at,
        )
        wait = await live_views.standing(made.session, turn.at)
        say(dispatcher, "utter_live_link", link=live_links.url_of(made.customer))
        if not wait.staffed:
            say(dispatcher, "utter_live_nobody")
        await conversations.hand_over(
            turn.conversation_id, reason="start_live_support", team_topic="repair", now=turn.at
        )
