"""Times, waiting and people as the desk's dense lists show them. Pure functions of `now`.

What every page shares (clock, day, moment, initials) is in `bots.web.i18n`.
"""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bots.web import i18n

SOON = timedelta(minutes=5)  # under this the waiting clock turns amber
SPELLED = timedelta(hours=2)  # beyond this a due time is shown as a clock, not as a countdown


def short_clock(at: datetime, tz: ZoneInfo) -> str:
    """`2:12`: beside a bubble, where the half of the day is plain."""
    local = at.astimezone(tz)
    return f"{local.hour % 12 or 12}:{local:%M}"


def month(at: date, lang: str) -> str:
    """`2025년 3월` or `Mar 2025`."""
    return f"{at:%b %Y}" if lang == "en" else f"{at.year}년 {at.month}월"


def short_day(at: date, lang: str, today: date) -> str:
    """`10월 14일` or `14 Oct`; a day of another year is its month."""
    if at.year != today.year:
        return month(at, lang)
    return f"{at.day} {at:%b}" if lang == "en" else f"{at.month}월 {at.day}일"


def span(start: datetime, end: datetime | None, tz: ZoneInfo, lang: str, now: datetime) -> str:
    """`11월 24일(화) 오후 3:00–5:00`; a point in time without an end."""
    text = i18n.moment(start, tz, lang, now)
    if end is None or end <= start:
        return text
    same_half = (start.astimezone(tz).hour < 12) == (end.astimezone(tz).hour < 12)
    return f"{text}–{short_clock(end, tz) if same_half and lang == 'ko' else i18n.clock(end, tz, lang)}"


def ago(at: datetime, tz: ZoneInfo, lang: str, now: datetime) -> str:
    """How long ago, for a list: 방금, 4분, 오전 9:42, 어제, 11월 12일(목)."""
    seconds = (now - at).total_seconds()
    if 60 <= seconds < 3600:
        return i18n.duration(int(seconds // 60), lang)
    return i18n.ago(at, tz, lang, now)


def brief(at: datetime, tz: ZoneInfo, lang: str, now: datetime) -> str:
    """A time of a history: today's clock, else a short day."""
    then, today = at.astimezone(tz).date(), now.astimezone(tz).date()
    return i18n.clock(at, tz, lang) if then == today else short_day(then, lang, today)


def due(at: datetime | None, tz: ZoneInfo, lang: str, now: datetime) -> dict[str, str] | None:
    """The waiting clock as `{"tone", "text"}`: tone ok, soon (under 5 minutes) or late."""
    if at is None:
        return None
    if at <= now:
        late = i18n.duration(max(1, int((now - at).total_seconds() // 60)), lang)
        return {"tone": "late", "text": i18n.t(lang, "desk.due.late", time=late)}
    left = at - now
    if left > SPELLED:
        until = brief(at, tz, lang, now)
        return {"tone": "ok", "text": i18n.t(lang, "desk.due.until", time=until)}
    text = i18n.t(lang, "desk.due.left", time=i18n.duration(max(1, int(left.total_seconds() // 60)), lang))
    return {"tone": "soon" if left < SOON else "ok", "text": text}


def person(person_id: int, name: str) -> dict[str, Any]:
    """What an avatar needs."""
    return {"id": person_id, "name": name, "initials": i18n.initials(name), "tint": i18n.tint(person_id)}


def size(octets: int) -> str:
    """`840 kB`, `2.3 MB`: decimal units."""
    return f"{octets / 1e6:.1f} MB" if octets >= 1e6 else f"{max(1, octets // 1000)} kB"
