"""How the desk shows a conversation by e-mail."""

from datetime import UTC, datetime

from crm import inbox
from crm.inbox import Inbound
from tests.bots.web.desk_fixtures import Staffed, browser_of, company, desk_server, signed_in

__all__ = ["browser_of", "company", "desk_server", "signed_in"]

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
