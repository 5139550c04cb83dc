"""What we use of aiortc and pylibsrtp without its being public is still there, and does what we think."""

import asyncio
import inspect
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path as FilePath
from typing import Any

import pytest
from aioice import stun
from aiortc import (
    RTCCertificate,
    RTCDataChannel,
    RTCDataChannelParameters,
    RTCPeerConnection,
    RTCSctpTransport,
    VideoStreamTrack,
    rtp,
)
from aiortc.codecs.base import Encoder
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from aiortc.rtcsctptransport import RTCSctpCapabilities
from pylibsrtp import Session
from pylibsrtp._binding import lib

from media import aiortc_adapter as adapter
from media import rtcp
from tests.media.house import until

RTP = bytes.fromhex("80610001000000020000000a") + b"an encoded picture"


class Other:
    """The browser's side: a plain aiortc transport as DTLS client, joined to ours without a network."""

    def __init__(self) -> None:
        self.lost = 0
        self.heard: list[tuple[int, str | bytes]] = []
        self.path = adapter.Path(lambda record: self.ours_path.arrived(record))
        self.ours_path = adapter.Path(lambda record: self.path.arrived(record))
        self.ours = adapter.Secure(self.ours_path, self._lost)
        self.dtls = RTCDtlsTransport(self.path, [RTCCertificate.generateCertificate()])  # type: ignore[arg-type]
        self.dtls._set_role("client")
        self.sctp = RTCSctpTransport(self.dtls)

    def _lost(self) -> None:
        self.lost += 1

    async def connect(self) -> None:
        algorithm, value = self.ours.fingerprint.split()
        theirs = self.dtls.start(RTCDtlsParameters([RTCDtlsFingerprint(algorithm, value)], "server"))
        own = self.dtls.getLocalParameters().fingerprints[0]
        await asyncio.gather(theirs, self.ours.connect([(own.algorithm, own.value)]))


@pytest.fixture
async def other() -> AsyncIterator[Other]:
    made = Other()
    await made.connect()
    yield made
    await made.ours.close()
    await made.sctp.stop()
    await made.dtls.stop()
    made.path.close()


def test_the_version_that_was_looked_into_is_pinned() -> None:
    pinned = (FilePath(__file__).parents[2] / "pyproject.toml").read_text()
    assert f'"aiortc=={version("aiortc")}"' in pinned
    assert version("aiortc") == "1.16.0"


def test_every_hook_is_there() -> None:
    assert inspect.signature(RTCDtlsTransport._set_role).parameters.keys() == {"self", "role"}
    session = Session()
    assert session._srtp[0]
    for name in ("srtp_protect", "srtp_unprotect", "srtp_protect_rtcp", "srtp_unprotect_rtcp"):
        assert callable(getattr(lib, name))


class Taken(Encoder):
    """Keeps what a sender gives its encoder."""

    target_bitrate = 0

    def __init__(self) -> None:
        self.asked: list[bool] = []

    def encode(self, frame: Any, force_keyframe: bool = False) -> tuple[list[bytes], int]:
        self.asked.append(force_keyframe)
        return [b"encoded by us"], len(self.asked)

    def pack(self, packet: Any) -> tuple[list[bytes], int]:
        raise NotImplementedError


async def test_a_sender_uses_the_given_encoder_and_tells_it_the_rate_and_of_key_frames() -> None:
    peer, encoder = RTCPeerConnection(), Taken()
    try:
        sender = peer.addTrack(VideoStreamTrack())
        adapter.encode_with(sender, encoder)
        codec = next(one for one in sender.getCapabilities("video").codecs if one.mimeType == "video/VP8")
        first = await sender._next_encoded_frame(codec)
        sender._send_keyframe()
        await sender._next_encoded_frame(codec)
        limit = rtp.pack_remb_fci(300_000, [sender._ssrc])
        await sender._handle_rtcp_packet(
            rtp.RtcpPsfbPacket(fmt=rtp.RTCP_PSFB_APP, ssrc=1, media_ssrc=0, fci=limit)
        )
        assert first is not None
        assert first.payloads == [b"encoded by us"]
        assert encoder.asked == [False, True]
        assert encoder.target_bitrate == 300_000
    finally:
        await peer.close()


async def test_the_handshake_leaves_sessions_that_understand_each_other(other: Other) -> None:
    assert other.ours.rx
    assert other.ours.tx
    assert other.ours.rx.unprotect(other.dtls._tx_srtp.protect(RTP)) == RTP
    other.ours.tx.buffer[: len(RTP)] = RTP
    sealed = other.ours.tx.protect_buffer(len(RTP))
    assert sealed is not None
    assert other.dtls._rx_srtp.unprotect(bytes(sealed)) == RTP


async def test_reports_cross_too(other: Other) -> None:
    assert other.ours.rx
    assert other.ours.tx
    report = rtcp.picture_loss(1, 2)
    assert other.ours.rx.unprotect_rtcp(other.dtls._tx_srtp.protect_rtcp(report)) == report
    sealed = other.ours.tx.protect_rtcp(report)
    assert sealed is not None
    assert other.dtls._rx_srtp.unprotect_rtcp(sealed) == report


async def test_a_forged_a_repeated_and_a_huge_packet_are_dropped_without_an_exception(other: Other) -> None:
    assert other.ours.rx
    sealed = other.dtls._tx_srtp.protect(RTP)
    assert other.ours.rx.unprotect(sealed[:-1] + bytes([sealed[-1] ^ 1])) is None
    assert other.ours.rx.unprotect(sealed) == RTP
    assert other.ours.rx.unprotect(sealed) is None
    assert other.ours.rx.unprotect(bytes(adapter.MAX_PACKET_BYTES + 1)) is None


async def test_another_certificate_than_the_answer_named_is_refused() -> None:
    made = Other()
    wrong = RTCCertificate.generateCertificate().getFingerprints()[0]
    algorithm, value = made.ours.fingerprint.split()
    theirs = made.dtls.start(RTCDtlsParameters([RTCDtlsFingerprint(algorithm, value)], "server"))
    with pytest.raises(ConnectionError):
        await asyncio.gather(theirs, made.ours.connect([(wrong.algorithm, wrong.value)]))
    assert made.ours.rx is None
    await made.ours.close()
    await made.dtls.stop()
    made.path.close()


async def test_messages_cross_the_negotiated_channels_both_ways(other: Other) -> None:
    channels: dict[int, Any] = {}
    said: list[str] = []
    for number in (adapter.CONTROL, adapter.MOVES):
        parameters = RTCDataChannelParameters(label=str(number), id=number, negotiated=True)
        channels[number] = RTCDataChannel(other.sctp, parameters)
    channels[adapter.CONTROL].on("message", said.append)
    heard: asyncio.Queue[tuple[int, str | bytes]] = asyncio.Queue()
    assert not other.ours.send(adapter.CONTROL, "too early")
    await asyncio.gather(
        other.ours.open_channels(5000, lambda number, message: heard.put_nowait((number, message))),
        other.sctp.start(RTCSctpCapabilities(maxMessageSize=65536), adapter.SCTP_PORT),
    )
    await until(lambda: channels[adapter.MOVES].readyState == "open")
    channels[adapter.MOVES].send(b"\x01\x02")
    assert await asyncio.wait_for(heard.get(), 10) == (adapter.MOVES, b"\x01\x02")
    await until(lambda: other.ours.send(adapter.CONTROL, "클릭"))
    await until(lambda: bool(said))
    assert said == ["클릭"]


async def test_we_hear_when_the_other_side_closes(other: Other) -> None:
    await other.dtls.stop()
    await until(lambda: other.lost > 0)
    assert other.ours.tx is None


def test_a_connectivity_check_is_answered_only_with_the_right_password() -> None:
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["USERNAME"] = "ours:theirs"
    request.attributes["USE-CANDIDATE"] = None
    request.add_message_integrity(b"the password of this leg")
    found = adapter.stun_request(bytes(request))
    assert found is not None
    assert found[0] == "ours:theirs"
    assert adapter.stun_answer(found[1], "another password", ("192.0.2.7", 4000)) is None
    answer = stun.parse_message(
        adapter.stun_answer(found[1], "the password of this leg", ("192.0.2.7", 4000)) or b""
    )
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == ("192.0.2.7", 4000)
    assert answer.transaction_id == request.transaction_id
    assert answer.check_message_integrity(b"the password of this leg")


@pytest.mark.parametrize("junk", [b"", b"\x00", bytes(20), b"\x00\x01" * 30])
def test_junk_is_no_connectivity_check(junk: bytes) -> None:
    assert adapter.stun_request(junk) is None
