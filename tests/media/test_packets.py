"""Packets, reports, descriptions and files: pure parts of the media room."""

import itertools
import os
from fractions import Fraction
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import depacketize, finishing, forwarding, rtcp, sdp, sealed, webm
from media.recorder import Meta, RecordingLog

KEY = bytes(range(32))
SSRC = st.integers(1, (1 << 32) - 1)


class Wire:
    """A leg that notes what it is given."""

    ssrc = 77

    def __init__(self) -> None:
        self.rtp: list[tuple[int, int, int, bytes]] = []
        self.rtcp: list[rtcp.Feedback] = []

    def send_rtp(self, packet: bytes, sequence: int, time: int, ssrc: int) -> None:
        self.rtp.append((sequence, time, ssrc, packet[12:]))

    def send_rtcp(self, packet: bytes) -> None:
        self.rtcp += rtcp.read(packet)


def rtp(sequence: int, time: int = 0, ssrc: int = 9, payload: bytes = b"x", *, marker: bool = False) -> bytes:
    head = bytes([0x80, 97 | marker << 7]) + (sequence & 0xFFFF).to_bytes(2, "big")
    return head + (time & 0xFFFFFFFF).to_bytes(4, "big") + ssrc.to_bytes(4, "big") + payload


@given(st.integers(0, (1 << 46) - 1), st.lists(SSRC, min_size=1, max_size=5))
def test_a_bandwidth_is_read_as_it_was_written_but_for_18_bits(bits: int, ssrcs: list[int]) -> None:
    [said] = rtcp.read(rtcp.bandwidth(1, bits, ssrcs))
    assert isinstance(said, rtcp.Bandwidth)
    assert said.ssrcs == ssrcs
    assert bits * (1 - 2**-17) <= said.bits <= bits


@given(SSRC, st.integers(0, 65535), st.sets(st.integers(0, 120), min_size=1, max_size=60))
def test_every_missing_packet_is_asked_for_and_no_other(ssrc: int, first: int, steps: set[int]) -> None:
    missing = [(first + step) & 0xFFFF for step in sorted(steps)]
    [said] = rtcp.read(rtcp.nack(1, ssrc, missing))
    assert said == rtcp.Nack(ssrc, missing)


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_of_reports_fail(junk: bytes) -> None:
    list(rtcp.read(junk))


@given(st.binary(max_size=100))
def test_no_packet_makes_a_recording_fail(junk: bytes) -> None:
    reader = depacketize.Vp8()
    for sequence in range(3):
        list(reader.add(rtp(sequence, payload=junk), 0.0))


def forwarded(numbers: list[int]) -> tuple[Wire, Wire, forwarding.Source, forwarding.Outlet]:
    speaker, listener = Wire(), Wire()
    source = forwarding.Source("camera", speaker)
    outlet = forwarding.Outlet("camera", listener, 4242)
    outlet.bind(source, 0.0)
    for at, number in enumerate(numbers):
        source.arrived(rtp(number, at * 3000), at * 0.01)
    return speaker, listener, source, outlet


def test_numbers_go_on_when_another_speaker_takes_the_slot() -> None:
    _, listener, _, outlet = forwarded([65534, 65535, 0, 1])
    second = forwarding.Source("camera", Wire())
    outlet.bind(second, 1.0)
    for number in (500, 501, 502):
        second.arrived(rtp(number, number * 3000, ssrc=10), 1.0 + number / 1000)
    sent = [sequence for sequence, *_ in listener.rtp]
    assert [(b - a) & 0xFFFF for a, b in itertools.pairwise(sent)] == [1] * 6
    assert {ssrc for _, _, ssrc, _ in listener.rtp} == {4242}
    times = [time for _, time, _, _ in listener.rtp]
    assert all(0 < (b - a) & 0xFFFFFFFF < 200_000 for a, b in itertools.pairwise(times))


def test_a_gap_is_asked_for_at_once_and_what_comes_late_is_passed_on() -> None:
    speaker, listener, source, _ = forwarded([10, 11, 14])
    assert rtcp.Nack(9, [12, 13]) in speaker.rtcp
    source.arrived(rtp(12, 6000, payload=b"late"), 0.1)
    assert listener.rtp[-1][3] == b"late"
    assert source.repaired == 1


def test_what_was_lost_again_is_asked_for_again_for_a_second() -> None:
    speaker, _, source, _ = forwarded([10, 12])
    for at in range(30):  # a packet each 50 ms, and none of them the missing one
        source.arrived(rtp(13 + at, 40_000 + at * 3000), 0.05 + at * 0.05)
    asked = [said for said in speaker.rtcp if said == rtcp.Nack(9, [11])]
    assert 6 <= len(asked) <= 11
    source.arrived(rtp(11, 3000, payload=b"late"), 1.6)
    speaker.rtcp.clear()
    source.tick(1.8)
    assert speaker.rtcp == []


def test_what_a_listener_misses_comes_from_our_memory_or_else_from_the_speaker() -> None:
    speaker, listener, _, outlet = forwarded([10, 11, 14])
    speaker.rtcp.clear()
    first = listener.rtp[0][0]
    outlet.feedback(rtcp.Nack(4242, [first + 1 & 0xFFFF, first + 2 & 0xFFFF]), 5.0)
    assert listener.rtp[-1][0] == first + 1 & 0xFFFF
    assert speaker.rtcp == [rtcp.Nack(9, [12])]


def test_a_restarted_speaker_does_not_confuse_the_listener() -> None:
    _, listener, source, _ = forwarded([10, 11])
    source.arrived(rtp(40000, 7, ssrc=33), 1.0)
    sent = [sequence for sequence, *_ in listener.rtp]
    assert (sent[-1] - sent[-2]) & 0xFFFF == 1


def test_key_frames_are_asked_for_when_somebody_comes_but_not_in_a_flood() -> None:
    speaker, _, source, outlet = forwarded([1])
    speaker.rtcp.clear()
    for at in (10.0, 10.1, 10.2):
        outlet.feedback(rtcp.KeyframeWanted(4242), at)
    assert speaker.rtcp == [rtcp.KeyframeWanted(9)]
    source.tick(10.5)
    assert speaker.rtcp == [rtcp.KeyframeWanted(9)] * 2


@given(st.permutations(range(12)), st.integers(0, 65535))
def test_frames_come_out_whole_and_in_order_however_packets_arrive(order: list[int], start: int) -> None:
    reader, frames = depacketize.Vp8(), []
    list(reader.add(rtp(start - 1, payload=b"\x10\x00first", marker=True), 0.0))
    for index in order:
        part, frame = index % 3, index // 3
        payload = bytes([0x10 if part == 0 else 0]) + bytes([frame != 0, part])
        frames += reader.add(rtp(start + index, frame * 3000, payload=payload, marker=part == 2), 0.01)
    flags = [frame.key for frame in frames]
    assert [frame.data for frame in frames] == [
        b"".join(bytes([n != 0, part]) for part in range(3)) for n in range(4)
    ]
    assert flags == [True, False, False, False]


def test_after_a_loss_nothing_is_kept_until_a_whole_picture() -> None:
    reader = depacketize.Vp8()
    kept = [
        f for n in (0, 1) for f in reader.add(rtp(n, n, payload=b"\x10" + bytes([n > 0]) * 2, marker=True), 0)
    ]
    assert len(kept) == 2
    assert list(reader.add(rtp(3, 3, payload=b"\x10\x01\x01", marker=True), 0.1)) == []
    assert list(reader.add(rtp(4, 4, payload=b"\x10\x01\x01", marker=True), 1.0)) == []
    assert reader.wants_keyframe
    [after] = reader.add(rtp(5, 5, payload=b"\x10\x00\x00", marker=True), 1.1)
    assert after.key


OFFER = sdp.Credentials("user", "p" * 32, "sha-256 AB:CD", [("192.0.2.2", 40000)], 5000)


@given(st.binary(max_size=40), st.lists(st.binary(min_size=3, max_size=3), max_size=4), st.integers(0, 3))
def test_a_screens_packets_ask_to_be_shown_at_once(payload: bytes, sent: list[bytes], sources: int) -> None:
    elements = b"".join(b"\x12" + each for each in sent)
    extension = b"\xbe\xde" + len(sent).to_bytes(2, "big") + elements
    begin = bytes([0x90 | sources]) + rtp(1)[1:12] + b"mine" * sources
    told = forwarding.at_once(begin + extension + payload)
    longer = b"\xbe\xde" + (len(sent) + 1).to_bytes(2, "big") + elements
    assert told == begin + longer + b"\x22\x00\x00\x28" + payload
    assert forwarding.at_once(rtp(1, payload=payload)) == rtp(1, payload=payload), "there is no room for it"


def test_an_offer_names_every_section_and_each_source() -> None:
    text = sdp.offer(1, 1, OFFER, [sdp.Slot(0, {"audio": 1, "camera": 2, "screen": 3})])
    assert "a=group:BUNDLE audio camera screen data s0-audio s0-camera s0-screen\r\n" in text
    assert text.count("m=") == 7
    assert "a=ssrc:3 msid:p0-screen s0-screen" in text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v=0",
        "v=0\r\nm=audio 9 X 1\r\n",
        "v=0\nm=audio 9 X 1\na=fingerprint:sha-256 AA\na=setup:passive\n",
        "x" * 99,
    ],
)
def test_what_is_no_answer_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        sdp.answer(text)


@given(
    plain=st.binary(max_size=3000), cuts=st.lists(st.integers(1, 700), max_size=6), at=st.integers(0, 3000)
)
def test_a_sealed_file_gives_back_every_byte_from_anywhere(
    tmp_path_factory: pytest.TempPathFactory, plain: bytes, cuts: list[int], at: int
) -> None:
    path = tmp_path_factory.mktemp("sealed") / "file"
    plain = plain * 50
    with path.open("wb") as file:
        writer, left = sealed.SealedWriter(file, KEY), plain
        for cut in cuts:
            writer.write(left[:cut])
            left = left[cut:]
        writer.write(left)
        writer.close()
    reader = sealed.SealedReader(path, KEY)
    assert reader.size == len(plain)
    assert reader.slice(at * 40, 5000) == plain[at * 40 : at * 40 + 5000]
    assert reader.read() == plain
    reader.close()


@pytest.mark.parametrize("harm", ["cut", "changed", "swapped", "key"])
def test_a_harmed_sealed_file_is_noticed(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        writer = sealed.SealedWriter(file, KEY)
        writer.write(os.urandom(3 * sealed.CHUNK))
        writer.close()
    data = bytearray(path.read_bytes())
    one = sealed.CHUNK + sealed.TAG
    if harm == "cut":
        del data[24 + 2 * one :]
    elif harm == "changed":
        data[100] ^= 1
    elif harm == "swapped":
        data[24 : 24 + 2 * one] = data[24 + one : 24 + 2 * one] + data[24 : 24 + one]
    path.write_bytes(data)
    with pytest.raises(sealed.Damaged):
        sealed.SealedReader(path, bytes(32) if harm == "key" else KEY).read()


def logged(path: Path, records: list[bytes]) -> list[int]:
    """Write a log; where each record ends, in bytes."""
    ends = []
    with path.open("wb", buffering=0) as file:
        writer = sealed.LogWriter(file, KEY)
        for record in records:
            writer.append(record)
            ends.append(path.stat().st_size)
    return ends


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=8), st.integers(0, 500))
def test_a_log_that_was_cut_anywhere_gives_what_was_whole(
    tmp_path_factory: pytest.TempPathFactory, records: list[bytes], cut: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "log"
    ends = logged(path, records)
    size = max(path.stat().st_size - cut, 0)
    os.truncate(path, size)
    assert list(sealed.read_log(path, KEY)) == records[: sum(end <= size for end in ends)]


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=2, max_size=8), st.integers(1, 60))
def test_a_log_whose_end_the_disk_never_got_gives_what_was_before(
    tmp_path_factory: pytest.TempPathFactory, records: list[bytes], lost: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "log"
    ends = logged(path, records)
    lost = min(lost, ends[-1] - ends[0])  # the first record was synced with the name of the file
    with path.open("rb+") as file:
        file.seek(-lost, os.SEEK_END)
        file.write(bytes(lost))  # as file systems show blocks that were promised and not written
    kept = list(sealed.read_log(path, KEY))
    assert kept == records[: len(kept)]
    assert len(kept) >= sum(end <= ends[-1] - lost for end in ends)


def test_a_first_picture_that_came_late_does_not_put_the_voice_before_it(tmp_path: Path) -> None:
    """Each 20 ms a piece of voice, each 40 ms a picture, taken at the same moments; the first was large."""
    meta = Meta(1, "r", "c", "camera", "2026-03-04T03:00:00+00:00")
    log = RecordingLog(tmp_path, bytes(32), meta, 100.0)
    for number in range(100):
        at = 100.0 + number * 0.02
        log.add(webm.AUDIO, 48_000, depacketize.Frame(number * 960, b"voice", True), at + 0.03)
        if number % 2 == 0:
            later = 0.25 if number == 0 else 0.05
            picture = depacketize.Frame(number * 1800, b"picture", number == 0)
            log.add(webm.VIDEO, 90_000, picture, at + later)
    log.flush()
    late = finishing.look(log.path, bytes(32)).late
    assert 195 <= late[webm.VIDEO] <= 205
    assert late.get(webm.AUDIO, 0) <= 1
    first = {block.track: block.time_ms for block in reversed([*finishing.blocks(log.path, bytes(32), late)])}
    assert 0 <= first[webm.VIDEO] - first[webm.AUDIO] <= 30
    log.release()


def test_a_long_webm_can_be_searched_by_its_cues(tmp_path: Path) -> None:
    codec = av.CodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt = 64, 48, "yuv420p"
    codec.time_base, codec.gop_size = Fraction(1, 10), 20
    blocks = []
    for number in range(150):
        frame = av.VideoFrame(64, 48, "yuv420p")
        frame.pts = number
        blocks += [webm.Block(1, p.pts * 100, p.is_keyframe, bytes(p)) for p in codec.encode(frame)]
    path = tmp_path / "long.webm"
    with path.open("wb") as file:
        duration = webm.write(lambda: blocks, file.write, (64, 48))
    with av.open(str(path)) as container:
        assert abs((container.duration or 0) / 1000 - duration) <= 1
        assert container.streams.video[0].codec.name in ("vp8", "libvpx")
        assert len(list(container.decode(video=0))) == len(blocks)
        container.seek(12_000_000)
        assert 9.0 <= float(next(container.decode(video=0)).time) <= 12.0
