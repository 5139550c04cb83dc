"""A customer who writes e-mails and the whole product: front, worker with the trained model, sender, desk."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from tests.browser.serving import Served, serving
from tests.standins import mail_client
from tests.standins.mail_client import SHOP, Addresses, Customer, reached
from tests.standins.starting import until

pytestmark = [pytest.mark.rasa, pytest.mark.full]

SECONDS = 120.0  # for an answer, on a loaded machine


@pytest.fixture(scope="module")
def mail(
    tmp_path_factory: pytest.TempPathFactory, served_on: dict[str, str]
) -> Iterator[tuple[Addresses, Served]]:
    """The provider, and the product reading its mailbox."""
    with mail_client.process() as addresses:
        settings = {
            "MAIL_FROM": f"새봄가전 <{SHOP}>",
            "SMTP_URL": addresses.smtp_url(),
            "IMAP_URL": addresses.imap_url(),
            **served_on,
        }
        with serving(tmp_path_factory.mktemp("mail"), "--demo", **settings) as served:
            yield addresses, served


@dataclass(frozen=True)
class Matter:
    """What one customer writes: a letter with all facts in it, and answers to what may still be asked."""

    address: str
    name: str
    subject: str
    letter: str
    quoting: str  # how their mail program begins what it quotes
    signature: str
    answers: dict[str, str]
    asked: str  # the question before the request is sent
    told: tuple[str, ...]  # facts that the question reads back
    opened: str
    reply: str
    score: str
    thanks: str


KOREAN = Matter(
    address="jia@customer.example",
    name="박지아",
    subject="냉장고 수리 문의",
    letter="""안녕하세요.
지난달에 산 냉장고가 어제부터 전혀 시원하지 않아요. 냉동실 얼음도 다 녹았습니다.
다음 주 수요일 오후 2시에 방문해 주실 수 있을까요?

주소: 서울 마포구 월드컵로 12, 301호
연락처: 010-1234-5678

감사합니다.
박지아 드림""",
    quoting="2026년 11월 3일 (화) 오후 3:12, 새봄가전 <help@shop.example>님이 작성:",
    signature="-- \n박지아 | (주)봄날 총무팀\n전화 02-333-4444",
    answers={"맞나요?": "네, 맞아요.", "언제 방문하면 좋을까요?": "나중에 정할게요"},
    asked="이대로 접수할까요?",
    told=("냉장고", "시원하지 않아요", "서울 마포구 월드컵로 12, 301호", "010-1234-5678"),
    opened="접수됐어요",
    reply="제가 도와드릴게요",
    score="5점이요. 빨리 와 주셔서 감사합니다.",
    thanks="5점 감사해요",
)
ENGLISH = Matter(
    address="john@customer.example",
    name="John Smith",
    subject="Washing machine does not drain",
    letter="""Hello,

My washing machine does not drain and there is water left in the drum.
Could you send someone next Wednesday at 2 pm? My address is 12 Worldcup-ro, Mapo-gu, Seoul, apt 301 and my
phone number is 010-2222-3333.

Best regards,
John""",
    quoting="On Tue, Nov 3, 2026 at 3:12 PM Saebom <help@shop.example> wrote:",
    signature="Sent from my iPhone",
    answers={"Is that right?": "Yes, that is right.", "When should we come?": "Later, please"},
    asked="Shall I send this request?",
    told=("ashing machine", "does not drain", "12 Worldcup-ro, Mapo-gu, Seoul, apt 301", "010-2222-3333"),
    opened="Your number is",
    reply="I will look into it",
    score="5",
    thanks="5",
)


@pytest.mark.parametrize("matter", [KOREAN, ENGLISH], ids=["ko", "en"])
async def test_a_letter_becomes_a_request_that_staff_answer_and_the_customer_rates(
    mail: tuple[Addresses, Served], matter: Matter
) -> None:
    addresses, served = mail
    async with reached(addresses) as provider:
        customer = provider.customer(matter.address)
        first = await customer.write(matter.letter, name=matter.name, subject=matter.subject)
        summary = await _asked(customer, matter)
        assert [fact for fact in matter.told if fact not in summary["text"]] == []
        await _answers(customer, summary, matter, "1")
        opened = await until(lambda: _saying(customer, matter.opened), SECONDS)
        number = re.search(r"SR-\d{4}-\d{6}", opened["text"])
        assert number
        assert (opened["headers"]["Subject"], opened["headers"]["References"].split()[0]) == (
            f"Re: {matter.subject}",
            first,
        )
        answers = [one for one in await customer.mails() if "Auto-Submitted" in one["headers"]]
        asked = [one["headers"]["In-Reply-To"] for one in answers]
        assert len(asked) - len(set(asked)) <= 1  # a notice may follow the last one; no turn takes two mails
        async with _desk(served) as desk:
            await desk.answer(matter, number[0])
        answer = await until(lambda: _saying(customer, matter.reply), SECONDS)
        assert opened["headers"]["Message-ID"] in answer["headers"]["References"]
        survey = await until(lambda: _survey(customer), SECONDS)
        await _answers(customer, survey, matter, matter.score)
        await until(lambda: _after(customer, survey, matter.thanks), SECONDS)
        assert await provider.refused() == []


async def _asked(customer: Customer, matter: Matter) -> dict[str, Any]:
    """Reply to questions until the one before sending comes."""
    for seen in range(6):

        async def next_mail(seen: int = seen) -> Any:
            return (await customer.mails())[seen:]

        (newest, *_) = await until(next_mail, SECONDS)
        if matter.asked in newest["text"]:
            found: dict[str, Any] = newest
            return found
        words = next((said for question, said in matter.answers.items() if question in newest["text"]), "")
        assert words, newest["text"]
        await _answers(customer, newest, matter, words)
    raise AssertionError([one["text"] for one in await customer.mails()])


async def _answers(customer: Customer, mail: dict[str, Any], matter: Matter, words: str) -> None:
    """As mail programs reply: above the quoted mail, with a signature."""
    quoted = "\n".join(f"> {line}" for line in mail["text"].splitlines())
    text = f"{words}\n\n{matter.signature}\n\n{matter.quoting}\n\n{quoted}\n"
    await customer.answer(mail, text, name=matter.name)


async def _saying(customer: Customer, words: str) -> Any:
    return next((one for one in await customer.mails() if words in one["text"]), None)


async def _survey(customer: Customer) -> Any:
    return next((one for one in await customer.mails() if re.search(r"^5\. ", one["text"], re.M)), None)


async def _after(customer: Customer, mail: dict[str, Any], words: str) -> Any:
    mails = await customer.mails()
    at = next(n for n, one in enumerate(mails) if one["headers"] == mail["headers"])
    return next((one for one in mails[at + 1 :] if words in one["text"]), None)


class _desk:
    """A member of staff at the desk, as its page asks."""

    def __init__(self, served: Served) -> None:
        self._session = aiohttp.ClientSession(served.url, cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def __aenter__(self) -> "_desk":
        token = _between(await self._page("/"), 'name="csrf" content="', '"')
        login = {"data": {"login": "seojun"}, "headers": {"X-CSRF-Token": token}}
        async with self._session.post("/demo/login", **login) as answer:
            assert answer.status == 200, await answer.text()
        self._token = _between(await self._page("/desk/conversations"), 'name="csrf" content="', '"')
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def _page(self, path: str) -> str:
        async with self._session.get(path) as answer:
            return await answer.text()

    async def _act(self, name: str, **body: Any) -> None:
        headers = {"X-CSRF-Token": self._token}
        async with self._session.post(f"/desk/api/acts/{name}", json=body, headers=headers) as answer:
            assert answer.status == 200, await answer.text()

    async def answer(self, matter: Matter, number: str) -> None:
        """Reply in the thread, then do the work and resolve the request."""
        talks = await self._page("/desk/conversations?view=all&filter=channel%3Demail")
        conversation = int(_between(talks, 'data-id="', '"'))
        thread = await self._page(f"/desk/conversations/{conversation}?view=all")
        assert f"Re: {matter.subject}" in thread
        await self._act("take", conversation=conversation)
        await self._act("reply", conversation=conversation, text=matter.reply)
        await self._act("hand_back", conversation=conversation)
        request = int(number[-6:])
        await self._act("request_status", request=request, status="in_progress")
        await self._act("request_resolve", request=request, reason="done")


def _between(text: str, before: str, after: str) -> str:
    return text.split(before, 1)[1].split(after, 1)[0]
