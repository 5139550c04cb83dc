"""A customer who writes e-mails and the whole product: front, worker with the trained model, sender, desk."""

from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from tests.browser.serving import Served, serving
from tests.standins import mail_client
from tests.standins.mail_client import SHOP, Addresses, Customer, reached, until

pytestmark = pytest.mark.rasa


@pytest.fixture(scope="module")
def mail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Addresses, Served]]:
    """The provider, and the product reading its mailbox."""
    with mail_client.process() as addresses:
        settings = {
            "MAIL_FROM": f"새봄가전 <{SHOP}>",
            "SMTP_URL": addresses.smtp_url(),
            "IMAP_URL": addresses.imap_url(),
        }
        with serving(tmp_path_factory.mktemp("mail"), "--demo", **settings) as served:
            yield addresses, served


# What the bot may ask on the way to a request, and what this customer says to it.
ANSWERS = {
    "언제 방문하면 좋을까요?": "나중에 정할게요",
    "어디로 방문하면": "서울 마포구 월드컵로 12, 301호",
    "전화번호": "010-1234-5678",
    "이대로 접수할까요?": "1",
}


async def test_a_conversation_by_e_mail_opens_a_request_and_staff_answer_in_its_thread(
    mail: tuple[Addresses, Served],
) -> None:
    addresses, served = mail
    async with reached(addresses) as provider:
        minseo = provider.customer("minseo@customer.example")
        first = await minseo.write(
            "드럼세탁기에서 물이 안 빠져요. 방문해 주세요.", name="김민서", subject="세탁기"
        )
        done = await _until_opened(minseo)
        await _staff_answers(served)
        answer = await until(lambda: _saying(minseo, "제가 도와드릴게요"), seconds=60)
        headers = answer["headers"]
        assert headers["Subject"] == done["headers"]["Subject"] == "Re: 세탁기"
        assert headers["References"].startswith(first)
        assert done["headers"]["Message-ID"] in headers["References"]
        assert "접수번호 SR-" in answer["text"]
        assert await provider.refused() == []


async def _until_opened(customer: Customer) -> dict[str, Any]:
    """Reply to each question until a mail says the request's number."""
    replied: set[str] = set()
    for _ in range(8):

        async def asked() -> Any:
            for mail in reversed(await customer.mails()):
                if "접수됐어요" in mail["text"]:
                    return mail, ""
                for question, words in ANSWERS.items():
                    if question in mail["text"] and question not in replied:
                        replied.add(question)
                        return mail, words
            return None

        mail, words = await until(asked, seconds=90)
        if not words:
            found: dict[str, Any] = mail
            return found
        await customer.answer(mail, words)
    raise AssertionError([mail["text"] for mail in await customer.mails()])


async def _saying(customer: Customer, words: str) -> Any:
    return next((mail for mail in await customer.mails() if words in mail["text"]), None)


async def _staff_answers(served: Served) -> None:
    """Take the conversation over at the desk and reply, as its page does."""
    async with aiohttp.ClientSession(served.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:

        async def page(path: str) -> str:
            async with browser.get(path) as answer:
                return await answer.text()

        token = _between(await page("/"), 'name="csrf" content="', '"')
        login = {"data": {"login": "seojun"}, "headers": {"X-CSRF-Token": token}}
        async with browser.post("/demo/login", **login) as answer:
            assert answer.status == 200, await answer.text()
        talks = await page("/desk/conversations?view=all&filter=channel%3Demail")
        number = int(_between(talks, 'data-id="', '"'))
        thread = await page(f"/desk/conversations/{number}?view=all")
        assert "이메일로 고객에게 보내요. 제목: Re: 세탁기" in thread
        headers = {"X-CSRF-Token": _between(thread, 'name="csrf" content="', '"')}
        for act, words in (("take", {}), ("reply", {"text": "제가 도와드릴게요"})):
            body = {"conversation": number, **words}
            async with browser.post(f"/desk/api/acts/{act}", json=body, headers=headers) as answer:
                assert answer.status == 200, await answer.text()


def _between(text: str, before: str, after: str) -> str:
    return text.split(before, 1)[1].split(after, 1)[0]
