"""Understanding a letter: a text of several sentences that says many things at once, as e-mails do. Pure but
for the parsing it is handed.

A classifier of short messages guesses badly at a greeting, a fault, a date, an address and a name in one.
Each sentence is understood by itself; the letter wants what its weightiest sentence wants and knows what all
of them know.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nlu.parsing import ParseData

Parse = Callable[[str], Awaitable[ParseData]]

SENTENCES = 16  # of one letter that are understood; what follows is kept and shown
_END = re.compile(r"\n+|(?<=[.!?。！？…])\s+")
# Lines that a letter is framed with, and that say nothing of its matter.
_FRAME = re.compile(
    r"(안녕하세요|안녕하십니까|수고하십니다|수고하세요|수고 ?많으십니다|감사합니다|감사해요|고맙습니다"
    r"|고마워요|안녕히 ?계세요|잘 ?부탁드립니다|(?!사진|첨부|파일)([가-힣]{2,10}\s)?[가-힣]{2,4}\s(드림|올림)"
    r"|(hello|hi|hey)( there| all| team| everyone)?|good (morning|afternoon|evening)|dear [\w .]{2,30}"
    r"|(many )?thanks?( you)?( (so|very) much| in advance)?|((best|kind|warm) )?(regards|wishes)|best|cheers"
    r"|(yours )?(sincerely|faithfully|truly)( yours)?|all the best)[\s,.!~]*",
    re.IGNORECASE,
)
_LABELLED = re.compile(
    r"\s*[-*·•□○\d.)]{0,3}\s*(?P<label>[가-힣A-Za-z ]{2,16}?)\s*[:：]\s*(?P<value>\S.*?)\s*$"
)
_LABELS = {
    "address": re.compile(r"(방문 ?|설치 ?)?주소|(my |our |the )?address", re.IGNORECASE),
    "phone": re.compile(
        r"연락처|전화 ?(번호)?|휴대폰|핸드폰|(my |our )?(phone|tel|mobile)( number)?", re.IGNORECASE
    ),
    "symptom": re.compile(r"증상|고장 ?(내용|증상)|symptoms?|problem|issue|fault", re.IGNORECASE),
}
# The weightiest first: what is in none of these is a wish of its own.
_LIGHT: Mapping[str, int] = {
    "talk_to_human": -1,
    "book_visit": 1,
    "update_contact": 3,
    "help": 4,
    "out_of_scope": 5,
    "affirm": 6,
    "deny": 6,
    "thank": 7,
    "greet": 7,
    "goodbye": 7,
    "chitchat": 7,
}
_NO_WISH = 4  # from here on the sentence alone would not have been written
_FAULT = "request_service"
_REPAIR = re.compile(r"수리|고장|접수|방문|a/?s\b|repair|service|broken|문의", re.IGNORECASE)
_SYMPTOM_MIN = 8  # letters of a sentence that describes something


@dataclass(frozen=True)
class Sentence:
    """A sentence of a letter: where it begins, and what it was understood as."""

    text: str
    start: int
    parsed: ParseData

    @property
    def likely(self) -> str:
        """The likeliest intent, sure or not."""
        return str((self.parsed.get("intent") or {}).get("name") or "")

    @property
    def sure(self) -> bool:
        return self.parsed.get("band") == "act"


def bare(text: str) -> str:
    """A text without the lines that only frame it; as it is when it has no others."""
    kept = [line for line in text.split("\n") if not _FRAME.fullmatch(line.strip())]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip() or text.strip()


async def understand(text: str, parse: Parse, *, at: datetime) -> ParseData:
    """Parse data of a letter that came in `at` (aware), from that of its sentences; offsets count in `text`.

    A text of one sentence is parsed as it is.
    """
    pieces = _pieces(text)
    if len(pieces) < 2:
        return await parse(text)
    sentences = [Sentence(words, start, await parse(words)) for words, start in pieces[:SENTENCES]]
    weightiest = _weightiest(sentences)
    base = weightiest.parsed if weightiest else await parse(text)
    entities = _entities(sentences) if weightiest else list(base.get("entities", ()))
    return {**base, "text": text, "entities": entities, "when": _when(sentences, at)}


def _pieces(text: str) -> list[tuple[str, int]]:
    """The sentences of a text that say something, and where they begin."""
    found, at = [], 0
    for end in [*_END.finditer(text), None]:
        words = text[at : end.start() if end else len(text)]
        lead = len(words) - len(words.lstrip())
        if re.search(r"\w", words) and not _FRAME.fullmatch(words.strip()):
            found.append((words.strip(), at + lead))
        at = end.end() if end else len(text)
    return found


def _weightiest(sentences: Sequence[Sentence]) -> Sentence | None:
    """The sentence whose wish is the letter's: the weightiest that is sure, the first among equals."""
    sure = [one for one in sentences if one.sure]
    best = min(sure, key=lambda one: _LIGHT.get(one.likely, 0), default=None)
    return best if best and _LIGHT.get(best.likely, 0) < _NO_WISH else None


def _entities(sentences: Sequence[Sentence]) -> list[dict[str, Any]]:
    found = _fullest_products([entity for one in sentences for entity in _of(one)])
    if not any(entity["entity"] == "symptom" for entity in found):
        found += [_span("symptom", one.text, one.start) for one in sentences if _describes(one)][:1]
    return found


def _fullest_products(entities: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the product that another names more fully ('세탁기' in the subject of a '드럼세탁기')."""
    names = {str(one["value"]).lower() for one in entities if one["entity"] == "product"}
    short = {one for one in names if any(one != other and one in other for other in names)}
    return [one for one in entities if one["entity"] != "product" or str(one["value"]).lower() not in short]


def _of(sentence: Sentence) -> list[dict[str, Any]]:
    """The entities of a sentence; of a labelled line ('주소: …') the label tells what it is, to its end."""
    shifted = [
        {**one, "start": one["start"] + sentence.start, "end": one["end"] + sentence.start}
        for one in sentence.parsed.get("entities", ())
    ]
    line = _LABELLED.fullmatch(sentence.text)
    kind = next((name for name, words in _LABELS.items() if line and words.fullmatch(line["label"])), "")
    if not line or not kind or (kind == "phone" and any(one["entity"] == "phone" for one in shifted)):
        return shifted
    told = _span(kind, line["value"], sentence.start + line.start("value"))
    return [told, *(one for one in shifted if one["entity"] != kind)]


def _span(name: str, value: str, start: int) -> dict[str, Any]:
    return {"entity": name, "value": value, "start": start, "end": start + len(value), "extractor": "letter"}


def _describes(sentence: Sentence) -> bool:
    """Whether a sentence tells what is wrong, in words that no entity was found in."""
    return (
        sentence.likely == _FAULT
        and len(sentence.text) >= _SYMPTOM_MIN
        and not _REPAIR.search(sentence.text)
        and not _LABELLED.fullmatch(sentence.text)
    )


def _when(sentences: Sequence[Sentence], at: datetime) -> Any:
    """The time that is asked for: that of the sentence about a visit, else the last that is not behind us.

    'Bought last month, broken since yesterday, please come on Tuesday' asks for Tuesday.
    """
    timed = [one for one in sentences if one.parsed.get("when")]
    visit = next((one for one in timed if one.likely == "book_visit"), None)
    ahead = [one for one in timed if datetime.fromisoformat(str(one.parsed["when"]["to"])) > at]
    chosen = visit or (ahead[-1] if ahead else None)
    return chosen.parsed["when"] if chosen else None
