"""Who sits in a room, and the way frames go to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from media.ports import Role, Seat, TrackKind
from media.sdp import KINDS

Frame = Mapping[str, Any]
LEVELS: Final = ("good", "fair", "poor")


class Post(Protocol):
    """A participant's connection, as the room sees it."""

    def send(self, frame: Frame) -> None:
        """Queue a frame; one that cannot keep up is cut off."""

    def close(self, code: int) -> None:
        """Close after what is queued was sent."""


@dataclass(eq=False)
class Member:
    """A seat that was taken. `post` is None while its connection is broken."""

    seat: Seat
    post: Post | None = None
    media: dict[TrackKind, bool] = field(default_factory=lambda: dict.fromkeys(KINDS, False))
    facing: str = ""  # which way the camera looks, if that is known
    torch: bool = False  # whether its light is on
    held: bool = False
    level: str = "good"
    away_at: float = 0.0  # loop time since when `post` is None
    offers: int = 0  # the number of the last offer

    @property
    def id(self) -> str:
        return self.seat.participant

    @property
    def role(self) -> Role:
        return self.seat.role

    @property
    def here(self) -> bool:
        return self.post is not None

    def may(self, right: str) -> bool:
        return right in self.seat.rights

    def send(self, frame: Frame) -> None:
        if self.post is not None:
            self.post.send(frame)

    def track(self, mid: str, kind: TrackKind, *, on: bool) -> dict[str, Any]:
        """One of their tracks, as the frame `tracks` lists it."""
        listed = {"mid": mid, "participant": self.id, "kind": kind, "on": on}
        return listed | ({"facing": self.facing, "torch": self.torch} if kind == "camera" else {})

    def public(self) -> dict[str, Any]:
        """As the others see them."""
        return {
            "id": self.id,
            "role": self.role,
            "name": self.seat.name,
            "lang": self.seat.lang,
            "rights": sorted(self.seat.rights),
            "media": dict(self.media),
            "held": self.held,
            "here": self.here,
        }


def quality_level(loss: float, rtt_ms: float) -> str:
    """How a call feels with this loss and delay: ITU-T G.114 finds 150 ms one way good, 400 ms too much."""
    if loss > 0.08 or rtt_ms > 800:
        return LEVELS[2]
    return LEVELS[1] if loss > 0.02 or rtt_ms > 300 else LEVELS[0]


def tell(members: Iterable[Member], frame: Frame, *, but: Member | None = None) -> None:
    """Send a frame to all, or all but one."""
    for member in members:
        if member is not but:
            member.send(frame)
