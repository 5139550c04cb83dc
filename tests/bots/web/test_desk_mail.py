"""How the desk shows a conversation by e-mail."""

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime

from crm import files, inbox, mail, outbox, privacy
from crm.actor import SYSTEM
from crm.inbox import Inbound
from crm.models import Conversation
from tests.bots.web.desk_fixtures import Staffed, browser_of, company, desk_server, signed_in
from tests.bots.web.desk_people import Browser

__all__ = ["browser_of", "company", "desk_server", "signed_in"]

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
)
MAIL = {
    "id": "m1@customer.example",
    "subject": "Re: 세탁기 <b>고장</b>",
    "from": {"name": "최서연", "address": "seoyeon@office.example"},
    "cc": [{"name": "박도윤", "address": "doyun@office.example"}, {"address": "someone@office.example"}],
    "folded": "> 언제 방문할까요? <script>alert(1)</script>",
    "refused": ["도면.hwp"],
    "doubtful": True,
}


async def test_subject_people_folded_quotes_and_lost_files_are_shown_and_escaped(signed_in: Staffed) -> None:
    now = datetime.now(UTC)
    stored = await inbox.store(
        Inbound(
            channel="email",
            external_user="minseo@customer.example",
            external_id="m1@customer.example",
            text="목요일이요",
            display_name="김민서",
            data={"mail": MAIL},
            received_at=now,
        ),
        now=now,
    )
    browser = await signed_in("seojun")
    page = await browser.page(f"/desk/conversations/{stored.conversation_id}?view=all")
    assert "Re: 세탁기 &lt;b&gt;고장&lt;/b&gt;" in page
    assert "<strong>최서연</strong>" in page
    assert "참조: 박도윤, " in page
    assert "someone@office.example" not in page  # as much of it as tells people apart
    assert "<summary>이전 메일과 서명 보기</summary>" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "받지 못한 첨부: 도면.hwp" in page
    assert "위조됐을 수 있어요" in page
    assert "이메일로 고객에게 보내요. 제목: Re: 세탁기" in page
    assert "참조된 2명에게는 가지 않아요" in page


async def test_a_colleague_whom_the_customer_copied_in_has_a_face_and_a_name_of_their_own(
    signed_in: Staffed,
) -> None:
    now = datetime.now(UTC)
    for number, sender in enumerate(({"name": "김민서", "address": "minseo@customer.example"},
                                     {"name": "최서연", "address": "seoyeon@office.example"})):  # fmt: skip
        about = {"id": f"c{number}@office.example", "from": sender} | ({"colleague": True} if number else {})
        stored = await inbox.store(
            Inbound(
                channel="email",
                external_user="minseo@customer.example",
                external_id=f"c{number}@office.example",
                text="문 앞에 있어요",
                display_name="" if number else "김민서",
                data={"mail": about},
                received_at=now,
            ),
            now=now,
        )
    browser = await signed_in("seojun")
    page = await browser.page(f"/desk/conversations/{stored.conversation_id}?view=all")
    (thread,) = re.findall(r'<ol class="messages">.*?</ol>', page, re.S)
    faces = re.findall(r'<span class="msg-face">.*?aria-hidden="true">([^<]+)</span>', thread, re.S)
    assert faces == ["민서", "서연"]
    assert "<strong>최서연</strong>" in thread


HTML = (
    '<p style="color:#333">세탁기 <b>사진</b></p><img src="cid:{token}"><img src="cid:unknown">'
    '<img src="https://track.example/1.gif">'
)


async def _original(html: str = HTML) -> tuple[int, int]:
    """A mail with its HTML and a picture of its own: conversation and number."""
    now = datetime.now(UTC)
    photo = await files.store(PNG, name="p.png", owner="identity:1", now=now)
    stored = await inbox.store(
        Inbound(
            channel="email",
            external_user="minseo@customer.example",
            external_id="m2@customer.example",
            text="사진이에요",
            data={"mail": {"id": "m2@customer.example", "original": True, "remote": True}},
            received_at=now,
        ),
        now=now,
    )
    await mail.keep_original(stored.message_id, html.format(token=photo.token), now=now)
    return stored.conversation_id, stored.seq


async def test_the_original_is_a_document_that_can_do_nothing_and_loads_nothing(signed_in: Staffed) -> None:
    talk, seq = await _original()
    browser = await signed_in("seojun")
    address = f"/desk/conversations/{talk}/mails/{seq}"
    thread = await browser.page(f"/desk/conversations/{talk}?view=all")
    assert f'<iframe name="mail-{seq}" src="{address}"' in thread
    assert f'href="{address}?pictures=1" target="mail-{seq}">그림 보기' in thread
    assert 'loading="lazy" sandbox="allow-popups allow-popups-to-escape-sandbox"' in thread
    answer = await browser.client.get(address)
    policy, shown = answer.headers["Content-Security-Policy"], await answer.text()
    assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none';")
    assert "img-src data:;" in policy
    assert "script-src" not in policy
    assert '<p style="color:#333">세탁기 <b>사진</b></p><img src="data:image/png;base64,' in shown
    answer = await browser.client.get(f"{address}?pictures=1")
    assert "img-src data: https: http:;" in answer.headers["Content-Security-Policy"]


async def test_the_original_is_for_staff_alone_and_goes_with_the_person(
    signed_in: Staffed, browser_of: Callable[[], Browser]
) -> None:
    talk, seq = await _original()
    address = f"/desk/conversations/{talk}/mails/{seq}"
    answer = await browser_of().client.get(address, allow_redirects=False)
    assert (answer.status, answer.headers["Location"][:11]) == (302, "/desk/login")
    browser = await signed_in("seojun")
    assert (await browser.client.get(f"/desk/conversations/{talk}/mails/{seq + 1}")).status == 404
    contact = (await Conversation.get(id=talk)).contact_id
    copied = await privacy.export(SYSTEM, contact, now=datetime.now(UTC))
    assert "세탁기" in copied["mails"][0]["html"]
    await privacy.erase(SYSTEM, contact, now=datetime.now(UTC))
    assert (await browser.client.get(address)).status == 404


async def test_a_mail_to_an_address_that_nobody_has_says_so_and_not_that_they_blocked_us(
    signed_in: Staffed,
) -> None:
    now = datetime.now(UTC)
    said = Inbound(channel="email", external_user="gone@customer.example", external_id="g1@customer.example",
                   text="네", received_at=now)  # fmt: skip
    talk = (await inbox.store(said, now=now)).conversation_id
    await outbox.put(talk, author="bot", text="고마워요", now=now)
    (claim,) = await outbox.claim("sender", now)
    await outbox.dead(claim, claim.items[0], "blocked", now)
    page = await (await signed_in("seojun")).page(f"/desk/conversations/{talk}?view=all")
    assert "보내지 못함: 이 주소를 쓰는 사람이 없어요" in page
    assert "차단했어요" not in page
