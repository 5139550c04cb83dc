"""Existing customers prove their number with a code and find their history, on web chat and Telegram."""

from datetime import timedelta

import pytest

from crm import codes, requests
from crm.actor import SYSTEM
from crm.models import Contact, Message, OneTimeCode, ServiceRequest
from tests.actions import company
from tests.actions.conversation import Customer

pytestmark = pytest.mark.rasa

PHONE, TYPED = "+821012342481", "010-1234-2481"


@pytest.fixture(autouse=True)
def texting() -> None:
    """SMS is on."""
    codes.use(["sms"])


async def has_history() -> ServiceRequest:
    """Somebody whom staff entered, with a request, and who never wrote on a channel."""
    at = company.MONDAY - timedelta(days=9)
    contact = await Contact.create(name="김민지", phone=PHONE, created_at=at, updated_at=at)
    return await requests.open(SYSTEM, contact.id, product_text=company.FRIDGE, symptom="소음", now=at)


async def newest_code(customer: Customer) -> str:
    row = await OneTimeCode.filter(used_at=None).order_by("-id").first()
    assert row
    digits = await codes.reveal(row.message_id, now=customer.at)
    assert digits
    return digits


@pytest.mark.parametrize("channel", ["web", "telegram"])
async def test_who_says_that_they_are_a_customer_proves_it_and_sees_their_request(
    customer: Customer, channel: str
) -> None:
    customer.channel = channel
    request = await has_history()
    await customer.says("저 기존 고객이에요")
    customer.heard("인증번호를 받을 휴대폰 번호를 적어 주세요.")
    await customer.says(TYPED)
    customer.heard("010-••••-2481로 인증번호를 보냈어요. 10분 안에 6자리 숫자를 적어 주세요.")
    customer.offered("다시 받기", "다른 번호로 받기")
    await customer.says(f"{await newest_code(customer)}이요")
    customer.heard("김민지 님, 확인됐어요.")
    await customer.presses("접수 확인")
    assert customer.cards[0]["number"] == request.number


async def test_the_code_itself_is_said_nowhere_in_the_chat(customer: Customer) -> None:
    await customer.says("본인 인증할게요")
    await customer.says(TYPED)
    code = await newest_code(customer)
    assert not [m for m in await Message.all() if code in f"{m.text}{m.data}{m.choices}"]


async def test_six_digits_are_the_code_even_where_they_are_a_valid_phone_number(customer: Customer) -> None:
    await customer.says("본인 인증할게요")
    await customer.says(TYPED)
    await customer.says("031101" if await newest_code(customer) != "031101" else "031108")
    customer.heard("인증번호가 달라요. 4번 더 입력할 수 있어요.")


async def test_a_wrong_code_is_counted_and_the_fifth_ends_it(customer: Customer) -> None:
    await has_history()
    await customer.says("저 기존 고객이에요")
    await customer.says(TYPED)
    wrong = "111111" if await newest_code(customer) != "111111" else "222222"
    for left in (4, 3, 2, 1):
        await customer.says(wrong)
        customer.heard(f"인증번호가 달라요. {left}번 더 입력할 수 있어요.", "보낸 6자리 숫자를 적어 주세요.")
        customer.heard_nothing_of("인증번호를 보냈어요")
    await customer.says(wrong)
    customer.heard("이 인증번호는 더 쓸 수 없어요.")
    customer.heard_nothing_of("인증번호를 보냈어요")
    await customer.presses("다시 받기")
    customer.heard("010-••••-2481로 인증번호를 보냈어요.")
    await customer.says(await newest_code(customer))
    customer.heard("확인됐어요.")


async def test_five_codes_an_hour_and_no_more(customer: Customer) -> None:
    await customer.says("저 기존 고객이에요")
    await customer.says(TYPED)
    for _ in range(4):
        await customer.presses("다시 받기")
        customer.heard("인증번호를 보냈어요.")
    await customer.presses("다시 받기")
    customer.heard("인증번호를 여러 번 보냈어요.")
    assert await OneTimeCode.all().count() == 5


async def test_a_code_is_good_for_ten_minutes(customer: Customer) -> None:
    await customer.says("저 기존 고객이에요")
    await customer.says(TYPED)
    code = await newest_code(customer)
    await customer.waits(minutes=11)
    await customer.says(code)
    customer.heard("이 인증번호는 더 쓸 수 없어요.")


async def test_another_number_may_be_given(customer: Customer) -> None:
    await customer.says("저 기존 고객이에요")
    await customer.says("010-9999-8888")
    await customer.presses("다른 번호로 받기")
    await customer.says(TYPED)
    customer.heard("010-••••-2481로 인증번호를 보냈어요.")


async def test_who_asks_for_requests_and_has_none_is_offered_to_prove_a_number(customer: Customer) -> None:
    await customer.says("접수 상태 확인할게요")
    customer.offered("본인 확인하기")
    await customer.presses("본인 확인하기")
    customer.heard("인증번호를 받을 휴대폰 번호를 적어 주세요.")
    await customer.says("그만할래요")
    customer.heard("본인 확인을 그만뒀어요.")


async def test_a_yes_opens_a_request_though_proving_is_offered_beside_it(customer: Customer) -> None:
    await customer.says("접수 현황 알려 주세요")
    customer.heard("새로 접수할까요?")
    customer.offered("수리 접수", "본인 확인하기", "상담원 연결")
    await customer.says("네")
    customer.heard("어떤 제품인가요?")


async def test_english_customers_are_asked_in_english(customer: Customer) -> None:
    customer.locale = "en"
    await customer.says("I'm an existing customer")
    customer.heard("Which mobile number should the code go to?")


async def test_without_a_way_to_send_codes_none_is_offered(customer: Customer) -> None:
    codes.use([])
    await customer.says("접수 상태 확인할게요")
    assert "본인 확인하기" not in customer.labels
