"""A customer by SMS and the whole product: front, worker with the trained model, sender, web hooks."""

import json
from collections.abc import Iterator

import aiohttp
import pytest

from tests.browser.serving import serving
from tests.standins.solapi_client import HOOK_SECRET, PROFILE, SETTINGS, Solapi, process
from tests.standins.starting import until

pytestmark = [pytest.mark.rasa, pytest.mark.full]


@pytest.fixture(scope="module")
def addresses(
    tmp_path_factory: pytest.TempPathFactory, served_on: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """The stand-in's and the product's."""
    with process() as url:
        settings = {name.upper(): value for name, value in SETTINGS.items()}
        settings |= {"SOLAPI_URL": url, "ALIMTALK_PROFILE": PROFILE, **served_on}
        with serving(tmp_path_factory.mktemp("sms"), "--demo", **settings) as product:
            yield url, product.url


async def test_a_repair_is_asked_for_by_text_message(addresses: tuple[str, str]) -> None:
    async with aiohttp.ClientSession() as session:
        server = Solapi(addresses[0], session)
        await server.act("front", url=addresses[1], secret=HOOK_SECRET)

        async def heard(words: str) -> bool:
            mine = [m for m in await server.messages() if m["to"] == "01012342481"]
            return any(words in m["text"] for m in mine)

        await server.act(
            "write", **{"messageId": "MO1", "from": "01012342481", "text": "세탁기에서 물이 새요"}
        )
        await until(lambda: heard("언제 방문하면 좋을까요?"), seconds=180)
        await server.act("write", **{"messageId": "MO2", "from": "01012342481", "text": "수신거부"})
        await until(lambda: heard("광고를 받지 않도록 바꿨어요."), seconds=120)
        assert (await server.log())["refused"] == []


async def test_who_says_in_the_chat_that_they_are_a_customer_gets_a_code_by_alimtalk(
    addresses: tuple[str, str],
) -> None:
    async with aiohttp.ClientSession() as session:
        server = Solapi(addresses[0], session)
        await server.act("front", url=addresses[1], secret=HOOK_SECRET)
        headers = {"Origin": addresses[1]}
        async with session.ws_connect(f"{addresses[1]}/channels/web", headers=headers) as socket:

            async def hears(words: str) -> str:
                async for frame in socket:
                    told = json.loads(frame.data)
                    if words in str(told.get("text", "")):
                        return str(told["text"])
                raise AssertionError(words)

            await socket.send_json({"type": "hello", "locale": "ko"})
            await socket.send_json({"type": "message", "id": "1", "text": "저 기존 고객이에요"})
            await hears("인증번호를 받을 휴대폰 번호")
            await socket.send_json({"type": "message", "id": "2", "text": "010-5555-7777"})
            await hears("인증번호를 보냈어요")

            async def code() -> str:
                mine = [m for m in await server.messages() if m["to"] == "01055557777"]
                return next((m["text"].partition("인증번호는 ")[2][:6] for m in mine), "")

            digits = await until(code, seconds=30)
            await socket.send_json({"type": "message", "id": "3", "text": digits})
            await hears("확인됐어요")
