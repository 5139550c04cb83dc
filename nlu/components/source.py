"""The state of this code, for Rasa's cache of trained components and for what is kept between trainings.

Rasa looks at the source of a component's class alone; ours are thin, and what they call counts too.
"""

import hashlib
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def digest() -> str:
    """A hash of every module of this package."""
    return digest_of("components/*.py")


@cache
def digest_of(*patterns: str) -> str:
    """A hash of the modules that match patterns of paths below `nlu`."""
    content = hashlib.sha256()
    for path in sorted(path for pattern in patterns for path in _PACKAGE.glob(pattern)):
        content.update(path.read_bytes())
    return content.hexdigest()
