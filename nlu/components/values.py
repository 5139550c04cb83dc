"""What an entity's words come to: money, counts and telephone numbers as values."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

_DIGITS = {"일": 1, "이": 2, "삼": 3, "사": 4, "오": 5, "육": 6, "륙": 6, "칠": 7, "팔": 8, "구": 9}
_SMALL = {"십": 10, "백": 100, "천": 1000}
_LARGE = {"만": 10_000, "억": 100_000_000}
_NATIVE = {
    "한": 1, "하나": 1, "두": 2, "둘": 2, "세": 3, "셋": 3, "석": 3, "네": 4, "넷": 4, "다섯": 5, "여섯": 6,
    "일곱": 7, "여덟": 8, "아홉": 9, "열": 10, "스무": 20, "스물": 20,
}  # fmt: skip
_ENGLISH_LIST = "one two three four five six seven eight nine ten eleven twelve"
ENGLISH_NUMBERS = {word: number for number, word in enumerate(_ENGLISH_LIST.split(), 1)} | {
    "a": 1,
    "an": 1,
    "both": 2,
}

_CURRENCIES = (
    (re.compile(r"[$]|usd|dollar|bucks|달러", re.IGNORECASE), "USD", 100),
    (re.compile(r"€|euro|유로", re.IGNORECASE), "EUR", 100),
    (re.compile(r"£|pound", re.IGNORECASE), "GBP", 100),
    (re.compile(r"엔|jpy|yen", re.IGNORECASE), "JPY", 1),
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?|[십백천만억일이삼사오육륙칠팔구]")


_GREATEST = 10**15
"""Numbers from here on are no amount and no count that anybody means; floats are exact so far."""


def number(text: str) -> float | None:
    """'3만 5천', '1.5만', '삼만 오천' or '12,000' as a number; None where there is none."""
    total, section, current, seen = 0.0, 0.0, None, False
    for part in _NUMBER.findall(text.replace(",", "")):
        seen = True
        if part in _SMALL:
            section += (1 if current is None else current) * _SMALL[part]
            current = None
        elif part in _LARGE:
            section += current or 0
            total += (section or 1) * _LARGE[part]
            section, current = 0, None
        else:
            current = float(_DIGITS.get(part, part))
    return total + section + (current or 0) if seen else None


def amount(text: str) -> dict[str, Any] | None:
    """Money as integer minor units and currency; won where nothing else is said.

    None where there is no number, and where it is of 10^15 and more.
    """
    value = number(text)
    if value is None:
        return None
    currency, minor = next(((c, m) for pattern, c, m in _CURRENCIES if pattern.search(text)), ("KRW", 1))
    if re.search(r"\d\s?k\b", text, re.IGNORECASE):
        value *= 1000
    if "million" in text.lower():
        value *= 1_000_000
    return {"minor": round(value * minor), "currency": currency} if value < _GREATEST else None


def quantity(text: str) -> dict[str, Any] | None:
    """A count and its unit: '두 대' -> 2 대; the unit is empty where none is said.

    None where there is no number, and where it is of 10^15 and more.
    """
    for words in (_NATIVE, ENGLISH_NUMBERS):
        for word in sorted(words, key=len, reverse=True):
            if re.match(rf"{word}(?![a-z])", text, re.IGNORECASE) and (
                words is ENGLISH_NUMBERS or len(text) > len(word)
            ):
                return {"n": words[word], "unit": text[len(word) :].strip()}
    match = re.match(r"(\d[\d,]*(?:\.\d+)?)\s*(.*)", text, re.DOTALL)
    if not match:
        return None
    value = float(match[1].replace(",", ""))
    if value >= _GREATEST:
        return None
    return {"n": int(value) if value.is_integer() else value, "unit": match[2].strip()}


@lru_cache(maxsize=1024)
def phone(text: str, region: str = "KR") -> str | None:
    """A telephone number as E.164; None where it cannot be one."""
    import phonenumbers

    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed) or len(str(parsed.national_number)) < 7:
        return None
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))
