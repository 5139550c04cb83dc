"""How the desk shows a conversation on a channel that only answers."""

from datetime import UTC, datetime

from crm import conversations, inbox, outbox, taking
from crm.inbox import Inbound
from crm.models import Conversation
from tests.bots.web.desk_fixtures import Staffed, browser_of, company, desk_server, signed_in

__all__ = ["browser_of", "company", "desk_server", "signed_in"]

WAITS = "고객의 다음 말씀에 보여요"


async def test_a_reply_that_waits_for_the_customers_next_words_says_so(signed_in: Staffed) -> None:
    now = datetime.now(UTC)
    said = Inbound(channel="kakao", external_user="k1", external_id="m1", text="안녕하세요", received_at=now)
    stored = await inbox.store(said, now=now)
    browser = await signed_in("seojun")
    talk = stored.conversation_id
    await conversations.hand_over(talk, reason="customer", now=now)
    await outbox.put(talk, author="staff", text="곧 연락드릴게요", now=now)
    page = f"/desk/conversations/{talk}?view=all"
    assert WAITS in await browser.page(page)
    (item,) = await outbox.waiting((await Conversation.get(id=talk)).identity_id)
    await taking.take([item], "answer", now)
    assert WAITS not in await browser.page(page)
