"""A synthetic participant: real VP8 and Opus over ICE, DTLS and SRTP, with next to no work of its own."""

import asyncio
import random
import re
import secrets
import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from aioice import stun
from aiortc import RTCCertificate
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport

from media import rtcp
from media.aiortc_adapter import Path, Srtp

FPS, WIDTH, HEIGHT, BITS = 30, 640, 480, 800_000
AUDIO_BYTES = 80  # of 20 ms of Opus at 32 kbit/s
MTU = 1100


def pictures(seconds: int = 6) -> list[list[bytes]]:
    """Payloads of each frame of a moving picture, VP8 at `BITS` a second; the first is a key frame."""
    codec: Any = av.CodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt, codec.bit_rate = WIDTH, HEIGHT, "yuv420p", BITS
    codec.time_base, codec.gop_size = Fraction(1, FPS), 10_000
    codec.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "error-resilient": "1"}
    noise = np.random.default_rng(7).integers(0, 255, (HEIGHT + 400, WIDTH + 400), dtype=np.uint8)
    frames = []
    for number in range(seconds * FPS):
        left, top = number * 3 % 400, number * 2 % 400
        luma = noise[top : top + HEIGHT, left : left + WIDTH] // 4 + 64
        plane = np.concatenate([luma, np.full((HEIGHT // 2, WIDTH), 128, np.uint8)])
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(plane), format="yuv420p")
        frame.pts = number
        frames += [bytes(packet) for packet in codec.encode(frame)]
    return [_split(frame) for frame in frames]


def _split(frame: bytes) -> list[bytes]:
    parts = [frame[at : at + MTU] for at in range(0, len(frame), MTU)]
    return [(b"\x10" if at == 0 else b"\x00") + part for at, part in enumerate(parts)]


@dataclass
class Remote:
    """What a session description of the server says about reaching it."""

    username: str
    password: str
    fingerprint: tuple[str, str]
    address: tuple[str, int]
    audio: int
    video: int


def remote(sdp: str) -> Remote:
    """Read an offer or answer; the first IPv4 candidate that is not loopback is taken."""
    found = re.findall(r"a=candidate:\S+ 1 udp \d+ (\d+\.\d+\.\d+\.\d+) (\d+) typ host", sdp, re.I)
    host, port = next((pair for pair in found if pair[0] != "127.0.0.1"), found[0])
    algorithm, value = re.search(r"a=fingerprint:(\S+) (\S+)", sdp).groups()  # type: ignore[union-attr]
    return Remote(
        re.search(r"a=ice-ufrag:(\S+)", sdp)[1],  # type: ignore[index]
        re.search(r"a=ice-pwd:(\S+)", sdp)[1],  # type: ignore[index]
        (algorithm, value),
        (host, int(port)),
        int(re.search(r"a=rtpmap:(\d+) opus", sdp, re.I)[1]),  # type: ignore[index]
        int(re.search(r"a=rtpmap:(\d+) VP8", sdp, re.I)[1]),  # type: ignore[index]
    )


class Participant:
    """Sends and counts."""

    def __init__(self, frames: Sequence[Sequence[bytes]]) -> None:
        self.frames = frames
        self.username, self.password = secrets.token_hex(4), secrets.token_hex(12)
        self.ssrcs = {"audio": random.randrange(1, 1 << 32), "video": random.randrange(1, 1 << 32)}
        self._certificate = RTCCertificate.generateCertificate()
        self._path = Path(self._send)
        self._dtls = RTCDtlsTransport(self._path, [self._certificate])  # type: ignore[arg-type]
        self._dtls._set_role("client")
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._reached = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.received = 0
        self.video_received = 0
        self.first_picture_at = 0.0
        self.shown = asyncio.Event()
        self._next = 0
        self._tx: Srtp | None = None
        self._rx: Srtp | None = None

    @property
    def fingerprint(self) -> str:
        of = next(f for f in self._certificate.getFingerprints() if f.algorithm == "sha-256")
        return f"{of.algorithm} {of.value}"

    def transport_lines(self) -> list[str]:
        """The lines of a description by which the server knows us."""
        return [
            f"a=ice-ufrag:{self.username}",
            f"a=ice-pwd:{self.password}",
            f"a=fingerprint:{self.fingerprint}",
        ]

    async def connect(self, to: Remote, *, controlling: bool = True) -> None:
        """Reach the server, shake hands, begin to send. Who made the offer controls (RFC 8445, 6.1.1)."""
        self._remote, self._controlling = to, controlling
        self._socket.connect(to.address)
        self._loop.add_reader(self._socket.fileno(), self._read)
        self._tasks.append(asyncio.create_task(self._check()))
        await asyncio.wait_for(self._reached.wait(), 10)
        theirs = RTCDtlsFingerprint(*to.fingerprint)
        await asyncio.wait_for(self._dtls.start(RTCDtlsParameters([theirs], "server")), 10)
        self._tx, self._rx = Srtp(self._dtls._tx_srtp), Srtp(self._dtls._rx_srtp)
        self._tasks += [asyncio.create_task(self._speak()), asyncio.create_task(self._show())]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._loop.remove_reader(self._socket.fileno())
        await self._dtls.stop()
        self._path.close()
        self._socket.close()

    async def _check(self) -> None:
        """Connectivity checks that nominate: twenty a second at first, then the usual keepalive."""
        while True:
            request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
            request.attributes["USERNAME"] = f"{self._remote.username}:{self.username}"
            request.attributes["PRIORITY"] = 1 << 24
            if self._controlling:
                request.attributes["ICE-CONTROLLING"] = 1
                request.attributes["USE-CANDIDATE"] = None
            else:
                request.attributes["ICE-CONTROLLED"] = 1
            request.add_message_integrity(self._remote.password.encode())
            self._send(bytes(request))
            await asyncio.sleep(2.5 if self._reached.is_set() else 0.05)

    def _send(self, data: bytes | memoryview) -> None:
        try:
            self._socket.send(data)
        except OSError:
            return

    def _read(self) -> None:
        for _ in range(64):
            try:
                data = self._socket.recv(2048)
            except OSError:
                return
            first = data[0]
            if first > 127:
                self._media(data)
            elif first < 4:
                self._stun(data)
            else:
                self._path.arrived(data)

    def _stun(self, data: bytes) -> None:
        message = stun.parse_message(data)
        if message.message_class == stun.Class.RESPONSE:
            self._reached.set()
        elif message.message_class == stun.Class.REQUEST:
            answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, message.transaction_id)
            answer.attributes["XOR-MAPPED-ADDRESS"] = self._remote.address
            answer.add_message_integrity(self.password.encode())
            self._send(bytes(answer))

    def _media(self, data: bytes) -> None:
        if rtcp.is_rtcp(data):
            plain = self._rx.unprotect_rtcp(data) if self._rx else None
            for said in rtcp.read(plain or b""):
                if isinstance(said, rtcp.KeyframeWanted):
                    self._next = 0  # the picture starts anew with its key frame
            return
        self.received += 1
        if data[1] & 0x7F == self._remote.video:
            self.video_received += 1
            if not self.shown.is_set():
                self.shown.set()
                self.first_picture_at = self._loop.time()

    async def _speak(self) -> None:
        payload = b"\xfc" + bytes(AUDIO_BYTES - 1)
        await self._paced(0.02, lambda n: self._rtp("audio", self._remote.audio, n, n * 960, payload, 1))

    async def _show(self) -> None:
        self._packets = 0

        def show(number: int) -> None:
            parts = self.frames[self._next % len(self.frames)]
            self._next += 1
            for at, part in enumerate(parts):
                self._rtp(
                    "video", self._remote.video, self._packets, number * 3000, part, at == len(parts) - 1
                )
                self._packets += 1

        await self._paced(1 / FPS, show)

    async def _paced(self, step: float, work: Callable[[int], None]) -> None:
        began, number = self._loop.time(), 0
        while True:
            work(number)
            number += 1
            await asyncio.sleep(max(began + number * step - self._loop.time(), 0))

    def _rtp(self, kind: str, payload_type: int, number: int, time: int, payload: bytes, marker: int) -> None:
        assert self._tx is not None
        head = struct.pack(
            "!BBHII", 0x80, payload_type | marker << 7, number & 0xFFFF, time & 0xFFFFFFFF, self.ssrcs[kind]
        )
        size = len(head) + len(payload)
        self._tx.buffer[:size] = head + payload
        sealed = self._tx.protect_buffer(size)
        if sealed is not None:
            self._send(sealed)
