"""Recordings (녹화): begun with both sides' consent, kept sealed, seen by few, deleted in time.

A recording has a key of its own, sealed with the contact's (crm/vault.py): whoever erases the person makes
every copy of its files unreadable. Each view is audited before a byte is given out.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from crm import audit, company, db, files, happenings, live_events, live_sessions, reads, vault, writes
from crm.actor import Actor, check
from crm.errors import Conflict, Forbidden, NotFound
from crm.live_rules import policy_of
from crm.models import LiveParticipant, LiveSession, Recording, RecordingFile
from crm.zone import aware

KEY_BYTES: Final = 32
SEES_ALL: Final = ("manager", "admin")  # others see what they took part in


@dataclass(frozen=True)
class Segment:
    """A finished, sealed file as the media room hands it over."""

    recording_id: int
    participant_id: int | None
    track: str
    path: Path
    size: int
    plain_size: int
    sha256: str
    started_at: datetime
    duration_ms: int
    video: bool = True
    audio: bool = True
    repaired: bool = False


async def open_(session_id: int, *, now: datetime) -> tuple[int, bytes]:
    """Begin a recording: its number and key. Raises `Conflict("over")` unless the session is live."""
    aware(now)
    key = secrets.token_bytes(KEY_BYTES)
    async with live_sessions.held(session_id) as session:
        if session.status != "live":
            raise Conflict("over", status=session.status)
        policy = policy_of((await company.get()).settings)
        row = await Recording.create(
            session_id=session_id,
            sealed_key=await vault.seal_for(session.contact_id, key, now=now),
            sealed_for=session.contact_id,
            started_at=now,
            delete_at=now + policy.keep,
        )
        await live_events.record(session_id, "recording_started", data={"recording": row.id}, now=now)
        await _happened("recording.started", session, row, now)
    return row.id, key


async def key_of(recording_id: int) -> bytes | None:
    """The key of a recording; None when it was deleted or its person erased."""
    row = await Recording.get_or_none(id=recording_id)
    if row is None or row.sealed_key is None or row.status == "deleted":
        return None
    return await vault.unseal_for(row.sealed_for, bytes(row.sealed_key))


async def unfinished(session_id: int) -> int | None:
    """The recording of a session that nobody closed; None without one."""
    row = await Recording.filter(session_id=session_id, status="open").order_by("-id").first()
    return row.id if row else None


async def keep(segment: Segment) -> RecordingFile | None:
    """Take a finished file over: into storage first, then noted. The same one again is kept once.

    None when the recording was deleted meanwhile: the file is deleted. Call it outside a transaction.
    """
    known = RecordingFile.filter(
        recording_id=segment.recording_id, participant_id=segment.participant_id, track=segment.track,
        started_at=segment.started_at,
    )  # fmt: skip
    if (found := await known.first()) is not None:
        await files.storage().discard(segment.path)
        return found
    if await key_of(segment.recording_id) is None:
        await files.storage().discard(segment.path)
        return None
    name = secrets.token_hex(20)
    key = f"recordings/{name[:2]}/{name}"
    await files.storage().take(key, segment.path)  # a crash before the next line leaves bytes nobody can read
    return await RecordingFile.create(
        recording_id=segment.recording_id,
        participant_id=segment.participant_id,
        track=segment.track,
        storage_key=key,
        size=segment.size,
        plain_size=segment.plain_size,
        sha256=segment.sha256,
        video=segment.video,
        audio=segment.audio,
        repaired=segment.repaired,
        started_at=segment.started_at,
        duration_ms=segment.duration_ms,
    )


async def close(recording_id: int, reason: str, *, now: datetime) -> None:
    """Nothing more will come for it. Again changes nothing."""
    async with db.transaction():
        row = await reads.held(Recording, recording_id)
        if row is None or row.status != "open":
            return
        row.status, row.reason, row.closed_at = "closed", reason[:40], now
        await row.save(update_fields=["status", "reason", "closed_at"])
        session = await LiveSession.get(id=row.session_id)
        data = {"recording": row.id, "reason": reason[:40]}
        await live_events.record(session.id, "recording_stopped", data=data, now=now)
        await _happened("recording.closed", session, row, now)


async def view(actor: Actor, session_id: int, *, now: datetime) -> list[RecordingFile]:
    """The files of a session for whoever may see them; that the actor looked is audited first.

    Managers and administrators see all, others what they took part in or the request that they have.
    Raises `Forbidden`, `NotFound`.
    """
    session = await may_see(actor, session_id)
    async with writes.transaction():
        found = await of(session_id)
        await audit.record(
            actor, "recording.viewed", "live", session_id, now=now, contact_id=session.contact_id
        )
    return found


async def may_see(actor: Actor, session_id: int) -> LiveSession:
    """The session, if the actor may see its recordings. Raises `Forbidden`, `NotFound`."""
    check(actor, "recording.view")
    session = await LiveSession.get_or_none(id=session_id).select_related("request")
    if session is None:
        raise NotFound("live session")
    if actor.role in SEES_ALL or session.staff_id == actor.id:
        return session
    if session.request is not None and session.request.assignee_id == actor.id:
        return session
    if await LiveParticipant.exists(session_id=session_id, staff_id=actor.id, joined_at__isnull=False):
        return session
    raise Forbidden("recording.view")


async def of(session_id: int) -> list[RecordingFile]:
    """The files of a session that are still there, in the order in which they began."""
    rows = RecordingFile.filter(recording__session_id=session_id).exclude(recording__status="deleted")
    return await rows.order_by("started_at", "id").select_related("participant", "recording").limit(200)


async def exporting(actor: Actor, session_id: int, *, now: datetime) -> None:
    """The actor asks for one file of it all, which is audited. Raises `Forbidden`, `NotFound`."""
    session = await may_see(actor, session_id)
    await audit.record(
        actor, "recording.exported", "live", session_id, now=now, contact_id=session.contact_id
    )


async def standing(session_id: int) -> str:
    """Why there is no file to see: `none` was recorded, `soon` they are still being finished, or `gone`."""
    rows = await Recording.filter(session_id=session_id).order_by("-id").limit(20)
    if not rows:
        return "none"
    return "gone" if all(row.status == "deleted" for row in rows) else "soon"


async def file_of(actor: Actor, file_id: int) -> tuple[RecordingFile, bytes]:
    """A file and the key that opens it, for the stream of a page that was audited as viewed.

    Raises `Forbidden`, `NotFound` (also when it was erased).
    """
    row = await RecordingFile.get_or_none(id=file_id).select_related("recording")
    if row is None:
        raise NotFound("recording")
    await may_see(actor, row.recording.session_id)
    key = await key_of(row.recording_id)
    if key is None:
        raise NotFound("recording")
    return row, key


async def delete(actor: Actor, session_id: int, *, now: datetime) -> int:
    """Delete what was recorded of a session before its time; how many files. Managers and administrators."""
    check(actor, "recording.delete")
    async with db.transaction():
        await db.execute("UPDATE live_session SET id = id WHERE id = ?", session_id)
        session = await LiveSession.get_or_none(id=session_id)
        if session is None:
            raise NotFound("live session")
        rows = await Recording.filter(session_id=session_id).exclude(status="deleted")
        count = await forget([row.id for row in rows], "staff", now)
        for row in rows:
            await _happened("recording.deleted", session, row, now)
        await audit.record(
            actor, "recording.deleted", "live", session_id, now=now, contact_id=session.contact_id
        )
    await sweep(now)
    return count


async def forget(recording_ids: Collection[int], reason: str, now: datetime) -> int:
    """Destroy keys, so that no copy can be read; the bytes go with the next `sweep`. How many files."""
    if not recording_ids:
        return 0
    marks = db.placeholders(len(recording_ids))
    await db.execute(
        "UPDATE recording SET status = 'deleted', sealed_key = NULL, reason = ?, delete_at = NULL,"
        f" closed_at = COALESCE(closed_at, ?) WHERE id IN ({marks})",
        reason, db.stamp(now), *recording_ids,
    )  # fmt: skip
    rows = await db.fetch(
        f"SELECT count(*) AS n FROM recording_file WHERE recording_id IN ({marks})", *recording_ids
    )
    return int(rows[0]["n"])


async def expire(now: datetime, *, limit: int = 100) -> int:
    """Delete recordings whose time is over; how many. For a tick."""
    rows = await db.fetch(
        "SELECT id, session_id FROM recording WHERE status IN ('open', 'closed') AND delete_at <= ?"
        " ORDER BY delete_at LIMIT ?",
        db.stamp(aware(now)), limit,
    )  # fmt: skip
    for row in rows:
        async with live_sessions.held(row["session_id"]) as session:
            await forget([row["id"]], "retention", now)
            recording = await Recording.get(id=row["id"])
            await _happened("recording.deleted", session, recording, now)
    return len(rows)


async def sweep(now: datetime, *, limit: int = 100) -> int:
    """Delete the bytes of deleted recordings; how many files. For a tick."""
    rows = await db.fetch(
        "SELECT f.id, f.storage_key FROM recording_file f JOIN recording r ON r.id = f.recording_id"
        " WHERE r.status = 'deleted' ORDER BY f.id LIMIT ?",
        limit,
    )
    for row in rows:
        await files.storage().delete(row["storage_key"])
        await RecordingFile.filter(id=row["id"]).delete()
    return len(rows)


async def _happened(kind: str, session: LiveSession, row: Recording, now: datetime, **data: Any) -> None:
    await happenings.record(
        kind, now=now, contact_id=session.contact_id, request_id=session.request_id,
        conversation_id=session.conversation_id, live_id=session.id, recording_id=row.id, **data,
    )  # fmt: skip
