"""When a visit may be: reading the customer's words, refusing honestly, offering days and hours."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from rasa_sdk.executor import CollectingDispatcher

from actions.context import Turn
from actions.languages import dates_in
from actions.said import Said
from actions.words import choose, label, say
from crm import assignment, cards, hours
from crm.business_time import Calendar, Closure, Slot

LATER = "later"
HORIZON_DAYS = 90  # how far ahead a visit may be asked for
_LENGTH = timedelta(hours=1)
_VAGUE = timedelta(hours=2)  # '오후' and other longer spans: the hour is still to be asked


def pack(start: datetime, end: datetime) -> str:
    """A visit as slot text: two ISO times."""
    return json.dumps([start.isoformat(), end.isoformat()])


def unpack(text: str | None) -> tuple[datetime, datetime] | None:
    """The visit of a slot; None when it is to be arranged later."""
    if not text or text == LATER:
        return None
    start, end = json.loads(text)
    return datetime.fromisoformat(start), datetime.fromisoformat(end)


def spoken(text: str | None, turn: Turn, domain: Mapping[str, Any]) -> str:
    """A visit slot as it is read back to the customer."""
    span = unpack(text)
    if span is None:
        return label(domain, turn.language, "label_visit_later")
    return dates_in(turn.language).moment(*span, now=turn.at, tz=turn.tz)


async def calendar() -> Calendar:
    """The opening hours of the team that visits."""
    team = await assignment.team_for("repair")
    return await hours.load(team.id if team else None)


async def read(
    message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
) -> dict[str, Any]:
    """Slots from a typed time or a pressed chip. A time we cannot keep is refused with the reason."""
    if message.chosen("visit") == LATER:
        return {"visit": LATER, "visit_sure": "yes", "visit_day": None}
    if picked := message.chosen("visit_day"):
        return {"visit_day": None if picked == "other" else picked}
    if picked := message.chosen("visit_time"):
        return await _exact(slots.get("visit_day"), picked, turn, dispatcher)
    found = message.moment()
    if found is None:
        return {}
    start, end, has_date, has_time = found
    if earlier := unpack(slots.get("visit")):
        start, end, has_time = _moved(earlier, (start, end), has_date, has_time, turn)
    if has_time and not has_date and slots.get("visit_day"):
        chosen = date.fromisoformat(str(slots["visit_day"]))
        start, end = (datetime.combine(chosen, t.astimezone(turn.tz).time(), turn.tz) for t in (start, end))
    return await _typed(start, end, has_time, turn, dispatcher)


def _moved(
    earlier: tuple[datetime, datetime],
    said: tuple[datetime, datetime],
    has_date: bool,
    has_time: bool,
    turn: Turn,
) -> tuple[datetime, datetime, bool]:
    """A corrected visit keeps what is not named: the hour ('목요일로요'), or the day ('4시로요')."""
    first, second = (at.astimezone(turn.tz) for at in (earlier[0], said[0]))
    if has_date and has_time:
        return *said, True
    day_of, time_of = (second, first) if has_date else (first, second)
    start = datetime.combine(day_of.date(), time_of.time(), turn.tz)
    return start, start + (earlier[1] - earlier[0]), True


async def _exact(on: Any, at: str, turn: Turn, dispatcher: CollectingDispatcher) -> dict[str, Any]:
    if not on:
        return {}
    start = datetime.combine(date.fromisoformat(str(on)), time.fromisoformat(at), turn.tz)
    if await _refused(start, True, turn, dispatcher):
        return {}
    # A chip names day and hour outright; the summary reads both back once more.
    return {"visit": pack(start, start + _LENGTH), "visit_sure": "yes", "visit_day": None}


async def _typed(
    start: datetime, end: datetime, has_time: bool, turn: Turn, dispatcher: CollectingDispatcher
) -> dict[str, Any]:
    if await _refused(start, has_time and end - start <= _VAGUE, turn, dispatcher):
        return {}
    if not has_time or end - start > _VAGUE:
        return {"visit_day": start.astimezone(turn.tz).date().isoformat()}
    if end - start < _LENGTH:
        end = start + _LENGTH
    return {"visit": pack(start, end), "visit_sure": None, "visit_day": None}


async def _refused(start: datetime, has_time: bool, turn: Turn, dispatcher: CollectingDispatcher) -> bool:
    local, now = start.astimezone(turn.tz), turn.at.astimezone(turn.tz)
    if (local < now) if has_time else (local.date() < now.date()):
        say(dispatcher, "utter_visit_past")
        return True
    if local.date() > now.date() + timedelta(days=HORIZON_DAYS):
        say(dispatcher, "utter_visit_far")
        return True
    return await _closed(local, has_time, turn, dispatcher)


async def _closed(local: datetime, has_time: bool, turn: Turn, dispatcher: CollectingDispatcher) -> bool:
    days = await calendar()
    if not any(days.week):  # nobody has entered opening hours yet
        return False
    said_day = dates_in(turn.language).day(local.date(), today=turn.at.astimezone(turn.tz).date())
    spans = days.spans_of(local.date())
    if not spans:
        say(dispatcher, "utter_visit_closed", day=said_day)
        return True
    if has_time and not days.is_open(local):
        shown = ", ".join(
            "–".join(dates_in(turn.language).clock(end.astimezone(turn.tz)) for end in span) for span in spans
        )
        say(dispatcher, "utter_visit_outside", day=said_day, spans=shown)
        return True
    return False


async def chips(
    turn: Turn, slots: Mapping[str, Any], domain: Mapping[str, Any]
) -> list[list[dict[str, Any]]]:
    """Rows of a form card: four days, and the hours of the chosen one; closed days say so."""
    days = await calendar()
    chosen = slots.get("visit_day")
    rows = [[_day_chip(on, closure, chosen, turn, domain) for on, closure in _shown(days, turn)]]
    if chosen:
        free = days.visit_slots(date.fromisoformat(str(chosen)), now=turn.at)
        rows.append([_time_chip(slot.start.astimezone(turn.tz), turn) for slot in _spread(free)])
    return rows


def _shown(days: Calendar, turn: Turn) -> list[tuple[date, Closure | None]]:
    """Four days: those that are open, and closed ones only where they stand between."""
    ahead = days.visit_days(turn.at)
    first = next((i for i, (_, closure) in enumerate(ahead) if closure is None), 0)
    return ahead[first : first + 4]


def _spread(slots: Sequence[Slot]) -> Sequence[Slot]:
    """At most four hours, spread over the day."""
    if len(slots) <= 4:
        return slots
    return [slots[round(i * (len(slots) - 1) / 3)] for i in range(4)]


def _day_chip(
    on: date, closure: Closure | None, chosen: Any, turn: Turn, domain: Mapping[str, Any]
) -> dict[str, Any]:
    dates = dates_in(turn.language)
    weekday = dates.weekday(on)
    chip: dict[str, Any] = {"label": str(on.day), "sub": weekday, "full": dates.day(on, today=on)}
    if closure:
        chip.update(disabled=True, sub=label(domain, turn.language, "label_closed", day=weekday))
    else:
        chip.update(payload=choose("visit_day", on.isoformat()), selected=on.isoformat() == chosen)
    return chip


def _time_chip(start: datetime, turn: Turn) -> dict[str, Any]:
    return {"label": dates_in(turn.language).clock(start), "payload": choose("visit_time", f"{start:%H:%M}")}


def spoken_day(iso: str, turn: Turn) -> str:
    """A chosen day as it is read back."""
    return dates_in(turn.language).day(date.fromisoformat(iso), today=turn.at.astimezone(turn.tz).date())


async def ask(
    dispatcher: CollectingDispatcher, slots: Mapping[str, Any], turn: Turn, domain: Mapping[str, Any]
) -> None:
    """Ask for a time outside the request form, with the same chips."""
    card = cards.form(
        step=1,
        of=1,
        name=label(domain, turn.language, "label_step_visit"),
        title=label(domain, turn.language, "utter_ask_visit"),
        hint=label(domain, turn.language, "label_hint_visit"),
        chips=await chips(turn, slots, domain),
    )
    if chosen := slots.get("visit_day"):
        say(dispatcher, "utter_ask_visit_time", cards=[card], day=spoken_day(str(chosen), turn))
    else:
        say(dispatcher, "utter_ask_visit", cards=[card])
