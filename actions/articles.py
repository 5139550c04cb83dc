"""Quoting the articles that staff keep."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from rasa_sdk.executor import CollectingDispatcher

from actions.context import Turn
from actions.languages import dates_in
from actions.words import say
from crm import cards, hours, knowledge

KINDS: dict[str, list[str]] = {
    "ask_usage": ["usage", "error_code"],
    "ask_repair_cost": ["repair_price"],
    "ask_hours": ["hours"],
    "ask_location": ["location"],
    "ask_price": ["policy"],
    "ask_product": ["policy"],
    "ask_payment": ["policy"],
}
# Where the kind alone tells the article: opening hours need no further words.
_WHOLE = frozenset({"ask_hours", "ask_location", "ask_repair_cost"})
_SHORT_WHOLE = _WHOLE | {"ask_price", "ask_product", "ask_payment"}
_SHORT = 400  # characters: a bubble on a phone
# Share that an article must explain of words whose intent is not known. Of the training data's 777 sentences
# that no company answers one reaches it with the demo company's articles.
_UNASKED = 0.6
_SOON_DAYS = 7  # how far ahead days off are told to who asks for the hours


async def find(turn: Turn, text: str, intent: str) -> list[knowledge.Hit]:
    """The best articles of the kinds that `intent` asks for; empty rather than a bad one."""
    kinds = KINDS.get(intent)
    hits = await knowledge.search(text, locale=turn.language, kinds=kinds, limit=2)
    if not hits and intent in _WHOLE:
        hits = await knowledge.of_kind((kinds or ["hours"])[0], locale=turn.language)
    return [_told(hit, intent) for hit in hits]


def _told(hit: knowledge.Hit, intent: str) -> knowledge.Hit:
    """Of hours, places, prices, terms a short article whole: which half was meant, its words do not tell."""
    body = hit.article.body.strip()
    return replace(hit, quote=body) if intent in _SHORT_WHOLE and len(body) <= _SHORT else hit


def quote(dispatcher: CollectingDispatcher, hits: Sequence[knowledge.Hit]) -> None:
    """Say the passage of the best one, and show all with the way to the whole."""
    shown = [cards.article(title=h.article.title, quote=h.quote, url=h.url) for h in hits]
    dispatcher.utter_message(text=hits[0].quote, json_message={"cards": shown})


async def quoted_unasked(
    dispatcher: CollectingDispatcher, turn: Turn, text: str, *, settles: bool = True
) -> bool:
    """Quote an article about words that the model cannot place: staff write of more than it has learned.
    Return whether there was one. `settles`: nothing is asked behind it but whether more is wanted."""
    found = (
        await knowledge.search(text, locale=turn.language, kinds=KINDS["ask_usage"], limit=2) if text else []
    )
    hits = [hit for hit in found if hit.score >= _UNASKED]
    if hits:
        quote(dispatcher, hits)
    if hits and settles:
        say(dispatcher, "utter_answer_more")
    return bool(hits)


async def closed_days(turn: Turn, asked: date | None) -> list[str]:
    """Holidays and days off that no weekly hours tell of: the local day asked for, else those of a week."""
    calendar = await hours.load(tz=turn.tz)
    today = turn.at.astimezone(turn.tz).date()
    days = [asked] if asked else [today + timedelta(days=ahead) for ahead in range(_SOON_DAYS + 1)]
    closed = [on for on in days if on >= today and calendar.week[on.weekday()] and calendar.closure(on)]
    return [dates_in(turn.language).day(on, today=today) for on in closed]


async def answer(
    dispatcher: CollectingDispatcher,
    turn: Turn,
    text: str,
    intent: str,
    *,
    asked: date | None = None,
    aside: bool = False,
) -> bool:
    """Quote the best article on `text`, else say that there is none; return whether there was one.

    `asked` is the local day that they ask of.
    """
    hits = await find(turn, text, intent)
    if not hits:
        say(dispatcher, "utter_no_answer")
        return False
    quote(dispatcher, hits)
    if intent == "ask_hours" and (closed := await closed_days(turn, asked)):
        say(dispatcher, "utter_closed_days", days=", ".join(closed))
    if intent == "ask_usage" and not aside:
        say(dispatcher, "utter_answer_more")
    return True
