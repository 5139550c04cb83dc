"""Packets from one leg to others, without decoding: sources, outlets, and the feedback between them.

A *source* is a track as it arrives. An *outlet* is a track of a slot as it leaves: its source number never
changes for the browser that listens, whoever speaks there. Sequence numbers and times are shifted so that
they go on without a jump when another source takes the outlet; reports and requests are shifted back.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from struct import Struct
from typing import Final, Protocol

from media import rtcp, sdp
from media.ports import TrackKind

HISTORY: Final = 1024  # packets kept for repetition: 2 to 10 s of video; a power of two
MAX_GAP: Final = 128  # more missing packets than this are a pause or a restart, not loss
NACK_PAUSE: Final = 0.05  # s between two requests for the same packet: a round trip is rarely longer
NACK_AGAIN: Final = 0.1  # s after which a packet that did not come is asked for again, unasked by listeners
NACK_FOR: Final = 1.0  # s for which we ask by ourselves; a listener that still wants it asks on
KEYFRAME_PAUSE: Final = 0.4  # s between two requests for a key frame
_SEQ_TIME: Final = Struct("!HI")
_SEQ_TIME_SSRC: Final = Struct("!HII")
_SSRC: Final = Struct("!I")

Tap = Callable[[TrackKind, bytes, float], None]


class Wire(Protocol):
    """What forwarding asks of a leg."""

    ssrc: int  # by which we call ourselves in reports

    def send_rtp(self, packet: bytes, sequence: int, time: int, ssrc: int) -> None:
        """Send with these three fields in place of the packet's own."""

    def send_rtcp(self, packet: bytes) -> None: ...


class Source:
    """A track as it arrives from a leg."""

    def __init__(self, kind: TrackKind, wire: Wire) -> None:
        self.kind, self.wire = kind, wire
        self.ssrc = 0
        self.outlets: list[Outlet] = []
        self.tap: Tap | None = None
        self.packets = self.octets = self.lost = self.repaired = 0
        self.heard_at = 0.0
        self._highest = -1
        self._history: list[bytes | None] = [None] * HISTORY
        self._asked: dict[int, tuple[float, float]] = {}  # missing: when first and last asked for
        self._again_at = 0.0
        self._keyframe_at = -1.0
        self._keyframe_due = False

    def arrived(self, packet: bytes, now: float) -> None:
        """Take a plain RTP packet of at least 12 bytes and pass it on. `now` in s."""
        sequence, time, ssrc = _SEQ_TIME_SSRC.unpack_from(packet, 2)
        if ssrc != self.ssrc:
            self._restart(ssrc)
        self._history[sequence & (HISTORY - 1)] = packet
        ahead = (sequence - self._highest) & 0xFFFF
        if ahead != 1:
            self._out_of_step(sequence, ahead, now)
        else:
            self._highest = sequence
        if self._asked and now >= self._again_at:
            self._ask_again(now)
        self.packets += 1
        self.octets += len(packet)
        self.heard_at = now
        for outlet in self.outlets:
            if outlet.open:
                outlet.send(packet, sequence, time, now)
        if self.tap is not None:
            self.tap(self.kind, packet, now)

    def repeat(self, outlet: Outlet, missing: Sequence[int], now: float) -> None:
        """Send again what the listener misses; ask the speaker for what we miss ourselves."""
        unknown = []
        for sequence in missing:
            packet = self._history[sequence & (HISTORY - 1)]
            if packet is not None and int.from_bytes(packet[2:4], "big") == sequence:
                outlet.send_again(packet, now)
            else:
                unknown.append(sequence)
        self._ask(unknown, now)

    def want_keyframe(self, now: float) -> None:
        """Ask for a key frame, not too often; one asked for too early is asked for by `tick`."""
        if self.kind == "audio" or not self.ssrc:
            return
        if now - self._keyframe_at < KEYFRAME_PAUSE:
            self._keyframe_due = True
            return
        self._keyframe_at, self._keyframe_due = now, False
        self.wire.send_rtcp(rtcp.picture_loss(self.wire.ssrc, self.ssrc))

    def tick(self, now: float) -> None:
        """Call a few times a second."""
        if self._keyframe_due:
            self.want_keyframe(now)
        if self._asked:
            self._asked = {n: asked for n, asked in self._asked.items() if now - asked[1] < 2.0}
            self._ask_again(now)

    def _restart(self, ssrc: int) -> None:
        self.ssrc, self._highest = ssrc, -1
        self._history = [None] * HISTORY
        self._asked.clear()
        for outlet in self.outlets:
            outlet.shift_anew()

    def _out_of_step(self, sequence: int, ahead: int, now: float) -> None:
        """The packet is not the next one: the first, a late one, or one after a gap."""
        if self._highest < 0:
            self._highest = sequence
        elif 1 < ahead < 0x8000:
            if ahead <= MAX_GAP:
                gap = [(self._highest + step) & 0xFFFF for step in range(1, ahead)]
                self.lost += len(gap)
                self._ask(gap, now)
            else:
                self.want_keyframe(now)
            self._highest = sequence
        elif self._asked.pop(sequence, None) is not None:
            self.repaired += 1

    def _ask(self, missing: Sequence[int], now: float) -> None:
        never = (now, -1.0)
        fresh = [number for number in missing if now - self._asked.get(number, never)[1] > NACK_PAUSE]
        if fresh and self.ssrc:
            for number in fresh:
                self._asked[number] = self._asked.get(number, never)[0], now
            self.wire.send_rtcp(rtcp.nack(self.wire.ssrc, self.ssrc, fresh))

    def _ask_again(self, now: float) -> None:
        """What was asked for and did not come was lost once more, or the request was."""
        self._again_at = now + NACK_PAUSE
        self._ask(
            [n for n, (first, last) in self._asked.items() if last + NACK_AGAIN <= now < first + NACK_FOR],
            now,
        )


class Outlet:
    """A track of a slot, as it leaves to a leg."""

    def __init__(self, kind: TrackKind, wire: Wire, ssrc: int) -> None:
        self.kind, self.wire, self.ssrc = kind, wire, ssrc
        self.source: Source | None = None
        self.open = True  # False on hold
        self.lost_share = 0.0
        self._sequence = random.randrange(1 << 15)  # of the last packet sent, in the lower half: RFC 3711
        self._time = random.randrange(1 << 31)
        self._sent_at = -1.0
        self._shift_sequence = self._shift_time = 0
        self._fresh = True
        self._floor = 0  # the sequence number with which the present source began

    def bind(self, source: Source | None, now: float) -> None:
        """Let another source speak here, from its next packet on."""
        if self.source is source:
            return
        if self.source is not None:
            self.source.outlets.remove(self)
        self.source = source
        self.shift_anew()
        if source is not None:
            source.outlets.append(self)
            source.want_keyframe(now)

    def shift_anew(self) -> None:
        """The next packet belongs to another series of numbers."""
        self._fresh = True

    def send(self, packet: bytes, sequence: int, time: int, now: float) -> None:
        if self._fresh:
            self._begin(sequence, time, now)
        out = (sequence + self._shift_sequence) & 0xFFFF
        at = (time + self._shift_time) & 0xFFFFFFFF
        if (out - self._sequence) & 0xFFFF < 0x8000:
            self._sequence, self._time, self._sent_at = out, at, now
        elif (out - self._floor) & 0xFFFF >= 0x8000:
            return  # older than the present source's first packet here
        shown = at_once(packet) if self.kind == "screen" else packet
        self.wire.send_rtp(shown, out, at, self.ssrc)

    def send_again(self, packet: bytes, now: float) -> None:
        """Repeat a packet; its send time is now, or the listener takes it for a slow network."""
        sequence, time = _SEQ_TIME.unpack_from(packet, 2)
        self.send(stamp_send_time(packet, now), sequence, time, now)

    def feedback(self, said: rtcp.Feedback, now: float) -> None:
        """What the listener says about this outlet; `said` names our source number."""
        source = self.source
        if source is None or self._fresh:
            return
        if isinstance(said, rtcp.Nack):
            source.repeat(self, [(n - self._shift_sequence) & 0xFFFF for n in said.missing], now)
        elif isinstance(said, rtcp.KeyframeWanted):
            source.want_keyframe(now)
        elif isinstance(said, rtcp.Report):
            self.lost_share = said.lost_share
            highest = said.highest & 0xFFFF0000 | (said.highest - self._shift_sequence) & 0xFFFF
            source.wire.send_rtcp(
                rtcp.receiver_report(source.wire.ssrc, [replace(said, ssrc=source.ssrc, highest=highest)])
            )

    def sender_report(self, report: rtcp.SenderReport) -> None:
        """Pass on how the source's times relate to a clock."""
        if self._fresh or not self.open:
            return
        time = (report.rtp_time + self._shift_time) & 0xFFFFFFFF
        self.wire.send_rtcp(rtcp.sender_report(replace(report, ssrc=self.ssrc, rtp_time=time)))

    def _begin(self, sequence: int, time: int, now: float) -> None:
        gap = 0.0 if self._sent_at < 0 else max(now - self._sent_at, 0.01)
        self._shift_sequence = (self._sequence + 1 - sequence) & 0xFFFF
        self._shift_time = (self._time + int(gap * sdp.CLOCKS[self.kind]) - time) & 0xFFFFFFFF
        self._fresh = False
        self._floor = (self._sequence + 1) & 0xFFFF


def stamp_send_time(packet: bytes, now: float) -> bytes:
    """The packet with its abs-send-time set to `now` (24 bits of 6.18 fixed point s), if it has one."""
    if not packet[0] & 0x10:
        return packet
    at = 12 + 4 * (packet[0] & 15)
    if packet[at : at + 2] != b"\xbe\xde":
        return packet
    end = min(at + 4 + 4 * int.from_bytes(packet[at + 2 : at + 4], "big"), len(packet))
    at += 4
    while at < end:
        number, length = packet[at] >> 4, (packet[at] & 15) + 1
        if packet[at] == 0:
            at += 1
        elif number == sdp.ABS_SEND_TIME and length == 3 and at + 4 <= end:
            return packet[: at + 1] + (int(now * 262144) & 0xFFFFFF).to_bytes(3, "big") + packet[at + 4 :]
        else:
            at += 1 + length
    return packet


# Element of the extension playout-delay: at least 0, at most 400 ms, in steps of 10 ms, 12 bits each.
# Chromium shows pictures as they come when the least is 0 and the most is at most 500 ms.
_AT_ONCE: Final = bytes([sdp.PLAYOUT_DELAY << 4 | 2, 0, 0, 40])


def at_once(packet: bytes) -> bytes:
    """The packet with the wish that its picture be shown without delay, if it has room for wishes: the header
    extension of one-byte elements (RFC 8285, section 4.2)."""
    at = 12 + 4 * (packet[0] & 15)
    if not packet[0] & 0x10 or packet[at : at + 2] != b"\xbe\xde":
        return packet
    words = int.from_bytes(packet[at + 2 : at + 4], "big")
    end = at + 4 + 4 * words
    return packet[: at + 2] + (words + 1).to_bytes(2, "big") + packet[at + 4 : end] + _AT_ONCE + packet[end:]


def ssrc_of(packet: bytes) -> int:
    """The source number of an RTP packet."""
    number: int = _SSRC.unpack_from(packet, 8)[0]
    return number
