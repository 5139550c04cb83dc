"""Writing WebM: encoded frames into a file that players can seek in. Nothing is decoded.

Matroska element ids and their meaning: RFC 9559. The writer is given the frames twice: once to learn sizes
and times, once to write, so the file needs no seeking back and can be sealed as it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from struct import pack
from typing import Final, Literal

VIDEO, AUDIO = 1, 2  # track numbers
CLUSTER_MS: Final = 5000  # a cluster begins with a key frame, or after so long; blocks count ms in 16 bits
_EBML, _SEGMENT, _SEEK_HEAD, _INFO, _TRACKS, _CUES, _CLUSTER = (
    b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"\x11\x4d\x9b\x74", b"\x15\x49\xa9\x66", b"\x16\x54\xae\x6b",
    b"\x1c\x53\xbb\x6b", b"\x1f\x43\xb6\x75",
)  # fmt: skip


@dataclass(frozen=True)
class Block:
    """A frame on a track; `time_ms` from the beginning of the file."""

    track: Literal[1, 2]
    time_ms: int
    key: bool
    data: bytes


@dataclass(frozen=True)
class _Cluster:
    time_ms: int
    bytes: int  # of its content
    cue: bool  # whether a picture can begin here


def size(number: int) -> bytes:
    """A length as EBML writes it: as many bytes as its leading zeros and one more tell."""
    for length in range(1, 9):
        if number < (1 << 7 * length) - 1:
            return (number | 1 << 7 * length).to_bytes(length, "big")
    raise ValueError("too long")


def element(name: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return name + size(len(body)) + body


def _number(name: bytes, value: int) -> bytes:
    return element(name, value.to_bytes(max((value.bit_length() + 7) // 8, 1), "big"))


def _block(block: Block, cluster_ms: int) -> bytes:
    head = bytes([0x80 | block.track]) + pack("!hB", block.time_ms - cluster_ms, 0x80 if block.key else 0)
    return b"\xa3" + size(4 + len(block.data)) + head + block.data


def _clustered(blocks: Iterable[Block]) -> Iterator[tuple[bool, Block]]:
    """Each block, and whether it begins a cluster."""
    began: int | None = None
    for block in blocks:
        late = began is not None and block.time_ms - began >= CLUSTER_MS
        key = block.track == VIDEO and block.key and began is not None and block.time_ms - began >= 1000
        backwards = began is not None and block.time_ms - began < -30_000
        begins = began is None or late or key or backwards
        if begins:
            began = block.time_ms
        yield begins, block


def _measure(blocks: Iterable[Block]) -> tuple[list[_Cluster], int]:
    """The clusters to come, and the time of the last frame in ms."""
    found: list[_Cluster] = []
    time_ms = content = last = 0
    cue = False
    for begins, block in _clustered(blocks):
        if begins:
            if content:
                found.append(_Cluster(time_ms, content, cue))
            time_ms, cue = block.time_ms, False
            content = len(_number(b"\xe7", time_ms))
        cue = cue or (block.track == VIDEO and block.key)
        content += 1 + len(size(4 + len(block.data))) + 4 + len(block.data)
        last = max(last, block.time_ms)
    if content:
        found.append(_Cluster(time_ms, content, cue))
    return found, last


def write(
    blocks: Callable[[], Iterable[Block]], out: Callable[[bytes], object], picture: tuple[int, int] | None
) -> int:
    """Write a WebM of the blocks; return its duration in ms. `picture`: width and height, if it has any.

    `blocks` is called twice and must give the same each time.
    """
    clusters, last = _measure(blocks())
    duration = last + (33 if picture else 20)  # the last frame is seen or heard for its own length
    tracks = element(_TRACKS, *([_video(*picture)] if picture else []), _audio())
    info = element(
        _INFO,
        _number(b"\x2a\xd7\xb1", 1_000_000),
        element(b"\x44\x89", pack("!d", float(duration))),
        element(b"\x4d\x80", b"Dangol"),
        element(b"\x57\x41", b"Dangol"),
    )
    before = info + tracks
    cues_bytes = len(_cues([(c.time_ms, 0) for c in clusters if c.cue or not picture], VIDEO))
    head_bytes = len(_seek_head(0, 0, 0))
    first = head_bytes + len(before) + cues_bytes
    places = _places(clusters, first)
    points = [(c.time_ms, at) for c, at in zip(clusters, places, strict=True) if c.cue or not picture]
    cues = _cues(points, VIDEO if picture else AUDIO)
    seek = _seek_head(head_bytes, head_bytes + len(info), head_bytes + len(before))
    total = first + sum(_whole(c) for c in clusters)
    out(_ebml() + _SEGMENT + (total | 1 << 56).to_bytes(8, "big") + seek + before + cues)
    _write_clusters(blocks(), clusters, out)
    return duration


def _whole(cluster: _Cluster) -> int:
    return 4 + len(size(cluster.bytes)) + cluster.bytes


def _places(clusters: Sequence[_Cluster], first: int) -> list[int]:
    places, at = [], first
    for cluster in clusters:
        places.append(at)
        at += _whole(cluster)
    return places


def _write_clusters(
    blocks: Iterable[Block], clusters: Sequence[_Cluster], out: Callable[[bytes], object]
) -> None:
    waiting = iter(clusters)
    now_ms = 0
    for begins, block in _clustered(blocks):
        if begins:
            cluster = next(waiting)
            now_ms = cluster.time_ms
            out(_CLUSTER + size(cluster.bytes) + _number(b"\xe7", now_ms))
        out(_block(block, now_ms))


def _ebml() -> bytes:
    return element(
        _EBML,
        _number(b"\x42\x86", 1),
        _number(b"\x42\xf7", 1),
        _number(b"\x42\xf2", 4),
        _number(b"\x42\xf3", 8),
        element(b"\x42\x82", b"webm"),
        _number(b"\x42\x87", 4),
        _number(b"\x42\x85", 2),
    )


def _seek_head(info: int, tracks: int, cues: int) -> bytes:
    places = ((_INFO, info), (_TRACKS, tracks), (_CUES, cues))
    return element(
        _SEEK_HEAD,
        *(
            element(b"\x4d\xbb", element(b"\x53\xab", name), element(b"\x53\xac", at.to_bytes(8, "big")))
            for name, at in places
        ),
    )


def _cues(points: Sequence[tuple[int, int]], track: int) -> bytes:
    return element(
        _CUES,
        *(
            element(
                b"\xbb",
                element(b"\xb3", time_ms.to_bytes(8, "big")),
                element(b"\xb7", _number(b"\xf7", track), element(b"\xf1", at.to_bytes(8, "big"))),
            )
            for time_ms, at in points
        ),
    )


def _video(width: int, height: int) -> bytes:
    return element(
        b"\xae",
        _number(b"\xd7", VIDEO),
        _number(b"\x73\xc5", VIDEO),
        _number(b"\x83", 1),
        element(b"\x86", b"V_VP8"),
        element(b"\xe0", _number(b"\xb0", width), _number(b"\xba", height)),
    )


def _audio() -> bytes:
    """Opus needs its identification header (RFC 7845 section 5.1) and 80 ms of pre-roll after a seek."""
    head = b"OpusHead" + pack("<BBHIhB", 1, 2, 312, 48000, 0, 0)
    return element(
        b"\xae",
        _number(b"\xd7", AUDIO),
        _number(b"\x73\xc5", AUDIO),
        _number(b"\x83", 2),
        element(b"\x86", b"A_OPUS"),
        element(b"\x63\xa2", head),
        _number(b"\x56\xbb", 80_000_000),
        element(b"\xe1", element(b"\xb5", pack("!d", 48000.0)), _number(b"\x9f", 2)),
    )
