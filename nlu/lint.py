"""Look through the training data for the faults that make a classifier worse without anybody noticing.

`python -m nlu.lint` prints one line a finding and leaves with status 1 when there is any. The rules follow
the labelling rules: one text has one intent within an audience, every entity is marked the same way
everywhere, and a span carries no particle, article, title or punctuation.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

CLOSE = 0.9  # cosine of character n-grams above which two intents' examples are too alike to tell apart
USUALLY = 0.6  # share of a word's occurrences that are marked before the rest count as forgotten
SEEN = 2  # how often a word must be marked before it counts as known

_MARK = re.compile(r"\[([^\[\]]*)\]\(([^()]*)\)")
_NOISE = re.compile(r"[ㅋㅎㅠㅜ]{2,}|[^\w]|_")
_PARTICLES = (
    *("을", "를", "이", "가", "은", "는", "의", "에", "도", "와", "과", "랑", "로", "만", "요", "나"),
    *(
        "이랑",
        "으로",
        "이요",
        "에서",
        "까지",
        "부터",
        "한테",
        "에게",
        "에도",
        "이나",
        "예요",
        "이에요",
        "인데",
    ),
)
_CERTAIN = ("에서", "으로", "까지", "부터", "한테", "에게", "이랑", "이에요", "예요")
_TITLES = ("님", "씨", "과장", "대리", "팀장", "부장", "기사", "고객", "대표", "원장")
_BARE = frozenset({"product", "person", "company", "address", "quantity"})
_ARTICLE = re.compile(r"(?:the|an?|my|your|our|in|on|at|to|for|mr|mrs|ms)\s", re.I)
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("email", re.compile(r"[\w.+-]+@[\w-]+\.[a-z.]+", re.I)),
    ("phone", re.compile(r"(?<![\w-])(?:\+82[ -]?)?0?1[016789][-. ]?\d{3,4}[-. ]?\d{4}(?!\d)")),
    ("request_no", re.compile(r"\bSR-\d{4}-\d{6}\b", re.I)),
    ("quote_no", re.compile(r"\bQ-\d{4}-\d{6}\b", re.I)),
    ("order_no", re.compile(r"\bO-\d{4}-\d{6}\b", re.I)),
    ("contract_no", re.compile(r"\bC-\d{4}-\d{6}\b", re.I)),
    ("amount", re.compile(r"\d[\d,]*\s?(?:[만천]\s?)?원|\$\d[\d,.]*|\d[\d,]*\s?(?:million )?won\b", re.I)),
    (
        "time",
        re.compile(r"(?:오전|오후|아침|저녁)\s?\d+시|\d+시(?!간)|\b\d{1,2}(?::\d\d)?\s?[ap]\.?m\b", re.I),
    ),
    ("quantity", re.compile(r"(?<![\d-])\d+\s?(?:대(?!로)|박스|세트|명(?!의))")),
)


@dataclass(frozen=True, order=True)
class Finding:
    """One fault: where it is, which rule found it, and what a person should look at."""

    file: str
    line: int
    rule: str
    text: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.text}" + (
            f"  ({self.detail})" if self.detail else ""
        )


@dataclass(frozen=True)
class Span:
    """An annotated entity; the offsets count characters of the plain text."""

    entity: str
    start: int
    end: int


@dataclass(frozen=True)
class Example:
    """One training line, its markup taken apart."""

    file: str
    line: int
    intent: str
    raw: str
    text: str
    spans: tuple[Span, ...]

    @property
    def audiences(self) -> tuple[str, ...]:
        if self.intent == "out_of_scope":
            return ("customer", "staff")
        return ("staff",) if self.intent.startswith("staff_") else ("customer",)

    def finding(self, rule: str, detail: str = "") -> Finding:
        return Finding(self.file, self.line, rule, self.raw, detail)

    def value(self, span: Span) -> str:
        return self.text[span.start : span.end]

    def marks(self, start: int, end: int) -> bool:
        return any(span.start < end and start < span.end for span in self.spans)


def plain(raw: str) -> tuple[str, tuple[Span, ...]]:
    """Take `[세탁기](product)가` apart into its text and its spans."""
    text, spans, at = "", [], 0
    for match in _MARK.finditer(raw):
        text += raw[at : match.start()]
        spans.append(Span(match[2], len(text), len(text) + len(match[1])))
        text += match[1]
        at = match.end()
    return text + raw[at:], tuple(spans)


def normal(text: str) -> str:
    """The text without case, spaces, punctuation and laughter; what is nothing else stays as it is."""
    kept = _NOISE.sub("", text)  # before NFKC, which turns ㅠ into another character
    return unicodedata.normalize("NFKC", kept).casefold() or text.strip()


def read(root: Path) -> list[Example]:
    """Every intent example below `root/data`, with the line it stands in."""
    found: list[Example] = []
    for path in sorted((root / "data").glob("*/*.yml")):
        intent, inside = "", False
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if match := re.match(r"\s*- intent:\s*(\S+)", line):
                intent, inside = match[1], False
            elif re.match(r"\s*(?:- )?\w+:\s*\|?$", line):  # a rule's steps hold no examples
                inside = line.strip() == "examples: |"
            elif inside and (match := re.match(r"\s+- (.*\S)", line)):
                text, spans = plain(match[1])
                name = f"{path.parent.name}/{path.name}"
                found.append(Example(name, number, intent, match[1], text, spans))
    return found


def lint(root: Path) -> list[Finding]:
    """All findings of the data in `root` (the folder that holds `data/` and `domain/`), in file order."""
    examples = read(root)
    entities = _domain(root, "entities")
    findings = {
        *_unknown_intents(examples, _domain(root, "intents")),
        *_repeated(examples),
        *_markup(examples, entities),
        *_edges(examples),
        *_unmarked_patterns(examples),
        *_unmarked_words(examples),
        *_close(examples),
    }
    return sorted(findings)


def _domain(root: Path, kind: str) -> frozenset[str]:
    """The names below `intents:` or `entities:`; what may hang below a name is deeper and passed over."""
    lines = (root / "domain" / f"{kind}.yml").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^(?:  )?- (\w+)", lines, re.M))


def _unknown_intents(examples: Iterable[Example], intents: frozenset[str]) -> Iterator[Finding]:
    for example in examples:
        if example.intent not in intents:
            yield example.finding("unknown-intent", example.intent)


def _repeated(examples: Iterable[Example]) -> Iterator[Finding]:
    """The same text twice: in one intent a duplicate, in two intents of one audience a conflict."""
    first: dict[tuple[str, str], Example] = {}
    for example in examples:
        for audience in example.audiences:
            other = first.setdefault((audience, normal(example.text)), example)
            if other is not example:
                rule = "duplicate" if other.intent == example.intent else "conflict"
                yield example.finding(rule, f"{other.intent} at {other.file}:{other.line}")


def _markup(examples: Iterable[Example], entities: frozenset[str]) -> Iterator[Finding]:
    for example in examples:
        if re.search(r"[\[\]]|\]\(|\([a-z_]+\)", example.text):
            yield example.finding("broken-markup")
        if example.intent == "out_of_scope" and example.spans:
            yield example.finding("annotated-out-of-scope")
        for span in example.spans:
            if span.entity not in entities:
                yield example.finding("unknown-entity", span.entity)
            if span.entity == "status" and "staff" not in example.audiences:
                yield example.finding("status-of-a-customer")


def _edges(examples: Sequence[Example]) -> Iterator[Finding]:
    """Spans that begin or end with something that is not theirs."""
    known = {(span.entity, example.value(span)) for example in examples for span in example.spans}
    for example in examples:
        for span in example.spans:
            value = example.value(span)
            inside = value.rstrip(".") if span.entity == "company" else value  # Inc., Co., Ltd.
            if not value or inside != inside.strip(" .,!?~ㅋㅎㅠㅜ\"'"):
                yield example.finding("span-edge", value)
            elif span.entity != "symptom" and _has_particle(span.entity, value, known):
                yield example.finding("span-particle", value)
            elif span.entity == "person" and value.endswith(_TITLES) and len(value) > 3:
                yield example.finding("span-title", value)
            elif span.entity in _BARE and _ARTICLE.match(value):
                yield example.finding("span-article", value)


def _has_particle(entity: str, value: str, known: set[tuple[str, str]]) -> bool:
    """Names may end like a particle (정하은): the rest must be a known value, or the particle certain."""
    if value.endswith("'s") or value.endswith(_CERTAIN):
        return True
    if re.search(r"[\d@.][가-힣]?$", value) and value.endswith(_PARTICLES):
        return True
    return any(value.endswith(end) and (entity, value[: -len(end)]) in known for end in _PARTICLES)


_ANOTHER_WORD = frozenset({"낮은"})
"""What looks like a marked word with a particle ('낮', noon, and '은') and is another ('낮은', low)."""


def _unmarked_patterns(examples: Iterable[Example]) -> Iterator[Finding]:
    for example in examples:
        if example.intent == "out_of_scope":
            continue
        for entity, pattern in _PATTERNS:
            for match in pattern.finditer(example.text):
                if not example.marks(*match.span()):
                    yield example.finding("unmarked", f"{entity} {match[0]}")


def _unmarked_words(examples: Sequence[Example]) -> Iterator[Finding]:
    """Words that are marked nearly everywhere, but not here; a greeting's morning is no time."""
    examples = [example for example in examples if example.intent not in ("greet", "out_of_scope")]
    marked: Counter[str] = Counter()
    names: dict[str, str] = {}
    for example in examples:
        for span in example.spans:
            word = example.value(span)
            if re.search(r"[^\W\d]", word):
                marked[word] += 1
                names[word] = span.entity
    for word in (word for word, count in marked.items() if count >= SEEN):
        missed = list(_occurrences(word, examples))
        if marked[word] / (marked[word] + len(missed)) >= USUALLY:
            for example in missed:
                if names[word] != "status" or "staff" in example.audiences:
                    yield example.finding("unmarked", f"{names[word]} {word}")


def _occurrences(word: str, examples: Iterable[Example]) -> Iterator[Example]:
    ends = "|".join(sorted(_PARTICLES, key=len, reverse=True))
    after = rf"(?:{ends})?(?![\w])" if re.search("[가-힣]$", word) else r"(?![A-Za-z0-9])"
    pattern = re.compile(rf"(?<![\w-]){re.escape(word)}{after}", re.I)
    folded = word.casefold()
    for example in examples:
        if folded in example.text.casefold() and any(
            not example.marks(*match.span()) and match[0] not in _ANOTHER_WORD
            for match in pattern.finditer(example.text)
        ):
            yield example


def _close(examples: Sequence[Example]) -> Iterator[Finding]:
    """Pairs of one audience and two intents that share nearly all their character n-grams."""
    groups: defaultdict[tuple[str, str], list[Example]] = defaultdict(list)
    for example in examples:
        for audience in example.audiences:
            groups[audience, example.file.split("/")[0]].append(example)
    for group in groups.values():
        yield from _close_pairs(group)


def _close_pairs(group: Sequence[Example]) -> Iterator[Finding]:
    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 3), sublinear_tf=True, token_pattern=None)
    matrix = vectors.fit_transform(example.text for example in group)
    near = (matrix @ matrix.T).tocoo()
    above = (near.data >= CLOSE) & (near.row > near.col)
    for row, column in zip(near.row[above], near.col[above], strict=True):
        one, other = group[int(row)], group[int(column)]
        if one.intent != other.intent and normal(one.text) != normal(other.text):
            score = float(np.round(near.data[(near.row == row) & (near.col == column)][0], 2))
            yield one.finding("too-close", f"{score} to {other.intent}: {other.text}")


def main(arguments: Sequence[str]) -> int:
    """Print the findings of the project's own data, or of the folder named first."""
    findings = lint(Path(arguments[0]) if arguments else Path(__file__).parent)
    for finding in findings:
        print(finding)
    print(f"{len(findings)} findings" if findings else "no findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
