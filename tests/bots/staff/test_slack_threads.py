"""A customer's conversation in Slack: a thread, its card, notes that stay inside, replies that go out."""

from datetime import timedelta
from typing import Any

from crm import conversations, happenings, live_asking, live_people, live_sessions, requests
from crm.actor import SYSTEM, Actor
from crm.models import Conversation, Message, ServiceRequest
from tests.bots.staff.conftest import Office
from tests.bots.web.desk_people import a_talk, utc_now
from tests.standins.slack_client import TEAM_CHANNEL, buttons, written


async def begun(office: Office) -> tuple[Conversation, dict[str, Any]]:
    """A customer waits for a person: the conversation and the root of its thread."""
    talk = await a_talk(utc_now())
    await conversations.hand_over(talk.id, reason="asked", now=utc_now())
    await office.settle()
    roots = await office.seojun.roots()
    return talk, roots[-1]


async def heard_by_customer(talk: Conversation) -> list[str]:
    return [m["text"] for m in await conversations.customer_sees(talk.id) if m["direction"] == "out"]


async def notes_of(talk: Conversation) -> list[str]:
    return [m.text for m in await Message.filter(conversation_id=talk.id, direction="note").order_by("seq")]


async def test_a_conversation_handed_over_is_a_thread_that_begins_with_what_was_said(office: Office) -> None:
    _, root = await begun(office)
    assert "김민지 님" in written(root)
    assert "웹 채팅" in written(root)
    thread = await office.seojun.thread(root)
    assert any("세탁기에서 물이 안 빠져요" in written(m) for m in thread)
    assert await office.workspace.refusals() == []


async def test_a_plain_message_in_the_thread_is_a_note_and_never_reaches_the_customer(office: Office) -> None:
    talk, root = await begun(office)
    written_in = await office.said(
        office.seojun, "이 고객 지난번에도 같은 고장", channel=TEAM_CHANNEL, thread=root["ts"]
    )
    assert await notes_of(talk) == ["이 고객 지난번에도 같은 고장"]
    assert await heard_by_customer(talk) == []
    thread = await office.seojun.thread(root)
    mine = next(m for m in thread if m["ts"] == written_in["ts"])
    assert [r["name"] for r in mine["reactions"]] == ["memo"]
    note = await Message.get(conversation_id=talk.id, direction="note")
    assert note.staff_id == office.company.seojun.id


async def test_a_note_keeps_the_names_of_whom_it_mentions_ours_too(office: Office) -> None:
    talk, root = await begun(office)
    await office.said(
        office.seojun, "@한유나 이건 @dangol 말고 봐 주세요", channel=TEAM_CHANNEL, thread=root["ts"]
    )
    assert await notes_of(talk) == ["@한유나 이건 @dangol 말고 봐 주세요"]


async def test_a_reply_addressed_to_us_reaches_the_customer_once(office: Office) -> None:
    talk, root = await begun(office)
    await office.workspace.fault(duplicate=True)
    sent = await office.said(
        office.seojun, "@dangol reply 내일 오전에 갈게요", channel=TEAM_CHANNEL, thread=root["ts"]
    )
    assert await heard_by_customer(talk) == ["내일 오전에 갈게요"]
    assert await notes_of(talk) == []
    again = await Conversation.get(id=talk.id)
    assert again.assignee_id == office.company.seojun.id
    thread = await office.seojun.thread(root)
    mine = next(m for m in thread if m["ts"] == sent["ts"])
    assert [r["name"] for r in mine["reactions"]] == ["white_check_mark"]
    assert sum("내일 오전에 갈게요" in written(m) for m in thread) == 1


async def test_what_the_customer_writes_next_flows_into_the_thread(office: Office) -> None:
    talk, root = await begun(office)
    now = utc_now()
    await conversations.append(talk.id, direction="in", author="contact", text="<!here> *급해요*", now=now)
    message = await Message.filter(conversation_id=talk.id).order_by("-seq").first()
    assert message is not None
    await happenings.record(
        "message.received", now=now, conversation_id=talk.id, message_id=message.id, seq=message.seq
    )
    await office.settle()
    newest = (await office.seojun.thread(root))[-1]
    words = [b["text"] for b in newest["blocks"] if b["type"] == "section"]
    assert words == [{"type": "plain_text", "text": "<!here> *급해요*", "emoji": False}]
    assert "<!here>" not in newest["text"]


async def test_take_makes_it_ones_own_and_the_card_changes_in_place(office: Office) -> None:
    talk, root = await begun(office)
    await Conversation.filter(id=talk.id).update(assignee_id=None)
    await conversations.set_priority(SYSTEM, talk.id, "high", utc_now())
    await office.settle()
    root = (await office.seojun.roots())[-1]
    assert "dangol_take" in buttons(root)
    assert await office.yuna.press(root, "dangol_take")
    await office.settle()
    again = await Conversation.get(id=talk.id)
    assert (again.owner, again.assignee_id) == ("staff", office.company.yuna.id)
    roots = await office.seojun.roots()
    assert [m["ts"] for m in roots] == [root["ts"]]
    assert "한유나" in written(roots[0])
    assert "dangol_take" not in buttons(roots[0])


async def test_a_request_is_a_card_that_changes_in_place(office: Office) -> None:
    talk = await a_talk(utc_now())
    request = await requests.open(
        SYSTEM, talk.contact_id, conversation_id=talk.id, product_text="드럼세탁기", symptom="물이 샌다",
        phone="+821012342481", address="서울 마포구 월드컵로 88 104동 1203호", now=utc_now(),
    )  # fmt: skip
    await office.settle()
    card = (await office.seojun.roots())[-1]
    words = written(card)
    assert request.number in words
    assert "010-••••-2481" in words
    assert "1203호" not in words
    assert await office.yuna.press(card, "dangol_resolve")
    await office.settle()
    view = (await office.yuna.views())[-1]
    assert view["callback_id"] == "dangol_resolve"
    assert await office.yuna.submit(view, dangol_text="부품을 바꿨어요")
    await office.settle()
    solved = await ServiceRequest.get(id=request.id)
    assert (solved.status, solved.resolution) == ("resolved", "부품을 바꿨어요")
    roots = await office.seojun.roots()
    assert [m["ts"] for m in roots] == [card["ts"]]
    assert "해결됨" in written(roots[0])
    assert await office.workspace.refusals() == []


async def test_the_reply_modal_opens_at_once_and_sends(office: Office) -> None:
    talk, root = await begun(office)
    assert await office.seojun.press(root, "dangol_reply")
    await office.settle()
    view = (await office.seojun.views())[-1]
    assert view["callback_id"] == "dangol_reply"
    assert "김민지" in str(view["blocks"])
    assert await office.seojun.submit(view, dangol_text="확인하고 있어요")
    await office.settle()
    assert await heard_by_customer(talk) == ["확인하고 있어요"]
    assert any("확인하고 있어요" in written(m) for m in await office.seojun.thread(root))


async def test_an_edited_message_never_becomes_a_reply(office: Office) -> None:
    talk, root = await begun(office)
    first = await office.said(office.seojun, "메모 하나", channel=TEAM_CHANNEL, thread=root["ts"])
    await office.seojun.act("edit", channel=TEAM_CHANNEL, ts=first["ts"], text="@dangol reply 이건 안 나가요")
    await office.heard()
    await office.settle()
    assert await heard_by_customer(talk) == []
    assert await notes_of(talk) == ["이건 안 나가요"]


async def test_a_reply_that_was_edited_stays_as_it_was_sent(office: Office) -> None:
    talk, root = await begun(office)
    sent = await office.said(office.seojun, "@dangol 답장 세 시", channel=TEAM_CHANNEL, thread=root["ts"])
    await office.seojun.act("edit", channel=TEAM_CHANNEL, ts=sent["ts"], text="@dangol 답장 네 시")
    await office.heard()
    await office.settle()
    assert await heard_by_customer(talk) == ["세 시"]
    assert any("고칠 수 없어요" in told for told in await office.seojun.told())


async def test_a_customer_in_the_waiting_room_is_told_of_in_the_channel_until_somebody_came(
    office: Office,
) -> None:
    talk = await a_talk(utc_now())
    asked = Actor("contact", talk.contact_id)
    made = await live_asking.create(asked, talk.contact_id, conversation_id=talk.id, now=utc_now())
    await live_sessions.wait(made.customer.id, utc_now())
    await office.settle()
    (root,) = await office.seojun.roots()
    (line,) = [m for m in await office.seojun.thread(root) if "대기실" in written(m)]
    assert line["subtype"] == "thread_broadcast"
    enter = line["blocks"][-1]["elements"][0]
    assert enter["url"].endswith(f"/desk/calls/{made.session.id}/room")
    assert await office.workspace.refusals() == []

    await live_sessions.step_out(made.customer.id, utc_now())
    await live_sessions.wait(made.customer.id, utc_now() + timedelta(minutes=11))
    seojun = Actor("staff", office.company.seojun.id, "agent", "이서준")
    await live_people.take(seojun, made.session.id, now=utc_now())
    await office.settle()
    assert sum("대기실" in written(m) for m in await office.seojun.thread(root)) == 1


async def test_whose_call_it_is_is_mentioned(office: Office) -> None:
    talk = await a_talk(utc_now())
    seojun = Actor("staff", office.company.seojun.id, "agent", "이서준")
    made = await live_asking.create(seojun, talk.contact_id, conversation_id=talk.id, now=utc_now())
    await live_sessions.wait(made.customer.id, utc_now())
    await office.settle()
    (root,) = await office.seojun.roots()
    assert any("<@U0SEOJUN>" in written(m) for m in await office.seojun.thread(root))
