"""Transcripts of recorded calls as a job: asked for when a recording ends, if a model is set."""

from datetime import datetime
from pathlib import Path
from typing import Any, Final

from bots.jobs import JobKind
from crm import files, jobs, live_after, recordings
from crm.happenings import Happened
from crm.models import LiveSession
from media.transcribing import transcribe

NAME: Final = "live_transcript"
HOUR: Final = 3600.0


class Transcripts:
    """Handler of happenings: a recording that ended is to be written down."""

    def __init__(self, model: str) -> None:
        """`model`: the operator's model folder (`STT_MODEL`); '' asks for nothing."""
        self.model = model

    async def __call__(self, happened: Happened) -> None:
        if self.model and happened.kind == "recording.closed":
            recording = int(happened.data["recording_id"])
            payload = {"live": int(happened.data["live_id"])}
            await jobs.enqueue(NAME, payload, key=f"{NAME}:{recording}", now=happened.at)


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
    lines = []
    for track in given["tracks"]:
        key = bytes.fromhex(track["key"])
        said = transcribe(Path(track["path"]), key, model=given["model"], language=given["language"])
        lines += [[track["offset"] + at, track["side"], text] for at, text in said]
    return {"lines": sorted(lines)}


async def apply(payload: dict[str, Any], result: dict[str, Any], now: datetime) -> None:
    """Keep it with the session, and suggest a summary anew."""
    transcript = "\n".join(f"{side}: {text}" for _, side, text in result["lines"])
    await live_after.transcribed(payload["live"], transcript, now=now)
