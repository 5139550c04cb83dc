"""VP8 for pictures of a screen, in place of the encoder that aiortc makes for cameras.

aiortc's takes noise out of every picture, which a screen has none of, and begins anew with a key frame
whenever the receiver's guess of its bandwidth moves by a tenth. Here libvpx is told that it sees a screen,
and a new bit rate waits until it is another one.
"""

import time
from typing import Any, Final

import av
from aiortc import RTCRtpSender
from aiortc.codecs.vpx import Vp8Encoder
from aiortc.mediastreams import VIDEO_TIME_BASE, convert_timebase

from media.aiortc_adapter import encode_with

BITRATE: Final = 1_500_000  # bits a second at the start: text must be readable at once
FALL, RISE = 0.7, 1.4  # a rate that is lower or higher by so much is another one
RISE_AFTER_SECONDS: Final = 10.0  # since the codec was made
OPTIONS: Final = {
    "deadline": "realtime",
    "cpu-used": "-16",
    "lag-in-frames": "0",
    "screen-content-mode": "1",
    "static-thresh": "500",  # blocks that differ by less are not looked at
    "overshoot-pct": "15",
    "undershoot-pct": "100",
    "partitions": "0",
}


class ScreenEncoder(Vp8Encoder):
    """One for each track."""

    def __init__(self) -> None:
        super().__init__()
        self.target_bitrate = BITRATE
        self._made_at = 0.0

    def encode(self, frame: Any, force_keyframe: bool = False) -> tuple[list[bytes], int]:
        """The payloads of a picture, and its time."""
        if not self._fits(frame):
            self.codec = self._make(frame.width, frame.height)
        assert self.codec is not None
        kinds = av.video.frame.PictureType
        frame.pict_type = kinds.I if force_keyframe else kinds.NONE
        data = b"".join(bytes(packet) for packet in self.codec.encode(frame))
        payloads = self._packetize(data, self.picture_id) if data else []
        self.picture_id = (self.picture_id + 1) % (1 << 15)
        return payloads, convert_timebase(frame.pts, frame.time_base, VIDEO_TIME_BASE)

    def _fits(self, frame: Any) -> bool:
        codec = self.codec
        if codec is None or (codec.width, codec.height) != (frame.width, frame.height):
            return False
        share = self.target_bitrate / (codec.bit_rate or 1)
        return share > FALL and (share < RISE or time.monotonic() - self._made_at < RISE_AFTER_SECONDS)

    def _make(self, width: int, height: int) -> Any:
        self._made_at = time.monotonic()
        made: Any = av.CodecContext.create("libvpx", "w")
        bits = self.target_bitrate
        made.width, made.height, made.pix_fmt, made.bit_rate = width, height, "yuv420p", bits
        made.gop_size, made.qmin, made.qmax = 3000, 2, 56  # key frames only when asked for
        made.options = {**OPTIONS, "bufsize": str(bits), "minrate": str(bits), "maxrate": str(bits)}
        made.thread_count = 1  # more cost more in sum
        return made


def install(sender: RTCRtpSender) -> None:
    """Have a sender that did not send yet encode so."""
    encode_with(sender, ScreenEncoder())
