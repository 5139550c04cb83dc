"""Where dates and times stand: what a tagger marked of them, from where to where the rules read them."""

import unicodedata
from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu.components.resolver import resolve_entities
from nlu.dates_spans import parts, settle

SENT = datetime(2026, 11, 23, 15, 30, tzinfo=ZoneInfo("Asia/Seoul"))


def marked(text: str, *words: tuple[str, str]) -> list[dict[str, Any]]:
    """Entities as a tagger gives them: each of its words in its order in the text."""
    found, at = [], 0
    for entity, value in words:
        at = text.index(value, at)
        found.append(
            {"entity": entity, "start": at, "end": at + len(value), "value": value, "extractor": "crf"}
        )
        at += len(value)
    return found


def shown(entities: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["entity"], one["value"]) for one in entities]


@pytest.mark.parametrize(
    ("text", "tagged", "settled"),
    [
        ("담주 화욜 10시", [("date", "담주"), ("time", "10시")], "date 담주 화욜, time 10시"),
        ("오늘 밤 8시에", [("date", "오늘"), ("time", "8시")], "date 오늘, time 밤 8시"),
        ("3일 뒤 저녁 7시", [("time", "저녁 7시")], "date 3일 뒤, time 저녁 7시"),
        ("모레 저녁 7시 30분", [("date", "모레"), ("time", "7시 30분")], "date 모레, time 저녁 7시 30분"),
        ("두 시간 뒤에 전화 주세요", [("time", "두 시")], "time 두 시"),
        ("내일모레 오전", [("date", "내일"), ("date", "모레")], "date 내일모레, time 오전"),
        ("12월 3일(목) 오후", [("date", "12월 3일")], "date 12월 3일(목), time 오후"),
        ("월요일부터 수요일까지", [("date", "월요일부터 수요일")], "date 월요일, date 수요일"),
        ("오후 2시부터 4시 사이", [("time", "오후 2시부터 4시")], "time 오후 2시, time 4시"),
        ("오전 중으로", [("time", "오전 중")], "time 오전"),
        ("일주일 뒤 같은 시간", [("date", "일주일")], "date 일주일 뒤"),
        ("at half past three", [("date", "past three")], "time half past three"),
        ("Dec 24 between 2 and 4pm", [("date", "Dec 24 between 2"), ("time", "4pm")],
         "date Dec 24, time 2, time 4pm"),
        ("in three days at 7 pm", [("date", "three days"), ("time", "7 pm")],
         "date in three days, time 7 pm"),
        ("at 3 the day after tomorrow", [("date", "3 the day after tomorrow")],
         "time 3, date the day after tomorrow"),
        ("call me this evening", [("date", "this"), ("time", "evening")], "date this evening"),
        ("8 tonight", [("time", "8")], "time 8, date tonight"),
        # What no rule reads, more than a rule reads, and what is part of something else stay as they are.
        ("Black Friday deals", [("date", "Black Friday")], "date Black Friday"),
        ("early May maybe", [("date", "early May")], "date early May"),
        ("3분기 매출", [("date", "3분기")], "date 3분기"),
        ("at 15 Teheran-ro tomorrow", [("address", "15 Teheran-ro"), ("date", "tomorrow")],
         "address 15 Teheran-ro, date tomorrow"),
        ("10분 전에 접수한 건", [], ""),
        ("good morning", [], ""),
    ],
)  # fmt: skip
def test_a_mark_is_widened_to_what_is_said(text: str, tagged: list[tuple[str, str]], settled: str) -> None:
    found = settle(text, marked(text, *tagged))
    assert ", ".join(f"{entity} {value}" for entity, value in shown(found)) == settled
    assert all(text[one["start"] : one["end"]] == one["value"] for one in found)


def test_offsets_are_those_of_decomposed_text() -> None:
    text = unicodedata.normalize("NFD", "담주 화욜 10시")
    found = settle(text, marked(text, ("date", text[: text.index(" ")])))
    assert [unicodedata.normalize("NFC", value) for _, value in shown(found)] == ["담주 화욜", "10시"]


@pytest.mark.parametrize(
    ("text", "tagged", "hours"),
    [
        ("내일 오후 8시부터 9시", [("date", "내일"), ("time", "오후 8시"), ("time", "9시")], [20, 21]),
        (
            "내일 오후 8시부터 9시 15분",
            [("date", "내일"), ("time", "오후 8시"), ("time", "9시 15분")],
            [20, 21],
        ),
        ("내일 오전 8시부터 3시", [("date", "내일"), ("time", "오전 8시"), ("time", "3시")], [8, 15]),
        ("tomorrow 9 to 11 pm", [("date", "tomorrow"), ("time", "9"), ("time", "11 pm")], [21, 23]),
        ("tomorrow between 2 and 4pm", [("date", "tomorrow"), ("time", "2"), ("time", "4pm")], [14, 16]),
        ("tomorrow 10 am to 2 pm", [("date", "tomorrow"), ("time", "10 am"), ("time", "2 pm")], [10, 14]),
    ],
)
def test_both_times_of_a_range_are_in_the_half_of_the_day_that_is_meant(
    text: str, tagged: list[tuple[str, str]], hours: list[int]
) -> None:
    found = marked(text, *tagged)
    resolve_entities(text, found, at=SENT, language=None)
    starts = [datetime.fromisoformat(one["resolved"]["from"]) for one in found]
    assert [(one.day, one.hour) for one in starts] == [(24, hour) for hour in (0, *hours)]


@given(st.text(alphabet="내일모레 오전후3시반12월/(목)부터~at tomorrow half past to pm,.", max_size=40))
def test_parts_lie_within_the_text_and_apart(text: str) -> None:
    spans = sorted((part.start, part.end) for group in parts(text) for part in group)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
