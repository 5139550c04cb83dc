"""Whether a room is recorded: asked, agreed to by everybody who is there, stopped; and what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog

from media import finishing, frames
from media.forwarding import Tap
from media.members import Member, tell
from media.ports import Ports, Refused, Segment
from media.recorder import Meta, Recorder, RecordingThread

if TYPE_CHECKING:
    from media.room import Room

log = structlog.get_logger()
STOPPING_SECONDS: Final = (
    8.0  # for what is being finished when the process goes; the rest is done at its start
)


class Studio:
    """What all recordings of a process share: the thread, the folder, and work that outlives a room."""

    def __init__(self, folder: Path, ports: Ports, clock: Callable[[], datetime]) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder, self.ports, self.clock = folder, ports, clock
        self.thread = RecordingThread()
        self._tasks: set[asyncio.Task[None]] = set()
        self._mended: dict[int, str] = {}  # recording: room, of those whose process died

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def finish(self, path: Path, key: bytes, *, repaired: bool = False) -> Segment | None:
        """Make a log a file and hand it over; what fails is tried again by `mend`."""
        try:
            segment = await finishing.finish_apart(path, key, repaired=repaired)
            if segment is not None:
                await self.ports.recordings.keep(segment)
            path.unlink(missing_ok=True)
        except Exception as fault:
            log.error("media.recording_unfinished", log=path.name, fault=str(fault)[:200])
            return None
        return segment

    async def mend(self) -> int:
        """Finish the logs of processes that died; return how many.

        Their recordings are closed at the next look, if nobody took their rooms up until then.
        """
        await self._close_given_up()
        mended = 0
        for path in finishing.orphans(self.folder):
            number = finishing.recording_of(path)
            key = await self.ports.recordings.key(number)
            if key is None:  # it was erased in the meantime
                path.unlink(missing_ok=True)
                continue
            segment = await self.finish(path, key, repaired=True)
            if segment is not None:
                mended += 1
                self._mended[number] = segment.room
                log.info("media.recording_mended", recording=number)
        return mended

    async def _close_given_up(self) -> None:
        for number, room in list(self._mended.items()):
            if await self.ports.registry.holder(room, self.clock()) is None:
                await self.ports.recordings.close(number, "process_died", self.clock())
            del self._mended[number]

    async def close(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOPPING_SECONDS)
        for task in self._tasks:
            task.cancel()
        self.thread.close()


class RoomRecording:
    """The recording of one room. Its calls are made under the room's lock."""

    def __init__(self, room: Room, studio: Studio | None) -> None:
        """`studio` is None where nothing can be recorded."""
        self._room, self._studio = room, studio
        self.state = "off"
        self._by = ""
        self._missing: Sequence[str] = ()
        self._since: datetime | None = None
        self._number = 0
        self._key = b""
        self._recorders: dict[str, tuple[int, Recorder]] = {}
        self._finishing: set[asyncio.Task[None]] = set()

    def frame(self) -> Mapping[str, Any]:
        """As the frame `recording` tells it."""
        since = self._since.isoformat() if self._since and self.state == "on" else None
        told = {"by": self._by, "missing": list(self._missing), "since": since}
        return {"type": "recording", "state": self.state, **told}

    async def heard(self, member: Member, frame: frames.Recording) -> None:
        """Act on a frame. Raises `Refused`."""
        if self._studio is None:
            raise Refused("not_recordable")
        if frame.state == "ask":
            self._room.require(member, "record")
            if self.state == "off":
                self._note("asked", member)
                self.state, self._by = "asked", member.id
            await self._answer(member, agreed=True, asking=True)
        elif frame.state == "stop":
            if member.role != "customer":
                self._room.require(member, "record")
            await self.stop("stopped", member)
        else:
            await self._answer(member, agreed=frame.state == "agree")

    async def resume(self) -> None:
        """When a room opens: a recording whose process died goes on as soon as everybody is back."""
        if self._studio is None:
            return
        found = await self._studio.ports.recordings.unfinished(self._room.name, self._studio.clock())
        key = await self._studio.ports.recordings.key(found) if found is not None else None
        if found is not None and key is not None:
            self._number, self._key, self.state = found, key, "asked"

    async def review(self) -> None:
        """Somebody came or went: go on, or wait for their consent."""
        if self.state == "off" or self._studio is None:
            return
        present = [m.id for m in self._room.members.values() if m.role != "agent"]
        now = self._studio.clock()
        before = self.state, list(self._missing)
        self._missing = await self._studio.ports.consents.missing(self._room.name, present, now)
        if self._missing or len(present) < 2:
            self._pause()
            self.state = "asked"
        elif self.state == "asked":
            await self._start(now)
        if (self.state, list(self._missing)) != before:
            tell(self._room.members.values(), self.frame())

    async def stop(self, why: str, member: Member | None = None) -> None:
        """No more recording in this room, until somebody asks again."""
        if self.state == "off":
            return
        self._note("stopped" if self.state == "on" else "refused", member)
        self._pause()
        self.state, self._missing, self._by = "off", (), member.id if member else ""
        self._hand_over(why)
        tell(self._room.members.values(), self.frame())

    def leave_behind(self) -> None:
        """This process goes: the files are finished, the recording itself goes on elsewhere."""
        self._pause()

    def tap(self, member: Member, leg: int) -> Tap | None:
        """Where a member's packets go now. Another leg numbers its packets anew: it gets files of its own."""
        if self.state != "on" or self._studio is None:
            return None
        known = self._recorders.get(member.id)
        if known is not None and known[0] == leg:
            return known[1].tap
        if known is not None:
            self._close(member.id)
        recorder = Recorder(
            self._studio.thread,
            self._studio.folder,
            self._key,
            self._meta(member.id),
            lambda kind: self._room.media.keyframe(member, kind),
        )
        self._recorders[member.id] = leg, recorder
        for kind in ("camera", "screen"):
            self._room.media.keyframe(member, kind)
        return recorder.tap

    async def _answer(self, member: Member, *, agreed: bool, asking: bool = False) -> None:
        assert self._studio is not None
        now, consents = self._studio.clock(), self._studio.ports.consents
        await consents.give(self._room.name, member.id, agreed=agreed, asking=asking, now=now)
        if agreed:
            self._note("consented", member)
            await self.review()
            tell(self._room.members.values(), self.frame())
        else:
            await self.stop("refused", member)

    async def _start(self, now: datetime) -> None:
        assert self._studio is not None
        if not self._number:
            self._number, self._key = await self._studio.ports.recordings.open(self._room.name, now)
        self.state, self._since = "on", now
        self._note("started", None)
        self._room.media.refresh()

    def _pause(self) -> None:
        """Stop writing; what was written is finished in the background."""
        if self.state == "on":
            self.state = "asked"
        for member in list(self._recorders):
            self._close(member)
        self._room.media.refresh()

    def _close(self, member: str) -> None:
        assert self._studio is not None
        _, recorder = self._recorders.pop(member)
        studio, key = self._studio, self._key

        async def finish() -> None:
            for written in await recorder.close():
                await studio.finish(written.path, key)
                written.release()

        task = studio.spawn(finish())
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)

    def _hand_over(self, why: str) -> None:
        studio, number = self._studio, self._number
        self._number = 0
        if studio is not None and number:
            studio.spawn(_close_store(studio, number, why, list(self._finishing)))

    def _meta(self, participant: str) -> Callable[[Any], Meta]:
        assert self._studio is not None
        number, room, began = self._number, self._room.name, self._studio.clock().isoformat()
        return lambda track: Meta(number, room, participant, track, began)

    def _note(self, state: str, member: Member | None) -> None:
        self._room.timeline.note("recording", member.id if member else "", state=state)


async def _close_store(studio: Studio, number: int, why: str, before: list[asyncio.Task[None]]) -> None:
    await asyncio.gather(*before, return_exceptions=True)
    await studio.ports.recordings.close(number, why, studio.clock())
