"""Sealed recordings of sounds alone, as the recorder of a call leaves them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from media import webm
from media.sealed import SealedWriter

RATE = 48_000
Sound = NDArray[np.float64]


def tone(hertz: int, seconds: float) -> Sound:
    return np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE) * 0.3


def babble(seconds: float) -> Sound:
    """What a detector of speech takes for speech: a voice that changes its vowel four times a second."""
    time = np.arange(int(seconds * RATE)) / RATE
    pitch = 120 + 20 * np.sin(2 * np.pi * 0.7 * time) + 10 * np.sin(2 * np.pi * 2.1 * time)
    vowels = np.array([[730, 1090, 2440], [270, 2290, 3010], [300, 870, 2240], [530, 1840, 2480]])
    formants = vowels[(time * 4).astype(int) % 4]
    phase, sound = np.cumsum(pitch) / RATE, np.zeros(len(time))
    for overtone in range(1, 40):
        away = overtone * pitch[:, None] - formants
        strength = (1 / (1 + (away / [90, 110, 150]) ** 2) / [1, 2, 3]).sum(axis=1)
        sound += strength * np.sin(2 * np.pi * overtone * phase)
    sound *= np.clip(np.sin(np.pi * ((time * 4) % 1)), 0, 1) ** 0.6
    return sound / np.abs(sound).max() * 0.5


def recorded(path: Path, key: bytes, said: Sequence[tuple[float, Sound]]) -> int:
    """Write sounds, each from its second of the file on, no packet in between; return its length in ms."""
    blocks = []
    for begins, sound in said:
        codec: Any = av.CodecContext.create("libopus", "w")
        codec.sample_rate, codec.layout, codec.format = RATE, "mono", "s16"
        for number in range(len(sound) // 960):
            piece = (sound[number * 960 : (number + 1) * 960] * 32767).astype(np.int16).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(piece, format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, number * 960
            blocks += [
                webm.Block(2, int(begins * 1000) + max(p.pts, 0) // 48, True, bytes(p))
                for p in codec.encode(frame)
            ]
    with path.open("wb") as file:
        writer = SealedWriter(file, key)
        length = webm.write(lambda: blocks, writer.write, None)
        writer.close()
    return length
