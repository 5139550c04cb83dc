"""A person at the terminal decides which kept sentences become training data."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bots import reviewing, wiring
from bots.settings import Settings
from crm import candidates, inbox
from crm import db as database
from crm.actor import Actor
from crm.models import Message, TrainingCandidate
from nlu.lint import read

AT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)
AGENT = Actor("staff", 1, "agent", "이수민")
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with our domain and a little data."""
    shutil.copytree(ROOT / "nlu/domain", tmp_path / "nlu/domain")
    (tmp_path / "nlu/data/ko").mkdir(parents=True)
    data = 'version: "3.1"\nnlu:\n- intent: greet\n  examples: |\n    - 안녕하세요\n'
    (tmp_path / "nlu/data/ko/talk.yml").write_text(data, encoding="utf-8")
    return tmp_path


def typing(*lines: str) -> Callable[[str], str]:
    waiting: Iterator[str] = iter(lines)

    def read_line(prompt: str) -> str:
        try:
            return next(waiting)
        except StopIteration:
            raise EOFError from None

    return read_line


@pytest.fixture
async def settings(tmp_path: Path) -> Settings:
    """Of an empty company with all its tables."""
    made = Settings(data_dir=tmp_path / "var")
    await wiring.migrate(made)
    return made


async def kept(settings: Settings, *texts: str) -> None:
    await database.connect(settings.database)
    stored = await inbox.store(
        inbox.Inbound(channel="web", external_user="kim", external_id="1", text="안녕", received_at=AT),
        now=AT,
    )
    for number, text in enumerate(texts):
        await candidates.keep(stored.conversation_id, 100 + number, text, [], language="ko",
                              offered=["check_order", "ask_hours"], now=AT)  # fmt: skip
    await candidates.settle(stored.conversation_id, "check_order", pressed=True, now=AT)
    await database.close()


async def verdicts(settings: Settings) -> list[str]:
    await database.connect(settings.database)
    found = [one.verdict for one in await TrainingCandidate.all().order_by("id")]
    await database.close()
    return found


async def test_accepted_edited_rejected_and_left(settings: Settings, root: Path) -> None:
    await kept(settings, "아무 말", "언제 오나 그거", "몇시 닫아", "필터 언제 와요")
    answers = typing("r", "s", "e", "몇 시에 닫아요", "ask_hours", "y", "q")
    await reviewing.run(settings, root=root, read=answers)
    assert await verdicts(settings) == ["rejected", "", "accepted", "accepted"]
    learned = [(one.intent, one.raw) for one in read(root / "nlu") if one.file == "ko/learned.yml"]
    assert learned == [("ask_hours", "몇 시에 닫아요"), ("check_order", "필터 언제 와요")]


async def test_an_edited_sentence_goes_to_the_language_it_is_written_in(
    settings: Settings, root: Path
) -> None:
    await kept(settings, "몇시 닫아", "오더 스테이터스")
    edits = ("e", "A1234", "ask_hours", "e", "where is my [dryer](product)", "check_order")
    await reviewing.run(settings, root=root, read=typing(*edits))
    learned = [(one.file, one.raw) for one in read(root / "nlu") if one.file.endswith("learned.yml")]
    assert learned == [("en/learned.yml", "where is my [dryer](product)"), ("ko/learned.yml", "A1234")]


async def test_what_the_lint_refuses_stays_undecided(settings: Settings, root: Path) -> None:
    await kept(settings, "안녕하세요")
    await reviewing.run(settings, root=root, read=typing("y"))
    assert await verdicts(settings) == [""]
    assert not (root / "nlu/data/ko/learned.yml").exists()


async def test_an_intent_that_was_refused_is_not_proposed_afterwards(settings: Settings, root: Path) -> None:
    await kept(settings, "몇시 닫아")
    await reviewing.run(settings, root=root, read=typing("no_such_intent", "y"))
    assert await verdicts(settings) == ["accepted"]
    assert [one.intent for one in read(root / "nlu") if one.text == "몇시 닫아"] == ["check_order"]


async def test_what_staff_corrected_is_marked_and_masked_when_it_is_read(
    settings: Settings, root: Path
) -> None:
    await kept(settings)
    await database.connect(settings.database)
    message = await Message.get(direction="in")
    await candidates.correct(AGENT, message.conversation_id, message.seq, "talk_to_human", now=AT)
    await Message.filter(id=message.id).update(text="박지영인데 사람 좀 바꿔줘요")
    await database.close()
    person = {"entity": "person", "start": 0, "end": 3}
    await reviewing.run(settings, root=root, read=typing("y"), parse=lambda text, at: {"entities": [person]})
    learned = [(one.intent, one.raw) for one in read(root / "nlu") if one.file == "ko/learned.yml"]
    assert learned == [("talk_to_human", "[홍길동](person)인데 사람 좀 바꿔줘요")]
