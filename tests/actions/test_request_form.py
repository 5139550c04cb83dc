"""A customer opens a service request, in whatever order they tell things."""

from datetime import UTC, datetime

import pytest

from crm.models import Contact
from tests.actions.company import FRIDGE, SEOUL, TOP_LOADER, WASHER
from tests.actions.conversation import Customer

pytestmark = pytest.mark.rasa
ADDRESS = "서울 강남구 테헤란로 1, 101호"


async def until_summary(customer: Customer) -> None:
    """A request for a fridge, told up to the summary."""
    await customer.says("냉장고에서 소리가 나요")
    await customer.says("내일 오후 3시")
    await customer.says("네")
    await customer.says(ADDRESS)
    await customer.says("010-1111-2222")
    customer.heard("이대로 접수할까요?")


async def test_a_greeting_gets_an_honest_menu(customer: Customer) -> None:
    await customer.says("안녕하세요")
    customer.heard("안녕하세요, 새봄가전이에요. 무엇을 도와드릴까요?")
    customer.offered("수리 접수", "접수 확인", "사용법·오류 코드", "구매·렌탈", "상담원 연결")


async def test_an_unknown_customer_is_asked_step_by_step_and_gets_a_number(customer: Customer) -> None:
    await customer.says("안녕하세요")
    await customer.presses("수리 접수")
    customer.heard("어떤 제품인가요?")
    await customer.says("세탁기요")
    customer.heard("어떤 증상이 있나요? 사진을 보내셔도 돼요.")
    await customer.says("물이 새요")
    customer.heard("언제 방문하면 좋을까요?")
    await customer.says("다음주 화요일 오후 3시")
    customer.heard("12월 1일(화) 오후 3:00, 맞나요?")
    await customer.presses("네, 맞아요")
    customer.heard("어디로 방문하면 될까요?")
    await customer.says("주소는 서울 마포구 월드컵로 12, 104동 301호예요")
    customer.heard("전화번호를 알려 주세요")
    await customer.says("010-1234-5678")
    assert customer.summary() == {
        "제품": "세탁기",
        "증상": "물이 새요",
        "방문일": "12월 1일(화) 오후 3:00",
        "주소": "서울 마포구 월드컵로 12, 104동 301호",
        "연락처": "010-1234-5678",
    }
    await customer.presses("접수하기")
    customer.heard("접수됐어요. 번호는 SR-2026-000001이에요.")
    request = await customer.request()
    assert request.visit_from == datetime(2026, 12, 1, 15, 0, tzinfo=SEOUL).astimezone(UTC)
    assert (request.phone, request.symptom, request.status) == ("+821012345678", "물이 새요", "assigned")


@pytest.mark.parametrize("asked", ["address", "phone"])
async def test_a_place_that_is_shared_on_the_map_is_the_address(customer: Customer, asked: str) -> None:
    """Asked for or told before; the same words, typed, are no place that anybody shared."""
    where = "보낸 위치: https://maps.google.com/?q=37.5,127.0"
    await customer.says("냉장고에서 소리가 나요")
    await customer.says("내일 오후 3시")
    if asked == "address":
        await customer.says("네")
        customer.heard("어디로 방문하면 될까요?")
        await customer.says("https://maps.example/?q=1")
        customer.heard("어디로 방문하면 될까요?")
        await customer.sends(kind="message", text=where, data={"location": [37.5, 127.0]})
    else:
        await customer.sends(kind="message", text=where, data={"location": [37.5, 127.0]})
        await customer.says("네")
    customer.heard("전화번호를 알려 주세요")
    await customer.says("010-1111-2222")
    assert customer.summary()["주소"] == where


async def test_a_place_shared_beside_any_matter_is_kept_and_said_to_be(customer: Customer) -> None:
    await customer.says("안녕하세요")
    where = "보낸 위치: https://maps.google.com/?q=1,2"
    await customer.sends(kind="message", text=where, data={"location": [1, 2]})
    customer.heard("위치")
    customer.heard_nothing_of("이해하지 못했어요", "월드컵로 12")


async def test_what_was_told_once_is_not_asked_of_the_same_customer_again(customer: Customer) -> None:
    await until_summary(customer)
    await customer.presses("접수하기")
    contact = await Contact.get(id=await customer.contact_id())
    assert (contact.phone, contact.address) == ("+821011112222", ADDRESS)
    await customer.says("세탁기에서 물이 새요")
    await customer.says("나중에 정할게요")
    customer.heard("이대로 접수할까요?")


async def test_the_only_thing_they_own_is_asked_about_by_its_purchase(known: Customer) -> None:
    await known.says("안녕하세요, 세탁기에서 물이 새요")
    known.heard("많이 불편하셨겠어요.", "작년 3월에 사신 드럼세탁기 21kg이 맞나요?")
    await known.says("네 맞아요")
    await known.says("내일 오후 3시")
    await known.says("네")
    assert known.summary()["제품"] == WASHER
    await known.says("네, 접수해 주세요")
    request = await known.request()
    assert (request.product_text, request.possession_id is not None) == (WASHER, True)


async def test_a_wrong_guess_is_put_right_by_a_name(known: Customer) -> None:
    await known.says("세탁기가 고장났어요")
    await known.says("아니요")
    known.heard("어떤 제품인가요?")
    await known.says("공기청정기요")
    known.heard("어떤 증상이 있나요?")
    known.heard_nothing_of("드럼세탁기")


async def test_two_washers_are_offered_and_one_is_named(known: Customer) -> None:
    await known.owns(TOP_LOADER)
    await known.says("세탁기 고장났어요")
    known.offered(WASHER, TOP_LOADER, "다른 제품이에요")
    await known.says("통돌이요")
    known.heard("어떤 증상이 있나요?")
    await known.says("소리가 커요")
    await known.says("나중에 정할게요")
    assert known.summary()["제품"] == TOP_LOADER


async def test_a_fault_without_a_symptom_is_asked_what_it_is(customer: Customer) -> None:
    await customer.says("냉장고가 고장났어요")
    customer.heard("어떤 증상이 있나요?")


async def test_one_sentence_may_tell_it_all(known: Customer) -> None:
    await known.says("드럼세탁기 21kg에서 물이 새요 내일 오후 3시에 와 주세요")
    known.heard("11월 24일(화) 오후 3:00, 맞나요?")
    await known.says("네")
    assert known.summary()["증상"] == "물이 새요"


async def test_each_line_of_the_summary_can_be_changed(customer: Customer) -> None:
    await until_summary(customer)
    new = {
        "제품": "정수기",
        "증상": "물이 안 나와요",
        "주소": "부산 해운대구 우동 123-4",
        "연락처": "01055556666",
    }
    for line, value in new.items():
        await customer.presses("바꿀게요")
        customer.heard("무엇을 바꿀까요?")
        await customer.presses(line)
        await customer.says(value)
        customer.heard("이대로 접수할까요?")
    await customer.says("방문일 바꿀래요")
    await customer.says("수요일 오전 10시")
    await customer.says("네")
    assert customer.summary() == {
        "제품": "직수 정수기",
        "증상": "물이 안 나와요",
        "방문일": "11월 25일(수) 오전 10:00",
        "주소": "부산 해운대구 우동 123-4",
        "연락처": "010-5555-6666",
    }


async def test_whatever_a_correction_names_is_replaced_at_the_summary(customer: Customer) -> None:
    await until_summary(customer)
    await customer.says("아니 세탁기요")
    customer.heard("네, 세탁기로 바꿨어요.")
    await customer.says("번호 잘못 적었어요 010-9999-8888")
    customer.heard("네, 010-9999-8888로 바꿨어요.")
    await customer.says("아니 목요일로요")
    customer.heard("11월 26일(목) 오후 3:00, 맞나요?")
    await customer.says("네")
    await customer.says("증상은 소음이에요")
    assert customer.summary() == {
        "제품": "세탁기",
        "증상": "소음",
        "방문일": "11월 26일(목) 오후 3:00",
        "주소": ADDRESS,
        "연락처": "010-9999-8888",
    }
    assert await customer.requests() == []


async def test_a_correction_is_taken_at_every_step(customer: Customer) -> None:
    await customer.says("냉장고가 안 시원해요")
    await customer.says("아니 세탁기요")
    customer.heard("네, 세탁기로 바꿨어요.", "언제 방문하면 좋을까요?")
    await customer.says("내일 3시")
    await customer.says("아니 4시요")
    customer.heard("11월 24일(화) 오후 4:00, 맞나요?")
    await customer.says("아니 냉장고요")
    customer.heard("냉장고 800L로 바꿨어요.", "맞나요?")
    await customer.says("네")
    await customer.says("아니 5시로 바꿔 주세요")
    customer.heard("11월 24일(화) 오후 5:00, 맞나요?")
    await customer.says("네")
    await customer.says(ADDRESS)
    await customer.says("주소 바꿀래요")
    customer.heard("어디로 방문하면 될까요?")
    await customer.says("서울 마포구 월드컵로 12")
    await customer.says("010-1111-2222")
    assert customer.summary()["방문일"] == "11월 24일(화) 오후 5:00"
    assert customer.summary()["주소"] == "서울 마포구 월드컵로 12"


async def test_a_washer_of_theirs_replaces_the_other_by_its_name(known: Customer) -> None:
    await known.owns(TOP_LOADER)
    await known.says("세탁기에서 물이 새요")
    await known.presses(TOP_LOADER)
    await known.says("나중에 정할게요")
    await known.says("아니 드럼세탁기요")
    known.heard("네, 드럼세탁기 21kg으로 바꿨어요.")
    assert known.summary()["제품"] == WASHER


@pytest.mark.parametrize("steps", range(6))
async def test_it_can_be_cancelled_at_every_step_and_nothing_is_saved(customer: Customer, steps: int) -> None:
    said = ["수리 접수하고 싶어요", "냉장고", "소리가 나요", "내일 오후 3시", "네", ADDRESS, "010-1111-2222"]
    for text in said[: steps + 2]:
        await customer.says(text)
    await customer.says(["취소", "그만할게요", "접수 취소할래요"][steps % 3])
    customer.heard("접수를 그만뒀어요. 저장된 것은 없어요.")
    assert await customer.requests() == []


async def test_two_forms_after_one_another_leave_nothing_behind(customer: Customer) -> None:
    await until_summary(customer)
    await customer.says("그만")
    await customer.presses("수리 접수") if customer.labels else await customer.says("수리 접수")
    customer.heard("어떤 제품인가요?")
    await customer.says("정수기")
    customer.heard("어떤 증상이 있나요?")


async def test_a_form_left_for_a_person_does_not_fill_the_next_one(customer: Customer) -> None:
    await customer.says("냉장고에서 소리가 나요")
    await customer.says("기사님이 너무 불친절해요 정말 화나요")
    customer.heard("불편을 드려 죄송해요.")
    await customer.says("세탁기가 고장났어요")
    customer.heard("어떤 증상이 있나요?")


async def test_an_open_form_is_forgotten_after_a_long_silence(customer: Customer) -> None:
    await customer.says("냉장고에서 소리가 나요")
    await customer.waits(hours=3)
    await customer.says("세탁기가 고장났어요")
    customer.heard("어떤 증상이 있나요?")
    customer.heard_nothing_of("냉장고")


async def test_two_matters_at_once_are_taken_one_after_the_other(known: Customer) -> None:
    await known.owns(FRIDGE)
    await known.says("세탁기랑 냉장고가 고장났어요")
    known.heard("한 건씩 도와드릴게요. 먼저 세탁기부터 볼게요.")
    for text in ("네", "물이 새요", "나중에 정할게요", "네"):
        await known.says(text)
    known.heard("접수됐어요.", "이어서 냉장고도 접수할까요?")
    await known.says("네")
    known.heard("양문형 냉장고 800L가 맞나요?")


async def test_one_more_symptom_is_noted_wherever_it_is_told(known: Customer) -> None:
    await known.says("드럼세탁기 21kg에서 물이 새요")
    await known.says("소리도 나요")
    known.heard("네, 증상에 적어 뒀어요.", "언제 방문하면 좋을까요?")
    await known.says("나중에 정할게요")
    assert known.summary()["증상"] == "물이 새요, 소리도 나요"


async def test_words_about_an_open_request_are_added_to_it_instead_of_a_second_one(known: Customer) -> None:
    await known.has_request()
    await known.says("세탁기가 너무 시끄러워요")
    known.heard("SR-2026-000001 (드럼세탁기 21kg) 접수가 진행 중이에요. 그 접수에 관한 말씀인가요?")
    await known.says("네")
    known.heard("SR-2026-000001 접수에 더해 뒀어요.")
    assert len(await known.requests()) == 1


async def test_a_new_request_for_the_same_product_is_possible(known: Customer) -> None:
    await known.has_request()
    await known.says("드럼세탁기에서 물이 새요")
    await known.presses("새로 접수할게요")
    await known.says("나중에 정할게요")
    await known.says("네")
    known.heard("번호는 SR-2026-000002예요.")


async def test_a_visit_wished_for_an_open_request_is_set_there(known: Customer) -> None:
    await known.has_request()
    await known.says("방문 예약하고 싶어요")
    known.heard("접수의 방문 시간을 정할까요?")
    await known.says("네")
    await known.says("수요일 오후 2시")
    await known.says("네")
    known.heard("SR-2026-000001 방문을 11월 25일(수) 오후 2:00으로 정했어요.")
    assert (await known.request()).visit_from is not None


async def test_photos_before_and_during_belong_to_the_request(known: Customer) -> None:
    await known.sends_photo()
    known.heard("사진 1장 잘 받았어요.")
    await known.presses("수리 접수")
    await known.says("네")
    await known.sends_photo()
    known.heard("사진 잘 받았어요. 어떤 증상인지 한 줄만 적어 주세요.")
    await known.says("물이 새요")
    await known.sends_photo()
    known.heard("잘 받았어요. 접수에 함께 담을게요.", "언제 방문하면 좋을까요?")
    known.heard_nothing_of("이해하지 못했어요")
    await known.says("나중에 정할게요")
    assert known.summary()["증상"] == "물이 새요 · 사진 3장"
    await known.says("네")
    assert await (await known.request()).files.all().count() == 3  # type: ignore[attr-defined]


async def test_a_photo_after_the_request_can_be_added_with_one_press(known: Customer) -> None:
    await known.has_request()
    await known.says("안녕하세요")
    await known.sends_photo()
    await known.presses("접수에 추가")
    known.heard("SR-2026-000001 접수에 더해 뒀어요.")


async def test_a_button_pressed_twice_opens_one_request(customer: Customer) -> None:
    await until_summary(customer)
    await customer.presses("접수하기")
    await customer.presses("접수하기")
    customer.heard("지난 질문의 답이라 바뀐 것은 없어요.")
    assert len(await customer.requests()) == 1
