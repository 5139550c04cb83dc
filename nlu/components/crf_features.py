"""What the random field sees of a sentence: tokens, their features and labels; and spans from labels."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

from rasa.nlu.tokenizers.tokenizer import Token

from nlu.components.values import ENGLISH_NUMBERS
from nlu.dates import mentions

OUTSIDE = "O"
_PART = re.compile(r"\d[\d.,]*|[^\W\d_]+|[^\w\s]|_")


def parted(tokens: Sequence[Token], kinds: Collection[str]) -> Sequence[Token]:
    """Tokens of some kinds cut into numbers, words and marks ('$160' -> '$', '160'), others as they are."""
    if not kinds or not any(token.get("pos", "") in kinds for token in tokens):
        return tokens
    return [
        part for token in tokens for part in (_parts(token) if token.get("pos", "") in kinds else [token])
    ]


def _parts(token: Token) -> list[Token]:
    parts = []
    for match in _PART.finditer(token.text):
        word = match.group()
        pos = "SN" if word[0].isdigit() else "SL" if word[0].isalpha() else "SW"
        start, end = token.start + match.start(), token.start + match.end()
        parts.append(Token(word, start, end, data={"pos": pos}, lemma=word.lower()))
    return parts


def _shape(text: str) -> str:
    kinds = (
        "9"
        if c.isdigit()
        else "h"
        if "가" <= c <= "힣"
        else "A"
        if c.isupper()
        else "a"
        if c.isalpha()
        else "."
        for c in text
    )
    out: list[str] = []
    for kind in kinds:
        if not out or out[-1] != kind:
            out.append(kind)
    return "".join(out)


@lru_cache(maxsize=20000)
def _own(text: str, pos: str, lemma: str) -> tuple[str, ...]:
    return (
        "number" if lemma in ENGLISH_NUMBERS else "word",
        f"l={lemma}", f"p={pos}", f"s={_shape(text)}", f"n={min(len(lemma), 6)}", f"f1={lemma[:1]}",
        f"x3={lemma[-3:]}", f"x2={lemma[-2:]}", f"x1={lemma[-1:]}", f"f2={lemma[:2]}", f"f3={lemma[:3]}",
    )  # fmt: skip


@lru_cache(maxsize=20000)
def _neighbour(lemma: str, pos: str) -> tuple[tuple[str, ...], ...]:
    """What a word is to others: as the second and first before them, the first and second behind."""
    return (
        (f"-2l={lemma}",),
        (f"-1l={lemma}", f"-1p={pos}"),
        (f"+1l={lemma}", f"+1p={pos}"),
        (f"+2l={lemma}",),
    )


_EDGES = (("^^", "^"), ("^", "^")), (("$", "$"), ("$$", "$"))


def token_features(tokens: Sequence[Token], text: str, intent: str | None = None) -> list[list[str]]:
    """CRF features: each token's own, its neighbours' two away, pairs, spaces, what the rules of dates read
    as a time; and the sentence's intent, where it is given."""
    spans = mentions(text)
    words = [(token.lemma.lower(), token.get("pos", "")) for token in tokens]
    around = [*_EDGES[0], *words, *_EDGES[1]]
    seen = [_neighbour(*word) for word in around]
    rows = []
    for i, (token, (lemma, pos)) in enumerate(zip(tokens, words, strict=True), 2):
        row = [
            *_own(token.text, pos, lemma),
            *seen[i - 2][0], *seen[i - 1][1], *seen[i + 1][2], *seen[i + 2][3],
            f"-1l0l={around[i - 1][0]}|{lemma}", f"0l+1l={lemma}|{around[i + 1][0]}",
            "spaced" if token.start == 0 or text[token.start - 1].isspace() else "joined",
        ]  # fmt: skip
        if any(start < token.end and token.start < end for start, end in spans):
            row.append("when")
        if intent:
            row += [f"i={intent}", f"ip={intent}|{pos}"]
        rows.append(row)
    return rows


def labels_of(tokens: Sequence[Token], entities: Sequence[dict[str, Any]]) -> list[str]:
    """B-/I- labels of tokens; a token belongs to the entity that covers most of it."""
    labels = [OUTSIDE] * len(tokens)
    for entity in entities:
        inside = [
            i
            for i, token in enumerate(tokens)
            if 2 * (min(token.end, entity["end"]) - max(token.start, entity["start"]))
            > token.end - token.start
        ]
        for place, i in enumerate(inside):
            labels[i] = f"{'I' if place else 'B'}-{entity['entity']}"
    return labels


_WITHOUT_PARTICLES = frozenset(
    {"product", "company", "address", "date", "time", "quantity", "amount", "status"}
)
"""Spans that never end in a particle; a name may look as if it did ('하은')."""


def _may_end(name: str, token: Token) -> bool:
    """Whether a span of this entity may end with this token; within, a later one takes it in."""
    return not (name in _WITHOUT_PARTICLES and token.get("pos", "").startswith("J"))


def entities_of(tokens: Sequence[Token], labels: Sequence[str], text: str) -> list[dict[str, Any]]:
    """Spans of labelled tokens; an I- that continues nothing begins a span."""
    found: list[dict[str, Any]] = []
    before = OUTSIDE
    for token, label in zip(tokens, labels, strict=True):
        name = label[2:]
        if label != OUTSIDE:
            if label.startswith("I-") and before[2:] == name and found:
                if _may_end(name, token):
                    found[-1]["end"] = token.end
            else:
                found.append({"entity": name, "start": token.start, "end": token.end})
        before = label
    for entity in found:
        entity["value"] = text[entity["start"] : entity["end"]]
        entity["extractor"] = "KiwiCRFEntityExtractor"
    return [entity for entity in found if any(c.isalnum() for c in entity["value"])]  # never a lone mark
