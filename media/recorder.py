"""Recording: encoded frames of one participant into sealed logs, written by one thread a process.

The loop only puts packets into a list. Every `FLUSH_SECONDS` the thread puts them in order, joins frames and
appends one record a file; so a kill loses at most that much, and a slow disk holds no packet up. A second
thread has the disk keep what was written every `SYNC_SECONDS`: about what a power cut loses.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import queue
import secrets
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from struct import Struct
from typing import BinaryIO, Final, Literal

import structlog

from media.depacketize import Frame, Opus, Vp8
from media.ports import TrackKind
from media.sdp import CLOCKS
from media.sealed import LogWriter
from media.webm import AUDIO, VIDEO

log = structlog.get_logger()

FLUSH_SECONDS: Final = 0.2
SYNC_SECONDS: Final = 1.0  # from the end of one pass over the logs to the next
SUFFIX: Final = ".part"
FRAME: Final = Struct("!BBII")  # track, key, time in ms, bytes: before each frame of a record
LATE: Final = 0x80  # with a track: no frame, but how many ms the track's first frame came late
SETTLES_MS: Final = (
    30_000  # for so long a track is watched for that; longer, and clocks that differ would show
)
MAX_BACKLOG: Final = 20_000  # packets of one participant that the disk has not taken: then it is given up

Packets = list[tuple[TrackKind, bytes, float]]


@dataclass(frozen=True)
class Meta:
    """The first record of a log."""

    recording: int
    room: str
    participant: str
    track: Literal["camera", "screen"]
    started_at: str  # ISO 8601, aware; of time 0 in the log

    def dump(self) -> bytes:
        return json.dumps(asdict(self)).encode()


class RecordingLog:
    """A log of one picture track and perhaps a voice. Lives in the thread."""

    def __init__(self, folder: Path, key: bytes, meta: Meta, began: float) -> None:
        name = f"{meta.recording}-{meta.participant}-{meta.track}-{secrets.token_hex(4)}{SUFFIX}"
        self.path, self._began = folder / name, began
        self._file: BinaryIO = self.path.open("xb", buffering=0)
        fcntl.flock(
            self._file, fcntl.LOCK_EX | fcntl.LOCK_NB
        )  # free once this process is dead: then it is mended
        self._log = LogWriter(self._file, key)
        self._log.append(meta.dump())
        self._offsets: dict[int, tuple[int, int]] = {}  # by track: RTP time of its first frame, and ms from 0
        self._late: dict[int, int] = {}  # by track: ms; the first frame, a large one, often comes late
        self._frames: list[bytes] = []
        self._dirty = True
        self._lock = threading.Lock()  # the file is not closed while it is synced
        sync_folder(folder)  # or a power cut takes the name, and with it all that was synced

    def add(self, track: int, clock: int, frame: Frame, at: float) -> None:
        if track not in self._offsets:
            self._offsets[track] = frame.time, max(int((at - self._began) * 1000), 0)
        first, offset = self._offsets[track]
        time_ms = max(offset + (frame.time - first) * 1000 // clock, 0)
        late = time_ms - int((at - self._began) * 1000)
        if late > self._late.get(track, 0) and time_ms - offset < SETTLES_MS:
            self._late[track] = late
            self._frames.append(FRAME.pack(LATE | track, 0, late, 0))
        self._frames += (FRAME.pack(track, frame.key, time_ms, len(frame.data)), frame.data)

    def flush(self) -> None:
        if self._frames:
            self._log.append(b"".join(self._frames))
            self._frames.clear()
            self._dirty = True

    def sync(self) -> None:
        """Have the disk keep what was written; in the second thread. Raises `OSError`."""
        if self._dirty:
            self._dirty = False
            with self._lock:
                if not self._file.closed:
                    os.fdatasync(self._file.fileno())

    def release(self) -> None:
        """Let go of the lock: the log was made a file, or may be mended by another process."""
        with self._lock:
            self._file.close()


def sync_folder(folder: Path) -> None:
    """Have the disk keep which names are in a folder."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


class Recorder:
    """What one participant sends, from the moment it is made until `close`."""

    def __init__(
        self,
        writer: RecordingThread,
        folder: Path,
        key: bytes,
        meta: Callable[[Literal["camera", "screen"]], Meta],
        keyframe: Callable[[TrackKind], None],
    ) -> None:
        """`keyframe` is called on the loop when a picture cannot go on without a key frame."""
        self._writer, self._folder, self._key, self._meta = writer, folder, key, meta
        self._keyframe = keyframe
        self._packets: Packets = []
        self._readers: dict[TrackKind, Opus | Vp8] = {"audio": Opus(), "camera": Vp8(), "screen": Vp8()}
        self._files: dict[str, RecordingLog] = {}
        self._began = asyncio.get_running_loop().time()
        self._loop = asyncio.get_running_loop()
        self.failed = False
        self.done = asyncio.Event()
        writer.add(self)

    def tap(self, kind: TrackKind, packet: bytes, now: float) -> None:
        """Take a plain RTP packet; only keeps it for the thread."""
        self._packets.append((kind, packet, now))

    async def close(self) -> list[RecordingLog]:
        """Write what is left; return the logs, still locked."""
        self._writer.remove(self)
        await self.done.wait()
        return list(self._files.values())

    def take(self) -> Packets:
        packets, self._packets = self._packets, []
        return packets

    def sync(self) -> None:
        """Have the disk keep the logs; in the second thread."""
        for file in list(self._files.values()):
            try:
                file.sync()
            except OSError as fault:
                self.failed = True
                log.error("media.recording_failed", fault=str(fault)[:200])

    # -- in the thread

    def write(self, packets: Packets) -> None:
        if self.failed:
            return
        try:
            if len(packets) > MAX_BACKLOG:
                raise OSError("the disk does not keep up")
            for kind, packet, at in packets:
                self._one(kind, packet, at)
            for file in self._files.values():
                file.flush()
        except OSError as fault:
            self.failed = True
            log.error("media.recording_failed", fault=str(fault)[:200])
        for kind in ("camera", "screen"):
            if kind in {k for k, _, _ in packets} and self._readers[kind].wants_keyframe:
                self._loop.call_soon_threadsafe(self._keyframe, kind)

    def finish(self) -> None:
        for file in self._files.values():
            try:
                file.flush()
            except OSError as fault:
                log.error("media.recording_failed", fault=str(fault)[:200])
        self._loop.call_soon_threadsafe(self.done.set)

    def _one(self, kind: TrackKind, packet: bytes, at: float) -> None:
        try:
            frames = list(self._readers[kind].add(packet, at))
        except (ValueError, IndexError):
            return
        for frame in frames:
            file = self._file("screen" if kind == "screen" else "camera")
            file.add(AUDIO if kind == "audio" else VIDEO, CLOCKS[kind], frame, at)

    def _file(self, track: Literal["camera", "screen"]) -> RecordingLog:
        file = self._files.get(track)
        if file is None:
            file = self._files[track] = RecordingLog(self._folder, self._key, self._meta(track), self._began)
        return file


class RecordingThread:
    """One thread for all recorders of a process, so that writing costs the loop next to nothing, and one that
    waits for the disk."""

    def __init__(self) -> None:
        self._recorders: list[Recorder] = []
        self._over = threading.Event()
        self._syncing = threading.Thread(target=self._sync, name="recording to disk", daemon=True)
        self._syncing.start()
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="recording", daemon=True)
        self._thread.start()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, recorder: Recorder) -> None:
        self._recorders.append(recorder)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._flush)

    def remove(self, recorder: Recorder) -> None:
        if recorder in self._recorders:
            self._recorders.remove(recorder)
        packets = recorder.take()
        self._work.put(lambda: recorder.write(packets))
        self._work.put(recorder.finish)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._over.set()
        self._work.put(None)
        for thread in (self._thread, self._syncing):
            thread.join(5.0)

    def _flush(self) -> None:
        self._timer = None
        if self._recorders:
            batch = [(recorder, recorder.take()) for recorder in self._recorders]
            self._work.put(lambda: _write_all(batch))
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._flush)

    def _sync(self) -> None:
        while not self._over.wait(SYNC_SECONDS):
            for recorder in list(self._recorders):
                recorder.sync()

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            try:
                work()
            except Exception as fault:  # one recorder's fault is not the others'
                log.error("media.recording_thread", fault=type(fault).__name__, exc_info=fault)


def _write_all(batch: list[tuple[Recorder, Packets]]) -> None:
    for recorder, packets in batch:
        recorder.write(packets)
