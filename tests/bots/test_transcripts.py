"""Transcripts: both voices in the order of the call, through the real job and a sealed file."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bots import transcripts
from crm import files, live_asking, live_people, live_sessions, recordings, vault
from crm.happenings import Happened
from crm.models import Job, LiveSession
from crm.storage import Folder
from media.sealed import SealedWriter
from media.transcribing import NoEngine, transcribe
from tests.crm.makers import a_company, a_contact, a_staff

NOON = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)
ENGINES = Path(__file__).parent.parent / "standins" / "engines"


@pytest.fixture
def engine() -> Iterator[None]:
    """The stand-in of the engine is installed for one test."""
    sys.path.insert(0, str(ENGINES))
    yield
    sys.path.remove(str(ENGINES))
    sys.modules.pop("faster_whisper", None)


def sealed(path: Path, key: bytes, words: str) -> Path:
    with path.open("wb") as file:
        writer = SealedWriter(file, key)
        writer.write(words.encode())
        writer.close()
    return path


async def test_both_voices_are_written_down_in_the_order_of_the_call(
    db: str, tmp_path: Path, engine: None
) -> None:
    vault.use(b"a test's own secret, 32 bytes at least")
    files.use(Folder(tmp_path / "files"), max_bytes=1024)
    await a_company()
    agent, contact = await a_staff(NOON), await a_contact(NOON)
    made = await live_asking.create(agent, contact.id, now=NOON)
    await live_sessions.wait(made.customer.id, NOON)
    place = await live_people.take(agent, made.session.id, now=NOON)
    number, key = await recordings.open_(made.session.id, now=NOON)
    for who, later, words in (
        (made.customer.id, 0, "배수 필터가 막혔어요.\n이제 잘 되네요."),
        (place.id, 500, "필터를 열어 보세요."),
    ):
        path = sealed(tmp_path / str(who), key, words)
        begins = NOON + timedelta(milliseconds=later)
        await recordings.keep(recordings.Segment(number, who, "camera", path, 1, 1, "0" * 64, begins, 1000))
    job = transcripts.kind(str(tmp_path))
    assert job.load is not None
    payload = {"live": made.session.id}
    given = await job.load(payload)
    await transcripts.apply(payload, transcripts.work(given), NOON)
    session = await LiveSession.get(id=made.session.id)
    assert session.transcript.splitlines() == [
        "customer: 배수 필터가 막혔어요.", "staff: 필터를 열어 보세요.", "customer: 이제 잘 되네요.",
    ]  # fmt: skip
    assert session.summary["parts"] == ["배수 필터", "필터"]


async def test_a_recording_that_ended_is_asked_for_once_and_only_with_a_model(db: str) -> None:
    ended = Happened(1, "recording.closed", NOON, data={"recording_id": 3, "live_id": 7})
    await transcripts.Transcripts("")(ended)
    assert await Job.all().count() == 0
    for _ in range(2):
        await transcripts.Transcripts("/models/ko")(ended)
    assert (await Job.get()).payload == {"live": 7}


def test_without_the_engine_the_job_says_what_is_missing(tmp_path: Path) -> None:
    path = sealed(tmp_path / "a", b"k" * 32, "말")
    with pytest.raises(NoEngine):
        transcribe(path, b"k" * 32, model=str(tmp_path), language="ko")
