"""Words and morphemes with exact offsets: Kiwi for Korean, a plain scanner for the rest."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from nlu.components.analyses import Piece, recalled
from nlu.components.patterns import Protected, protected
from nlu.components.text import Composed

if TYPE_CHECKING:
    from kiwipiepy import Kiwi

LONGEST = 2000
"""Characters looked at; a longer message is an essay or an attack, and its head says what it is."""

_HANGUL = re.compile(r"[\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3]")
_WORD = re.compile(r"['’]s\b|[^\W\d_]+(?:['’](?!s\b)[^\W\d_]+)*|\d+(?:[.,]\d+)*|[^\w\s]|_", re.UNICODE)


@lru_cache(maxsize=1)
def kiwi() -> Kiwi:
    """The process's Kiwi (1.3 s and 200 MB to load, safe to use from several threads)."""
    from kiwipiepy import Kiwi

    return Kiwi(num_workers=1)


def pieces(text: str) -> list[Piece]:
    """Tokens of `text` in order, without overlap, offsets in code points of `text` as given."""
    return recalled("pieces", text, _analysed)


def _analysed(text: str) -> list[Piece]:
    composed = Composed(text[:LONGEST])
    whole = list(protected(composed.text))
    found = _morphemes(composed.text, whole) if _HANGUL.search(composed.text) else _scan(composed.text, whole)
    return found if composed.text is composed.original else [_restore(piece, composed) for piece in found]


def _restore(piece: Piece, composed: Composed) -> Piece:
    start, end = composed.span(piece.start, piece.end)
    return piece._replace(start=start, end=end, text=composed.original[start:end])


def _protected_piece(text: str, span: Protected) -> Piece:
    word = text[span.start : span.end]
    return Piece(word, span.start, span.end, f"W_{span.kind.upper()}", word.lower())


def _scan(text: str, whole: list[Protected]) -> list[Piece]:
    found: list[Piece] = []
    position = 0
    for span in whole:
        found += _words(text, position, span.start)
        found.append(_protected_piece(text, span))
        position = span.end
    return found + _words(text, position, len(text))


def _words(text: str, start: int, end: int) -> list[Piece]:
    found = []
    for match in _WORD.finditer(text, start, end):
        word = match.group()
        tag = "SN" if word[0].isdigit() else "SL" if word[0].isalpha() else "SW"
        found.append(Piece(word, match.start(), match.end(), tag, word.lower()))
    return found


def _morphemes(text: str, whole: list[Protected]) -> list[Piece]:
    # As proper nouns, so that the particle behind a number is read as a particle.
    fixed = {span.start: span for span in whole}
    pretokenized = [(span.start, span.end, "NNP") for span in whole]
    found: list[Piece] = []
    position = 0
    for token in kiwi().tokenize(text, pretokenized=pretokenized):
        start, end = token.start, token.start + token.len
        span = fixed.get(start)
        if span is not None and span.end == end:
            found.append(_protected_piece(text, span))
            position = end
        elif end <= position:
            if found:
                found[-1] = _fuse(found[-1], token.tag, token.form)
        else:
            start = max(start, position)
            found += _without_title(Piece(text[start:end], start, end, token.tag, token.form.lower()))
            position = end
    return found


def _without_title(piece: Piece) -> list[Piece]:
    """'박지영님' as name and title, where Kiwi takes the whole for a name."""
    if not (piece.tag in ("NNP", "NNG") and piece.text.endswith("님") and len(piece.text) in (3, 4)):
        return [piece]
    name, cut = piece.text[:-1], piece.end - 1
    return [Piece(name, piece.start, cut, "NNP", name), Piece("님", cut, piece.end, "XSN", "님")]


def _fuse(piece: Piece, tag: str, form: str) -> Piece:
    if piece.tag.startswith("W_"):
        return piece
    return piece._replace(tag=f"{piece.tag}+{tag}", lemma=f"{piece.lemma}+{form.lower()}")


def morphemes(found: list[Piece]) -> list[str]:
    """Features of the words alone: lemma of each morpheme; numbers and protected spans by their kind."""
    out = []
    for piece in found:
        if piece.tag.startswith("W_") or piece.tag == "SN":
            out.append(f"<{piece.tag.lower()}>")
        elif not piece.tag.startswith("S") or piece.tag.startswith("SL"):
            out += piece.lemma.split("+")
    return out
