"""Words, dates, addresses and limits of the pages."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bots.web import i18n
from bots.web.security import RateLimit
from crm import choices

SEOUL = ZoneInfo("Asia/Seoul")
NOW = datetime(2026, 11, 19, 5, 19, tzinfo=UTC)  # 14:19 in Seoul


def test_both_languages_have_the_same_messages_with_the_same_holes() -> None:
    korean, english = i18n.catalogue("ko"), i18n.catalogue("en")
    assert set(korean) == set(english)
    for key, text in korean.items():
        holes = {hole[0] for hole in i18n._HOLE.findall(text)}
        assert holes == {hole[0] for hole in i18n._HOLE.findall(english[key])}, key


def test_no_message_is_empty_or_shouts_in_trouble() -> None:
    for lang in i18n.LANGUAGES:
        for key, text in i18n.catalogue(lang).items():
            assert text.strip(), key
            assert "!" not in text, key


def test_every_icon_that_the_pages_name_is_in_the_sprite() -> None:
    static = Path(i18n.__file__).parent / "static"
    sprite = (static / "icons.svg").read_text("utf-8")
    scripts = "".join(path.read_text("utf-8") for path in (static / "chat").glob("*.js"))
    named = set(__import__("re").findall(r'icon\("([a-z0-9-]+)"', scripts))
    assert named
    assert all(f'id="{name}"' in sprite for name in named)


@pytest.mark.parametrize(
    ("text", "values", "said"),
    [
        ("{name:이/가} 왔어요", {"name": "이서준"}, "이서준이 왔어요"),
        ("{name:이/가} 왔어요", {"name": "한유나"}, "한유나가 왔어요"),
        ("{no:을/를} 봐요", {"no": "SR-2026-000123"}, "SR-2026-000123을 봐요"),
        ("{to:으로/로}", {"to": "서울"}, "서울로"),
        ("{to:으로/로}", {"to": "부산"}, "부산으로"),
        ("{n}건, {unknown}", {"n": 3}, "3건, {unknown}"),
    ],
)
def test_particles_follow_the_last_sound(text: str, values: dict[str, object], said: str) -> None:
    assert i18n.fill(text, values) == said


def test_a_count_of_one_is_said_apart() -> None:
    assert i18n.t("en", "chat.new", n=1) == "1 new message"
    assert i18n.t("en", "chat.new", n=2) == "2 new messages"


@pytest.mark.parametrize(
    ("at", "ko", "en"),
    [
        (
            datetime(2026, 11, 24, 6, 0, tzinfo=UTC),
            "11월 24일(화) 오후\u00a03:00",
            "Tue 24 Nov, 3:00\u00a0pm",
        ),
        (
            datetime(2027, 1, 1, 15, 5, tzinfo=UTC),
            "2027년 1월 2일(토) 오전\u00a012:05",
            "Sat 2 Jan 2027, 12:05\u00a0am",
        ),
    ],
)
def test_a_moment_is_said_in_the_companys_zone(at: datetime, ko: str, en: str) -> None:
    assert i18n.moment(at, SEOUL, "ko", NOW) == ko
    assert i18n.moment(at, SEOUL, "en", NOW) == en


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (datetime(2026, 11, 19, 5, 18, 30, tzinfo=UTC), "방금"),
        (datetime(2026, 11, 19, 5, 16, tzinfo=UTC), "3분 전"),
        (datetime(2026, 11, 19, 0, 42, tzinfo=UTC), "오전\u00a09:42"),
        (datetime(2026, 11, 18, 0, 42, tzinfo=UTC), "어제"),
        (datetime(2026, 11, 12, 0, 42, tzinfo=UTC), "11월 12일(목)"),
    ],
)
def test_the_past_is_said_shortly(at: datetime, said: str) -> None:
    assert i18n.ago(at, SEOUL, "ko", NOW) == said


def test_names_numbers_and_phones_are_written_the_korean_way() -> None:
    assert (i18n.initials("김민지"), i18n.initials("Seojun Lee"), i18n.initials("")) == ("민지", "SL", "?")
    assert (i18n.money(120000, "ko"), i18n.money(120000, "en")) == ("120,000원", "₩120,000")
    assert (i18n.phone("+821012345678"), i18n.phone("+8221234567")) == ("010-1234-5678", "02-123-4567")
    assert i18n.day(date(2025, 3, 4), "en", date(2026, 3, 4)) == "Tue 4 Mar 2025"


def test_a_bucket_refills_with_time() -> None:
    limit = RateLimit(rate=1.0, burst=2)
    assert [limit.take("a", 0.0) for _ in range(3)] == [True, True, False]
    assert limit.take("b", 0.0)
    assert limit.take("a", 1.0)
    assert not limit.take("a", 1.5)


def test_a_bucket_forgets_the_longest_idle() -> None:
    limit = RateLimit(rate=0.001, burst=1, keep=3)
    for key in "abcd":
        assert limit.take(key, 0.0)
    assert limit.take("a", 0.0)
    assert not limit.take("d", 0.0)


def test_tokens_replace_payloads_everywhere() -> None:
    card = {"type": "form", "title": "언제요?", "chips": [[{"label": "24", "payload": "/choose{}"}]]}
    buttons, cards = choices.mint([{"title": "네", "payload": "/affirm"}], [card])
    shown = json.dumps(choices.public([*buttons, *cards]), ensure_ascii=False)
    assert "/" not in shown
    assert choices.public(buttons)[0]["label"] == "네"
    pressed = choices.find(buttons, cards, cards[0]["chips"][0][0]["value"])
    assert pressed is not None
    assert pressed["payload"] == "/choose{}"
    assert choices.find(buttons, cards, "") is None
