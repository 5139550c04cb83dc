"""RTP packets back into encoded frames: in order, whole, each with its time. Pure; nothing is decoded.

VP8: RFC 7741. Opus: RFC 7587, one packet is one frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Final

_HEAD: Final = Struct("!BBHII")
WAIT_SECONDS: Final = 0.5  # a lost packet may be repeated so long before its frame is given up
MAX_WAITING: Final = 512  # packets behind a gap


@dataclass(frozen=True)
class Frame:
    """An encoded frame. `time`: in units of the codec's clock, going on over the 32 bits of RTP."""

    time: int
    data: bytes
    key: bool


@dataclass(frozen=True)
class _Packet:
    time: int
    marker: bool
    payload: bytes
    at: float


def payload_of(packet: bytes) -> bytes:
    """What an RTP packet carries, without header, extensions and padding. Raises `ValueError`."""
    first = packet[0]
    start = 12 + 4 * (first & 15)
    if first & 0x10:
        start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4], "big")
    end = len(packet) - (packet[-1] if first & 0x20 else 0)
    if start > end:
        raise ValueError("broken RTP packet")
    return packet[start:end]


def vp8_payload(payload: bytes) -> tuple[bool, bytes]:
    """Whether a VP8 payload begins a frame, and its part of the frame. Raises `ValueError`."""
    if not payload:
        raise ValueError("empty")
    first, at = payload[0], 1
    if first & 0x80 and len(payload) > 1:
        extended, at = payload[1], 2
        if extended & 0x80:
            at += 2 if len(payload) > at and payload[at] & 0x80 else 1
        at += 1 if extended & 0x40 else 0
        at += 1 if extended & 0x30 else 0
    if len(payload) <= at:
        raise ValueError("broken VP8 payload")
    return bool(first & 0x10) and not first & 0x07, payload[at:]


def vp8_size(frame: bytes) -> tuple[int, int] | None:
    """Width and height told by a key frame (RFC 6386 section 9.1)."""
    if len(frame) < 10 or frame[0] & 1 or frame[3:6] != b"\x9d\x01\x2a":
        return None
    return int.from_bytes(frame[6:8], "little") & 0x3FFF, int.from_bytes(frame[8:10], "little") & 0x3FFF


class Sequence:
    """Packets of one source in order. `lost` counts those that were given up."""

    def __init__(self) -> None:
        self.lost = 0
        self._next = -1
        self._waiting: dict[int, _Packet] = {}
        self._time = 0
        self._known_time = False

    def add(self, packet: bytes, at: float) -> Iterator[tuple[bool, _Packet]]:
        """Take a packet that came at `at` (s); gives those whose turn it is, and whether a gap is before."""
        _, second, sequence, time, _ = _HEAD.unpack_from(packet)
        if self._next < 0:
            self._next = sequence
        if (sequence - self._next) & 0xFFFF < 0x8000:
            taken = _Packet(self._extend(time), bool(second & 0x80), payload_of(packet), at)
            self._waiting[sequence] = taken
        yield from self._ready()
        yield from self._give_up(at)

    def _ready(self) -> Iterator[tuple[bool, _Packet]]:
        while self._next in self._waiting:
            packet = self._waiting.pop(self._next)
            self._next = (self._next + 1) & 0xFFFF
            yield False, packet

    def _give_up(self, at: float) -> Iterator[tuple[bool, _Packet]]:
        """Jump over a gap that nobody filled in time."""
        while self._waiting:
            first = min(self._waiting, key=lambda number: (number - self._next) & 0xFFFF)
            if at - self._waiting[first].at < WAIT_SECONDS and len(self._waiting) < MAX_WAITING:
                return
            self.lost += (first - self._next) & 0xFFFF
            self._next = (first + 1) & 0xFFFF
            yield True, self._waiting.pop(first)
            yield from self._ready()

    def _extend(self, time: int) -> int:
        if not self._known_time:
            self._time, self._known_time = time, True
        ahead = (time - self._time + 0x80000000) & 0xFFFFFFFF
        extended = self._time + ahead - 0x80000000
        self._time = max(self._time, extended)
        return extended


class Opus:
    """Frames of a voice."""

    def __init__(self) -> None:
        self._order = Sequence()
        self.wants_keyframe = False

    def add(self, packet: bytes, at: float) -> Iterator[Frame]:
        for _, one in self._order.add(packet, at):
            if one.payload:
                yield Frame(one.time, one.payload, True)


class Vp8:
    """Frames of a picture; after a loss nothing until the next key frame, which can be shown again."""

    def __init__(self) -> None:
        self._order = Sequence()
        self._parts: list[bytes] = []
        self._whole = False
        self.wants_keyframe = True

    def add(self, packet: bytes, at: float) -> Iterator[Frame]:
        for gap, one in self._order.add(packet, at):
            if gap:
                self._parts, self._whole, self.wants_keyframe = [], False, True
            frame = self._one(one)
            if frame is not None:
                yield frame

    def _one(self, packet: _Packet) -> Frame | None:
        if not packet.payload:  # padding, by which a browser probes the network
            return None
        try:
            begins, part = vp8_payload(packet.payload)
        except ValueError:
            return None
        if begins:
            self._parts, self._whole = [], True
        if self._whole:
            self._parts.append(part)
        if not packet.marker or not self._whole:
            return None
        data, self._parts, self._whole = b"".join(self._parts), [], False
        key = not data[0] & 1
        if key:
            self.wants_keyframe = False
        return None if self.wants_keyframe else Frame(packet.time, data, key)
