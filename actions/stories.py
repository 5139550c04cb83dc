"""What the first message of a request tells: the fault in the customer's own words, and when to come.

A short one is read by its entities. A long one ('작년에 산 세탁기인데요 … 어제부터 … 토요일에 와 주세요') is
a story: single entities would keep a part of the fault, or take the day it began for the day of the visit.
"""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from actions.context import Turn
from actions.said import Said

# Longer messages are kept as the customer's own words (code points).
LONG = 60
_LONGEST = 1000
# Says that something is wrong, not what: the question for the symptom is still worth asking.
VAGUE = re.compile(
    r"(고장|수리|이상|as|에이에스)[가-힣]{0,6}|(is |it'?s |has )?(broken|broke( down)?|faulty)|repair(s|ed)?",
    re.I,
)
# A word of a fault, where the understanding has marked none.
_FAULT = re.compile(
    r"[가-힣] ?(안|못) ?[가-힣]|[가-힣]지 ?(않|못)|소리|소음|냄새|누수|물이|물도|가루|불이|에러|오류|"
    r"멈[추춰]|꺼[지져]|[새샌]다|새[요고서는]|깨[지져진]|"
    r"끊[기겨]|뜨겁|차갑|흔들|떨[리려어]|막[히혀]|얼[음어]|탄내|"
    r"\b(not|no longer|never)\b|n'?t\b|nois|rattl|bang|grind|smell|leak|drip|stop|error|damp|crack|flicker|"
    r"stuck|overheat|burn|smok|spark|powder|standing water|water on|loud|shak|trip",
    re.I,
)
_GREETING = re.compile(
    r"(안녕하(세요|십니까)|수고(하세요|하십니다| ?많으(세요|십니다))|반갑습니다|고맙습니다|감사합니다|"
    r"(hello|hi( there)?|hey|good (morning|afternoon|evening)|thanks?( you)?)\b)[\s,.!~]*",
    re.I,
)
_ENDS = re.compile(r"(?<=[.!?。])\s+|(?<=[가-힣]요)\s+|(?<=니다)\s+|(?<=까)\s+(?=[가-힣])|\n+")
_VISIT = re.compile(
    r"와 ?[주줄]|와서|[오옵][셔시실]|방문|예약|수리 ?(받|해|부탁)|고쳐 ?[주줄]|봐 ?[주줄]|점검|보내 ?[주줄]|"
    r"접수 ?(하|해|할|부탁)|가능|"
    r"\b(come|coming|visit|send|book|appointment|schedule|possible|available|repair|fix|technician)\b",
    re.I,
)
_SINCE = re.compile(r"^\s?(부터|이후|이래)|^\s?(때|에는|까지는)")
_AGO = re.compile(r"\b(since|until|from|last|bought)\s*$", re.I)
_REACH = re.compile(
    r"[,\s]*(그리고|and)?\s*((제|저희|집|우리)\s?)?(주소|연락처|전화(번호)?|휴대폰|핸드폰|번호)\s?(은|는|가|:)?\s*$|"
    r"[,.\s]*(and\s+)?((my|the|our)\s+)?(address|phone|number|phone number|cell|mobile)(\s+is|:)?\s*$|"
    r"[,.\s]*(and\s+)?(i\s+live\s+(at|in)|(please\s+)?(call|reach|text)\s+me\s+(at|on))\s*$",
    re.I,
)
_COPULA = re.compile(
    r"^(and |but |so )?((that|which|it|there|this|something)(?: |(?='))|)"
    r"(is |'s |are |was |has been |have been |been )",
    re.I,
)
_BEGINS = re.compile(r"^(that|which|it|and|but|because|since) ", re.I)


def bare(symptom: str) -> str:
    """A fault without the words that only tie it to the product: 'is leaking' is 'leaking'."""
    words = symptom.strip(" \t\n,;.")
    shorter = _COPULA.sub("", words)
    if shorter == words:
        shorter = _BEGINS.sub("", words)
    return shorter if len(shorter) > 2 else words


def symptom_in(message: Said) -> str | None:
    """The fault that a message tells, or None where it says no more than that something is wrong."""
    marked = [s for s in message.entities_of("symptom") if not VAGUE.fullmatch(s.strip())]
    if len(message.typed) <= LONG and marked:
        return bare(marked[0])
    told = [s for s in _told(message) if _FAULT.search(s) or any(mark in s for mark in marked)]
    if not told or not (marked or _FAULT.search(" ".join(told))):
        return None
    if len(message.typed) <= LONG:
        return bare(told[0])
    return " ".join(_told(message))[:_LONGEST]


def without_reach(message: Said) -> str:
    """The typed words without the address and the phone number told in them, and the words that led there."""
    text = message.typed
    parts = [message.entity("address"), message.entity("phone")]
    for at, part in sorted(((text.find(p), p) for p in parts if p and p in text), reverse=True):
        before, after = _REACH.sub("", text[:at]), text[at + len(part) :]
        after = re.sub(
            r"^\s?(이고|이며|이에요|예요|입니다|이요|이니|으로|로|에요|인데요?)?[\s,.]*",
            " ",
            after,
        )
        text = f"{before} {after}" if after.strip() else before
    return re.sub(r"\s{2,}", " ", text).strip(" ,")


def _told(message: Said) -> list[str]:
    """The sentences of a message that may tell of a fault: no greeting, no way to reach them, no wish."""
    clean = without_reach(message)
    if greeting := _GREETING.match(clean):
        clean = clean[greeting.end() :] or clean
    return [s.strip() for s in _ENDS.split(clean) if s and s.strip() and not _only_wish(s)]


def _only_wish(sentence: str) -> bool:
    return bool(_GREETING.fullmatch(sentence)) or bool(
        _VISIT.search(sentence) and not _FAULT.search(sentence)
    )


def with_visit(message: Said, turn: Turn) -> Said:
    """The message with `when` the time of a wished visit, not the time when a fault began."""
    return replace(message, when=_visit_in(message, turn))


def _visit_in(message: Said, turn: Turn) -> Mapping[str, Any] | None:
    """The last moment ahead that is spoken of as a time to come; None when there is none."""
    if message.when is None:
        return None
    spans = _moments(message.entities)
    if not spans:
        return message.when if _is_wish({**message.when, "resolved": message.when}, message, turn) else None
    wished = [one for one in spans if _is_wish(one, message, turn)]
    if not wished:
        return None
    chosen = wished[-1]
    return {**chosen["resolved"], "has_date": True, "has_time": chosen["entity"] == "time"}


def _moments(entities: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Dates and times of day in their order; a time stands for the date before it too."""
    found = [
        e for e in entities if e["entity"] in ("date", "time") and isinstance(e.get("resolved"), Mapping)
    ]
    return [
        one
        for one, after in itertools.zip_longest(found, found[1:])
        if not (one["entity"] == "date" and after and _same_day(one, after))
    ]


def _same_day(one: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return bool(
        after["entity"] == "time" and str(after["resolved"]["from"])[:10] == str(one["resolved"]["from"])[:10]
    )


def _is_wish(one: Mapping[str, Any], message: Said, turn: Turn) -> bool:
    start, end = (datetime.fromisoformat(str(one["resolved"][k])) for k in ("from", "to"))
    if end <= turn.at:
        return False
    before, after = message.text[: one["start"]], message.text[one["end"] :]
    if _SINCE.search(after) or _AGO.search(before):
        return False
    wishes = bool(_VISIT.search(after) or _VISIT.search(before[-60:]) or message.intent == "book_visit")
    return wishes if len(message.text) > LONG or start.date() <= turn.at.date() else True
