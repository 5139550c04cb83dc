"""What answers a yes-or-no question that is open."""

import pytest

from actions.said import Said, is_no, is_yes


@pytest.mark.parametrize("text", ["네", "yes please", "True", "맞아요!"])
def test_a_yes_is_one_whatever_the_model_makes_of_it(text: str) -> None:
    assert is_yes(text)
    assert Said(text=text, intent="", sure=False, entities=[]).yes


@pytest.mark.parametrize("text", ["아니요", "no", "none", "False"])
def test_a_no_is_one_whatever_the_model_makes_of_it(text: str) -> None:
    assert is_no(text)
    assert Said(text=text, intent="", sure=False, entities=[]).no


@pytest.mark.parametrize("text", ["null", "none of it works", "true story"])
def test_other_words_are_neither(text: str) -> None:
    assert not is_yes(text)
    assert not is_no(text)
