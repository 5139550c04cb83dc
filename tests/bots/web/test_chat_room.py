"""The page behind a signed address: another channel's conversation in the web chat."""

from datetime import timedelta

from crm import inbox, outbox, page_links, vault
from crm.models import Conversation, Identity, Inbox, Outbox
from tests.bots.web.chat_page import Bot, Client, Page, now


async def a_kakao_talk() -> tuple[Conversation, str]:
    vault.use(b"s" * 32)
    said = inbox.Inbound(
        channel="kakao", external_user="kim", external_id=None, text="안녕하세요", received_at=now()
    )
    stored = await inbox.store(said, now=now())
    conversation = await Conversation.get(id=stored.conversation_id)
    return conversation, page_links.token(conversation.identity_id, now=now())


async def test_the_page_shows_the_conversation_and_what_it_shows_goes_no_other_way(
    front: Client, bot: Bot
) -> None:
    conversation, token = await a_kakao_talk()
    said = await outbox.put(conversation.id, author="staff", text="내일 방문할게요.", now=now())
    assert (await front.get(f"/c/{token}")).status == 200
    page = await Page(front, f"page:{token}").open()
    heard = await page.hear("message", text="내일 방문할게요.")
    await page.send(type="seen", seq=heard["seq"])
    await page.settle()
    assert (await Outbox.get(message_id=said.id)).state == "sent"
    await page.close()


async def test_what_is_written_there_belongs_to_the_same_conversation(front: Client, bot: Bot) -> None:
    conversation, token = await a_kakao_talk()
    page = await Page(front, f"page:{token}").open()
    await page.say("고마워요", id="m1")
    await page.hear("stored", id="m1")
    await page.hear("done", id="m1")
    assert await Identity.all().count() == 1
    assert [row.channel for row in await Inbox.all()] == ["kakao", "kakao"]
    assert await Conversation.all().count() == 1
    history = await front.get("/channels/web/history", headers={"X-Dangol-Session": f"page:{token}"})
    texts = [message["text"] for message in (await history.json())["messages"]]
    assert texts[0] == "안녕하세요"
    assert "고마워요" in texts
    assert conversation.id
    await page.close()


async def test_an_address_that_ended_or_is_forged_shows_nothing(front: Client, bot: Bot) -> None:
    conversation, token = await a_kakao_talk()
    old = page_links.token(conversation.identity_id, now=now() - page_links.LIFE - timedelta(seconds=1))
    for given in (old, "B" + token[1:], "x"):
        answer = await front.get(f"/c/{given}")
        assert answer.status == 410
        assert "사용 기간이 지났어요" in await answer.text()
        history = await front.get("/channels/web/history", headers={"X-Dangol-Session": f"page:{given}"})
        assert (await history.json())["messages"] == []
        page = Page(front, f"page:{given}")
        page.ws = await front.ws_connect("/channels/web")
        await page.send(type="hello", session=page.session, locale="ko")
        assert (await page.next())["code"] == "not_allowed"
        await page.close()


async def test_another_site_may_not_frame_the_page(front: Client, bot: Bot) -> None:
    _, token = await a_kakao_talk()
    answer = await front.get(f"/c/{token}")
    assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
