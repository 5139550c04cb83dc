"""First messages that tell a whole story, and what is told before its turn in the request form."""

import pytest

from actions import stories
from actions.said import Said
from tests.actions.conversation import Customer

WASHER = (
    "안녕하세요 작년에 이사하면서 거기서 산 드럼세탁기인데요 그동안은 별 문제 없이 잘 썼는데 "
    "어제 저녁부터 탈수할 때 쿵쿵거리는 소리가 나고 물도 잘 안 빠져요 "
    "아이가 있어서 빨래를 매일 해야 하는데 너무 불편하네요 "
    "가능하면 이번 주 금요일 오후 2시에 기사님이 와 주셨으면 좋겠어요"
)
FRIDGE = (
    "냉장고 산 지 3년 됐는데요 냉동실은 괜찮은데 냉장실이 하나도 안 시원해서 반찬이 다 상했어요 온도 "
    "조절도 해 보고 코드도 뽑았다 꽂아 봤는데 똑같아요 빨리 좀 고쳐 주세요"
)
DISHWASHER = (
    "이사 온 집에 원래 있던 식기세척기를 쓰고 있는데 설거지가 끝나도 "
    "물이 바닥에 고여 있고 그릇에 세제가 하얗게 남아요. "
    "주소는 서울 강남구 테헤란로 152 3층이고 연락처는 010-9876-5432입니다. 내일 오전 10시에 와 주세요"
)
DRYER = (
    "My mother's dryer keeps stopping in the middle of the cycle and the clothes stay damp. She is quite old "
    "and cannot explain it well, but she says some letters show up on the display. "
    "Please visit next Tuesday at 3 pm"
)
MOVED = (
    "We moved into an apartment that came with your dishwasher, and after every wash there is water standing "
    "at the bottom and white detergent left on the plates. The address is 152 Teheran-ro, Gangnam-gu, and my "
    "number is 010-9876-5432. Please come tomorrow at 10 am."
)
COOKTOP = (
    "Good afternoon, the induction cooktop in our shop suddenly would not turn on last night. I checked the "
    "breaker and tried another outlet. We need it to do business so it's urgent. Can anyone come today?"
)


def say(text: str, **entities: str) -> Said:
    found = [{"entity": name, "value": value} for name, value in entities.items()]
    return Said(text=text, intent="request_service", sure=True, entities=found)


@pytest.mark.parametrize(
    ("marked", "kept"),
    [
        ("is leaking", "leaking"),
        ("it is not cooling at all", "not cooling at all"),
        ("that keeps beeping", "keeps beeping"),
        ("it's dripping.", "dripping"),
        ("has been rattling", "rattling"),
        ("has no sound", "has no sound"),
        ("물이 새요", "물이 새요"),
    ],
)
def test_a_symptom_drops_the_words_that_only_tie_it_to_the_product(marked: str, kept: str) -> None:
    assert stories.bare(marked) == kept


@pytest.mark.parametrize(
    "text",
    [WASHER, FRIDGE, DISHWASHER, DRYER, MOVED, COOKTOP],
    ids=["washer", "fridge", "dishwasher", "dryer", "moved", "cooktop"],
)
def test_a_story_keeps_its_fault_even_where_no_word_of_it_was_marked(text: str) -> None:
    kept = stories.symptom_in(say(text))
    assert kept is not None
    words = ("쿵쿵", "안 시원", "고여", "stopping", "standing", "not turn on")
    assert any(word in kept for word in words)


def test_a_story_without_a_fault_leaves_the_question_to_be_asked() -> None:
    told = (
        "안녕하세요 작년에 거기서 세탁기를 샀고 아주 잘 쓰고 있었는데요 이번에 "
        "수리 접수를 하고 싶어서 연락드렸습니다"
    )
    assert stories.symptom_in(say(told)) is None


def test_the_way_to_reach_somebody_is_no_part_of_the_fault() -> None:
    place, phone = "서울 강남구 테헤란로 152 3층", "010-9876-5432"
    kept = stories.symptom_in(say(DISHWASHER, address=place, phone=phone))
    assert kept is not None
    assert "세제가 하얗게 남아요" in kept
    assert not any(part in kept for part in ("테헤란로", "층", phone, "주소", "연락처"))


@pytest.mark.rasa
@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("어제부터 세탁기에서 물이 새요", "언제 방문하면 좋을까요?"),
        (WASHER, "11월 27일(금) 오후 2:00, 맞나요?"),
        (FRIDGE, "언제 방문하면 좋을까요?"),
        ("my washer has been leaking since yesterday", "When should we come?"),
        (DRYER, "Tue 1 Dec, 3:00 pm. Is that right?"),
        (COOKTOP, "Mon 23 Nov: what time suits you?"),
    ],
    ids=["yesterday", "washer", "fridge", "since-yesterday", "dryer", "cooktop"],
)
async def test_the_day_a_fault_began_is_not_taken_for_the_day_of_the_visit(
    customer: Customer, text: str, asked: str
) -> None:
    customer.locale = "en" if text.isascii() else "ko"
    await customer.says(text)
    customer.heard(asked)
    customer.heard_nothing_of("이미 지난", "has passed", "어떤 증상", "What is wrong")


@pytest.mark.rasa
@pytest.mark.parametrize(
    ("text", "facts"),
    [
        (DISHWASHER, ("고여", "11월 24일(화) 오전 10:00", "서울 강남구 테헤란로 152 3층", "010-9876-5432")),
        (MOVED, ("standing", "Tue 24 Nov, 10:00 am", "152 Teheran-ro, Gangnam-gu", "010-9876-5432")),
    ],
    ids=["ko", "en"],
)
async def test_a_story_with_everything_in_it_needs_one_yes_for_the_time(
    customer: Customer, text: str, facts: tuple[str, ...]
) -> None:
    customer.locale = "en" if text.isascii() else "ko"
    await customer.says(text)
    await customer.says("네" if customer.locale == "ko" else "yes")
    shown = " | ".join(customer.summary().values())
    assert not [fact for fact in facts if fact not in shown], shown


@pytest.mark.rasa
async def test_an_address_and_a_number_told_before_their_turn_are_not_asked_for(customer: Customer) -> None:
    await customer.says("세탁기가 고장났어요")
    await customer.says("물이 안 빠져요. 주소는 서울 마포구 월드컵로 12 이고 번호는 010-1234-5678이에요")
    customer.heard("언제 방문하면 좋을까요?")
    await customer.says("내일 오후 3시")
    await customer.says("네")
    summary = customer.summary()
    assert (summary["증상"], summary["주소"]) == ("물이 안 빠져요", "서울 마포구 월드컵로 12")
    assert summary["연락처"] == "010-1234-5678"


@pytest.mark.rasa
async def test_all_in_one_breath_each_goes_where_it_belongs(customer: Customer) -> None:
    await customer.says(
        "어제부터 드럼세탁기에서 물이 새요. 주소는 서울 마포구 월드컵로 12, 3층이고 번호는 010-9876-1234예요"
    )
    await customer.says("내일 오후 3시")
    await customer.says("네")
    summary = customer.summary()
    assert (summary["주소"], summary["연락처"]) == ("서울 마포구 월드컵로 12, 3층", "010-9876-1234")
    assert summary["증상"] == "어제부터 드럼세탁기에서 물이 새요."


@pytest.mark.rasa
async def test_told_at_the_question_for_the_visit_they_are_said_back_and_kept(customer: Customer) -> None:
    await customer.says("세탁기에서 물이 새요")
    await customer.says("주소는 서울 마포구 월드컵로 12예요")
    customer.heard("서울 마포구 월드컵로 12로 적어 뒀어요.", "언제 방문하면 좋을까요?")
    await customer.says("010-1234-5678로 연락 주세요")
    customer.heard("010-1234-5678로 적어 뒀어요.", "언제 방문하면 좋을까요?")
    await customer.says("내일 오후 3시")
    await customer.says("네")
    assert customer.summary()["주소"] == "서울 마포구 월드컵로 12"


@pytest.mark.rasa
async def test_another_address_than_the_known_one_takes_its_place(known: Customer) -> None:
    await known.says("세탁기에서 물이 새요")
    await known.says("그럽시다")
    known.heard("언제 방문하면 좋을까요?")
    await known.says("내일 오후 3시요. 주소는 서울 강남구 테헤란로 152예요")
    known.heard("서울 강남구 테헤란로 152로 바꿨어요.", "11월 24일(화) 오후 3:00, 맞나요?")


def test_a_message_is_not_kept_longer_than_a_request_may_hold() -> None:
    assert len(stories.symptom_in(say("세탁기에서 소리가 나고 물이 새요 " * 200)) or "") <= 1000
