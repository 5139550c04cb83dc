"""The session descriptions of a leg: the offer we write, the answer we read. Text only, no network.

The same few payload types and extension ids are used on every leg, so a packet crosses from one to another
unchanged but for its sequence number, time and source. Camera and screen have payload types of their own:
that alone tells what a packet is (RFC 8843 section 9.2), so no header extension must be read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from media.ports import TrackKind

KINDS: Final[tuple[TrackKind, ...]] = ("audio", "camera", "screen")
PAYLOAD_TYPES: Final[Mapping[TrackKind, int]] = {"audio": 96, "camera": 97, "screen": 98}
CLOCKS: Final[Mapping[TrackKind, int]] = {"audio": 48000, "camera": 90000, "screen": 90000}
ABS_SEND_TIME: Final = 1  # id of the extension by which a receiver estimates the bandwidth
PLAYOUT_DELAY: Final = 2  # id of the extension that tells a receiver to show a picture at once
MAX_SDP: Final = 48_000  # characters; Chromium's answer to four slots has about 16,000

_CODEC: Final[Mapping[TrackKind, Sequence[str]]] = {
    "audio": (
        "a=rtpmap:96 opus/48000/2",
        "a=fmtp:96 minptime=10;useinbandfec=1",
        "a=rtcp-fb:96 nack",
    ),
    "camera": (
        "a=rtpmap:97 VP8/90000",
        "a=fmtp:97 x-google-start-bitrate=800;x-google-max-bitrate=2500",
        "a=rtcp-fb:97 nack",
        "a=rtcp-fb:97 nack pli",
        "a=rtcp-fb:97 ccm fir",
        "a=rtcp-fb:97 goog-remb",
    ),
    "screen": (
        "a=rtpmap:98 VP8/90000",
        "a=fmtp:98 x-google-start-bitrate=1000;x-google-max-bitrate=4000",
        "a=rtcp-fb:98 nack",
        "a=rtcp-fb:98 nack pli",
        "a=rtcp-fb:98 ccm fir",
        "a=rtcp-fb:98 goog-remb",
    ),
}


@dataclass(frozen=True)
class Credentials:
    """What the other side needs to reach a leg and to know it."""

    username: str
    password: str
    fingerprint: str  # "sha-256 AB:CD:…"
    candidates: Sequence[tuple[str, int]]
    sctp_port: int


@dataclass(frozen=True)
class Slot:
    """One other participant's tracks, as sent to a leg: a source number (SSRC) for each kind."""

    index: int
    ssrcs: Mapping[TrackKind, int]

    def mid(self, kind: TrackKind) -> str:
        return f"s{self.index}-{kind}"


def offer(session: int, version: int, own: Credentials, slots: Sequence[Slot]) -> str:
    """Our offer: what the page may send, the data channels, and a section for each track of each slot."""
    mids = [*KINDS, "data", *(slot.mid(kind) for slot in slots for kind in KINDS)]
    lines = [
        "v=0",
        f"o=- {session} {version} IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        f"a=group:BUNDLE {' '.join(mids)}",
        "a=msid-semantic: WMS *",
        f"a=fingerprint:{own.fingerprint}",
        "a=setup:actpass",
        f"a=ice-ufrag:{own.username}",
        f"a=ice-pwd:{own.password}",
    ]
    reach = _candidates(own.candidates)  # in every section: browsers read the first, aiortc the last
    for kind in KINDS:
        lines += [*_section(kind, kind), "a=recvonly", *reach]
    lines += [*_data(own.sctp_port), *reach]
    for slot in slots:
        for kind in KINDS:
            lines += [*_section(kind, slot.mid(kind)), *_at_once(kind), "a=sendonly", *_source(slot, kind)]
            lines += reach
    return "\r\n".join(lines) + "\r\n"


def _at_once(kind: TrackKind) -> list[str]:
    """Screens are shown without the smoothing that suits cameras: a picture that follows a still one is held
    back for up to half a second by it."""
    uri = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
    return [f"a=extmap:{PLAYOUT_DELAY} {uri}"] if kind == "screen" else []


def _section(kind: TrackKind, mid: str) -> list[str]:
    medium, payload = ("audio" if kind == "audio" else "video"), PAYLOAD_TYPES[kind]
    return [
        f"m={medium} 9 UDP/TLS/RTP/SAVPF {payload}",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{mid}",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        f"a=extmap:{ABS_SEND_TIME} http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        *_CODEC[kind],
    ]


def _data(sctp_port: int) -> list[str]:
    return [
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        "a=mid:data",
        f"a=sctp-port:{sctp_port}",
        "a=max-message-size:65536",
    ]


def _source(slot: Slot, kind: TrackKind) -> list[str]:
    """Voice and camera share a stream, so that the browser plays them in step."""
    stream = f"p{slot.index}" if kind != "screen" else f"p{slot.index}-screen"
    ssrc, track = slot.ssrcs[kind], slot.mid(kind)
    return [
        f"a=msid:{stream} {track}",
        f"a=ssrc:{ssrc} cname:{stream}",
        f"a=ssrc:{ssrc} msid:{stream} {track}",
    ]


def _candidates(addresses: Sequence[tuple[str, int]]) -> list[str]:
    """Host candidates (RFC 8839 section 5.1), in our order of preference."""
    lines = []
    for rank, (host, port) in enumerate(addresses):
        priority = (126 << 24) | ((65535 - rank) << 8) | 255  # RFC 8445 section 5.1.2.1
        lines.append(f"a=candidate:{rank + 1} 1 udp {priority} {host} {port} typ host")
    return [*lines, "a=end-of-candidates"]


@dataclass(frozen=True)
class Answer:
    """What we need of an answer."""

    fingerprints: Sequence[tuple[str, str]]
    sctp_port: int
    sending: frozenset[TrackKind]  # the sections in which the page may send


def answer(text: str) -> Answer:
    """Read the answer to an offer of ours. Raises `ValueError` when it is none."""
    if len(text) > MAX_SDP or not text.startswith("v=0"):
        raise ValueError("not a session description")
    _, *sections = re.split(r"\r?\n(?=m=)", text)
    if not sections:
        raise ValueError("no media section")
    prints = {(a.lower(), v.upper()) for a, v in re.findall(r"^a=fingerprint:(\S+) (\S+)\s*$", text, re.M)}
    if not prints:
        raise ValueError("no fingerprint")
    if set(re.findall(r"^a=setup:(\w+)", text, re.M)) != {"active"}:
        raise ValueError("must be active in the handshake")
    port = re.search(r"^a=sctp-port:(\d{1,5})\s*$", text, re.M)
    return Answer(sorted(prints), int(port[1]) if port else 5000, _sending(sections))


def _sending(sections: Sequence[str]) -> frozenset[TrackKind]:
    found: set[TrackKind] = set()
    for section in sections:
        mid = re.search(r"^a=mid:(\S+)", section, re.M)
        refused = re.match(r"m=\w+ 0 ", section)
        for kind in KINDS:
            if mid and mid[1] == kind and not refused and re.search(r"^a=send(only|recv)", section, re.M):
                found.add(kind)
    return frozenset(found)
