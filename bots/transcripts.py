"""Transcripts of recorded calls as a job: asked for when a recording ends, if a model is set."""

import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import structlog

from bots.jobs import JobKind
from crm import files, jobs, live_after, live_summary, recordings
from crm.happenings import Happened
from crm.models import LiveSession
from media.transcribing import FILES, BadModel, NoEngine, prepare, transcribe

NAME: Final = "live_transcript"
HOUR: Final = 3600.0
WANTING: Final = tuple(f"{kind.__module__}.{kind.__qualname__}" for kind in (NoEngine, BadModel))

log = structlog.get_logger()


class Transcripts:
    """Handler of happenings: a recording that ended is to be written down."""

    def __init__(self, model: str) -> None:
        """`model`: the operator's model folder (`STT_MODEL`); '' asks for nothing."""
        self.model = model

    async def __call__(self, happened: Happened) -> None:
        if self.model and happened.kind == "recording.closed":
            recording = int(happened.data["recording_id"])
            payload = {"live": int(happened.data["live_id"])}
            await jobs.enqueue(NAME, payload, key=_key(recording), now=happened.at)


async def standing(recordings_of_it: Iterable[int]) -> str:
    """How far the transcript of these recordings is: waiting, failed, done; '' when never asked for."""
    found = await jobs.states([_key(number) for number in recordings_of_it])
    if not found:
        return ""
    if "waiting" in found:
        return "waiting"
    return "failed" if "dead" in found else "done"


async def again(now: datetime) -> int:
    """Try what failed for want of an engine or a model once more; how many there are.

    For the start of the process that works on them: the settings may have been mended.
    """
    wanting = [row["id"] for row in await jobs.dead_of(NAME) if row["error"] in WANTING]
    for number in wanting:
        await jobs.retry(number, now)
    return len(wanting)


def warn(model: str) -> None:
    """Say in the log when transcripts are wanted and cannot be made: calls are not to learn it first."""
    missing = [name for name in FILES if model and not (Path(model) / name).is_file()]
    if missing:
        log.warning("transcripts.no_model", setting="DANGOL_STT_MODEL", folder=model, missing=missing)


def kind(model: str) -> JobKind:
    """The job with the operator's model."""

    async def load(payload: dict[str, Any]) -> dict[str, Any]:
        """Where the voices lie and the keys that open them: handed to the subprocess, never stored."""
        session = await LiveSession.get(id=payload["live"])
        begin, tracks = session.started_at or session.created_at, []
        for file in await recordings.of(session.id):
            key = await recordings.key_of(file.recording_id)
            if key is None or not file.audio or file.track != "camera":
                continue
            path = await files.storage().local(file.storage_key)
            side = "customer" if file.participant and file.participant.side == "customer" else "staff"
            offset = int((file.started_at - begin).total_seconds() * 1000)
            tracks.append({"path": str(path), "key": key.hex(), "side": side, "offset": offset})
        return {"tracks": tracks, "language": session.locale, "model": model}

    return JobKind(NAME, work, load=load, apply=apply, timeout_seconds=2 * HOUR)


def work(given: dict[str, Any]) -> dict[str, Any]:
    """In the subprocess: what each side said, in the order of the call."""
    os.nice(10)  # calls go first
    whisper, lines = prepare(given["model"]), []
    for track in given["tracks"]:
        said = transcribe(
            whisper, Path(track["path"]), bytes.fromhex(track["key"]), language=given["language"]
        )
        lines += [[track["offset"] + at, track["side"], text] for at, text in said]
    return {"lines": sorted(lines)}


async def apply(payload: dict[str, Any], result: dict[str, Any], now: datetime) -> None:
    """Keep it with the session, and suggest a summary anew."""
    transcript = "\n".join(live_summary.line(at, side, text) for at, side, text in result["lines"])
    await live_after.transcribed(payload["live"], transcript, now=now)


def _key(recording: int) -> str:
    return f"{NAME}:{recording}"
