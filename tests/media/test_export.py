"""A recorded call as one file, side by side, with both voices."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from media import webm
from media.export import HEIGHT, WIDTH, Part, export, tiles
from media.finishing import orphans
from media.recorder import Meta
from media.sealed import SealedReader, SealedWriter

KEY = bytes(range(32))


def recorded(
    path: Path, *, luma: int, hertz: int, offset_ms: int, seconds: float = 2.0, seat: str = ""
) -> Part:
    """A sealed recording: a grey picture and a tone."""
    video: Any = av.CodecContext.create("libvpx", "w")
    video.width, video.height, video.pix_fmt, video.time_base = 320, 240, "yuv420p", Fraction(1, 10)
    audio: Any = av.CodecContext.create("libopus", "w")
    audio.sample_rate, audio.layout, audio.format = 48000, "mono", "s16"
    blocks = []
    for number in range(int(seconds * 10)):
        plane = np.concatenate([np.full((240, 320), luma, np.uint8), np.full((120, 320), 128, np.uint8)])
        frame = av.VideoFrame.from_ndarray(plane, format="yuv420p")
        frame.pts = number
        blocks += [webm.Block(1, p.pts * 100, p.is_keyframe, bytes(p)) for p in video.encode(frame)]
    for number in range(int(seconds * 50)):
        time = (np.arange(960) + number * 960) / 48000
        tone = (np.sin(2 * np.pi * hertz * time) * 8000).astype(np.int16).reshape(1, -1)
        sound = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
        sound.sample_rate, sound.pts = 48000, number * 960
        blocks += [webm.Block(2, max(p.pts, 0) // 48, True, bytes(p)) for p in audio.encode(sound)]
    blocks.sort(key=lambda block: block.time_ms)
    with path.open("wb") as file:
        writer = SealedWriter(file, KEY)
        duration = webm.write(lambda: blocks, writer.write, (320, 240))
        writer.close()
    return Part(path, KEY, offset_ms, duration, True, True, seat)


def strength(samples: Any, hertz: int) -> float:
    """How much of a tone there is in a sound."""
    spectrum = np.abs(np.fft.rfft(samples))
    at = int(hertz * len(samples) / 48000)
    return float(spectrum[at - 3 : at + 4].max() / spectrum.max())


def test_both_are_seen_beside_each_other_and_heard_together(tmp_path: Path) -> None:
    parts = [
        recorded(tmp_path / "a", luma=60, hertz=440, offset_ms=0, seat="1-camera"),
        recorded(tmp_path / "b", luma=200, hertz=1000, offset_ms=1000),
        recorded(tmp_path / "c", luma=120, hertz=440, offset_ms=2100, seconds=0.9, seat="1-camera"),
    ]
    shares: list[float] = []
    meta = Meta(1, "", "", "screen", "2026-03-04T03:00:00+00:00")
    mended: list[Path] = []

    def told(share: float) -> None:
        shares.append(share)
        mended.extend(orphans(tmp_path))

    done = export(parts, tmp_path / "1-export.part", bytes(32), meta, told)
    assert shares
    assert mended == [], "a media process that mends recordings leaves it alone"
    assert 2800 <= done.duration_ms <= 3200
    assert shares == sorted(shares)
    assert not list(tmp_path.glob("*.part"))
    with av.open(SealedReader(Path(done.path), bytes(32))) as container:
        pictures = {round(f.time, 2): f.to_ndarray()[:HEIGHT] for f in container.decode(video=0)}
    with av.open(SealedReader(Path(done.path), bytes(32))) as container:
        sound = np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)])
    first, last = pictures[0.6], pictures[1.6]
    left, right = (slice(200, 500), slice(100, 500)), (slice(200, 500), slice(WIDTH - 500, WIDTH - 100))
    assert abs(float(first[left].mean()) - 60) < 12
    assert float(first[right].mean()) < 30, "the second begins a second later"
    assert abs(float(last[right].mean()) - 200) < 12
    assert abs(float(pictures[2.6][left].mean()) - 120) < 12, "after a pause in its own place again"
    early, both = sound[4800:40000], sound[52800:90000]
    assert strength(early, 440) > 0.9
    assert strength(early, 1000) < 0.1
    assert min(strength(both, 440), strength(both, 1000)) > 0.5


@pytest.mark.parametrize("count", range(1, 8))
def test_tiles_fill_the_picture_and_never_overlap(count: int) -> None:
    canvas = np.zeros((HEIGHT, WIDTH), int)
    for left, top, width, height in tiles(count):
        assert not (left | top | width | height) & 1
        canvas[top : top + height, left : left + width] += 1
    assert canvas.max() == 1
