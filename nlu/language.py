"""Which language a message is in: Korean and English by rule, any other by the letters of its examples."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, pairwise

from nlu.components.patterns import protected

_HANGUL = re.compile(r"[\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3]+")
_LATIN = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)*")
# Latin words that people write inside Korean, or that any language shares.
_SHARED_LIST = "ok okay as tv lg pc it id no qr app sms www http https com kr hi bye a s vip"
_SHARED = frozenset(_SHARED_LIST.split())
_CLIPPED = frozenset({"pls", "plz", "thx", "thnx", "ppl", "hmm"})
_COMMAND = re.compile(r"\s*[/／][A-Za-z0-9_]+(?:@\w+)?(?:\{.*|(?!\S))", re.DOTALL)
_VOWEL = re.compile("[aeiouy]")
_NO_RUN = re.compile(r"(.)\1\1|[bcdfghjklmnpqrstvwxz]{5}")
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
# Which letters follow a letter in hardly any English word ('dk', 'wq'). Of 3,859 sentences of our English
# data this takes none but bare numbers of ours for something else; of random letters it finds four fifths,
# and nearly all Korean that was typed on a Latin keyboard ('dkssud' for 안녕).
_NEVER = {
    "b": "fghkqvwxz",
    "c": "bdfgjmnpvwxz",
    "d": "kqxz",
    "f": "bcdghjkmnpqvxz",
    "g": "cfjkpqvxz",
    "h": "cgjkpqvxz",
    "i": "h",
    "j": "bcdfghjklmnpqrstvwxyz",
    "k": "cgjqvxz",
    "l": "jqxz",
    "m": "cgjkqrvxz",
    "n": "x",
    "o": "q",
    "p": "jkqvxz",
    "q": "abcdefghijklmnopqrstvwxyz",
    "r": "jqxz",
    "s": "jvxz",
    "t": "jkqvx",
    "u": "hjqw",
    "v": "bcdfghjklmnpqstwxz",
    "w": "cgjqvwxz",
    "x": "bdfgjklnqrsvz",
    "y": "jqvxy",
    "z": "bcdfgjkmnpqrstvwx",
}


BY_RULE = ("ko", "en")
"""Languages that need no examples to be told."""
_UNSEEN = 1e-5
"""The chance of a letter behind another that no example shows."""
_SURELY = 3.0
"""How much likelier than English another language must be, as a logarithm (20 times)."""


@dataclass(frozen=True)
class Others:
    """Languages beside Korean and English, each by how often one letter follows another in its examples.

    English is among them to be compared with. Without others nothing changes.
    """

    shares: Mapping[str, Mapping[str, float]]

    @classmethod
    def learn(cls, examples: Iterable[tuple[str, str]]) -> Others:
        """From (language, text) pairs."""
        texts: dict[str, list[str]] = {}
        for language, text in examples:
            texts.setdefault(language, []).append(text)
        if not texts.keys() - set(BY_RULE):
            return cls({})
        texts.pop("ko", None)
        counts = {name: Counter(chain.from_iterable(map(_pairs, said))) for name, said in texts.items()}
        return cls({name: {p: n / seen.total() for p, n in seen.items()} for name, seen in counts.items()})

    def detect(self, text: str) -> str | None:
        """As the function `detect`, but any of these languages too where its letters are surely its own."""
        pairs = [] if _HANGUL.search(text) else list(_pairs(_unprotected(text)))
        scores = {
            name: sum(math.log(shares.get(pair, 0) + _UNSEEN) for pair in pairs)
            for name, shares in self.shares.items()
        }
        best = max(scores, key=lambda name: scores[name], default="en")
        # Letters that nobody's examples show are as unlikely as can be in English, too.
        english = scores.get("en", len(pairs) * math.log(_UNSEEN))
        return best if best != "en" and scores[best] - english > _SURELY else detect(text)


def _pairs(text: str) -> Iterator[str]:
    """Letters behind one another, words with their edges; a lone letter where words are not parted."""
    for word in re.findall(r"[^\W\d_]+", text.lower()):
        yield from map("".join, pairwise(f" {word} "))
        if not word.isascii():
            yield from word


def _unprotected(text: str) -> str:
    if command := _COMMAND.match(text):  # '/start' is what programs call it, in every language
        text = " " * command.end() + text[command.end() :]
    for _, start, end in protected(text):
        text = text[:start] + " " * (end - start) + text[end:]
    return text


def detect(text: str) -> str | None:
    """'ko', 'en', or None where the text does not tell ('ok', 'A1234', '010-1234-5678', '👍').

    One Hangul word decides for Korean unless it stands alone in an English sentence, as a name does. Latin
    letters are English where most words could be English: 'asdf qwer' tells nothing.
    """
    hangul = _HANGUL.findall(text)
    latin = [word for word in _LATIN.findall(_unprotected(text)) if word.lower() not in _SHARED]
    if hangul:
        return "en" if len(latin) >= 4 * len(hangul) else "ko"
    words = [word for word in latin if len(word) > 1]
    return "en" if 2 * sum(map(_may_be_english, words)) > len(words) else None


def _may_be_english(word: str) -> bool:
    """Whether it can be said, by its vowels and its pairs of letters; before an apostrophe, if it has one."""
    stem = re.split("['’]", word.lower())[0]
    if stem in _CLIPPED:
        return True
    if not _VOWEL.search(stem) or _NO_RUN.search(stem):
        return False
    if len(stem) > 2 and any(stem in keys for keys in _KEYS):
        return False
    return not any(after in _NEVER.get(letter, "") for letter, after in pairwise(stem))
