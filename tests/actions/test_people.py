"""To a person, by phone, consent to advertising, and what the bot does not do itself."""

from datetime import datetime

import pytest

from crm import consent, knowledge, live_links
from crm.actor import SYSTEM
from crm.models import Callback
from tests.actions.company import MONDAY, SEOUL, SUNDAY
from tests.actions.conversation import Customer

pytestmark = pytest.mark.rasa


async def test_in_open_hours_a_present_colleague_is_named(customer: Customer) -> None:
    await customer.says("상담원 연결해 주세요")
    customer.heard("seojun 상담원에게 연결했어요.")
    conversation = await customer.conversation()
    assert (conversation.owner, conversation.assignee_id) == ("staff", customer.staff["seojun"].id)


async def test_while_a_person_speaks_the_bot_is_silent(customer: Customer) -> None:
    await customer.says("상담원 연결해 주세요")
    await customer.says("세탁기에서 물이 새요")
    assert customer.news == []


async def test_in_closed_hours_the_next_opening_is_told(customer: Customer) -> None:
    customer.at = SUNDAY
    await customer.says("상담원 연결해 주세요")
    customer.heard("지금은 상담 시간이 아니에요. 내일 오전 9:00부터 답해 드려요.")


async def test_nobody_has_come_so_the_customer_goes_on_with_the_bot(customer: Customer) -> None:
    customer.at = SUNDAY
    await customer.says("상담원 연결해 주세요")
    await customer.presses("봇과 계속하기")
    assert (await customer.conversation()).owner == "bot"
    await customer.says("냉장고가 고장났어요")
    customer.heard("어떤 증상이 있나요?")


async def test_the_place_in_the_queue_is_honest(customer: Customer) -> None:
    first = Customer(customer.assistant, customer.staff, user="other")
    await first.says("견적 받고 싶어요")
    await customer.says("견적 받고 싶어요")
    customer.heard("견적은 담당자가 안내드릴게요.", "상담원에게 연결할게요. 앞에 1명 있어요.")


@pytest.mark.parametrize(
    ("text", "honest"),
    [
        ("견적 받고 싶어요", "견적은 담당자가 안내드릴게요."),
        ("주문한 냉장고 언제 배송돼요?", "주문과 배송은 담당자가 확인해 드릴게요."),
        ("건조기 렌탈료가 얼마예요?", "제품과 가격은 담당자가 자세히 안내드릴게요."),
        ("이번 달 요금 청구서 보내 주세요", "결제와 청구는 담당자가 확인해 드릴게요."),
        ("렌탈 계약 해지하고 싶어요", "계약에 관한 일은 담당자가 안내드릴게요."),
        ("이사 가는데 정수기 이전 설치해 주세요", "이전 설치는 담당자가 일정과 비용을 안내드릴게요."),
        ("제 전화번호가 바뀌었어요", "연락처와 정보 변경은 담당자가 확인하고 바꿔 드릴게요."),
        ("제 개인정보 삭제해 주세요", "담당자가 본인 확인 뒤 처리해 드릴게요."),
        ("행사 참여하고 싶어요", "행사 참여는 담당자가 안내드릴게요."),
    ],
)
async def test_what_the_bot_does_not_do_is_said_and_handed_over(
    customer: Customer, text: str, honest: str
) -> None:
    await customer.says(text)
    customer.heard(honest, "상담원에게 연결")
    assert (await customer.conversation()).owner == "staff"


async def test_what_the_terms_of_the_company_answer_is_quoted_and_not_handed_over(customer: Customer) -> None:
    await knowledge.save(
        SYSTEM, slug="delivery", locale="ko", kind="policy", title="배송과 설치", keywords=["배송", "배송비"],
        body="주문하고 2~4일 안에 가져가요. 수도권은 배송비가 없어요.", now=MONDAY,
    )  # fmt: skip
    await customer.says("배송비가 얼마예요?")
    customer.heard("수도권은 배송비가 없어요.", "담당자가 안내드릴 수 있어요.")
    customer.offered("상담원 연결")
    assert (await customer.conversation()).owner == "bot"
    await customer.says("건조기 렌탈료가 얼마예요?")
    customer.heard("제품과 가격은 담당자가 자세히 안내드릴게요.", "상담원에게 연결")


async def test_a_video_call_is_done_by_the_bot_and_no_longer_left_to_a_colleague(customer: Customer) -> None:
    live_links.use("https://help.example")
    await customer.says("영상 통화로 상담하고 싶어요")
    customer.heard("https://help.example/call/")
    customer.heard_nothing_of("담당자가 준비해서")
    assert (await customer.conversation()).owner == "staff"


async def test_a_call_is_queued_for_the_time_they_confirm(customer: Customer) -> None:
    await customer.says("전화 주세요")
    customer.heard("어느 번호로 전화드릴까요?")
    await customer.says("123")
    customer.heard("전화번호를 다시 확인해 주세요.")
    await customer.says("010-2222-3333")
    await customer.says("내일 오후 2시")
    customer.heard("010-2222-3333으로 11월 24일(화) 오후 2:00에 전화드릴까요?")
    await customer.says("아니요 3시요")
    customer.heard("오후 3:00에 전화드릴까요?")
    await customer.says("네")
    customer.heard("11월 24일(화) 오후 3:00에 010-2222-3333으로 전화드릴게요.")
    callback = await Callback.get()
    assert callback.due_at == datetime(2026, 11, 24, 15, 0, tzinfo=SEOUL)
    assert callback.phone == "+821022223333"


async def test_a_call_in_closed_hours_is_offered_for_the_next_opening(known: Customer) -> None:
    await known.says("전화 주세요")
    await known.says("일요일 오후 2시")
    known.heard("그때는 상담 시간이 아니에요.", "11월 30일(월) 오전 9:00에 전화드릴까요?")


async def test_as_soon_as_possible_on_a_sunday_is_monday_morning(known: Customer) -> None:
    known.at = SUNDAY
    await known.says("전화 좀 해 주세요")
    await known.presses("가능한 빨리")
    known.heard("11월 23일(월) 오전 9:00에 전화드릴까요?")
    await known.presses("네, 전화 주세요")
    assert (await Callback.get()).due_at == datetime(2026, 11, 23, 9, 0, tzinfo=SEOUL)


async def test_a_call_that_is_waited_for_is_changed_instead_of_doubled_or_called_off(known: Customer) -> None:
    await known.says("내일 오후 2시에 전화해 주세요")
    await known.says("네")
    await known.says("전화 시간 바꿔 주세요")
    known.heard("11월 24일(화) 오후 2:00에 010-1234-2481로 전화드리기로 했어요.")
    await known.says("내일 오후 4시")
    await known.says("네")
    assert (await Callback.get()).due_at == datetime(2026, 11, 24, 16, 0, tzinfo=SEOUL)
    await known.says("전화 안 하셔도 돼요")
    known.heard("네, 전화드리지 않을게요.")
    assert (await Callback.get()).status == "cancelled"


async def test_a_wish_to_be_called_is_given_up(known: Customer) -> None:
    await known.says("전화 주세요")
    await known.says("취소")
    known.heard("네, 그만할게요. 바뀐 것은 없어요.")
    assert await Callback.all().count() == 0


async def test_advertising_is_refused_at_once_and_the_date_is_told(customer: Customer) -> None:
    await customer.says("광고 그만 보내세요")
    customer.heard("광고를 받지 않도록 바꿨어요. 안내 메시지만 보내요. (새봄가전, 11월 23일(월) 처리)")
    assert not await consent.holds(await customer.contact_id(), "ad", channel="web")


@pytest.mark.parametrize(("answer", "holds"), [("네", True), ("네, 받을게요", True), ("아니요", False)])
async def test_advertising_is_agreed_to_only_by_a_yes(customer: Customer, answer: str, holds: bool) -> None:
    await customer.says("광고 받을게요")
    customer.heard("보내 드려도 될까요?")
    await customer.says(answer)
    customer.heard("동의하셨어요. (새봄가전, 11월 23일(월) 처리)" if holds else "네, 알겠어요.")
    assert await consent.holds(await customer.contact_id(), "ad", channel="web") is holds


async def test_the_privacy_notice_comes_once_where_the_channel_does_not_show_it(customer: Customer) -> None:
    customer.channel = "telegram"
    await customer.says("안녕하세요")
    assert "보관해요" in customer.texts[0]
    await customer.says("고마워요")
    customer.heard_nothing_of("보관해요")
