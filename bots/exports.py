"""The job that makes one file of a recorded call, side by side."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bots.jobs import JobKind
from crm import files, jobs, recordings
from crm.errors import NotFound
from media.export import Part, export
from media.recorder import SUFFIX, Meta

NAME = "live_export"
HOURS_6 = 6 * 3600.0  # an hour of call takes minutes; the machine may be slow


async def enqueue(session_id: int, now: datetime) -> int:
    """Have a session's recordings put side by side; the same files are exported once. The job's number.

    Raises `NotFound` when there is nothing to export. Whoever asks must have been let in by
    `recordings.may_see`; the job's state and progress are `jobs.state`.
    """
    found = [file for file in await recordings.of(session_id) if file.track != "mix"]
    if not found:
        raise NotFound("recording")
    last = max(file.id for file in found)
    payload = {"live": session_id, "recording": found[-1].recording_id, "last": last}
    return await jobs.enqueue(NAME, payload, key=f"{NAME}:{session_id}:{last}", now=now)


def kind(folder: Path) -> JobKind:
    """The job; `folder` is where it writes until the file is kept."""

    async def load(payload: dict[str, Any]) -> dict[str, Any]:
        """Where the files lie, and their keys: handed to the subprocess, never stored."""
        found = [
            f for f in await recordings.of(payload["live"]) if f.track != "mix" and f.id <= payload["last"]
        ]
        begin = min(file.started_at for file in found)
        parts = []
        for file in found:
            key = await recordings.key_of(file.recording_id)
            if key is not None:
                parts.append(
                    {
                        "path": str(await files.storage().local(file.storage_key)),
                        "key": key.hex(),
                        "offset_ms": int((file.started_at - begin) / timedelta(milliseconds=1)),
                        "duration_ms": file.duration_ms,
                        "video": file.video,
                        "audio": file.audio,
                        "seat": f"{file.participant_id}-{file.track}",
                    }
                )
        own = await recordings.key_of(payload["recording"])
        return {
            "parts": parts,
            "key": own.hex() if own else "",
            "folder": str(folder),
            "recording": payload["recording"],
            # A later export of more files is another file: a microsecond for each tells them apart.
            "begin": (begin + timedelta(microseconds=payload["last"])).isoformat(),
        }

    return JobKind(NAME, work, load=load, hand_over=keep, timeout_seconds=HOURS_6, progress=True)


def work(given: dict[str, Any]) -> dict[str, Any]:
    """In the subprocess."""
    os.nice(10)
    if not given["parts"] or not given["key"]:
        return {"path": ""}
    parts = [
        Part(
            Path(p["path"]),
            bytes.fromhex(p["key"]),
            p["offset_ms"],
            p["duration_ms"],
            p["video"],
            p["audio"],
            p["seat"],
        )
        for p in given["parts"]
    ]
    folder = Path(given["folder"])
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _forget_killed(folder)
    told = Path(given["progress_file"])
    target = folder / f"{given['recording']}-export-{os.getpid()}{SUFFIX}"
    meta = Meta(given["recording"], "", "", "screen", given["begin"])
    done = export(parts, target, bytes.fromhex(given["key"]), meta, lambda share: _tell(told, share))
    return {
        "path": done.path,
        "size": done.bytes,
        "plain_size": done.plain_bytes,
        "sha256": done.sha256,
        "duration_ms": done.duration_ms,
        "video": done.video,
        "audio": done.audio,
        "begin": given["begin"],
    }


def _forget_killed(folder: Path) -> None:
    """Delete what exports left whose process was killed: none runs longer than its job may."""
    for path in folder.iterdir():
        if path.stat().st_mtime < time.time() - HOURS_6:
            path.unlink(missing_ok=True)


def _tell(path: Path, share: float) -> None:
    beside = path.with_suffix(".new")
    beside.write_text(f"{share:.3f}")
    os.replace(beside, path)


async def keep(payload: dict[str, Any], result: dict[str, Any]) -> None:
    """Hand the file over, outside the transaction that ends the job: it may be large."""
    if not result["path"]:
        return
    await recordings.keep(
        recordings.Segment(
            recording_id=payload["recording"],
            participant_id=None,
            track="mix",
            path=Path(result["path"]),
            size=result["size"],
            plain_size=result["plain_size"],
            sha256=result["sha256"],
            started_at=datetime.fromisoformat(result["begin"]).astimezone(UTC),
            duration_ms=result["duration_ms"],
            video=result["video"],
            audio=result["audio"],
            repaired=False,
        )
    )
