"""The only file that reaches into aiortc and pylibsrtp: DTLS, SRTP keys, data channels, STUN.

aiortc gives no public way to encoded packets, so a leg of ours uses its DTLS and SCTP transports over a path
of our own and takes the SRTP sessions for itself. What is used below without being public is in `HOOKS`;
tests/media/test_aiortc_adapter.py fails when a release changes it. The versions are pinned in pyproject.toml.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

from aioice import stun
from aiortc import RTCCertificate, RTCDataChannel, RTCDataChannelParameters, RTCRtpSender, RTCSctpTransport
from aiortc.codecs.base import Encoder
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from aiortc.rtcsctptransport import RTCSctpCapabilities
from pylibsrtp import Session
from pylibsrtp._binding import ffi, lib

HOOKS: Final = {
    "aiortc": (
        "RTCDtlsTransport._set_role",
        "RTCDtlsTransport._rx_srtp",
        "RTCDtlsTransport._tx_srtp",
        "RTCRtpSender.__encoder",
    ),
    "pylibsrtp": ("Session._srtp", "lib.srtp_protect", "lib.srtp_unprotect", "lib.srtp_protect_rtcp"),
}
PACKET_BYTES: Final = 2048  # room for an Ethernet datagram and what SRTP adds (SRTP_MAX_TRAILER_LEN 144)
MAX_PACKET_BYTES: Final = 1500
SCTP_PORT: Final = 5000  # RFC 8841's usual port of data channels
MAX_MESSAGE_BYTES: Final = 65536  # what aiortc announces
CONTROL, MOVES = 1, 3  # ids of the data channels, docs/live-support.md


class Path:
    """What aiortc calls an ICE transport: how DTLS records leave, and a queue of those that came."""

    role = "controlled"
    state = "completed"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._out = send
        self._in: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=256)

    def arrived(self, record: bytes) -> None:
        """Take a DTLS record; one too many is lost, as on any network."""
        if not self._in.full():
            self._in.put_nowait(record)

    def close(self) -> None:
        """Make the transport end its reading."""
        if self._in.full():
            self._in.get_nowait()
        self._in.put_nowait(None)

    async def _recv(self) -> bytes:
        record = await self._in.get()
        if record is None:
            raise ConnectionError("closed")
        return record

    async def _send(self, record: bytes) -> None:
        self._out(record)


class Srtp:
    """One direction of SRTP on a buffer that is reused: no copy between decrypting and encrypting."""

    __slots__ = ("_cdata", "_length", "_session", "_srtp", "buffer")

    def __init__(self, session: Session) -> None:
        self._session = session  # keeps the C object alive
        self._srtp = session._srtp[0]
        self._cdata = ffi.new("char[]", PACKET_BYTES)
        self._length = ffi.new("int *")
        self.buffer = memoryview(ffi.buffer(self._cdata))

    def unprotect(self, packet: bytes) -> bytes | None:
        """The plain RTP packet; None when it is forged, repeated or too old."""
        return self._run(lib.srtp_unprotect, packet)

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        return self._run(lib.srtp_unprotect_rtcp, packet)

    def protect_rtcp(self, packet: bytes) -> bytes | None:
        return self._run(lib.srtp_protect_rtcp, packet)

    def protect_buffer(self, size: int) -> memoryview | None:
        """Encrypt the RTP packet of `size` bytes that stands in `buffer`; a view, valid until the next."""
        self._length[0] = size
        if lib.srtp_protect(self._srtp, self._cdata, self._length):
            return None
        return self.buffer[: self._length[0]]

    def _run(self, work: Any, packet: bytes) -> bytes | None:
        size = len(packet)
        if size > MAX_PACKET_BYTES:
            return None
        self.buffer[:size] = packet
        self._length[0] = size
        if work(self._srtp, self._cdata, self._length):
            return None
        return bytes(self.buffer[: self._length[0]])


class Secure:
    """DTLS, SRTP and data channels of one leg. The other side is the DTLS client."""

    def __init__(self, path: Path, lost: Callable[[], None]) -> None:
        """`lost` is called when the other side closes or the transport fails."""
        self._path, self._lost = path, lost
        self._dtls = RTCDtlsTransport(cast(Any, path), [RTCCertificate.generateCertificate()])
        self._dtls._set_role("server")
        self._dtls.on("statechange", self._changed)
        self._sctp = RTCSctpTransport(self._dtls, SCTP_PORT)
        self.channels: dict[int, RTCDataChannel] = {}
        self.rx: Srtp | None = None
        self.tx: Srtp | None = None

    @property
    def fingerprint(self) -> str:
        """The value of `a=fingerprint` of ours."""
        of = next(f for f in self._dtls.getLocalParameters().fingerprints if f.algorithm == "sha-256")
        return f"{of.algorithm} {of.value}"

    async def connect(self, fingerprints: list[tuple[str, str]]) -> None:
        """Shake hands with the holder of the certificate. Raises `ConnectionError`."""
        theirs = [RTCDtlsFingerprint(algorithm, value) for algorithm, value in fingerprints]
        await self._dtls.start(RTCDtlsParameters(theirs, "client"))
        if self._dtls.state != "connected":
            raise ConnectionError(f"DTLS is {self._dtls.state}")
        self.rx, self.tx = Srtp(self._dtls._rx_srtp), Srtp(self._dtls._tx_srtp)

    async def open_channels(self, remote_port: int, heard: Callable[[int, str | bytes], None]) -> None:
        """Start SCTP with the two negotiated channels; `heard(id, message)` for each message."""
        for label, number, ordered, repeats in (("control", CONTROL, True, None), ("moves", MOVES, False, 0)):
            parameters = RTCDataChannelParameters(
                label=label, id=number, negotiated=True, ordered=ordered, maxRetransmits=repeats
            )
            channel = RTCDataChannel(self._sctp, parameters)
            channel.on("message", lambda message, number=number: heard(number, message))
            self.channels[number] = channel
        await self._sctp.start(RTCSctpCapabilities(maxMessageSize=MAX_MESSAGE_BYTES), remote_port)

    def send(self, number: int, message: str | bytes) -> bool:
        """Send on a channel; False when it is not open."""
        channel = self.channels.get(number)
        if channel is None or channel.readyState != "open":
            return False
        channel.send(message)
        return True

    def _changed(self) -> None:
        if self._dtls.state in ("closed", "failed"):
            self.rx = self.tx = None
            self._ending = asyncio.ensure_future(self._sctp.stop())  # its timers would go on sending
            self._lost()

    async def close(self) -> None:
        self.rx = self.tx = None
        await self._sctp.stop()
        await self._dtls.stop()
        self._path.close()


def encode_with(sender: RTCRtpSender, encoder: Encoder) -> None:
    """Have a sender that did not send yet use this encoder, not the one of its codec.

    The sender goes on telling it the bit rate (`target_bitrate`) and when a key frame is asked for.
    """
    sender._RTCRtpSender__encoder = encoder  # type: ignore[attr-defined]


def stun_request(datagram: bytes) -> tuple[str, stun.Message] | None:
    """The user name and message of a STUN binding request; None for anything else."""
    try:
        message = stun.parse_message(datagram)
    except ValueError:
        return None
    if message.message_method != stun.Method.BINDING or message.message_class != stun.Class.REQUEST:
        return None
    return str(message.attributes.get("USERNAME", "")), message


def stun_answer(request: stun.Message, password: str, came_from: tuple[str, int]) -> bytes | None:
    """The answer to a binding request signed with the password; None when its signature is wrong."""
    key = password.encode()
    if not request.check_message_integrity(key):
        return None
    answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, request.transaction_id)
    answer.attributes["XOR-MAPPED-ADDRESS"] = came_from
    answer.add_message_integrity(key)
    return bytes(answer)
