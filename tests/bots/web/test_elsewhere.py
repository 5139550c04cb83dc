"""Going on in Telegram from the web chat: the address is the customer's own, and nobody else gets one."""

from datetime import UTC, datetime
from typing import Any

from crm import identities, linking
from crm.models import Identity
from tests.bots.web.chat_page import Client

HERE = "/channels/web/telegram"


async def test_the_address_makes_a_telegram_user_the_same_customer(page: Any, front: Client) -> None:
    customer = await page()
    answer = await front.post(HERE, headers={"X-Dangol-Session": customer.session})
    told = await answer.json()
    start = told["url"].removeprefix("https://t.me/saebom_bot?start=")
    assert told["svg"].startswith("<svg")
    now = datetime.now(UTC)
    other = await identities.find_or_create("telegram", "", "7", now=now)
    joined = await linking.open_link(other.id, start, now=now)
    assert (await Identity.get(channel="web")).contact_id == joined.contact_id


async def test_without_a_session_there_is_no_address(front: Client) -> None:
    answer = await front.post(HERE, headers={"X-Dangol-Session": "forged"})
    assert (answer.status, "url" in await answer.json()) == (401, False)
