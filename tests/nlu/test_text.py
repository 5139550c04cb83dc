"""The chat normaliser, jamo and language."""

import pytest

from nlu.components.text import jamo, join_syllable, normalise, split_syllable
from nlu.language import detect


@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        ("세탁기 고장났어요ㅠㅠㅠ", "세탁기 고장났어요"),
        ("ㅋㅋㅋㅋ 네ㅎㅎ", "네"),
        ("ㅇㅇ", "응"),
        ("ㄴㄴ 그거말고", "아니 그거말고"),
        ("ＡＳ　접수　１２３", "as 접수 123"),
        ("너무너무우우우!!!!", "너무너무우!"),
        ("soooo good", "soo good"),
        ("dryer wont start, it’s dead", "dryer won't start, it's dead"),
        ("im out, whats next", "i'm out, what's next"),
    ],
)
def test_chat_is_normalised_for_features(typed: str, seen: str) -> None:
    assert normalise(typed) == seen


def test_jamo_of_syllables() -> None:
    assert jamo("물a") == "ㅁㅜㄹa"
    parts = split_syllable("값")
    assert parts is not None
    assert join_syllable(*parts) == "값"
    assert split_syllable("a") is None


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("세탁기에서 물이 새요", "ko"),
        ("LG gram 노트북이 안 켜져요", "ko"),
        ("ㅇㅇ", "ko"),
        ("my washer is leaking", "en"),
        ("please send it to 김민수 by tomorrow morning", "en"),
        ("refrigerator leaking", "en"),
        ("pls help", "en"),
        ("wifi won't connect, it's awful", "en"),
        ("ok", None),
        ("asdf qwer", None),
        ("qwe", None),
        ("zzzz", None),
        ("lkjh wqpx", None),
        ("dkssudgktpdy", None),  # 안녕하세요 on a keyboard that was left on Latin
        ("tpxkrrlrk rhwkdsktdjdy", None),  # 세탁기가 고장났어요
        ("A1234", None),
        ("SR-2026-000123", None),
        ("010-1234-5678", None),
        ("👍", None),
        ("", None),
    ],
)
def test_the_language_of_a_message(text: str, language: str | None) -> None:
    assert detect(text) == language
