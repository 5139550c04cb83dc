"""A customer on Telegram and the whole product: front, worker with the trained model, sender."""

from collections.abc import Iterator

import pytest

from tests.browser.serving import serving
from tests.standins import telegram_client
from tests.standins.starting import until
from tests.standins.telegram_client import TOKEN, reached

pytestmark = [pytest.mark.rasa, pytest.mark.full]


@pytest.fixture(scope="module")
def telegram(tmp_path_factory: pytest.TempPathFactory, served_on: dict[str, str]) -> Iterator[str]:
    """The stand-in's address, with the product serving its bot."""
    with telegram_client.process() as url:
        settings = {"TELEGRAM_TOKEN": TOKEN, "TELEGRAM_API_URL": url, **served_on}
        with serving(tmp_path_factory.mktemp("telegram"), **settings):
            yield url


async def test_a_repair_is_asked_for_with_words_and_buttons(telegram: str) -> None:
    async with reached(telegram) as server:
        phone = server.phone(5001)

        async def asked(words: str) -> bool:
            return any(words in text for text in await phone.heard())

        await phone.say("세탁기에서 물이 새요")
        await until(lambda: asked("언제 방문하면 좋을까요?"), seconds=60)
        await phone.press("나중에 정할게요")
        await until(lambda: asked("어디로 방문하면"), seconds=30)
        assert await asked("✓ 나중에 정할게요")
        assert await server.refusals() == []


async def test_an_english_customer_is_answered_in_english(telegram: str) -> None:
    async with reached(telegram) as server:
        phone = server.phone(5002)
        await phone.say("/help", person={"first_name": "Ann", "language_code": "en"})
        heard = await phone.hears(1, seconds=60)
        assert not any("가" <= letter <= "힣" for letter in heard[-1])
