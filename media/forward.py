"""The mode in which the server passes packets on: a leg for each member, a slot for each pair of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import structlog

from media import frames
from media.forwarding import Tap
from media.leg import Leg
from media.members import Member
from media.ports import Mode, TrackKind
from media.sdp import KINDS
from media.udp import UdpPort

log = structlog.get_logger()


class _Seat:
    """A member's leg, and which slot of it each other member has."""

    def __init__(self, leg: Leg) -> None:
        self.leg = leg
        self.slots: dict[str, int] = {}

    def slot(self, other: str) -> int:
        """The slot of another member: theirs, a free one, or a new one."""
        if other not in self.slots:
            taken = set(self.slots.values())
            self.slots[other] = next(i for i in range(len(taken) + 1) if i not in taken)
        return self.slots[other]


class ForwardBackend:
    """Media through this process: may be recorded, and reaches whoever cannot be reached directly."""

    mode: ClassVar[Mode] = "forward"

    def __init__(
        self, port: UdpPort, members: Mapping[str, Member], partners: Callable[[Member], Iterable[Member]]
    ) -> None:
        """`partners` says to whom a member's data channels lead."""
        self._port, self._members, self._partners = port, members, partners
        self._seats: dict[str, _Seat] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self.taps: Callable[[Member, int], Tap | None] = lambda member, leg: None

    async def join(self, member: Member) -> None:
        await self.leave(member)
        leg = Leg(
            self._port,
            failed=lambda: self._failed(member, leg),
            heard=lambda number, message: self._heard(member, number, message),
        )
        self._seats[member.id] = _Seat(leg)
        self._offer(member, fresh=True)
        self.refresh()

    async def leave(self, member: Member) -> None:
        seat = self._seats.pop(member.id, None)
        if seat is not None:
            task = asyncio.create_task(seat.leg.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
            await asyncio.sleep(0)

    def connected(self, member: Member) -> bool:
        seat = self._seats.get(member.id)
        return seat is not None and seat.leg.ready.is_set() and not seat.leg.closed

    async def negotiate(self, member: Member, frame: frames.Description | frames.Candidate) -> None:
        seat = self._seats.get(member.id)
        if isinstance(frame, frames.Description) and frame.type == "answer" and seat is not None:
            if frame.n >= member.offers - seat.leg.version + 1:
                seat.leg.answer(frame.sdp)
        elif isinstance(frame, frames.Description) and frame.type == "offer":
            raise ValueError("the server makes the offers")

    def refresh(self) -> None:
        now = self._loop.time()
        for member in self._members.values():
            seat = self._seats.get(member.id)
            if seat is None:
                continue
            self._place(member, seat)
            for other_id, index in seat.slots.items():
                speaker = self._speaker(member, other_id)
                for kind in KINDS:
                    source = speaker.sources[kind] if speaker is not None else None
                    seat.leg.outlets[index][kind].bind(source, now)
            member.send({"type": "tracks", "tracks": self.tracks(member)})
        self._tap()

    def tracks(self, member: Member) -> list[Mapping[str, Any]]:
        seat = self._seats.get(member.id)
        if seat is None:
            return []
        return [
            self._members[other].track(
                f"s{index}-{kind}",
                kind,
                on=self._speaker(member, other) is not None and self._members[other].media[kind],
            )
            for other, index in seat.slots.items()
            if other in self._members
            for kind in KINDS
        ]

    def keyframe(self, member: Member, kind: TrackKind) -> None:
        seat = self._seats.get(member.id)
        if seat is not None:
            seat.leg.sources[kind].want_keyframe(self._loop.time())

    def tick(self, now: float) -> None:
        for seat in list(self._seats.values()):
            seat.leg.tick(now)

    def stats(self, member: Member) -> Mapping[str, int]:
        """Counts of a member's packets since their connection began."""
        seat = self._seats.get(member.id)
        return seat.leg.stats() if seat else {}

    async def close(self) -> None:
        legs = [seat.leg for seat in self._seats.values()]
        self._seats.clear()
        await asyncio.gather(*(leg.close() for leg in legs), *self._closing, return_exceptions=True)

    def _place(self, member: Member, seat: _Seat) -> None:
        """Give every other member a slot; a new offer when there are not enough."""
        for gone in [other for other in seat.slots if other not in self._members]:
            for outlet in seat.leg.outlets[seat.slots.pop(gone)].values():
                outlet.bind(None, self._loop.time())
        others = [other for other in self._members if other != member.id]
        if max([seat.slot(other) for other in others], default=-1) >= len(seat.leg.slots):
            self._offer(member, fresh=False)

    def _offer(self, member: Member, *, fresh: bool) -> None:
        seat = self._seats[member.id]
        others = [other for other in self._members if other != member.id]
        wanted = max([seat.slot(other) + 1 for other in others], default=1)
        member.offers += 1
        member.send(
            {
                "type": "offer",
                "n": member.offers,
                "fresh": fresh,
                "sdp": seat.leg.offer(wanted),
                "tracks": self.tracks(member),
            }
        )

    def _speaker(self, listener: Member, other_id: str) -> Leg | None:
        """The leg of whom a listener may hear now."""
        other, seat = self._members.get(other_id), self._seats.get(other_id)
        if other is None or seat is None or listener.role == "agent":  # a machine needs no pictures
            return None
        if other.held or listener.held or not other.may("speak"):
            return None
        return seat.leg

    def _tap(self) -> None:
        for member in self._members.values():
            seat = self._seats.get(member.id)
            if seat is not None:
                tap = None if member.held else self.taps(member, seat.leg.ssrc)
                for source in seat.leg.sources.values():
                    source.tap = tap

    def _heard(self, member: Member, number: int, message: str | bytes) -> None:
        for partner in self._partners(member):
            seat = self._seats.get(partner.id)
            if seat is not None:
                seat.leg.secure.send(number, message)

    def _failed(self, member: Member, leg: Leg) -> None:
        """The media connection broke. A page that is still there gets a new one at once."""
        seat = self._seats.get(member.id)
        if seat is None or seat.leg is not leg:
            return
        log.info("media.leg_over", participant=member.id, here=member.here)
        task = asyncio.create_task(self.join(member) if member.here else self.leave(member))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
