"""Which language a message is in."""

from __future__ import annotations

import re

from nlu.components.patterns import protected

_HANGUL = re.compile(r"[\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3]+")
_LATIN = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)*")
# Latin words that people write inside Korean, or that any language shares.
_SHARED_LIST = "ok okay as tv lg pc it id no qr app sms www http https com kr hi bye a s vip"
_SHARED = frozenset(_SHARED_LIST.split())


def detect(text: str) -> str | None:
    """'ko', 'en', or None where the text does not tell ('ok', 'A1234', '010-1234-5678', '👍').

    One Hangul word decides for Korean unless it stands alone in an English sentence, as a name does.
    """
    hangul = _HANGUL.findall(text)
    bare = text
    for _, start, end in protected(text):
        bare = bare[:start] + " " * (end - start) + bare[end:]
    latin = [word for word in _LATIN.findall(bare) if word.lower() not in _SHARED]
    if hangul:
        return "en" if len(latin) >= 4 * len(hangul) else "ko"
    return "en" if any(len(word) > 1 for word in latin) else None
