"""Words of the pages in Korean and English, and how dates, numbers and particles are written.

Catalogues are `locale/<language>.json` and any `locale/<language>.<part>.json` beside it: nested objects,
addressed by dotted keys. `{name}` is filled in; `{name:이/가}` adds the particle that fits its last sound;
a key with `.one` beside `.many` is chosen by the value `n`.
"""

import json
import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from bots.web.app_keys import CONFIG

LANGUAGES = ("ko", "en")
LANG_COOKIE = "dangol_lang"
LOCALE_DIR = Path(__file__).parent / "locale"
LANG = web.RequestKey("lang", str)  # set by a handler that knows better than the browser, e.g. the desk

_HOLE = re.compile(r"\{(\w+)(?::([^}/]+)/([^}/]*))?\}")
_WEEKDAYS_KO = "월화수목금토일"
_WEEKDAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS_EN = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# digits and letters whose Korean reading ends in a consonant: 영 일 삼 육 칠 팔; 엘 엠 엔 알
_CLOSED = frozenset("013678lmnrLMNR")
_LIQUID = frozenset("178lrLR")  # ... in ㄹ, where (으)로 stays 로


@cache
def catalogue(lang: str) -> Mapping[str, str]:
    """Every message of a language by dotted key."""
    flat: dict[str, str] = {}
    for path in sorted([LOCALE_DIR / f"{lang}.json", *LOCALE_DIR.glob(f"{lang}.*.json")]):
        _flatten(json.loads(path.read_text("utf-8")), "", flat)
    return flat


def _flatten(node: Mapping[str, Any], prefix: str, into: dict[str, str]) -> None:
    for key, value in node.items():
        if isinstance(value, Mapping):
            _flatten(value, f"{prefix}{key}.", into)
        else:
            into[prefix + key] = value


def t(lang: str, key: str, **values: Any) -> str:
    """The message of `key` with its holes filled. An unknown key answers itself, so that nothing breaks."""
    words = catalogue(lang)
    if "n" in values and key not in words:
        key = f"{key}.one" if values["n"] == 1 and f"{key}.one" in words else f"{key}.many"
    return fill(words.get(key, key), values)


def fill(text: str, values: Mapping[str, Any]) -> str:
    """Put `values` into the holes of `text`, with Korean particles by the final sound."""

    def put(hole: re.Match[str]) -> str:
        value = str(values.get(hole[1], hole[0]))
        return value if hole[2] is None else value + particle(value, hole[2], hole[3])

    return _HOLE.sub(put, text)


def particle(word: str, closed: str, open_: str) -> str:
    """The particle after `word`: `closed` after a final consonant (이, 을, 은, 으로), else `open_`."""
    last = word[-1:]
    if "가" <= last <= "힣":
        final = (ord(last) - 0xAC00) % 28
        return open_ if final == 0 or (final == 8 and closed == "으로") else closed
    if closed == "으로" and last in _LIQUID:
        return open_
    return closed if last in _CLOSED else open_


def section(lang: str, *prefixes: str) -> dict[str, str]:
    """The messages whose keys start with one of `prefixes`, for a page's scripts."""
    return {key: text for key, text in catalogue(lang).items() if key.startswith(prefixes)}


# -- which language --------------------------------------------------------------------------------------


def negotiate(request: web.Request) -> str:
    """The language that was chosen, then Accept-Language, then the setting LOCALE."""
    offered = request.headers.get("Accept-Language", "")
    return chosen(request) or _accepted(offered) or request.app[CONFIG].locale


def chosen(request: web.Request) -> str | None:
    """The language that the person chose, now (`?lang=`) or before (the cookie); None when they never did."""
    for wanted in (request.query.get("lang"), request.cookies.get(LANG_COOKIE)):
        if wanted in LANGUAGES:
            return wanted
    return None


def _accepted(header: str) -> str | None:
    offers: list[tuple[float, str]] = []
    for part in header.split(",")[:10]:
        tag, _, quality = part.strip().partition(";q=")
        try:
            offers.append((-float(quality or 1), tag.strip().lower()[:2]))
        except ValueError:
            continue
    return next((tag for _, tag in sorted(offers, key=lambda offer: offer[0]) if tag in LANGUAGES), None)


# -- dates, numbers, names -------------------------------------------------------------------------------


def clock(at: datetime, tz: ZoneInfo, lang: str) -> str:
    """오후 3:00 / 3:00 pm, held together by a no-break space."""
    local = at.astimezone(tz)
    hour = local.hour % 12 or 12
    if lang == "ko":
        return f"{'오전' if local.hour < 12 else '오후'}\u00a0{hour}:{local:%M}"
    return f"{hour}:{local:%M}\u00a0{'am' if local.hour < 12 else 'pm'}"


def o_clock(minutes: int, lang: str) -> str:
    """오전 9시, 오후 6시 30분 / 9:00 am, from minutes after midnight."""
    hour, minute = divmod(minutes % 1440, 60)
    shown = hour % 12 or 12
    if lang == "ko":
        half = "오전" if hour < 12 else "오후"
        return f"{half} {shown}시" + (f" {minute}분" if minute else "")
    return f"{shown}:{minute:02}\u00a0{'am' if hour < 12 else 'pm'}"


def day(value: date, lang: str, today: date) -> str:
    """11월 24일(화) / Tue 24 Nov, with the year when it is not this year's."""
    if lang == "ko":
        year = "" if value.year == today.year else f"{value.year}년 "
        return f"{year}{value.month}월 {value.day}일({_WEEKDAYS_KO[value.weekday()]})"
    year = "" if value.year == today.year else f" {value.year}"
    return f"{_WEEKDAYS_EN[value.weekday()]} {value.day} {_MONTHS_EN[value.month - 1]}{year}"


def moment(at: datetime, tz: ZoneInfo, lang: str, now: datetime) -> str:
    """11월 24일(화) 오후 3:00 / Tue 24 Nov, 3:00 pm."""
    joint = " " if lang == "ko" else ", "
    local_day = day(at.astimezone(tz).date(), lang, now.astimezone(tz).date())
    return f"{local_day}{joint}{clock(at, tz, lang)}"


def ago(at: datetime, tz: ZoneInfo, lang: str, now: datetime) -> str:
    """방금, 3분 전, 오전 9:42, 어제, 11월 12일(목)."""
    seconds = (now - at).total_seconds()
    if seconds < 60:
        return t(lang, "time.now")
    if seconds < 3600:
        return t(lang, "time.minutes_ago", minutes=int(seconds // 60))
    local, today = at.astimezone(tz).date(), now.astimezone(tz).date()
    if local == today:
        return clock(at, tz, lang)
    return t(lang, "time.yesterday") if local == today - timedelta(days=1) else day(local, lang, today)


def duration(minutes: int, lang: str) -> str:
    """12분, 3시간, 2일 / 12 min, 3 h, 2 d: the largest unit alone."""
    minutes = abs(minutes)
    unit, value = ("minutes", minutes) if minutes < 60 else ("hours", minutes // 60)
    if minutes >= 1440:
        unit, value = "days", minutes // 1440
    return t(lang, f"time.{unit}", value=value)


def money(minor: int, lang: str, currency: str = "KRW") -> str:
    """120,000원 / ₩120,000. The won has no minor unit."""
    amount = f"{minor:,}" if currency == "KRW" else f"{minor / 100:,.2f}"
    if currency != "KRW":
        return f"{amount} {currency}"
    return f"{amount}원" if lang == "ko" else f"₩{amount}"


def phone(e164: str) -> str:
    """010-1234-5678 from +821012345678; other countries stay as they are."""
    if not e164.startswith("+82"):
        return e164
    digits = "0" + e164[3:]
    head = 2 if digits.startswith("02") else 3
    return f"{digits[:head]}-{digits[head:-4]}-{digits[-4:]}"


def initials(name: str) -> str:
    """What an avatar shows: the given name of a Korean name (민지), else up to two initials."""
    name = name.strip()
    if not name:
        return "?"
    if "가" <= name[0] <= "힣":
        return name[1:] if len(name) in (2, 3) else name[:1]
    return "".join(part[0].upper() for part in name.split()[:2])


def tint(seed: int | str) -> int:
    """Which of the five avatar colours belongs to someone, always the same."""
    return (seed if isinstance(seed, int) else sum(map(ord, seed))) % 5 + 1
