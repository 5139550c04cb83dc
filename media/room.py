"""A room: one live session, its members, and what they say to each other."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import structlog

from media import frames
from media.backend import MediaBackend
from media.control import Controls
from media.drawn import Drawn
from media.members import Member, Post, quality_level, tell
from media.ports import Ports, Refused, Seat
from media.recording import RoomRecording, Studio
from media.timeline import Timeline

log = structlog.get_logger()

MAX_MEMBERS: Final = 6  # customer, staff, an expert or partner, a desktop agent, and two in a transfer
AWAY_SECONDS: Final = 30.0  # a seat is kept so long after its connection broke
EMPTY_SECONDS: Final = 60.0  # a room without anybody is kept so long
CHAT_KEPT: Final = 200  # lines shown to who joins

GONE, REPLACED, BUSY = 1000, 4001, 1013


class Room:
    """Members of one live session. Calls that change who is here, or write, take their turn by a lock."""

    def __init__(
        self,
        name: str,
        ports: Ports,
        clock: Callable[[], datetime],
        backend: Callable[[Room], MediaBackend],
        ice: Callable[[Seat], list[Mapping[str, Any]]],
        studio: Studio | None = None,
    ) -> None:
        self.name, self._ports, self._clock, self._ice = name, ports, clock, ice
        self.members: dict[str, Member] = {}
        self.timeline = Timeline(name, ports.journal, clock)
        self.controls = Controls(self)
        self.drawn = Drawn()
        self.media = backend(self)
        self.recording = RoomRecording(self, studio if self.media.mode == "forward" else None)
        self.opened_at = clock()
        self._chat: deque[Mapping[str, Any]] = deque(maxlen=CHAT_KEPT)
        self._lock = asyncio.Lock()
        self._loop = asyncio.get_running_loop()
        self._empty_since = self._loop.time()
        self._seen: set[str] = set()
        self.ended: str | None = None
        self.timeline.note("opened", mode=self.media.mode)

    # -- coming and going

    async def join(self, seat: Seat, post: Post, keep: int = 0) -> Member:
        """Take a seat, or take it again. Raises `Refused`.

        `keep`: the number of the offer by which the page is still connected; its media go on untouched.
        """
        async with self._lock:
            if self.ended is not None:
                raise Refused("ended")
            member = self.members.get(seat.participant)
            again = member is not None
            if member is None:
                if len(self.members) >= MAX_MEMBERS:
                    raise Refused("full")
                member = self.members[seat.participant] = Member(seat)
            elif member.post is not None:
                member.post.close(REPLACED)
            member.seat, member.post = seat, post
            member.media = dict.fromkeys(member.media, False)
            self._welcome(member)
            self._announce(member, again=again)
            if keep and keep == member.offers and self.media.connected(member):
                self.media.refresh()
            else:
                await self.media.join(member)
            if not again and len(self.members) == 1:
                await self.recording.resume()
            await self.recording.review()
            return member

    def _welcome(self, member: Member) -> None:
        member.send(
            {
                "type": "welcome",
                "version": 1,
                "room": self.name,
                "mode": self.media.mode,
                "you": member.public(),
                "peers": [other.public() for other in self.others(member)],
                "ice": self._ice(member.seat),
                "held": member.held,
                "chat": list(self._chat),
                "marks": self.drawn.listed(),
                "control": self.controls.listed(),
                "recording": self.recording.frame(),
            }
        )

    def _announce(self, member: Member, *, again: bool) -> None:
        rejoin = again or member.id in self._seen
        self._seen.add(member.id)
        self.timeline.note("joined", member.id, role=member.role, rejoin=rejoin)
        tell(self.members.values(), {"type": "joined", "participant": member.public()}, but=member)

    async def lost(self, member: Member, post: Post) -> None:
        """A connection broke; the seat is kept for a while."""
        async with self._lock:
            if member.post is post:
                member.post, member.away_at = None, self._loop.time()
                tell(self.members.values(), {"type": "away", "participant": member.id, "here": False})

    async def leave(self, member: Member, reason: str) -> None:
        """A member goes for good."""
        async with self._lock:
            await self._leave(member, reason)

    async def _leave(self, member: Member, reason: str) -> None:
        if self.members.pop(member.id, None) is None:
            return
        self.timeline.note("left", member.id, reason=reason)
        self.controls.forget(member)
        self.drawn.forget(member.id)
        await self.media.leave(member)
        if member.post is not None:
            member.send({"type": "left", "participant": member.id, "reason": reason})
            member.post.close(GONE)
            member.post = None
        tell(self.members.values(), {"type": "left", "participant": member.id, "reason": reason})
        if not self.members:
            self._empty_since = self._loop.time()
        self.media.refresh()
        await self.recording.review()

    async def tick(self, now: float) -> None:
        """Call a few times a second: seats whose time ran out, and the media's own clocks."""
        self.media.tick(now)
        late = [m for m in self.members.values() if m.post is None and now - m.away_at > AWAY_SECONDS]
        for member in late:
            await self.leave(member, "lost")
        if not self.members and self.ended is None and now - self._empty_since > EMPTY_SECONDS:
            await self.end("empty")

    async def end(self, reason: str, by: str = "") -> None:
        """The call is over for everybody."""
        async with self._lock:
            if self.ended is not None:
                return
            self.ended = reason
            now = self._clock()
            seconds = int((now - self.opened_at).total_seconds())
            self.timeline.note("closed", by, reason=reason, seconds=seconds, participants=len(self._seen))
            await self.recording.stop(reason)
            tell(self.members.values(), {"type": "end", "reason": reason, "seconds": seconds})
            await self._close(GONE)
            await self._ports.journal.ended(self.name, reason, now)

    async def move(self) -> None:
        """This process goes: let pages come again elsewhere. The call itself is not over."""
        async with self._lock:
            if self.ended is None:
                self.ended = "shutdown"
                self.recording.leave_behind()
                await self._close(1012)

    async def _close(self, code: int) -> None:
        for member in self.members.values():
            if member.post is not None:
                member.post.close(code)
                member.post = None
        self.members.clear()
        await self.media.close()
        await self.timeline.close()

    def others(self, member: Member) -> Iterable[Member]:
        return [other for other in self.members.values() if other is not member]

    # -- what members say

    async def heard(self, member: Member, frame: frames.Frame) -> None:
        """Act on a frame. What it may not do is answered with `error`."""
        if self.members.get(member.id) is not member:
            return  # removed, and the socket has not closed yet
        try:
            await self._act(member, frame)
        except Refused as refused:
            member.send({"type": "error", "code": refused.code, "frame": frame.type})
        except ValueError as fault:
            code = "unknown_participant" if str(fault) == "unknown_participant" else "bad_frame"
            member.send({"type": "error", "code": code, "frame": frame.type})

    async def _act(self, member: Member, frame: frames.Frame) -> None:
        match frame:
            case frames.Description() | frames.Candidate():
                await self.media.negotiate(member, frame)
            case frames.Media():
                self._media(member, frame)
            case frames.Mark() | frames.Browse():
                self._pointed(member, frame)
            case frames.Chat():
                self._chatted(member, frame)
            case frames.Quality():
                self._quality(member, frame)
            case frames.Control():
                self.controls.heard(member, frame)
            case frames.Plain():
                await self._plain(member, frame)
            case frames.Recording():
                async with self._lock:
                    await self.recording.heard(member, frame)
            case _:
                await self._administer(member, frame)

    async def _plain(self, member: Member, frame: frames.Plain) -> None:
        if frame.type == "ping":
            member.send({"type": "pong"})
        elif frame.type == "renew":
            await self.media.join(member)
        elif frame.type == "leave":
            await self.leave(member, "left")
        else:
            self.require(member, "admit" if member.role != "customer" else "speak")
            await self.end("ended", member.id)

    def require(self, member: Member, right: str) -> None:
        """Raises `Refused` when the seat has not this right."""
        if not member.may(right):
            raise Refused("not_allowed")

    def other(self, participant: str) -> Member:
        """Raises `Refused` when nobody has this id."""
        found = self.members.get(participant)
        if found is None:
            raise Refused("unknown_participant")
        return found

    def _media(self, member: Member, frame: frames.Media) -> None:
        self.require(member, "speak")
        member.facing, member.torch = frame.facing, frame.torch
        for kind in member.media:
            on = getattr(frame, kind)
            if member.media[kind] != on:
                member.media[kind] = on
                self.timeline.note("shared", member.id, track=kind, on=on)
        self.media.refresh()

    def _pointed(self, member: Member, frame: frames.Mark | frames.Browse) -> None:
        self.require(member, "point")
        said = {**frame.model_dump(), "from": member.id, "at": self._clock().isoformat()}
        tell(self.members.values(), said, but=member)
        if isinstance(frame, frames.Mark):
            self.drawn.take(said)
            details = frame.model_dump(exclude={"type"}, exclude_none=True)
        else:
            details = {"act": "browse", "page": frame.page}
        self.timeline.note("pointed", member.id, **details)

    def _chatted(self, member: Member, frame: frames.Chat) -> None:
        said = {**frame.model_dump(), "from": member.id, "at": self._clock().isoformat()}
        if not any(line["id"] == frame.id and line["from"] == member.id for line in self._chat):
            self._chat.append(said)
            self.timeline.note("chat", member.id, **frame.model_dump(exclude={"type"}))
            tell(self.members.values(), said, but=member)
        member.send(said)

    def _quality(self, member: Member, frame: frames.Quality) -> None:
        level = quality_level(frame.loss, frame.rtt_ms)
        if level != member.level:
            member.level = level
            tell(self.members.values(), {"type": "quality", "participant": member.id, "level": level})

    async def _administer(
        self, member: Member, frame: frames.Hold | frames.Mute | frames.Remove | frames.Transfer
    ) -> None:
        """What only a host may do."""
        if isinstance(frame, frames.Mute) and frame.participant == member.id and not frame.on:
            return  # the owner unmutes by `media`
        self.require(member, "admit")
        if isinstance(frame, frames.Transfer):
            await self._transfer(member, frame)
            return
        target = self.other(frame.participant)
        if isinstance(frame, frames.Remove):
            await self.leave(target, "removed")
            return
        tell(self.members.values(), {**frame.model_dump(), "from": member.id})
        if isinstance(frame, frames.Hold):
            target.held = frame.on
            self.timeline.note("held", member.id, whom=target.id, on=frame.on)
            self.media.refresh()
        else:
            self.timeline.note("muted", member.id, whom=target.id, track=frame.track, on=frame.on)

    async def _transfer(self, member: Member, frame: frames.Transfer) -> None:
        await self._ports.journal.transfer(self.name, member.id, frame.to, frame.note, self._clock())
        self.timeline.note("transfer", member.id, to=frame.to, note=frame.note)
        said = {"type": "transfer", "by": member.id, "to": frame.to, "state": "asked"}
        tell(self.members.values(), said)
