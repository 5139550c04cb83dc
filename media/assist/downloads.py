"""Files that staff offer: into the downloads folder, under a harmless name, never opened, never over
another."""

import hashlib
import os
import re
import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from media.assist.acts import BadAct

SIZE_MAX: Final = 200 * 1024 * 1024  # bytes
NAME_MAX_BYTES: Final = 150  # well below the 255 that file systems take, with room for a number
_RESERVED: Final = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?$")  # of Windows


@dataclass(frozen=True)
class Saved:
    name: str
    size: int
    sha256: str


def offer(frame: Mapping[str, Any]) -> dict[str, Any]:
    """A file that is offered. Raises `BadAct` naming the field."""
    name, size, url = frame.get("name"), frame.get("size"), frame.get("url")
    if not isinstance(name, str) or not name.strip():
        raise BadAct("name")
    if isinstance(size, bool) or not isinstance(size, int) or not 0 < size <= SIZE_MAX:
        raise BadAct("size")
    if not isinstance(url, str) or len(url) > 4096:
        raise BadAct("url")
    return {"name": harmless(name), "size": size, "url": url}


def harmless(name: str) -> str:
    """A name that is one file in one folder on every system."""
    cleaned = "".join(
        c
        for c in unicodedata.normalize("NFC", name)
        if c not in '<>:"/\\|?*' and unicodedata.category(c)[0] != "C"
    )
    cleaned = cleaned.strip(". ")[-120:].strip(". ") or "file"
    while len(cleaned.encode()) > NAME_MAX_BYTES:
        cleaned = cleaned[1:]
    return f"_{cleaned}" if _RESERVED.match(cleaned) else cleaned


def folder() -> Path:
    """Where downloads go: `XDG_DOWNLOAD_DIR`, else Downloads in the home folder."""
    return Path(os.environ.get("XDG_DOWNLOAD_DIR") or Path.home() / "Downloads")


async def receive(file: Mapping[str, Any], fetch: Callable[[str, int], Awaitable[bytes]]) -> Saved:
    """Fetch it and save it. Raises `OSError`, or `ValueError` when it is not what was offered."""
    data = await fetch(str(file["url"]), int(file["size"]))
    if len(data) != file["size"]:
        raise ValueError("size")
    place = folder()
    place.mkdir(parents=True, exist_ok=True)
    path = _write_new(place, str(file["name"]), data)
    return Saved(path.name, len(data), hashlib.sha256(data).hexdigest())


def _write_new(place: Path, name: str, data: bytes) -> Path:
    stem, dot, ending = name.rpartition(".") if "." in name else (name, "", "")
    for number in range(1000):
        path = place / (name if not number else f"{stem} ({number}){dot}{ending}")
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # nothing may run it
        except FileExistsError:
            continue
        with os.fdopen(handle, "wb") as written:
            written.write(data)
        return path
    raise FileExistsError(name)


def size_in_words(size: int) -> str:
    """Bytes as people read them: 12MB, 640KB."""
    return f"{size / 1024 / 1024:.0f}MB" if size >= 1024 * 1024 else f"{max(1, round(size / 1024))}KB"
