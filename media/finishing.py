"""From a log to a sealed WebM: at hang-up, and at the start of a process for logs whose process died.

The work is done by a subprocess (`python -m media.finishing LOG`, the key on standard input), since it would
hold up a loop that forwards packets. A log is locked by the process that writes it; an unlocked one is
finished. It is removed only after the store has the file, so a kill in between costs nothing but the work.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog

from media.depacketize import vp8_size
from media.ports import Medium, Segment
from media.recorder import FRAME, LATE, SUFFIX, Meta, sync_folder
from media.sealed import SealedWriter, read_log
from media.webm import AUDIO, VIDEO, Block, write

log = structlog.get_logger()
SEALED: Final = ".webm.sealed"


class Unfinished(Exception):
    """The log could not be made a file: another key, a full disk, or a fault of ours."""


@dataclass(frozen=True)
class Finished:
    """What became of a log. `path` is empty when it held no frame."""

    meta: dict[str, Any]
    path: str
    bytes: int = 0
    plain_bytes: int = 0
    sha256: str = ""
    first_ms: int = 0
    duration_ms: int = 0
    video: bool = False
    audio: bool = False


def blocks(path: Path, key: bytes, late: Mapping[int, int] | None = None) -> Iterator[Block]:
    """The frames of a log; those of a track earlier by what `look` found."""
    for track, is_key, time_ms, data in _entries(path, key):
        if not track & LATE:
            yield Block(track, time_ms - (late or {}).get(track, 0), bool(is_key), data)


@dataclass
class Look:
    """What reading a log once tells: what must be known before it can be written as a file.

    By track, `late` is how many ms its first frame, on whose coming all its times stand, came later than
    others, and `firsts` the earliest time in the log. `picture` is width and height.
    """

    late: dict[int, int] = field(default_factory=dict)
    firsts: dict[int, int] = field(default_factory=dict)
    picture: tuple[int, int] | None = None

    @property
    def first(self) -> int:
        """The earliest ms of a frame, lateness taken off."""
        return min(at - self.late.get(track, 0) for track, at in self.firsts.items())


def look(path: Path, key: bytes) -> Look:
    """Read a log. Raises `Damaged` for another key."""
    found = Look()
    for track, is_key, time_ms, data in _entries(path, key):
        if track & LATE:
            found.late[track & ~LATE] = time_ms
            continue
        found.firsts[track] = min(time_ms, found.firsts.get(track, time_ms))
        if found.picture is None and track == VIDEO and is_key:
            found.picture = vp8_size(data)
    return found


def _entries(path: Path, key: bytes) -> Iterator[tuple[Any, int, int, bytes]]:
    records = read_log(path, key)
    next(records, None)
    for record in records:
        at = 0
        while at < len(record):
            track, is_key, time_ms, length = FRAME.unpack_from(record, at)
            at += FRAME.size
            yield track, is_key, time_ms, record[at : at + length]
            at += length


def finish(path: Path, key: bytes) -> Finished:
    """Write the sealed WebM beside the log. Raises `Damaged` for another key."""
    meta = json.loads(next(read_log(path, key), b"{}"))
    found = look(path, key)
    if not found.firsts:
        return Finished(meta, "")
    base, late, tracks = found.first, found.late, found.firsts.keys()
    target = path.with_name(path.name.removesuffix(SUFFIX) + SEALED)
    with target.open("wb") as file:
        sealed = SealedWriter(file, key)
        duration = write(
            lambda: (Block(b.track, b.time_ms - base, b.key, b.data) for b in blocks(path, key, late)),
            sealed.write,
            found.picture,
        )
        digest = sealed.close()
        file.flush()
        os.fsync(file.fileno())
    sync_folder(target.parent)
    stored, plain = target.stat().st_size, sealed.plain_bytes
    return Finished(
        meta, str(target), stored, plain, digest, base, duration, VIDEO in tracks, AUDIO in tracks
    )


def segment(done: Finished, *, repaired: bool) -> Segment:
    """As the store takes it."""
    meta = Meta(**done.meta)
    media: set[Medium] = {"video"} if done.video else set()
    if done.audio:
        media.add("audio")
    return Segment(
        recording=meta.recording,
        room=meta.room,
        participant=meta.participant,
        track=meta.track,
        path=Path(done.path),
        bytes=done.bytes,
        plain_bytes=done.plain_bytes,
        sha256=done.sha256,
        started_at=datetime.fromisoformat(meta.started_at) + timedelta(milliseconds=done.first_ms),
        duration_ms=done.duration_ms,
        media=frozenset(media),
        repaired=repaired,
    )


async def finish_apart(path: Path, key: bytes, *, repaired: bool) -> Segment | None:
    """`finish` in a subprocess; None when the log held nothing. Raises `Unfinished`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "media.finishing",
        str(path),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
    )
    said, wrong = await process.communicate(key)
    if process.returncode != 0:
        raise Unfinished(wrong.decode(errors="replace")[-300:])
    done = Finished(**json.loads(said))
    return segment(done, repaired=repaired) if done.path else None


def orphans(folder: Path) -> Iterator[Path]:
    """Logs that no living process writes, each locked while it is worked on."""
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield path
        except OSError:  # another process writes or mends it, or has just done so
            continue


def recording_of(path: Path) -> int:
    """The recording that a log or a sealed file belongs to, by its name."""
    return int(path.name.split("-", 1)[0])


if __name__ == "__main__":
    os.nice(10)  # calls go first
    print(json.dumps(asdict(finish(Path(sys.argv[1]), sys.stdin.buffer.read()))))
