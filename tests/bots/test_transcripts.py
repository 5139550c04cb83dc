"""Transcripts: both voices in the order of the call, through the real job and sealed files."""

import importlib.util
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bots import checking, transcripts
from bots.jobs import JobRunner
from bots.settings import load
from crm import files, jobs, live_asking, live_people, live_sessions, live_summary, recordings, vault
from crm.happenings import Happened
from crm.models import Job, LiveSession
from crm.storage import Folder
from media.decoding import Voice
from media.transcribing import BadModel, NoEngine, prepare
from tests.crm.makers import a_company, a_contact, a_staff
from tests.media import sounds, speaking_model

NOON = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)
ENGINES = Path(__file__).parent.parent / "standins" / "engines"
KEY = b"k" * 32
SAID = {"440": ["배수 필터가 막혔어요."], "600": ["이제 잘 되네요."], "800": ["필터를 열어 보세요."]}


@pytest.fixture
def engine() -> Iterator[None]:
    """The stand-in of the engine is installed for one test."""
    real = sys.modules.pop("faster_whisper", None)
    sys.path.insert(0, str(ENGINES))
    yield
    sys.path.remove(str(ENGINES))
    sys.modules.pop("faster_whisper", None)
    if real is not None:
        sys.modules["faster_whisper"] = real


@pytest.fixture
def no_engine() -> Iterator[None]:
    """The engine is not installed, whatever this machine has."""
    real = sys.modules.get("faster_whisper")
    sys.modules["faster_whisper"] = None  # type: ignore[assignment]
    yield
    sys.modules.pop("faster_whisper")
    if real is not None:
        sys.modules["faster_whisper"] = real


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A model folder of the stand-in."""
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (folder / name).write_text("{}")
    (folder / "model.bin").write_text(json.dumps(SAID))
    return str(folder)


async def a_recorded_call(tmp_path: Path, voices: dict[str, tuple[int, list[Any]]]) -> tuple[int, int]:
    """A session whose sides said these sounds, each file so many ms later; its and the recording's number."""
    vault.use(b"a test's own secret, 32 bytes at least")
    files.use(Folder(tmp_path / "files"), max_bytes=1024)
    await a_company()
    agent, contact = await a_staff(NOON), await a_contact(NOON)
    made = await live_asking.create(agent, contact.id, now=NOON)
    await live_sessions.wait(made.customer.id, NOON)
    place = await live_people.take(agent, made.session.id, now=NOON)
    number, key = await recordings.open_(made.session.id, now=NOON)
    for side, who in (("customer", made.customer.id), ("staff", place.id)):
        later, said = voices[side]
        length = sounds.recorded(tmp_path / side, key, said)
        begins = NOON + timedelta(milliseconds=later)
        await recordings.keep(
            recordings.Segment(
                number, who, "camera", tmp_path / side, 1, 1, "0" * 64, begins, length, False, True
            )
        )
    return made.session.id, number


async def test_both_voices_are_written_down_in_the_order_of_the_call(
    db: str, tmp_path: Path, engine: None, model: str
) -> None:
    customer = [(0.0, sounds.tone(440, 1)), (4.0, sounds.tone(600, 1))]  # muted in between
    live, _ = await a_recorded_call(
        tmp_path, {"customer": (0, customer), "staff": (1500, [(0.0, sounds.tone(800, 1))])}
    )
    job = transcripts.kind(model)
    assert job.load is not None
    payload = {"live": live}
    given = await job.load(payload)
    await transcripts.apply(payload, transcripts.work(given), NOON)
    session = await LiveSession.get(id=live)
    assert session.transcript.splitlines() == [
        "0:00 customer: 배수 필터가 막혔어요.",
        "0:01 staff: 필터를 열어 보세요.",
        "0:04 customer: 이제 잘 되네요.",
    ]
    assert session.summary["parts"] == ["배수 필터", "필터"]


def test_a_line_is_read_as_it_was_written_with_its_time_or_without() -> None:
    long_after = live_summary.line(3_725_400, "staff", "두\n줄")
    assert long_after == "62:05 staff: 두 줄"
    (timed,) = live_summary.lines_of(long_after)
    assert (timed.ms, timed.side, timed.text) == (3_725_000, "staff", "두 줄")
    (plain,) = live_summary.lines_of("customer: 12:30 customer: 네")
    assert (plain.ms, plain.side, plain.text) == (None, "customer", "12:30 customer: 네")


def test_a_pause_in_a_file_is_silence(tmp_path: Path) -> None:
    sounds.recorded(tmp_path / "a", KEY, [(0.0, sounds.tone(440, 0.5)), (3.0, sounds.tone(440, 0.5))])
    heard = np.abs(Voice(tmp_path / "a", KEY, rate=16_000).whole())
    assert 3.4 * 16_000 <= len(heard) <= 4.6 * 16_000
    assert heard[int(0.1 * 16_000) : int(0.4 * 16_000)].max() > 0.2
    assert heard[int(0.8 * 16_000) : int(2.9 * 16_000)].max() < 0.01
    assert heard[int(3.1 * 16_000) : int(3.4 * 16_000)].max() > 0.2


async def test_a_recording_that_ended_is_asked_for_once_and_only_with_a_model(db: str) -> None:
    ended = Happened(1, "recording.closed", NOON, data={"recording_id": 3, "live_id": 7})
    await transcripts.Transcripts("")(ended)
    assert await Job.all().count() == 0
    for _ in range(2):
        await transcripts.Transcripts("/models/ko")(ended)
    assert (await Job.get()).payload == {"live": 7}


def test_without_the_engine_the_fault_names_the_setting_and_the_way(model: str, no_engine: None) -> None:
    with pytest.raises(NoEngine, match="DANGOL_STT_MODEL needs faster-whisper; run: script/setup"):
        prepare(model)


def test_a_folder_without_a_model_is_named_and_the_internet_is_not_asked(
    tmp_path: Path, engine: None, model: str
) -> None:
    (Path(model) / "tokenizer.json").unlink()
    with pytest.raises(BadModel, match=r"DANGOL_STT_MODEL: .* has no tokenizer\.json"):
        prepare(model)
    (Path(model) / "tokenizer.json").write_text("{}")
    (Path(model) / "model.bin").write_bytes(b"\0")
    with pytest.raises(BadModel, match=r"DANGOL_STT_MODEL: .* cannot be read"):
        prepare(model)


async def test_check_reads_the_model_and_doctor_names_what_was_set_aside(
    db: str, tmp_path: Path, engine: None, model: str
) -> None:
    assert (
        await checking._transcripts(load(data_dir=tmp_path, stt_model=model)) == "the model hears 2 languages"
    )
    with pytest.raises(BadModel):
        await checking._transcripts(load(data_dir=tmp_path, stt_model=str(tmp_path)))
    await jobs.enqueue(transcripts.NAME, {"live": 1}, key=f"{transcripts.NAME}:1", now=NOON)
    assert await transcripts.standing([1]) == "waiting"
    (claim,) = await jobs.claim("t", NOON)
    await jobs.failed(claim, "media.transcribing.BadModel", NOON, final=True)
    assert await checking.set_aside() == [
        "--  jobs set aside: 1", f"--    live_transcript {claim.job.id}: media.transcribing.BadModel",
    ]  # fmt: skip
    assert await transcripts.standing([1, 2]) == "failed"
    assert await transcripts.again(NOON) == 1
    assert await transcripts.standing([1, 2]) == "waiting"
    assert await transcripts.standing([2]) == ""


@pytest.mark.full
@pytest.mark.skipif(
    importlib.util.find_spec("faster_whisper") is None,
    reason="needs faster-whisper: script/setup --transcripts installs it",
)
async def test_the_real_engine_writes_a_call_down_from_its_end_to_its_record(db: str, tmp_path: Path) -> None:
    """faster-whisper itself, its detector of speech too, in the subprocess that jobs run in."""
    folder = tmp_path / "whisper"
    folder.mkdir()
    said = [(0.0, 1.5, "배수 필터가 막혔어요."), (2.0, 3.5, "내일 오후 2시에 방문해 주세요.")]
    model = str(speaking_model.make(folder, said))
    voice = [(1.0, sounds.babble(4.0))]  # its beginning is found, before it there is silence
    live, number = await a_recorded_call(tmp_path, {"customer": (0, voice), "staff": (8000, voice)})
    ended = Happened(1, "recording.closed", NOON, data={"recording_id": number, "live_id": live})
    await transcripts.Transcripts(model)(ended)
    runner = JobRunner([transcripts.kind(model)], now=lambda: NOON)
    try:
        await runner.drain()
    finally:
        runner.close()
    assert runner.results == {"done": 1, "failed": 0}
    session = await LiveSession.get(id=live)
    lines = live_summary.lines_of(session.transcript)
    assert [(one.side, one.text) for one in lines] == [
        ("customer", said[0][2]), ("customer", said[1][2]), ("staff", said[0][2]), ("staff", said[1][2]),
    ]  # fmt: skip
    for one, begins in zip(lines, (1, 3, 9, 11), strict=True):
        assert one.ms is not None
        assert abs(one.ms / 1000 - begins) <= 1.5
    assert session.summary_state == "suggested"
    assert "배수 필터" in session.summary["parts"]
    assert session.summary["next_visit"] == "내일 오후 2시"


@pytest.mark.full
@pytest.mark.skipif(
    importlib.util.find_spec("faster_whisper") is None,
    reason="needs faster-whisper: script/setup --transcripts installs it",
)
def test_the_real_engine_refuses_a_broken_model_with_the_settings_name(tmp_path: Path) -> None:
    for name in ("config.json", "model.bin", "tokenizer.json"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(BadModel, match="DANGOL_STT_MODEL"):
        prepare(str(tmp_path))
