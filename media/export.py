"""One file of a call: everybody side by side, the voices together. Slow: decoded, drawn and encoded anew.

Runs in a subprocess. What it writes is sealed as it is written: a log of frames, made a file in the end by
`media.finishing`, as a recording is.
"""

from __future__ import annotations

import fcntl
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray

from media.decoding import Samples, Voice, decoded
from media.finishing import Finished, finish
from media.recorder import FRAME, Meta
from media.sealed import LogWriter
from media.webm import AUDIO, VIDEO

WIDTH, HEIGHT, FPS, BITS = 1280, 720, 15, 1_200_000  # pictures of a call need no more to be followed
RATE: Final = 48_000
SLICE: Final = RATE // FPS  # samples a picture


@dataclass(frozen=True)
class Part:
    """A sealed file of the call, and when it begins in the export."""

    path: Path
    key: bytes
    offset_ms: int
    duration_ms: int
    video: bool
    audio: bool
    seat: str = ""  # whose camera or screen: what was recorded after a pause is shown in the same place


def export(
    parts: Sequence[Part], target: Path, key: bytes, meta: Meta, told: Callable[[float], None]
) -> Finished:
    """Write the sealed file beside the log `target`; `told` hears the share that is done, 0 to 1."""
    seconds = max(part.offset_ms + part.duration_ms for part in parts) / 1000
    pictures = [_Pictures(part) for part in parts if part.video]
    voices = [Voice(part.path, part.key, rate=RATE, offset_ms=part.offset_ms) for part in parts if part.audio]
    with target.open("wb", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # or a media process finishes and removes it
        log = LogWriter(file, key)
        log.append(meta.dump())
        video, audio = _video(), _audio()
        for number in range(math.ceil(seconds * FPS)):
            frames = _encode(video, VIDEO, _picture(pictures, number)) if pictures else []
            frames += _encode(audio, AUDIO, _sound(voices, number))
            if frames:
                log.append(b"".join(frames))
            if number % (FPS * 5) == 0:
                told(number / FPS / seconds)
        rest = (_encode(video, VIDEO, None) if pictures else []) + _encode(audio, AUDIO, None)
        log.append(b"".join(rest))
        try:
            return finish(target, key)
        finally:
            target.unlink()


def tiles(count: int, width: int = WIDTH, height: int = HEIGHT) -> list[tuple[int, int, int, int]]:
    """Left, top, width and height for each of so many pictures, as large as they all can be; even numbers."""
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    wide, high = width // columns & ~1, height // rows & ~1
    return [(number % columns * wide, number // columns * high, wide, high) for number in range(count)]


class _Pictures:
    """The pictures of a part by time: only the present one is kept."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self.seat = part.seat or str(part.path)
        self._frames: Iterator[Any] = decoded(part.path, part.key, "video")
        self._now: Any = None
        self._next: Any = next(self._frames, None)

    def at(self, time_ms: float) -> Any:
        """The picture shown then; None before it begins and after it ended."""
        own = time_ms - self._part.offset_ms
        while self._next is not None and self._next.time * 1000 <= own:
            self._now, self._next = self._next, next(self._frames, None)
        return self._now if 0 <= own <= self._part.duration_ms + 1000 else None


def _picture(pictures: Sequence[_Pictures], number: int) -> Any:
    """All pictures of this moment on one canvas, in YUV 4:2:0."""
    luma = np.full((HEIGHT, WIDTH), 16, np.uint8)
    chroma = np.full((2, HEIGHT // 2, WIDTH // 2), 128, np.uint8)
    seats = dict.fromkeys(shown.seat for shown in pictures)
    places = dict(zip(seats, tiles(len(seats)), strict=True))
    for shown in pictures:
        tile = places[shown.seat]
        frame = shown.at(number * 1000 / FPS)
        if frame is not None:
            _draw(frame, tile, luma, chroma)
    planes = np.concatenate([luma.reshape(-1), chroma.reshape(-1)]).reshape(HEIGHT * 3 // 2, WIDTH)
    made = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    made.pts, made.time_base = number, Fraction(1, FPS)
    return made


def _draw(
    frame: Any, tile: tuple[int, int, int, int], luma: NDArray[np.uint8], chroma: NDArray[np.uint8]
) -> None:
    """Fit a picture into its tile without bending it."""
    left, top, wide, high = tile
    scale = min(wide / frame.width, high / frame.height)
    width, height = max(int(frame.width * scale) & ~1, 2), max(int(frame.height * scale) & ~1, 2)
    left, top = left + (wide - width) // 2 & ~1, top + (high - height) // 2 & ~1
    planes = frame.reformat(width, height, format="yuv420p").to_ndarray().reshape(-1)
    size = width * height
    luma[top : top + height, left : left + width] = planes[:size].reshape(height, width)
    half = planes[size:].reshape(2, height // 2, width // 2)
    chroma[:, top // 2 : (top + height) // 2, left // 2 : (left + width) // 2] = half


def _sound(voices: Sequence[Voice], number: int) -> Any:
    mixed: Samples = np.zeros(SLICE, np.float32)
    for voice in voices:
        mixed += voice.slice(number * SLICE, SLICE)
    pcm = (np.clip(mixed, -1.0, 1.0) * 32767).astype(np.int16).reshape(1, -1)
    made = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
    made.sample_rate, made.pts, made.time_base = RATE, number * SLICE, Fraction(1, RATE)
    return made


def _video() -> Any:
    codec: Any = av.CodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt, codec.bit_rate = WIDTH, HEIGHT, "yuv420p", BITS
    codec.time_base, codec.gop_size = Fraction(1, FPS), FPS * 4
    codec.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    return codec


def _audio() -> tuple[Any, Any]:
    """The encoder, and what cuts the sound into the pieces of 20 ms that Opus takes."""
    codec: Any = av.CodecContext.create("libopus", "w")
    codec.sample_rate, codec.layout, codec.format, codec.bit_rate = RATE, "mono", "s16", 32_000
    codec.time_base = Fraction(1, RATE)
    return codec, av.AudioFifo()


def _encode(codec: Any, track: int, frame: Any) -> list[bytes]:
    """Frames of the log; None as frame gives the last ones."""
    if track == AUDIO:
        encoder, fifo = codec
        if frame is not None:
            fifo.write(frame)
        given = itertools.takewhile(lambda piece: piece is not None, iter(lambda: fifo.read(960), None))
        packets = [packet for piece in given for packet in encoder.encode(piece)]
        clock = RATE
    else:
        packets, clock = codec.encode(frame), FPS
    out = []
    for packet in packets:
        data = bytes(packet)
        time_ms = max(int(packet.pts) * 1000 // clock, 0)
        out += [FRAME.pack(track, bool(packet.is_keyframe), time_ms, len(data)), data]
    return out
