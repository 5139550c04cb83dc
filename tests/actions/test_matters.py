"""What a customer does with a request: look, add, move the visit, cancel, reopen, rate, complain."""

import pytest

from crm import requests
from crm.actor import Actor
from crm.models import Contact, Rating, RequestEvent
from tests.actions.company import FRIDGE, MONDAY, SEOUL
from tests.actions.conversation import Customer

pytestmark = pytest.mark.rasa


@pytest.fixture
async def waiting(known: Customer) -> Customer:
    """A customer with one open request, who has said hello."""
    await known.says("안녕하세요")
    await known.has_request()
    return known


@pytest.fixture
async def mended(waiting: Customer) -> Customer:
    """A customer who has just been told that their request is resolved."""
    await waiting.staff_moves(await waiting.request(), "in_progress", "resolved")
    return waiting


async def words_of(request_id: int, kind: str) -> list[str]:
    return [event.text for event in await RequestEvent.filter(request_id=request_id, kind=kind)]


async def test_the_status_is_told_with_its_card(waiting: Customer) -> None:
    await waiting.says("접수 어떻게 됐어요?")
    waiting.heard("SR-2026-000001 접수는 지금 ‘담당 배정’ 상태예요.")
    assert waiting.cards[0]["number"] == "SR-2026-000001"


@pytest.mark.parametrize("text", ["SR-2026-000001", "sr-2026-1 확인해 주세요", "1번 접수 어떻게 됐어요?"])
async def test_a_request_is_found_by_its_number_however_written(waiting: Customer, text: str) -> None:
    await waiting.says(text)
    waiting.heard("SR-2026-000001 접수는 지금 ‘담당 배정’ 상태예요.")


async def test_who_has_no_request_is_offered_one(customer: Customer) -> None:
    await customer.says("접수 현황 알려 주세요")
    customer.heard("아직 접수하신 내역이 없어요. 새로 접수할까요?")
    await customer.says("네")
    customer.heard("어떤 제품인가요?")


async def test_requests_of_others_are_not_shown_or_touched(customer: Customer) -> None:
    other = await Contact.create(name="박서연", created_at=MONDAY, updated_at=MONDAY)
    theirs = await requests.open(
        Actor("contact", other.id), other.id, product_text=FRIDGE, symptom="소음", now=MONDAY, tz=SEOUL
    )
    await customer.says(f"{theirs.number} 확인해 주세요")
    customer.heard("그 번호의 접수를 찾지 못했어요.")
    customer.heard_nothing_of(FRIDGE)
    await customer.says(f"{theirs.number} 취소해 주세요")
    customer.heard("지금 취소할 수 있는 접수가 없어요.")
    await theirs.refresh_from_db()
    assert theirs.status != "cancelled"


async def test_words_are_added_to_a_request(waiting: Customer) -> None:
    await waiting.says("접수에 내용 추가하고 싶어요")
    waiting.heard("접수에 더할 내용을 적거나 사진을 보내 주세요.")
    await waiting.says("소리도 나요")
    waiting.heard("SR-2026-000001 접수에 더해 뒀어요.")
    assert await words_of((await waiting.request()).id, "commented") == ["소리도 나요"]


@pytest.mark.parametrize(
    "text",
    ["접수한 내용에 타는 냄새도 난다고 추가해 주세요", "please add that it also smells burnt",
     "add a note to my ticket saying the dog bites", "Please add a note: the door code is 1234",
     "접수에 메모 추가해 주세요: 공동현관 비밀번호는 1234예요"],
)  # fmt: skip
async def test_a_wish_that_says_what_to_add_is_not_asked_again(waiting: Customer, text: str) -> None:
    await waiting.says(text)
    waiting.heard("SR-2026-000001")
    waiting.offered(*(["사진 추가"] if text[0] == "접" else ["Add a photo"]))
    assert await words_of((await waiting.request()).id, "commented") == [text]


async def test_the_same_fault_again_is_added_to_a_request_that_is_open_still(waiting: Customer) -> None:
    await waiting.says("수리받은 세탁기가 또 물이 새요")
    waiting.heard("SR-2026-000001 접수에 더해 뒀어요.")
    assert await words_of((await waiting.request()).id, "commented") == ["수리받은 세탁기가 또 물이 새요"]
    await waiting.says("지난번에 고친 에어컨이 또 고장났어요")
    waiting.heard("여기서는 다시 열 접수를 찾지 못했어요.")


async def test_an_address_and_a_number_told_to_a_request_change_it(waiting: Customer) -> None:
    await waiting.says("접수 내용 바꾸고 싶어요")
    await waiting.says("주소를 서울 강남구 테헤란로 1로 바꿔 주세요")
    waiting.heard("네, 서울 강남구 테헤란로 1로 바꿨어요.")
    await waiting.says("접수에 내용 추가하고 싶어요")
    await waiting.says("번호는 010-7777-8888이에요")
    request = await waiting.request()
    assert (request.address, request.phone) == ("서울 강남구 테헤란로 1", "+821077778888")


async def test_a_photo_is_added_to_a_request(waiting: Customer) -> None:
    await waiting.says("접수 확인해 주세요")
    await waiting.presses("사진 추가")
    await waiting.sends_photo()
    waiting.heard("SR-2026-000001 접수에 더해 뒀어요.")


async def test_a_photo_with_a_caption_that_wishes_nothing_is_a_photo(waiting: Customer) -> None:
    await waiting.sends_photo("뒷면이에요")
    waiting.heard("사진 1장 잘 받았어요.")
    await waiting.presses("접수에 추가")
    waiting.heard("SR-2026-000001 접수에 더해 뒀어요.")


async def test_a_question_instead_of_words_to_add_is_answered(waiting: Customer) -> None:
    await waiting.says("접수에 내용 추가하고 싶어요")
    await waiting.says("영업시간이 어떻게 돼요?")
    waiting.heard("평일 오전 9:00–오후 6:00", "접수에 더할 내용을 적거나 사진을 보내 주세요.")


async def test_a_visit_is_moved_after_it_was_read_back(waiting: Customer) -> None:
    await waiting.says("방문 시간 바꿔 주세요")
    await waiting.says("목요일 오후 4시")
    waiting.heard("방문을 11월 26일(목) 오후 4:00으로 바꿀까요?")
    await waiting.says("아니 3시요")
    waiting.heard("방문을 11월 26일(목) 오후 3:00으로 바꿀까요?")
    await waiting.says("네")
    waiting.heard("방문을 11월 26일(목) 오후 3:00으로 바꿨어요.")
    await waiting.says("기사님 언제 와요?")
    waiting.heard("SR-2026-000001 방문은 11월 26일(목) 오후 3:00이에요.")


async def test_only_the_visit_is_cancelled(waiting: Customer) -> None:
    await waiting.says("방문 시간을 목요일 오후 4시로 바꿔 주세요")
    await waiting.says("네")
    await waiting.says("방문 취소할게요")
    waiting.heard("방문만 취소할까요, 접수를 모두 취소할까요?")
    await waiting.presses("방문만 취소")
    waiting.heard("방문을 취소했어요. 접수는 그대로 있어요.")
    request = await waiting.request()
    assert (request.status, request.visit_from) == ("assigned", None)


async def test_a_request_is_cancelled_after_a_yes_and_kept_after_a_no(waiting: Customer) -> None:
    await waiting.says("접수 취소해 주세요")
    waiting.heard("SR-2026-000001 (드럼세탁기 21kg) 접수를 취소할까요?")
    await waiting.says("아니요")
    waiting.heard("네, 그만할게요. 바뀐 것은 없어요.")
    assert (await waiting.request()).status == "assigned"
    await waiting.says("접수 취소해 주세요")
    await waiting.says("네 취소할게요")
    waiting.heard("SR-2026-000001 접수를 취소했어요.")
    assert (await waiting.request()).status == "cancelled"


async def test_which_of_several_requests_is_asked(waiting: Customer) -> None:
    await waiting.has_request(product_text=FRIDGE, symptom="소음")
    await waiting.says("접수 취소해 주세요")
    waiting.heard("어느 접수인가요?")
    await waiting.says("냉장고요")
    waiting.heard("SR-2026-000002 (양문형 냉장고 800L) 접수를 취소할까요?")


async def test_a_colleagues_work_is_told_at_each_step(mended: Customer) -> None:
    mended.heard("접수에 담당자가 정해졌어요.", "접수를 처리하고 있어요.", "접수가 해결됐어요.")
    mended.offered("1점", "5점")


async def test_it_is_rated_by_button_once_resolved(mended: Customer) -> None:
    await mended.presses("5점")
    mended.heard("5점 감사해요.")
    assert (await Rating.get()).score == 5
    await mended.says("고마워요")
    mended.heard("도움이 됐다니 다행이에요.")


@pytest.mark.parametrize(("words", "score"), [("4점이요", 4), ("3", 3), ("별 다섯 개 드릴게요", 5)])
async def test_it_is_rated_by_words(mended: Customer, words: str, score: int) -> None:
    await mended.says(words)
    mended.heard(f"{score}점 감사해요.")
    assert (await Rating.get()).score == score


async def test_a_low_score_reaches_a_colleague_and_offers_a_person(mended: Customer) -> None:
    await mended.says("1점이요")
    mended.heard("1점이군요. 불편을 드려 죄송해요.", "지금 상담원과 이야기하시겠어요?")
    request = await mended.request()
    assert request.priority == "high"
    assert await words_of(request.id, "complained") == ["고객 평점 1점"]
    await mended.says("네")
    mended.heard("상담원에게 연결했어요.")


async def test_still_broken_under_the_notice_reopens_the_request(mended: Customer) -> None:
    await mended.says("아직도 안 돼요")
    mended.heard("지금은 어떤 증상이 있나요?")
    await mended.says("물이 또 새요")
    mended.heard("SR-2026-000001 접수를 다시 열었어요.")
    request = await mended.request()
    assert (request.status, request.reopened) == ("assigned", 1)


async def test_it_is_reopened_by_its_button_days_later(mended: Customer) -> None:
    await mended.waits(days=2)
    await mended.presses("다시 열기")
    await mended.says("같은 소리가 나요")
    mended.heard("접수를 다시 열었어요. 같은 일로 불편을 드려 죄송해요.")


async def test_nothing_to_reopen_is_said_and_a_new_request_offered(customer: Customer) -> None:
    await customer.says("수리 받은 게 또 고장났어요 다시 접수 열어 주세요")
    customer.heard("여기서는 다시 열 접수를 찾지 못했어요.")
    await customer.presses("수리 접수")
    customer.heard("어떤 제품인가요?")


async def test_what_was_cancelled_just_now_is_not_opened_again_nor_another_in_its_place(
    mended: Customer,
) -> None:
    cancelled = await mended.has_request(product_text=FRIDGE, symptom="소음")
    await mended.says(f"{cancelled.number} 접수 취소해 주세요")
    await mended.says("네")
    mended.heard(f"{cancelled.number} 접수를 취소했어요.")
    await mended.says("접수 다시 열어주세요")
    mended.heard(f"{cancelled.number} 접수는 취소돼서 다시 열 수 없어요.")
    await mended.says("네")
    mended.heard("드럼세탁기 21kg이 맞나요?")


async def test_a_fault_that_is_back_reopens_what_was_repaired_not_what_was_cancelled_since(
    mended: Customer,
) -> None:
    cancelled = await mended.has_request(product_text=FRIDGE, symptom="소음")
    await mended.says(f"{cancelled.number} 접수 취소해 주세요")
    await mended.says("네")
    await mended.says("수리 받은 세탁기가 또 물이 새요")
    mended.heard_nothing_of("취소돼서")
    mended.heard("SR-2026-000001 접수를 다시 열었어요.")


async def test_a_complaint_raises_the_open_request_and_offers_a_person(waiting: Customer) -> None:
    await waiting.says("왜 이렇게 늦어요 정말 화가 나요")
    waiting.heard("SR-2026-000001 접수를 먼저 살펴보도록 올렸어요.", "지금 상담원과 이야기하시겠어요?")
    assert (await waiting.request()).priority == "high"
    await waiting.says("네")
    waiting.heard("상담원에게 연결했어요.")


async def test_a_complaint_about_nothing_open_is_a_request_of_its_own(known: Customer) -> None:
    await known.says("기사님이 너무 불친절해서 실망했어요")
    known.heard("접수해 담당자에게 바로 전했어요.")
    request = await known.request()
    assert (request.category, request.priority) == ("complaint", "high")
    await known.presses("괜찮아요")
    known.heard("네, 알겠어요.")
