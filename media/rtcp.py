"""RTCP as a forwarder needs it: read feedback, write it anew for the other side. Pure, in bytes.

RFC 3550 section 6 (reports), RFC 4585 section 6 (NACK, PLI), RFC 5104 section 4.3 (FIR),
draft-alvestrand-rmcat-remb-03 (REMB).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct, pack, unpack_from
from typing import Final

SR, RR, RTPFB, PSFB = 200, 201, 205, 206
NACK, PLI, FIR, APP = 1, 1, 4, 15  # formats within RTPFB and PSFB
_HEAD: Final = Struct("!BBHI")
_BLOCK: Final = Struct("!IIIIII")
_MAX_NACKED: Final = 256  # sequence numbers taken from one packet; more is a broken or hostile sender


@dataclass(frozen=True)
class SenderReport:
    """Ties a source's RTP time to its clock."""

    ssrc: int
    ntp: int
    rtp_time: int
    packets: int
    octets: int


@dataclass(frozen=True)
class Report:
    """How one source arrives at a receiver."""

    ssrc: int
    lost_share: float  # since the last report, 0..1
    lost: int  # in all, 24 bits as sent
    highest: int  # extended sequence number
    jitter: int
    last_sr: int
    delay: int


@dataclass(frozen=True)
class Nack:
    ssrc: int
    missing: Sequence[int]


@dataclass(frozen=True)
class KeyframeWanted:
    ssrc: int


@dataclass(frozen=True)
class Bandwidth:
    """The bits a second that a receiver believes all its sources together may have."""

    bits: int
    ssrcs: Sequence[int]


Feedback = SenderReport | Report | Nack | KeyframeWanted | Bandwidth


def is_rtcp(packet: bytes) -> bool:
    """By the second byte (RFC 5761 section 4)."""
    return len(packet) >= 8 and 192 <= packet[1] <= 223


def read(compound: bytes) -> Iterator[Feedback]:
    """What a compound packet says. Ends silently at the first part that is broken."""
    at, size = 0, len(compound)
    while at + 8 <= size:
        first, kind, words, ssrc = _HEAD.unpack_from(compound, at)
        end = at + 4 + words * 4
        if first >> 6 != 2 or end > size or words < 1:
            return
        yield from _part(compound, at, end, kind, first & 31, ssrc)
        at = end


def _part(data: bytes, at: int, end: int, kind: int, count: int, ssrc: int) -> Iterator[Feedback]:
    if kind == SR and end - at >= 28:
        ntp, rtp_time, packets, octets = unpack_from("!QIII", data, at + 8)
        yield SenderReport(ssrc, ntp, rtp_time, packets, octets)
        yield from _reports(data, at + 28, end, count)
    elif kind == RR:
        yield from _reports(data, at + 8, end, count)
    elif kind == RTPFB and count == NACK and end - at >= 16:
        yield _nack(data, at, end)
    elif kind == PSFB and end - at >= 12:
        media = unpack_from("!I", data, at + 8)[0]
        if count == PLI:
            yield KeyframeWanted(media)
        elif count == FIR:
            for place in range(at + 12, end - 7, 8):
                yield KeyframeWanted(unpack_from("!I", data, place)[0])
        elif count == APP and data[at + 12 : at + 16] == b"REMB" and end - at >= 20:
            yield _remb(data, at, end)


def _reports(data: bytes, at: int, end: int, count: int) -> Iterator[Report]:
    for place in range(at, min(at + count * 24, end - 23), 24):
        ssrc, lost, highest, jitter, last_sr, delay = _BLOCK.unpack_from(data, place)
        yield Report(ssrc, (lost >> 24) / 256, lost & 0xFFFFFF, highest, jitter, last_sr, delay)


def _nack(data: bytes, at: int, end: int) -> Nack:
    missing: list[int] = []
    for place in range(at + 12, end - 3, 4):
        first, mask = unpack_from("!HH", data, place)
        missing.append(first)
        missing += [(first + bit + 1) & 0xFFFF for bit in range(16) if mask >> bit & 1]
        if len(missing) > _MAX_NACKED:
            break
    return Nack(unpack_from("!I", data, at + 8)[0], missing[:_MAX_NACKED])


def _remb(data: bytes, at: int, end: int) -> Bandwidth:
    count, high, low = unpack_from("!BBH", data, at + 16)
    bits = ((high & 3) << 16 | low) << (high >> 2)
    ssrcs = [
        unpack_from("!I", data, place)[0] for place in range(at + 20, min(at + 20 + count * 4, end - 3), 4)
    ]
    return Bandwidth(bits, ssrcs)


def sender_report(report: SenderReport) -> bytes:
    """A sender report without blocks."""
    return _HEAD.pack(0x80, SR, 6, report.ssrc) + pack(
        "!QIII", report.ntp, report.rtp_time, report.packets, report.octets
    )


def receiver_report(reporter: int, reports: Sequence[Report]) -> bytes:
    blocks = b"".join(
        _BLOCK.pack(
            r.ssrc, min(int(r.lost_share * 256), 255) << 24 | r.lost, r.highest, r.jitter, r.last_sr, r.delay
        )
        for r in reports
    )
    return _HEAD.pack(0x80 | len(reports), RR, 1 + 6 * len(reports), reporter) + blocks


def nack(reporter: int, ssrc: int, missing: Sequence[int]) -> bytes:
    """Ask for packets again; `missing` ascending in the order they were sent."""
    pairs: list[list[int]] = []
    for number in missing:
        ahead = (number - pairs[-1][0] - 1) & 0xFFFF if pairs else 16
        if ahead < 16:
            pairs[-1][1] |= 1 << ahead
        else:
            pairs.append([number, 0])
    body = b"".join(pack("!HH", first, mask) for first, mask in pairs)
    return _HEAD.pack(0x80 | NACK, RTPFB, 2 + len(pairs), reporter) + pack("!I", ssrc) + body


def picture_loss(reporter: int, ssrc: int) -> bytes:
    """Ask for a key frame."""
    return _HEAD.pack(0x80 | PLI, PSFB, 2, reporter) + pack("!I", ssrc)


def bandwidth(reporter: int, bits: int, ssrcs: Sequence[int]) -> bytes:
    """Tell a sender how many bits a second its sources may have together."""
    exponent = max(bits.bit_length() - 18, 0)
    head = pack(
        "!IIBBH", 0, 0x52454D42, len(ssrcs), exponent << 2 | bits >> exponent >> 16, bits >> exponent & 0xFFFF
    )
    return (
        _HEAD.pack(0x80 | APP, PSFB, 4 + len(ssrcs), reporter)
        + head
        + b"".join(pack("!I", ssrc) for ssrc in ssrcs)
    )
