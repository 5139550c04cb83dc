"""What thumbs do to a sentence, for training and for measuring: spaces, slips, finals, laughter."""

from __future__ import annotations

import random
from collections.abc import Callable

from nlu.components.text import join_syllable, split_syllable

_NEAR_VOWELS = {
    0: (4,),
    4: (0, 8),
    8: (4, 13),
    13: (8,),
    1: (5,),
    5: (1,),
    20: (18,),
    18: (20, 13),
    2: (6,),
    6: (2,),
}
_NEAR_LEADS = {
    0: (1, 15),
    3: (4, 16),
    7: (8, 17),
    9: (10,),
    12: (13, 14),
    1: (0,),
    4: (3,),
    10: (9,),
    2: (5,),
    5: (2,),
}
_KEYS = {
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo",
    "j": "hk", "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "w", "r": "et",
    "s": "ad", "t": "ry", "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "x",
}  # fmt: skip
_TAILS = ("ㅋㅋ", "ㅋㅋㅋ", "ㅠㅠ", "ㅜㅜ", "ㅎㅎ", "ㅠ", "~", "!!", "..", "요", "욤", "용")


def without_spaces(text: str, dice: random.Random) -> str:
    """All spaces gone from Korean; one gone from English."""
    if not text.isascii():
        return text.replace(" ", "")
    spots = [index for index, char in enumerate(text) if char == " "]
    spot = dice.choice(spots) if spots else len(text)
    return text[:spot] + text[spot + 1 :]


def _change(text: str, dice: random.Random, change: Callable[[str, random.Random], str]) -> str:
    letters = [index for index, char in enumerate(text) if char.isalpha()]
    for index in dice.sample(letters, k=min(len(letters), 1 + len(letters) // 12)):
        text = text[:index] + change(text[index], dice) + text[index + 1 :]
    return text


def _slip(char: str, dice: random.Random) -> str:
    parts = split_syllable(char)
    if parts is None:
        near = _KEYS.get(char.lower())
        return dice.choice(near) if near else char
    lead, vowel, final = parts
    if dice.random() < 0.5 and lead in _NEAR_LEADS:
        return join_syllable(dice.choice(_NEAR_LEADS[lead]), vowel, final)
    return join_syllable(lead, dice.choice(_NEAR_VOWELS.get(vowel, (vowel,))), final)


def _drop_final(char: str, dice: random.Random) -> str:
    parts = split_syllable(char)
    if parts is None:
        return char
    return join_syllable(parts[0], parts[1], 0)


def slips(text: str, dice: random.Random) -> str:
    """About one letter in twelve becomes its neighbour on the keyboard."""
    return _change(text, dice, _slip)


def dropped_finals(text: str, dice: random.Random) -> str:
    """Finals of some syllables left out; in English a letter left out."""
    if text.isascii():
        spots = [index for index, char in enumerate(text) if char.isalpha()]
        spot = dice.choice(spots) if len(spots) > 4 else len(text)
        return text[:spot] + text[spot + 1 :]
    finals = [i for i, char in enumerate(text) if (parts := split_syllable(char)) and parts[2]]
    for index in dice.sample(finals, k=min(len(finals), 1 + len(finals) // 4)):
        text = text[:index] + _drop_final(text[index], dice) + text[index + 1 :]
    return text


def laughter(text: str, dice: random.Random) -> str:
    """Laughter, tears or a drawl behind the sentence; in English case and punctuation go."""
    if text.isascii():
        return text.lower().rstrip("?.!") + dice.choice(("", " lol", "!!", " pls", " :("))
    return text.rstrip("?.!") + dice.choice(_TAILS)


def mixed(text: str, dice: random.Random) -> str:
    """Two kinds of noise at once."""
    for one in dice.sample((without_spaces, slips, dropped_finals, laughter), k=2):
        text = one(text, dice)
    return text


KINDS: dict[str, Callable[[str, random.Random], str]] = {
    "no_spaces": without_spaces,
    "slips": slips,
    "dropped_finals": dropped_finals,
    "laughter": laughter,
    "mixed": mixed,
}


def gibberish(count: int, dice: random.Random) -> list[str]:
    """What a cat on the keyboard writes, in both layouts."""
    rows = (
        "qwertyuiop",
        "asdfghjkl",
        "zxcvbnm",
        "ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔ",
        "ㅁㄴㅇㄹㅎㅗㅓㅏㅣ",
        "ㅋㅌㅊㅍㅠㅜㅡ",
        "1234567890;'",
    )
    typed = []
    for _ in range(count):
        row = dice.choice(rows)
        start, length = dice.randrange(len(row) - 3), dice.randint(3, 9)
        typed.append("".join(dice.choice(row[start : start + 5]) for _ in range(length)))
    return typed


def any_of(text: str, dice: random.Random) -> str:
    """One kind of noise by lot."""
    return dice.choice(list(KINDS.values()))(text, dice)
