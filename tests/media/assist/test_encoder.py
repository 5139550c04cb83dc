"""The agent's own encoder: few key frames, and what aiortc's sender must have for it to be used."""

import av
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCRtpSender

from media.assist.encoder import BITRATE, RISE_AFTER_SECONDS, ScreenEncoder, install
from media.assist.screen import TIME_BASE


def a_picture(number: int, level: int = 40, size: tuple[int, int] = (320, 180)) -> av.VideoFrame:
    frame = av.VideoFrame(*size, "yuv420p")
    for plane, value in zip(frame.planes, (level, 128, 128), strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    frame.pts, frame.time_base = number * 6000, TIME_BASE
    return frame


def is_key(payloads: list[bytes]) -> bool:
    """RFC 7741, section 4.3: the lowest bit of the payload header, behind the descriptor of 4 bytes."""
    return not payloads[0][4] & 1


def test_key_frames_come_at_the_start_when_asked_for_and_for_another_size() -> None:
    encoder = ScreenEncoder()
    assert is_key(encoder.encode(a_picture(0))[0])
    assert not is_key(encoder.encode(a_picture(1, 60))[0])
    asked = a_picture(2, 80)
    assert is_key(encoder.encode(asked, force_keyframe=True)[0])
    asked.pts = 18_000
    assert not is_key(encoder.encode(asked)[0]), "the same picture sent once more"
    assert is_key(encoder.encode(a_picture(4, 80, (640, 360)))[0])


def test_a_bit_rate_that_wavers_costs_no_key_frame_and_one_that_falls_does() -> None:
    encoder = ScreenEncoder()
    encoder.encode(a_picture(0))
    for number, share in enumerate((0.8, 1.2, 0.75, 1.0), 1):
        encoder.target_bitrate = int(BITRATE * share)
        assert not is_key(encoder.encode(a_picture(number, 40 + number))[0])
    encoder.target_bitrate = BITRATE // 2
    assert is_key(encoder.encode(a_picture(9, 90))[0])
    encoder.target_bitrate = BITRATE
    assert not is_key(encoder.encode(a_picture(10, 91))[0]), "it rises later"
    assert RISE_AFTER_SECONDS > 1


async def test_a_sender_sends_what_it_encodes_and_a_key_frame_when_one_is_asked_for() -> None:
    peer = RTCPeerConnection()
    try:
        sender = peer.addTrack(_Track())
        install(sender)
        codec = next(
            one for one in RTCRtpSender.getCapabilities("video").codecs if one.mimeType == "video/VP8"
        )
        sent = []
        for number in range(3):
            if number == 2:
                sender._send_keyframe()
            made = await sender._next_encoded_frame(codec)
            assert made is not None
            sent.append(is_key(made.payloads))
        assert sent == [True, False, True]
    finally:
        await peer.close()


class _Track(MediaStreamTrack):
    kind = "video"
    number = 0

    async def recv(self) -> av.VideoFrame:
        self.number += 1
        return a_picture(self.number, 20 * self.number)
