"""The words of the desk: nothing missing, nothing in one language only, times as people say them."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bots.staff import acts
from bots.web import desk, i18n
from bots.web.desk import words
from bots.web.desk.prose import paragraphs
from bots.web.desk.talk import mark_mentions

assert desk  # registers the acts
WEB = Path(i18n.__file__).parent
TZ = ZoneInfo("Asia/Seoul")
NOON = datetime(2026, 11, 19, 5, 19, tzinfo=UTC)  # 오후 2:19 in Seoul, a Thursday


def desk_keys(lang: str) -> set[str]:
    return {key for key in i18n.catalogue(lang) if key.startswith("desk.")}


def test_both_languages_have_the_same_words() -> None:
    assert desk_keys("ko") == desk_keys("en")


def test_every_word_that_a_template_names_exists() -> None:
    named = set()
    for path in (WEB / "templates" / "desk").glob("*.html"):
        named |= set(re.findall(r"""t\(\s*["'](desk\.[\w.]+[\w])["']""", path.read_text("utf-8")))
    known = desk_keys("ko")
    missing = {key for key in named if key not in known and f"{key}.many" not in known}
    assert missing == set()


def test_no_particle_is_fixed_after_a_quoted_name_or_a_number() -> None:
    fixed = re.compile(
        r"(\{\w+\}’|\{(?:number|code|phone|n)\})(을|를|은|는|이|가|과|와|으로|로|이에요|예요)(?=[ .,?]|$)"
    )
    assert {key: text for key, text in i18n.catalogue("ko").items() if fixed.search(text)} == {}


def test_every_word_that_a_script_says_exists() -> None:
    named = set()
    for path in (WEB / "static" / "desk").glob("*.js"):
        named |= set(re.findall(r"""\bword\(\s*["']([\w.]+)["']""", path.read_text("utf-8")))
    known = {key.removeprefix("desk.js.") for key in desk_keys("ko")}
    assert named - known == set()


def test_every_word_that_python_says_exists() -> None:
    named = set()
    for path in (WEB / "desk").glob("*.py"):
        named |= set(re.findall(r"""t\(\s*(?:\w+, )?["'](desk\.[\w.]+[\w])["']""", path.read_text("utf-8")))
    known = desk_keys("ko")
    assert {key for key in named if key not in known and f"{key}.many" not in known} == set()


def test_the_acts_that_every_face_needs_are_there() -> None:
    assert {"take", "reply", "note", "assign", "request_status", "callback_attempt"} <= acts.REGISTRY.keys()


@pytest.mark.parametrize(
    ("minutes", "tone", "text"),
    [(12, "ok", "12분 남음"), (3, "soon", "3분 남음"), (-7, "late", "6분 늦음"), (101, "ok", "1시간 남음")],
)
def test_the_waiting_clock_turns_amber_then_red(minutes: int, tone: str, text: str) -> None:
    shown = words.due(NOON + timedelta(minutes=minutes, seconds=1), TZ, "ko", NOON)
    assert shown == {"tone": tone, "text": text}


def test_a_far_due_time_is_a_clock_and_none_is_nothing() -> None:
    shown = words.due(NOON + timedelta(hours=2, minutes=41), TZ, "ko", NOON)
    assert shown == {"tone": "ok", "text": "오후\u00a05:00까지"}
    assert words.due(None, TZ, "ko", NOON) is None


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=20), "방금"),
        (timedelta(minutes=4), "4분"),
        (timedelta(hours=3), "오전\u00a011:19"),
        (timedelta(days=1), "어제"),
        (timedelta(days=7), "11월 12일(목)"),
    ],
)
def test_the_list_says_when_as_people_do(ago: timedelta, text: str) -> None:
    assert words.ago(NOON - ago, TZ, "ko", NOON) == text


def test_a_visit_is_a_range_with_one_half_of_the_day() -> None:
    start = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
    assert (
        words.span(start, start + timedelta(hours=2), TZ, "ko", NOON) == "11월 24일(화) 오후\u00a03:00–5:00"
    )
    assert words.span(start, None, TZ, "en", NOON) == "Tue 24 Nov, 3:00\u00a0pm"


def test_a_mention_is_marked_and_everything_else_escaped() -> None:
    html = mark_mentions("@seojun <b> a@b.example", {"seojun": "이서준"})
    assert html == '<span class="mention">@이서준</span> &lt;b&gt; a@b.example'


def test_points_and_steps_become_lists() -> None:
    assert paragraphs("하나\n둘\n\n- 가\n- 나\n\n1. 먼저\n2. 다음") == (
        "<p>하나<br>둘</p><ul><li>가</li><li>나</li></ul><ol><li>먼저</li><li>다음</li></ol>"
    )
