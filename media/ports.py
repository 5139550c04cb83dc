"""What the live support room needs of the rest of the house. `bots` fills these ports; here is no CRM.

Every `now` is timezone-aware. An implementation checks permission and consent, writes its own transaction and
audit, and never waits for the network of a customer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

Role = Literal["customer", "staff", "expert", "agent"]  # agent: the customer's desktop agent
Mode = Literal["forward", "peer"]
TrackKind = Literal["audio", "camera", "screen"]
Medium = Literal["audio", "video"]

RIGHTS = frozenset(
    {
        "speak",  # send audio, camera, screen
        "point",  # draw and point on what others show
        "record",  # ask for a recording, stop it
        "control",  # ask to control another's machine
        "admit",  # put on hold, mute, transfer, remove, end for all
    }
)


class Refused(Exception):
    """A ticket that opens nothing. `code` is one of `REFUSALS`; the page says it in words."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


REFUSALS = frozenset({"unknown_token", "expired", "not_yet", "bound_elsewhere", "ended", "cancelled"})


@dataclass(frozen=True)
class Seat:
    """Who a token seats, and where. `participant` is stable: the same for every rejoin with this token."""

    room: str  # 1-64 of [A-Za-z0-9_-]; one live session
    participant: str  # 1-64 of [A-Za-z0-9_-]; unique within the room
    role: Role
    name: str  # shown to the others
    lang: Literal["ko", "en"]
    rights: frozenset[str] = frozenset({"speak", "point"})
    expires_at: datetime | None = None  # nobody may join (or rejoin) after this


class Tickets(Protocol):
    """Turns a join token into a seat."""

    async def resolve(self, token: str, browser: str, now: datetime) -> Seat:
        """The seat of a token. Raises `Refused`.

        `browser` is the key that `/call/{token}` gave to the browser that opened the link first. Another
        browser is refused with `bound_elsewhere`. Called once for each socket, also at a rejoin.
        """


@dataclass(frozen=True)
class Place:
    """A media process as its heartbeat tells."""

    process: str
    address: str  # http://host:port, reachable from every front
    rooms: int
    load: float  # share of one core, 0..1
    accepts: bool  # whether it takes a new room with forwarding


class Registry(Protocol):
    """Which media process holds which room; any front may ask."""

    async def heartbeat(self, place: Place, now: datetime) -> None:
        """Say that this process lives, where and how busy it is. Called every few seconds."""

    async def gone(self, process: str) -> None:
        """This process ends in order: forget it and free its rooms."""

    async def places(self, now: datetime) -> Sequence[Place]:
        """The live media processes, those that surely died left out, least loaded first."""

    async def hold(self, room: str, process: str, now: datetime) -> str:
        """Pin the room to `process`, or renew the pin; return the process that holds it now.

        Atomic: of two processes one gets it. The pin of a process that died on this machine is free at once;
        that of another machine when its lease ran out (30 s).
        """

    async def release(self, room: str, process: str) -> None:
        """Give the room up, if it is still this process's."""

    async def holder(self, room: str, now: datetime) -> str | None:
        """The live process that holds the room."""


@dataclass(frozen=True)
class Act:
    """Something that happened in a room, for its timeline. `kind` is one of `ACTS`."""

    kind: str
    at: datetime
    participant: str  # who did it; "" when the room itself did
    details: Mapping[str, Any] = field(default_factory=dict)


ACTS: Mapping[str, str] = {
    "opened": "the room opened: mode, process",
    "joined": "a participant came (again): role, rejoin",
    "left": "a participant went: reason",
    "shared": "a track went on or off: track, on",
    "held": "a participant was put on hold or taken off: whom, on",
    "muted": "somebody muted another: whom, track, on",
    "pointed": "a pointer act: track, act, points",
    "chat": "a line of chat: id, text, file",
    "control": "control of a machine: whom, state (requested, granted, refused, revoked), scope",
    "transfer": "a staff member asked another to take over: to, note",
    "recording": "state (asked, consented, refused, started, stopped, failed)",
    "closed": "the room closed: reason, seconds, participants",
}


class Journal(Protocol):
    """The timeline of a live session."""

    async def record(self, room: str, acts: Sequence[Act]) -> None:
        """Write acts, in order, in one transaction. Repeats after a crash are possible only for the last
        batch; give each act's (room, at, kind, participant) one row."""

    async def transfer(self, room: str, by: str, to: str, note: str, now: datetime) -> None:
        """Invite `to` (what the desk calls a staff member) to the room. Raises `Refused`."""

    async def ended(self, room: str, reason: str, now: datetime) -> None:
        """The call is over for good (a person ended it, or nobody came back): write it into the record."""


class Consents(Protocol):
    """Who agreed to be recorded. Without the consent of every side nothing is recorded."""

    async def give(
        self, room: str, participant: str, *, agreed: bool, asking: bool = False, now: datetime
    ) -> None:
        """Keep a participant's answer with its time; `asking`: they agreed by asking for the recording."""

    async def missing(self, room: str, participants: Sequence[str], now: datetime) -> Sequence[str]:
        """Those of the present participants whose consent is still missing. Empty: it may begin."""


@dataclass(frozen=True)
class Segment:
    """A finished, sealed file of a recording: one participant's camera and voice, or a screen."""

    recording: int
    room: str
    participant: str
    track: Literal["camera", "screen"]  # camera: with the voice, or the voice alone
    path: Path  # sealed; moves into the operator's storage with `RecordingStore.keep`
    bytes: int  # of the sealed file
    plain_bytes: int  # of the WebM within
    sha256: str  # of the WebM within, hex
    started_at: datetime  # of its first frame: what puts the files side by side
    duration_ms: int
    media: frozenset[Medium]
    repaired: bool  # written to its end after a crash


class RecordingStore(Protocol):
    """Where recordings go. The media room never sees a contact, only a room's name."""

    async def open(self, room: str, now: datetime) -> tuple[int, bytes]:
        """Begin a recording of the room: its number, and a new key of 32 bytes, kept wrapped by the store."""

    async def unfinished(self, room: str, now: datetime) -> int | None:
        """The recording of this room that was begun and never closed, because its process died."""

    async def key(self, recording: int) -> bytes | None:
        """The key of a recording; None when it was erased (its files are deleted then)."""

    async def keep(self, segment: Segment) -> None:
        """Take a finished file over: move or copy it, note it, and return only when that is durable.

        The same (recording, participant, track, started_at) again is kept once.
        """

    async def close(self, recording: int, reason: str, now: datetime) -> None:
        """Nothing more will come for this recording."""


@dataclass(frozen=True)
class Ports:
    """Everything that a media process is given."""

    tickets: Tickets
    registry: Registry
    journal: Journal
    consents: Consents
    recordings: RecordingStore
