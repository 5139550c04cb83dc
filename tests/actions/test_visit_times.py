"""When a visit may be: phrases, read back in full; what we cannot keep is refused with the reason."""

import pytest

from tests.actions.conversation import Customer

pytestmark = pytest.mark.rasa


@pytest.fixture
async def asked(known: Customer) -> Customer:
    """A customer who has just been asked for the time of the visit."""
    await known.says("드럼세탁기 21kg에서 물이 새요")
    known.heard("언제 방문하면 좋을까요?")
    return known


@pytest.mark.parametrize(
    ("phrase", "read_back"),
    [
        ("다음주 화요일 오후 3시", "12월 1일(화) 오후 3:00, 맞나요?"),
        ("내일 오후 3시에 와 주세요", "11월 24일(화) 오후 3:00, 맞나요?"),
        ("모레 오전 10시 반", "11월 25일(수) 오전 10:30, 맞나요?"),
        ("11월 27일 14시", "11월 27일(금) 오후 2:00, 맞나요?"),
        ("금요일 4시쯤이요", "11월 27일(금) 오후 4:00, 맞나요?"),
        ("토요일 오전 11시", "11월 28일(토) 오전 11:00, 맞나요?"),
        ("오후 4시", "11월 23일(월) 오후 4:00, 맞나요?"),
    ],
)
async def test_a_phrase_is_read_back_in_full_before_it_is_used(
    asked: Customer, phrase: str, read_back: str
) -> None:
    await asked.says(phrase)
    asked.heard(read_back)
    asked.offered("네, 맞아요", "다른 날짜")


@pytest.mark.parametrize(
    ("phrase", "refusal"),
    [
        ("어제 오후 3시", "이미 지난 때예요."),
        ("일요일 오후 3시", "11월 29일(일)은 방문을 쉬는 날이에요."),
        ("크리스마스 오후 3시", "12월 25일(금)은 방문을 쉬는 날이에요."),
        ("내일 새벽 3시", "11월 24일(화)에는 오전 9:00–오후 12:00, 오후 1:00–오후 6:00에 방문해요."),
        ("내일 저녁 8시", "그 시간에는 방문이 어려워요."),
        ("내년 12월 1일", "90일 안의 날짜로 골라 주세요."),
    ],
)
async def test_a_time_we_cannot_keep_is_refused_once_and_asked_again(
    asked: Customer, phrase: str, refusal: str
) -> None:
    await asked.says(phrase)
    asked.heard(refusal, "언제 방문하면 좋을까요?")
    assert len(asked.news) == 2


@pytest.mark.parametrize("phrase", ["모레", "수요일이요", "수요일 오후"])
async def test_a_day_without_an_hour_is_asked_for_the_hour(asked: Customer, phrase: str) -> None:
    await asked.says(phrase)
    asked.heard("11월 25일(수), 몇 시가 좋을까요?")
    await asked.says("오후 2시")
    asked.heard("11월 25일(수) 오후 2:00, 맞나요?")


async def test_day_and_hour_can_be_pressed(asked: Customer) -> None:
    await asked.presses("25")
    await asked.presses("오전 11:00")
    asked.heard("이대로 접수할까요?")
    assert asked.summary()["방문일"] == "11월 25일(수) 오전 11:00"


async def test_another_day_is_asked_for_again(asked: Customer) -> None:
    await asked.says("내일 오후 3시")
    await asked.presses("다른 날짜")
    asked.heard("언제 방문하면 좋을까요?")
    await asked.says("목요일 2시")
    asked.heard("11월 26일(목) 오후 2:00, 맞나요?")


async def test_an_older_day_pressed_again_changes_the_visit(asked: Customer) -> None:
    await asked.presses("25")
    await asked.presses("오전 11:00")
    await asked.presses("26")
    asked.heard("11월 26일(목), 몇 시가 좋을까요?")
    await asked.presses("오전 9:00")
    assert asked.summary()["방문일"] == "11월 26일(목) 오전 9:00"


@pytest.mark.parametrize("words", ["나중에 정할게요", "아무 때나 괜찮아요", "언제든지요"])
async def test_the_time_may_be_left_open(asked: Customer, words: str) -> None:
    await asked.says(words)
    assert asked.summary()["방문일"] == "담당자와 정하기"
