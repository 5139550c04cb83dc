"""What customers answer when they are asked how it was: a score, a word about it, yes, no, still broken."""

import pytest

from actions import reviews
from crm.models import Rating, RequestEvent
from tests.actions.conversation import Customer


@pytest.mark.parametrize(
    ("text", "tone"),
    [
        ("별로였어요", "bad"),
        ("좋지 않았어요", "bad"),
        ("불만족이에요", "bad"),
        ("not great", "bad"),
        ("wasn't happy with it", "bad"),
        ("친절하지 않았어요", "bad"),
        ("안 친절했어요", "bad"),
        ("만족스럽지가 못했어요", "bad"),
        ("not very friendly", "bad"),
        ("친절했어요", "good"),
        ("couldn't be better", "good"),
        ("그저 그랬어요", "fair"),
        ("나쁘지 않았어요", "fair"),
        ("괜찮았어요", "fair"),
        ("it was okay", "fair"),
        ("not bad", "fair"),
        ("최고예요", "good"),
        ("만족해요", "good"),
        ("excellent, thanks", "good"),
        ("세탁기 필터 청소는 어떻게 하나요", None),
        ("can you come tomorrow", None),
    ],
)
def test_words_judge_the_work_or_do_not(text: str, tone: str | None) -> None:
    assert reviews.tone(text) == tone


@pytest.mark.parametrize(
    ("text", "score"),
    [("3점이요", 3), ("5", 5), ("five", 5), ("오 점", 5), ("five stars!", 5), ("2시", None)],
)
def test_a_bare_score_is_one_and_nothing_else(text: str, score: int | None) -> None:
    assert reviews.bare_score(text) == score


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("4점 드릴게요", 4), ("별 두 개요", 2), ("5점 만점에 3점", 3), ("4 stars", 4),
        ("3시에 오셨는데 좋았어요", None), ("3월에 고쳤어요", None), ("2 days late", None), ("14", None),
    ],
)  # fmt: skip
def test_a_score_is_found_in_a_sentence_and_a_time_is_none(text: str, score: int | None) -> None:
    assert reviews.score_in(text) == score


async def resolved(customer: Customer, locale: str = "ko") -> None:
    customer.locale = locale
    await customer.says("안녕하세요" if locale == "ko" else "hello")
    await customer.staff_moves(await customer.has_request(), "in_progress", "resolved")


@pytest.mark.rasa
@pytest.mark.parametrize(
    ("locale", "words", "answer", "kept_as"),
    [
        ("ko", "별로였어요", "아쉬우셨군요. 불편을 드려 죄송해요.", "complained"),
        ("ko", "그저 그랬어요", "말씀해 주셔서 감사해요.", "commented"),
        ("ko", "최고예요", "좋은 말씀 감사해요.", "commented"),
        ("en", "not great", "We are sorry it was not good.", "complained"),
        ("en", "excellent, thanks", "Thank you for the kind words.", "commented"),
    ],
)
async def test_a_word_is_kept_with_the_request_in_the_right_tone_and_a_score_asked_for(
    customer: Customer, locale: str, words: str, answer: str, kept_as: str
) -> None:
    await resolved(customer, locale)
    await customer.says(words)
    customer.heard(answer)
    customer.offered("1점" if locale == "ko" else "1")
    kept = await RequestEvent.filter(kind=kept_as).order_by("-id").first()
    assert kept is not None
    assert kept.text == words
    await customer.says("4")
    assert (await Rating.get()).score == 4


@pytest.mark.rasa
async def test_words_after_the_score_are_kept_and_no_score_is_asked_for_again(customer: Customer) -> None:
    await resolved(customer, "en")
    await customer.says("4")
    await customer.says("your technician was very kind")
    customer.heard("Thank you for the kind words.")
    customer.heard_nothing_of("score")
    kept = await RequestEvent.filter(kind="commented").order_by("-id").first()
    assert kept is not None
    assert kept.text == "your technician was very kind"


@pytest.mark.rasa
async def test_who_gives_words_twice_is_not_asked_a_third_time(customer: Customer) -> None:
    await resolved(customer)
    await customer.says("별로였어요")
    await customer.says("진짜 별로")
    customer.heard("점수는 주지 않으셔도 돼요.")
    await customer.says("안녕하세요")
    customer.heard_nothing_of("몇 점")


@pytest.mark.rasa
@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("네", "해결됐다니 다행이에요."),
        ("네 해결됐어요", "해결됐다니 다행이에요."),
        ("아니요", "지금은 어떤 증상이 있나요?"),
    ],
)
async def test_yes_and_no_answer_whether_it_is_solved(customer: Customer, words: str, answer: str) -> None:
    await resolved(customer)
    await customer.says(words)
    customer.heard(answer)


@pytest.mark.rasa
async def test_a_word_at_the_question_for_the_score_is_heard_too(customer: Customer) -> None:
    await resolved(customer)
    await customer.presses("평가하기")
    await customer.says("불친절했어요")
    customer.heard("아쉬우셨군요.")
    await customer.says("2")
    customer.heard("2점이군요.")
    assert await RequestEvent.filter(kind="complained").count() == 1
