"""How the media of a room travels: the interface, and the mode in which the server only signals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from media import frames
from media.members import Member
from media.ports import Mode, TrackKind
from media.sdp import KINDS


class MediaBackend(Protocol):
    """The media of one room. Everything is called on the loop; nothing here may raise for a page's fault
    but `ValueError`."""

    mode: ClassVar[Mode]

    async def join(self, member: Member) -> None:
        """Begin a member's media, or begin it anew."""

    async def leave(self, member: Member) -> None:
        """Let go of a member's media."""

    def connected(self, member: Member) -> bool:
        """Whether a member's media flow, so that a new socket need not begin them anew."""

    async def negotiate(self, member: Member, frame: frames.Description | frames.Candidate) -> None:
        """Take a page's part of the negotiation. Raises `ValueError`."""

    def refresh(self) -> None:
        """Somebody came, went, was put on hold or switched a track: pass on what is allowed now."""

    def keyframe(self, member: Member, kind: TrackKind) -> None:
        """Ask a member for a whole picture."""

    def tracks(self, member: Member) -> list[Mapping[str, Any]]:
        """What this member may receive now, as the frame `tracks` lists it."""

    def tick(self, now: float) -> None:
        """Called a few times a second."""

    async def close(self) -> None:
        """Let go of everything."""


class PeerBackend:
    """Media from browser to browser. The server passes descriptions on and sees no packet."""

    mode: ClassVar[Mode] = "peer"

    def __init__(self, members: Mapping[str, Member]) -> None:
        self._members = members

    async def join(self, member: Member) -> None:
        self.refresh()

    async def leave(self, member: Member) -> None: ...

    def connected(self, member: Member) -> bool:
        return False

    async def negotiate(self, member: Member, frame: frames.Description | frames.Candidate) -> None:
        target = self._members.get(frame.to or "")
        if target is None or target is member:
            raise ValueError("unknown_participant")
        if not (member.held or target.held):
            said = frame.model_dump(exclude={"to"}, exclude_none=isinstance(frame, frames.Description))
            target.send({**said, "from": member.id})

    def refresh(self) -> None:
        for member in self._members.values():
            member.send({"type": "tracks", "tracks": self.tracks(member)})

    def keyframe(self, member: Member, kind: TrackKind) -> None: ...

    def tracks(self, member: Member) -> list[Mapping[str, Any]]:
        return [
            other.track(kind, kind, on=other.media[kind] and not other.held)
            for other in self._members.values()
            if other is not member
            for kind in KINDS
        ]

    def tick(self, now: float) -> None: ...

    async def close(self) -> None: ...
