"""An extractive summary of a live session and the fields it suggests: what was said, nothing made up.

Pure. A sentence counts by what it names (parts, faults, times, decisions) and by how much of the rest it
covers. Suggested fields are found by their words; a person confirms them with one tap, or does not.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

MOST = 4  # sentences of a summary
LONGEST = 160  # characters of one


@dataclass(frozen=True)
class Said:
    """A line of the chat or the transcript. `side` is customer, staff or ''.

    `ms` since the call began, of what the transcript has; to the second.
    """

    side: str
    text: str
    ms: int | None = None


# Words by which a field is suggested. Order matters: the first that fits is taken.
_STATUS: Final = (
    (
        "resolved",
        r"해결(됐|되었|됩)|이제 (잘 )?(돼|되네|나와|됩니다)|고쳐졌|잘 되네"
        r"|works now|fixed|solved|working now",
    ),
    (
        "waiting_customer",
        r"해\s?보시고|확인(해|하신) (보시고|뒤)|다시 연락|지켜보|try (it|that) (and|then)|let us know",
    ),
    (
        "in_progress",
        r"방문(해|하)|기사님?이? ?(가|방문)|부품(을|이)? ?(주문|필요)|예약"
        r"|technician|send someone|order the part",
    ),
)
_CATEGORY: Final = (
    ("complaint", r"불만|화가|짜증|실망|환불|complain|refund|angry|disappoint"),
    (
        "repair",
        r"고장|수리|안 (돼|되|나|빠|켜)|누수|물이 (새|안)|에러|오류|소음|부품"
        r"|broken|repair|leak|error|does not|doesn'?t|noise|part",
    ),
    ("visit", r"설치|이전|방문 예약|install|move (it|the)"),
    ("question", r"어떻게|사용법|설명|방법|how (do|can|to)|explain"),
)
_PART: Final = re.compile(
    r"(?:배수|급수|헤파|공기|먼지|기름|냉수|정수)?\s?"
    r"(?:필터|펌프|호스|모터|밸브|벨트|패킹|고무|센서|기판|메인보드|버튼|리모컨|도어|덮개|컴프레서"
    r"|팬|램프|어댑터)"
    r"|\b(?:drain |water |air )?(?:filter|pump|hose|motor|valve|belt|gasket|seal|sensor|board|remote"
    r"|door|compressor|fan|lamp)s?\b",
    re.I,
)
_VISIT: Final = re.compile(
    r"(?:오늘|내일|모레|다음\s?주|이번\s?주|[월화수목금토일]요일|\d{1,2}월\s?\d{1,2}일|\d{1,2}일)"
    r"(?:\s?(?:오전|오후|아침|저녁))?(?:\s?\d{1,2}시(?:\s?(?:반|\d{1,2}분))?)?"
    r"|\b(?:today|tomorrow|next week|(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b"
    r"(?: (?:at )?\d{1,2}(?::\d\d)? ?(?:am|pm)?)?",
    re.I,
)
_VISITS: Final = re.compile(r"방문|기사|가겠|찾아뵙|와 ?주|visit|come|technician|send", re.I)
_NEED: Final = re.compile(
    r"필요(해|하|할)|원(해|하)|싶(어|은|습)|사고|구매|바꾸|교체|렌탈|업그레이드"
    r"|need|want|would like|buy|replace|upgrade|rent",
    re.I,
)
_TENDENCY: Final = re.compile(
    r"항상|자주|보통|주로|매번|아침(에|마다)|저녁(에|마다)|주말(에|마다)|늘 "
    r"|always|often|usually|every (time|day|week)|prefer",
    re.I,
)
_LINE: Final = re.compile(r"(?:(\d+):(\d\d) )?(customer|staff): (.*)")
_SENTENCE: Final = re.compile(r"(?<=[.!?。…])\s+|\n+|(?<=[요다죠까네])\s+(?=[가-힣A-Z])")
_TOKEN: Final = re.compile(r"[가-힣]{2,}|[a-z]{3,}|[a-z]?\d+", re.I)
_EMPTY: Final = re.compile(
    r"^(네+|예|아니요|안녕하세요|감사합니다|고맙습니다|잠시만요|알겠(습니다|어요)"
    r"|ok(ay)?|yes|no|hello|hi|thanks?( you)?)[.!~\s]*$",
    re.I,
)


def line(ms: int, side: str, text: str) -> str:
    """A line of a transcript: `12:34 customer: text`, the minutes and seconds of the call before it."""
    seconds = max(ms, 0) // 1000
    return f"{seconds // 60}:{seconds % 60:02} {side}: {' '.join(text.split())}"


def lines_of(transcript: str) -> list[Said]:
    """The lines of a transcript, as `line` writes them; the time may be missing."""
    lines = []
    for written in transcript.splitlines():
        found = _LINE.fullmatch(written)
        if found is None:
            lines.append(Said("", written))
            continue
        minutes, seconds, side, text = found.groups()
        at = (int(minutes) * 60 + int(seconds)) * 1000 if minutes else None
        lines.append(Said(side, text, at))
    return [one for one in lines if one.text.strip()]


def summarise(said: Sequence[Said], *, locale: str = "ko") -> dict[str, Any]:
    """`{"sentences", "status", "category", "parts", "next_visit", "needs", "tendencies"}`; {} without words.

    Sentences are quoted in the order in which they were said, each with who said it. A field that nothing
    speaks for is left out. `locale` is the session's, kept beside it for whoever shows it.
    """
    sentences = [Said(line.side, part) for line in said for part in split(line.text)]
    if not sentences:
        return {}
    found: dict[str, Any] = {
        "locale": locale,
        "sentences": [{"side": one.side, "text": one.text[:LONGEST]} for one in _chosen(sentences)],
    }
    everything = "\n".join(one.text for one in sentences)
    fields = {
        "status": _first(_STATUS, everything),
        "category": _first(_CATEGORY, everything),
        "parts": _parts(everything),
        "next_visit": _next_visit(sentences),
        "needs": _quotes(sentences, _NEED),
        "tendencies": _quotes(sentences, _TENDENCY),
    }
    return found | {name: value for name, value in fields.items() if value}


def split(text: str) -> list[str]:
    """Sentences that say something: greetings, bare yes or no, and addresses to open are left out."""
    parts = (part.strip() for part in _SENTENCE.split(text))
    return [part for part in parts if len(part) > 3 and not _EMPTY.match(part) and "://" not in part]


def _chosen(sentences: Sequence[Said]) -> list[Said]:
    """The sentences that cover most of what was spoken of, each adding something new; in order."""
    tokens = [_tokens(one.text) for one in sentences]
    weight = Counter(token for each in tokens for token in set(each))
    left = set(range(len(sentences)))
    picked: list[int] = []
    covered: set[str] = set()
    while left and len(picked) < MOST:
        best = max(left, key=lambda at: (_gain(sentences[at].text, tokens[at], weight, covered), -at))
        if _gain(sentences[best].text, tokens[best], weight, covered) <= 0:
            break
        picked.append(best)
        covered |= set(tokens[best])
        left.discard(best)
    return [sentences[at] for at in sorted(picked)]


def _gain(text: str, tokens: Sequence[str], weight: Counter[str], covered: set[str]) -> float:
    fresh = [token for token in set(tokens) if token not in covered]
    named = sum(bool(pattern.search(text)) for pattern in (_PART, _VISIT, _NEED, *_OUTCOMES))
    return (sum(weight[token] for token in fresh) / (len(tokens) + 3)) + 0.7 * named * bool(fresh)


_OUTCOMES: Final = tuple(re.compile(pattern, re.I) for _, pattern in _STATUS)


def _tokens(text: str) -> list[str]:
    """Words without Korean endings as far as their first two syllables tell: near enough to count them."""
    return [token.lower()[:3] if token[0] >= "가" else token.lower() for token in _TOKEN.findall(text)]


def _first(table: Sequence[tuple[str, str]], text: str) -> str:
    return next((name for name, pattern in table if re.search(pattern, text, re.I)), "")


def _parts(text: str) -> list[str]:
    seen = (re.sub(r"\s+", " ", match.group(0)).strip().lower() for match in _PART.finditer(text))
    return list(dict.fromkeys(seen))[:6]


def _next_visit(sentences: Sequence[Said]) -> str:
    """The last time that was named together with coming."""
    for one in reversed(sentences):
        named = _VISIT.search(one.text)
        if named and _VISITS.search(one.text):
            return named.group(0).strip()
    return ""


def _quotes(sentences: Sequence[Said], pattern: re.Pattern[str]) -> list[str]:
    """What the customer themselves said of it."""
    own = [one.text[:LONGEST] for one in sentences if one.side == "customer" and pattern.search(one.text)]
    return list(dict.fromkeys(own))[:3]
