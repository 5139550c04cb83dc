"""In the middle of a form: a question is answered and the form goes on; a wish for something else ends it."""

import pytest

from tests.actions.conversation import Customer

pytestmark = pytest.mark.rasa


@pytest.fixture
async def midway(known: Customer) -> Customer:
    """A customer who has just been asked for the time of the visit."""
    await known.says("드럼세탁기 21kg에서 물이 새요")
    known.heard("언제 방문하면 좋을까요?")
    return known


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("영업시간이 어떻게 돼요?", "평일 오전 9:00–오후 6:00에 상담해요."),
        ("고객센터 위치가 어디예요?", "서울 마포구 월드컵로 12에 있어요."),
        ("E21 오류는 뭐예요?", "E21은 배수가 되지 않는다는 표시예요."),
        ("수리비 얼마 나와요?", "출장비는 22,000원이에요."),
        ("접수 어떻게 됐어요?", "아직 접수하신 내역이 없어요."),
        ("고마워요", "도움이 됐다니 다행이에요."),
        ("안녕하세요", "네, 안녕하세요."),
        ("너 사람이야 봇이야?", "저는 상담봇이에요."),
        ("가격이 얼마예요?", "제품과 가격은 담당자가 자세히 안내드릴게요."),
        ("견적도 받고 싶어요", "견적은 담당자가 안내드릴게요."),
    ],
)
async def test_a_question_is_answered_and_the_form_goes_on(
    midway: Customer, question: str, answer: str
) -> None:
    await midway.says(question)
    midway.heard(answer, "언제 방문하면 좋을까요?")
    midway.heard_nothing_of("이해하지 못했어요")
    await midway.says("내일 오후 3시")
    midway.heard("11월 24일(화) 오후 3:00, 맞나요?")


async def test_a_number_that_is_not_theirs_offers_no_new_request_in_the_middle_of_one(
    midway: Customer,
) -> None:
    await midway.says("SR-2026-009999")
    midway.heard("그 번호의 접수를 찾지 못했어요.", "언제 방문하면 좋을까요?")
    midway.heard_nothing_of("새로 접수할까요?")


async def test_a_question_at_the_symptom_step_is_no_symptom(known: Customer) -> None:
    await known.says("수리 접수")
    await known.says("네")
    for text in ("영업시간이 어떻게 돼요?", "안녕하세요", "고마워요", "네"):
        await known.says(text)
        known.heard("어떤 증상이 있나요?")


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("이것 말이에요", "어떤 증상이 있나요?"),
        ("SR-2026-000130 이것 말이에요", "어떤 증상이 있나요?"),
        ("I mean this one", "What is wrong?"),
    ],
)
async def test_words_that_only_point_at_something_begin_nothing_else_and_are_no_answer(
    known: Customer, text: str, question: str
) -> None:
    await known.says("드럼세탁기 21kg 수리 접수할게요")
    known.heard("어떤 증상이 있나요?")
    await known.says(text)
    known.heard(question)
    assert await known.requests() == []


async def test_a_typed_command_answers_no_question_and_tells_no_language(known: Customer) -> None:
    await known.says("드럼세탁기 21kg 수리 접수할게요")
    known.heard("어떤 증상이 있나요?")
    await known.says("/start")
    known.heard("어떤 증상이 있나요?")


async def test_a_number_and_a_pointing_word_show_that_request_and_the_form_goes_on(
    midway: Customer,
) -> None:
    other = await midway.has_request(product_text="양문형 냉장고 800L")
    await midway.says(f"{other.number} 이것 말이에요")
    midway.heard(f"{other.number} 접수는 지금", "언제 방문하면 좋을까요?")
    assert [request.category for request in await midway.requests()] == [other.category]


async def test_a_person_is_fetched_out_of_a_form(midway: Customer) -> None:
    await midway.says("상담원 연결해 주세요")
    midway.heard("seojun 상담원에게 연결했어요.")
    assert (await midway.conversation()).owner == "staff"


async def test_a_call_is_arranged_out_of_a_form(midway: Customer) -> None:
    await midway.says("그냥 전화 주세요")
    midway.heard("언제 전화드리면 좋을까요?")
    await midway.says("내일 오후 2시")
    midway.heard("010-1234-2481로 11월 24일(화) 오후 2:00에 전화드릴까요?")
    await midway.says("네")
    midway.heard("전화드릴게요.")
    await midway.says("세탁기가 고장났어요")
    midway.heard("맞나요?")


async def test_a_refusal_of_advertising_is_done_at_once_out_of_a_form(midway: Customer) -> None:
    await midway.says("광고 문자 보내지 마세요")
    midway.heard("광고를 받지 않도록 바꿨어요.")


async def test_words_that_answer_nothing_are_asked_again_then_a_person_is_offered(midway: Customer) -> None:
    await midway.says("음 글쎄요")
    midway.heard("잘 이해하지 못했어요.", "언제 방문하면 좋을까요?")
    await midway.says("글쎄 뭐라고 하지")
    midway.heard("원하시면 상담원에게 이어 드릴게요.", "언제 방문하면 좋을까요?")
    midway.offered("상담원 연결")


async def test_a_menu_button_pressed_in_a_form_begins_what_it_says(customer: Customer) -> None:
    await customer.says("안녕하세요")
    await customer.presses("사용법·오류 코드")
    customer.heard("무엇이 궁금하세요?")
    await customer.presses("수리 접수")
    customer.heard("어떤 제품인가요?")


async def test_the_forms_own_button_pressed_again_only_repeats_the_question(customer: Customer) -> None:
    await customer.says("안녕하세요")
    await customer.presses("수리 접수")
    await customer.says("냉장고")
    await customer.presses("수리 접수")
    customer.heard("어떤 증상이 있나요?")


async def test_an_outdated_choice_in_a_form_changes_nothing(known: Customer) -> None:
    await known.says("광고 받을게요")
    await known.says("드럼세탁기 21kg에서 물이 새요")
    await known.presses("아니요")
    known.heard("지난 질문의 답이라 바뀐 것은 없어요.", "언제 방문하면 좋을까요?")
