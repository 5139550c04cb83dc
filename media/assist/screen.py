"""The customer's screen as a video track: taken by mss, unchanged frames skipped, nothing before it is
allowed.

Where the platform can tell whether anything changed (`platforms.changes`), a picture is taken only then; else
each is compared with the one before.
"""

import asyncio
import contextlib
import fractions
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av.video.reformatter import Interpolation

from media.assist.platforms import changes

FPS: Final = 15
CALM_AFTER_SECONDS: Final = 2.0  # without a change we look less often
CALM_FPS: Final = 4
WATCHED_FPS: Final = 8  # the same where asking costs next to nothing
HURRIED_FPS: Final = 20
SETTLE_SECONDS: Final = 0.02  # until a click shows in the application clicked, where nobody can tell
SHOWS_WITHIN_SECONDS: Final = 0.08  # where somebody can: how long to wait for it
PEEK_SECONDS: Final = 0.008
KEEP_ALIVE_SECONDS: Final = 1.0  # a still picture is sent again, for whoever came later or lost a packet
WIDTH_MAX, HEIGHT_MAX = 1920, 1080  # what VP8 carries well at a helpdesk's bitrate
TIME_BASE: Final = fractions.Fraction(1, 90_000)  # RFC 7741, section 4.1: the clock of VP8


@dataclass(frozen=True)
class Area:
    """A monitor in pixels of the whole desktop."""

    left: int
    top: int
    width: int
    height: int


class Pacer:
    """How long to wait for the next look at the screen. Pure; times are monotonic seconds. `calm_fps`: how
    often to look while nothing changes."""

    def __init__(self, calm_fps: int = CALM_FPS) -> None:
        self._calm_fps = calm_fps
        self._changed = self._sent = float("-inf")

    def changed(self, now: float) -> None:
        self._changed = now

    def sent(self, now: float) -> None:
        self._sent = now

    def due_again(self, now: float) -> bool:
        """Whether a picture that did not change is to be sent all the same."""
        return now - self._sent >= KEEP_ALIVE_SECONDS

    def interval(self, now: float) -> float:
        """Seconds between two looks."""
        return 1 / (self._calm_fps if now - self._changed > CALM_AFTER_SECONDS else FPS)


class Camera:
    """Takes pictures of one monitor, on the one thread that may use the display connection."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "screen")
        self._mss: Any = None
        self._changes: Any = None
        self._fault: type[Exception] = OSError  # what mss raises
        self._last: bytes | bytearray = b""
        self.area = Area(0, 0, 1, 1)

    async def open(self) -> None:
        """Connect to the screen. Raises `OSError` when there is none to be read."""
        await self._run(self._open)

    async def take(self) -> av.VideoFrame | None:
        """The picture as it is now; None when it is the same as the last one."""
        frame: av.VideoFrame | None = await self._run(self._take)
        return frame

    @property
    def tells_changes(self) -> bool:
        """Whether a look at a screen that did not change costs next to nothing."""
        return self._changes is not None

    def forget(self) -> None:
        """Take the next picture as new."""
        self._last = b""

    async def drawn(self, within: float) -> None:
        """Wait until something was drawn, for so many seconds at most."""
        end = time.monotonic() + within
        while time.monotonic() < end and not await self._run(self._changes.peek):  # noqa: ASYNC110 - a server
            await asyncio.sleep(PEEK_SECONDS)

    async def close(self) -> None:
        await self._run(self._close)
        self._thread.shutdown(wait=False)

    async def _run(self, what: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, what)

    def _open(self) -> None:
        self._connect()
        self._changes = changes()

    def _connect(self) -> None:
        import mss

        self._fault = mss.ScreenShotError
        try:
            self._mss = mss.MSS(with_cursor=True)
            self._find()
        except mss.ScreenShotError as fault:
            raise OSError(str(fault)) from None

    def _find(self) -> None:
        first = self._mss.monitors[1]  # the first is all of them together
        self.area = Area(first["left"], first["top"], first["width"], first["height"])

    def _take(self) -> av.VideoFrame | None:
        if self._last and self._changes is not None and not self._changes.any():
            return None
        area = self.area
        try:
            shot = self._mss.grab((area.left, area.top, area.left + area.width, area.top + area.height))
        except self._fault:  # the screen has another size now
            self._mss.close()
            self._connect()
            return None
        raw = shot.raw
        if raw == self._last:
            return None
        self._last = raw
        return to_frame(raw, shot.width, shot.height)

    def _close(self) -> None:
        if self._mss is not None:
            self._mss.close()
        if self._changes is not None:
            self._changes.close()


def to_frame(bgra: bytes | bytearray, width: int, height: int) -> av.VideoFrame:
    """A picture as VP8 wants it: YUV 4:2:0 with even sides, no larger than `WIDTH_MAX` x `HEIGHT_MAX`."""
    frame = av.VideoFrame(width, height, "bgra")
    plane = frame.planes[0]
    if plane.line_size == width * 4:
        plane.update(bgra)
    else:  # the plane's rows are padded
        row, padding = width * 4, bytes(plane.line_size - width * 4)
        plane.update(b"".join(bgra[at : at + row] + padding for at in range(0, len(bgra), row)))
    share = min(1.0, WIDTH_MAX / width, HEIGHT_MAX / height)
    size = int(width * share) & ~1, int(height * share) & ~1
    return frame.reformat(
        *size, "yuv420p", interpolation=Interpolation.AREA
    )  # a third less work than bicubic


def blank() -> av.VideoFrame:
    """What is sent while nothing may be seen."""
    frame = av.VideoFrame(320, 180, "yuv420p")
    for plane, level in zip(frame.planes, (16, 128, 128), strict=True):
        plane.update(bytes([level]) * plane.buffer_size)
    return frame


class ScreenTrack(MediaStreamTrack):
    """Sends what `may` allows to be seen; a blank picture while it does not."""

    kind = "video"

    def __init__(self, camera: Camera, may: Callable[[], bool]) -> None:
        super().__init__()
        self._camera, self._may = camera, may
        self._pacer = Pacer(WATCHED_FPS if camera.tells_changes else CALM_FPS)
        self._began = time.monotonic()
        self._picture: av.VideoFrame | None = None
        self._soon = asyncio.Event()
        self._next = self._looked = 0.0

    def hurry(self) -> None:
        """Look soon and often: something was done that will change the screen."""
        self._pacer.changed(time.monotonic())
        self._soon.set()

    def again(self) -> None:
        """Send the picture once more: somebody came to see it."""
        self._pacer.sent(float("-inf"))
        self._soon.set()

    async def recv(self) -> av.VideoFrame:
        """The next picture. Waits while nothing changes; raises as every ended track does."""
        while self.readyState == "live":
            await self._pause()
            frame = await self._look()
            if frame is not None:
                return self._stamped(frame)
        raise MediaStreamError

    async def _pause(self) -> None:
        began = time.monotonic()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._soon.wait(), max(0.0, self._next - began))
            self._soon.clear()
            await self._settle()
        now = self._looked = time.monotonic()
        self._next = now + self._pacer.interval(now)

    async def _settle(self) -> None:
        """What was done must show first; and however much is done, we look `HURRIED_FPS` times a second at
        most."""
        await asyncio.sleep(max(0.0, self._looked + 1 / HURRIED_FPS - time.monotonic()))
        if self._camera.tells_changes and self._may():
            await self._camera.drawn(SHOWS_WITHIN_SECONDS)
        else:
            await asyncio.sleep(SETTLE_SECONDS)

    async def _look(self) -> av.VideoFrame | None:
        if not self._may():
            self._picture = None
            self._camera.forget()
            return blank() if self._pacer.due_again(time.monotonic()) else None
        frame = await self._camera.take()
        if not self._may():  # taken back while the picture was taken
            return None
        now = time.monotonic()
        if frame is not None:
            self._picture = frame
            self._pacer.changed(now)
            return frame
        return self._picture if self._pacer.due_again(now) else None

    def _stamped(self, frame: av.VideoFrame) -> av.VideoFrame:
        now = time.monotonic()
        self._pacer.sent(now)
        frame.pts, frame.time_base = int((now - self._began) * 90_000), TIME_BASE
        return frame
