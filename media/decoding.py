"""The pictures and the sound of a sealed recording, decoded in order."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray

from media.sealed import SealedReader

GAP_S: Final = 0.05  # a longer pause between two pieces of sound is silence; a shorter one only inexact time
Samples = NDArray[np.float32]


def decoded(path: Path, key: bytes, medium: str) -> Iterator[Any]:
    """The frames of `medium`, which is video or audio."""
    with SealedReader(path, key) as reader, av.open(reader) as container:
        for packet in container.demux(**{medium: 0}):
            try:
                yield from packet.decode()
            except av.error.InvalidDataError:  # a broken frame costs itself alone
                continue


class Voice:
    """The samples of a file in order, one channel of `rate` Hz, with silence where nothing was recorded."""

    def __init__(self, path: Path, key: bytes, *, rate: int, offset_ms: int = 0) -> None:
        """`offset_ms`: when the file begins, from the sample 0 of `slice`."""
        self._frames = decoded(path, key, "audio")
        self._resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
        self._rate = rate
        self._offset = offset_ms * rate // 1000
        self._left: Samples = np.zeros(0, np.float32)
        self._begins = 0  # the sample with which `_left` begins
        self._ended = False

    def slice(self, start: int, count: int) -> Samples:
        """So many samples from `start` on; never one before what was asked for last."""
        while not self._ended and self._begins + len(self._left) < start + count:
            self._more()
        out: Samples = np.zeros(count, np.float32)
        skip = start - self._begins
        if skip > 0:
            self._left, self._begins = self._left[skip:], start
        at = max(self._begins - start, 0)
        piece = self._left[: max(count - at, 0)]
        out[at : at + len(piece)] = piece
        return out

    def whole(self) -> Samples:
        """All of it from sample 0 on, up to a second longer than it is."""
        pieces: list[Samples] = []
        while not self._ended or self._begins + len(self._left) > len(pieces) * self._rate:
            pieces.append(self.slice(len(pieces) * self._rate, self._rate))
        return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)

    def _more(self) -> None:
        frame = next(self._frames, None)
        if frame is None:
            self._ended = True
            return
        begins = self._offset + int(frame.time * self._rate)
        for piece in self._resampler.resample(frame):
            samples = piece.to_ndarray().reshape(-1).astype(np.float32)
            gap = begins - (self._begins + len(self._left))
            if not len(self._left):
                self._begins = begins
            elif gap > self._rate * GAP_S:
                self._left = np.concatenate([self._left, np.zeros(gap, np.float32)])
            self._left = np.concatenate([self._left, samples])
