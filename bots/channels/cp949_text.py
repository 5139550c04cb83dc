"""Text as Korean carriers take it: cp949, two bytes a syllable, no emoji. Pure.

Python's `euc-kr` writes 8,822 of the 11,172 syllables as eight bytes; `cp949` writes every one as two.
"""

import unicodedata
from functools import cache
from typing import Final

ENCODING: Final = "cp949"
# Bytes; a text of more than SMS_MAX goes as LMS (https://developers.solapi.com).
SMS_MAX, LMS_MAX = 90, 2000

# Signs that cp949 lacks, by ones that it has and that are read the same.
_SIGNS: Final = {
    "\u2013": "-", "\u2014": "\u2015", "\u2012": "-", "\u2010": "-", "\u2011": "-", "\u2212": "-",
    "\u2022": "\u00b7", "\u301c": "\uff5e", "\u20a9": "\uffe6", "\u00ab": "\u300a", "\u00bb": "\u300b",
    "\u00a9": "(c)", "\u2713": "V", "\u2714": "V", "\u2705": "V", "\u274c": "X", "\u2764": "\u2665",
    "\u2b50": "\u2605", "\u27a1": "\u2192", "\u2b05": "\u2190", "\u2b06": "\u2191", "\u2b07": "\u2193",
    "\u2028": "\n", "\u2029": "\n", "\u0085": "\n", "\u00a0": " ", "\u3000": " ",
}  # fmt: skip
# Faces and gestures as Koreans type them; any other emoji is called by its name in Unicode.
_EMOJI: Final = {
    "\U0001f600": "^^", "\U0001f603": "^^", "\U0001f604": "^^", "\U0001f60a": "^^", "\U0001f642": ":)",
    "\U0001f606": "^^", "\U0001f601": "^^", "\U0001f602": "\u314b\u314b", "\U0001f923": "\u314b\u314b",
    "\U0001f609": ";)", "\U0001f622": "\u3160\u3160", "\U0001f62d": "\u3160\u3160", "\U0001f641": ":(",
    "\U0001f61e": ":(", "\U0001f614": ":(", "\U0001f60d": "\u2665", "\U0001f970": "\u2665",
    "\U0001f495": "\u2665", "\U0001f496": "\u2665", "\U0001f499": "\u2665", "\U0001f49a": "\u2665",
    "\U0001f49b": "\u2665", "\U0001f49c": "\u2665", "\U0001f9e1": "\u2665", "\U0001f31f": "\u2605",
    "\U0001f44d": "(\uc88b\uc544\uc694)", "\U0001f44e": "(\ubcc4\ub85c\uc608\uc694)",
    "\U0001f64f": "(\uac10\uc0ac)", "\U0001f44f": "(\ubc15\uc218)", "\U0001f389": "(\ucd95\ud558)",
    "\U0001f4de": "\u260e", "\U0001f4f1": "\u260e", "\u260e": "\u260e", "\U0001f525": "(\ubd88)",
    "\U0001f4a7": "(\ubb3c)", "\U0001f44c": "OK", "\U0001f197": "OK",
}  # fmt: skip
_UNSEEN: Final = frozenset("\u200b\u200c\u200d\u2060\ufeff\ufe0e\ufe0f\u00ad")


def written(text: str) -> str:
    """The text in letters that cp949 has: signs by their like, emoji by what they mean, é by e.

    A letter for which there is nothing (`foreign` tells) stays as its code point, so that it is not lost.
    """
    return "".join(map(_letter, unicodedata.normalize("NFC", text)))


def measure(text: str) -> int:
    """Bytes that the text takes once it is `written`."""
    return len(written(text).encode(ENCODING))


def kind_of(text: str) -> str:
    """SMS or LMS, by the bytes of a text."""
    return "SMS" if measure(text) <= SMS_MAX else "LMS"


def foreign(text: str) -> bool:
    """Does the text hold letters of a script that cp949 cannot write (Thai, simplified Chinese)?"""
    return any(_letter(c).startswith("[U+") for c in unicodedata.normalize("NFC", text))


@cache
def _letter(letter: str) -> str:
    if letter in _UNSEEN or "\U0001f3fb" <= letter <= "\U0001f3ff":
        return ""
    if letter in "\n\t" or letter in _SIGNS or letter in _EMOJI:
        return _SIGNS.get(letter) or _EMOJI.get(letter, letter)
    if unicodedata.category(letter) in ("Cc", "Cf"):
        return "\n" if letter == "\r" else ""
    return letter if _encodes(letter) else _like(letter)


def _like(letter: str) -> str:
    """The plain letters under accents and circles, else the name of a sign, else the code point."""
    if "\U0001f1e6" <= letter <= "\U0001f1ff":  # two of these make a flag
        return chr(ord("A") + ord(letter) - 0x1F1E6)
    plain = "".join(c for c in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(c))
    plain = unicodedata.normalize("NFC", plain)
    if plain and plain != letter and all(map(_encodes, plain)):
        return plain
    if unicodedata.combining(letter):
        return ""
    name = unicodedata.name(letter, "")
    if name and unicodedata.category(letter)[0] in "SPNZ":
        return " " if unicodedata.category(letter)[0] == "Z" else f"({name.lower()})"
    return f"[U+{ord(letter):04X}]"


def _encodes(text: str) -> bool:
    try:
        return bool(text.encode(ENCODING))
    except UnicodeEncodeError:
        return False
