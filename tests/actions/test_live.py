"""Asking for a video call: a link while we are open, honest words and other ways when we are not."""

import re

import pytest

from crm import live_links
from crm.models import LiveSession
from tests.actions.company import SUNDAY
from tests.actions.conversation import Customer

pytestmark = pytest.mark.rasa


async def test_in_open_hours_the_answer_is_a_link_of_their_own(customer: Customer) -> None:
    live_links.use("https://help.example")
    await customer.says("영상 통화로 상담하고 싶어요")
    said = " ".join(customer.texts)
    link = re.search(r"https://help\.example/call/(\S+)", said)
    assert link
    place = await live_links.find(link[1], now=customer.at)
    assert (place.participant.side, place.session.status) == ("customer", "invited")
    assert (await customer.conversation()).owner == "staff"


async def test_in_closed_hours_the_opening_is_told_and_other_ways_offered(customer: Customer) -> None:
    customer.at = SUNDAY
    await customer.says("영상 통화로 상담하고 싶어요")
    customer.heard("영상 상담은 내일 오전 9:00부터 할 수 있어요.")
    assert await LiveSession.all().count() == 0
    await customer.presses("전화 요청")
    customer.heard("어느 번호로 전화드릴까요?")


async def test_in_the_middle_of_a_form_a_call_may_be_asked_for(customer: Customer) -> None:
    await customer.says("세탁기가 고장났어요")
    await customer.says("영상 통화로 보여 드릴게요")
    assert await LiveSession.all().count() == 1
