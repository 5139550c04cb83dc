"""What of a mail is new: the words of the mail before, and signatures, are folded away, not lost. Pure.

Mail programs mark what they quote in their own words; those of Gmail, Naver, Daum, Outlook and phones are
known in Korean and English.
"""

import re
from collections.abc import Sequence

SCANNED = 3000  # lines that are looked at; what follows stays as it is

_QUOTED = re.compile(r"\s{0,3}>")
_TIME = r"(오전|오후|AM|PM|am|pm)?\s*\d{1,2}:\d{2}"
# '2026년 11월 3일 (화) 오후 3:12, 새봄가전 <help@example.com>님이 작성:' and its like
_SAID_KO = re.compile(
    rf"(\d{{4}}년|\d{{4}}\.)\s*\d{{1,2}}[월.]\s*\d{{1,2}}[일.]?.{{0,20}}?{_TIME}.{{0,250}}?작성\s*:\s*$"
)
_SAID_EN = re.compile(r"On\b.{4,250}\bwrote\s*:\s*$")
_SAID = re.compile(r"(On\b|\d{4}년\s*\d{1,2}월|\d{4}\.\s*\d{1,2}\.)")
_ORIGINAL = re.compile(
    r"[-_=]{2,}\s*(Original Message|원본 메시지|원본 메세지|원본 메일|원본메일|Original Mail)\s*[-_=]{2,}",
    re.IGNORECASE,
)
_RULE = re.compile(r"[-_]{5,}")
_HEAD = re.compile(r"\*?(보낸\s?사람|보낸이|발신|From)\*?\s*:", re.IGNORECASE)
_HEADS = re.compile(
    r"\*?(보낸\s?날짜|보낸\s?시간|날짜|받는\s?사람|받는이|참조|제목|Sent|Date|To|Cc|Subject)\*?\s*:",
    re.IGNORECASE,
)
_FORWARDED = re.compile(
    r"([-_=]{2,}\s*(Forwarded message|전달된 메시지|전달된 메일|Forwarded Message)\s*[-_=]{2,}"
    r"|Begin forwarded message:|전달된 메시지\s*:)",
    re.IGNORECASE,
)
_PHONE = re.compile(
    r"((나의|내)\s.{1,30}에서\s보냄|.{1,40}에서 보냈습니다\.?|Sent from (my |Outlook|Samsung|Naver).{0,40}"
    r"|(Outlook for|Get Outlook for) .{2,40}|iOS용 Outlook.{0,40}|Android용 Outlook.{0,40})"
)


def fold(text: str) -> tuple[str, str]:
    """The new words, and what is folded: quotes and signature, each line of the text in one of them.

    A mail that is all quote is its own text; a forwarded mail is what its sender has to say, and stays.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    head, rest = lines[:SCANNED], lines[SCANNED:]
    if any(_FORWARDED.match(line.strip()) for line in head):
        return _joined(lines), ""
    kept, folded = _without_quotes(head)
    kept, signature = _without_signature(kept)
    folded = [*signature, *folded]
    if not _joined(kept):
        return _joined(lines), ""
    return _joined([*kept, *rest]), _joined(folded)


def _joined(lines: Sequence[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in lines)).strip()


def _without_quotes(lines: list[str]) -> tuple[list[str], list[str]]:
    for at, line in enumerate(lines):
        if _starts_all(lines, at):
            return lines[:at], lines[at:]
        said = _said(lines, at)
        if said and _is_quote(lines, at + said):
            kept, folded = _inline(lines[at + said :])
            return [*lines[:at], *kept], [*lines[at : at + said], *folded]
        if said and not any(_QUOTED.match(after) for after in lines[at + said :]):
            return lines[:at], lines[at:]  # quoted without a mark, as phones do
        if _QUOTED.match(line):
            kept, folded = _inline(lines[at:])
            return [*lines[:at], *kept], folded
    return lines, []


def _starts_all(lines: list[str], at: int) -> bool:
    """Whether everything from here on is the mail before: 'Original Message', or its header in words."""
    line = lines[at].strip()
    if _ORIGINAL.fullmatch(line):
        return True
    if _RULE.fullmatch(line) and _has_head(lines, at + 1):
        return True
    return _has_head(lines, at)


def _has_head(lines: list[str], at: int) -> bool:
    """A 'From:' line with at least two of its companions in the next lines."""
    near = [line.strip() for line in lines[at : at + 8]]
    if not near or not _HEAD.match(near[0]):
        return False
    return sum(bool(_HEADS.match(line)) for line in near[1:]) >= 2


def _said(lines: list[str], at: int) -> int:
    """How many lines from here say who wrote when; programs break them at 76 letters."""
    if not _SAID.match(lines[at].strip()):
        return 0
    for count in (1, 2, 3):
        whole = " ".join(line.strip() for line in lines[at : at + count])
        if _SAID_KO.fullmatch(whole) or _SAID_EN.fullmatch(whole):
            return count
    return 0


def _is_quote(lines: list[str], at: int) -> bool:
    """Whether the next words from here are quoted."""
    following = next((line for line in lines[at : at + 4] if line.strip()), "")
    return bool(_QUOTED.match(following))


def _inline(lines: list[str]) -> tuple[list[str], list[str]]:
    """Quoted lines away from those that answer between them; who-wrote lines go with the quotes."""
    kept: list[str] = []
    folded: list[str] = []
    for line in lines:
        (folded if _QUOTED.match(line) else kept).append(line)
    return kept, folded


def _without_signature(lines: list[str]) -> tuple[list[str], list[str]]:
    """'-- ' alone on a line begins a signature (RFC 3676, 4.3); phones end with where they are sent from."""
    for at in range(len(lines) - 1, max(-1, len(lines) - 30), -1):
        if lines[at] in ("-- ", "--") and any(line.strip() for line in lines[:at]):
            return lines[:at], lines[at:]
    at = len(lines)
    while at and (not lines[at - 1].strip() or _PHONE.fullmatch(lines[at - 1].strip())):
        at -= 1
    return (lines[:at], lines[at:]) if any(line.strip() for line in lines[at:]) else (lines, [])
