"""The state of this code, for Rasa's cache of trained components.

Rasa looks at the source of a component's class alone; ours are thin, and what they call counts too.
"""

import hashlib
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1)
def digest() -> str:
    """A hash of every module of this package."""
    content = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        content.update(path.read_bytes())
    return content.hexdigest()
