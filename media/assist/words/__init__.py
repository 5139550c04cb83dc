"""What the agent says, in Korean and English."""

import json
from functools import cache
from importlib import resources

LANGUAGES = ("ko", "en")


@cache
def catalogue(lang: str) -> dict[str, str]:
    """All texts of a language, by key."""
    read: dict[str, str] = json.loads(resources.files(__name__).joinpath(f"{lang}.json").read_text("utf-8"))
    return read


def say(lang: str, key: str, **values: str) -> str:
    """The text of a key; an unknown language reads Korean. Raises `KeyError` for an unknown key."""
    return catalogue(lang if lang in LANGUAGES else "ko")[key].format(**values)
