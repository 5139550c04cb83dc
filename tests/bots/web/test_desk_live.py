"""Live updates: what happens reaches every browser, typing only those who look at the same conversation."""

import asyncio
from typing import Any

from aiohttp import ClientWebSocketResponse, WSMsgType

from crm import conversations, happenings
from crm.models import Session
from tests.bots.web.desk_fixtures import Staffed, browser_of, company, desk_server, signed_in
from tests.bots.web.desk_people import Company, a_talk, utc_now

__all__ = ["browser_of", "company", "desk_server", "signed_in"]


async def heard(socket: ClientWebSocketResponse, frame_type: str, /, **wanted: Any) -> dict[str, Any]:
    """The next frame of a type whose values are as wanted; others are passed over."""
    async with asyncio.timeout(10):
        async for message in socket:
            assert message.type is WSMsgType.TEXT
            frame: dict[str, Any] = message.json()
            if frame["type"] == frame_type and all(frame.get(key) == value for key, value in wanted.items()):
                return frame
    raise AssertionError("the socket closed")


async def recorded_typing() -> int:
    """Waits until somebody's typing is recorded; its number."""
    for _ in range(1000):
        typed = [each.id for each in await happenings.since(0) if each.kind == "message.typing"]
        if typed:
            return typed[-1]
        await asyncio.sleep(0.01)
    raise AssertionError("nobody typed")


async def test_a_new_message_reaches_every_desk(company: Company, signed_in: Staffed) -> None:
    talk = await a_talk(utc_now())
    browser = await signed_in("seojun")
    socket = await browser.live()
    await conversations.assign(company.yuna, talk.id, company.seojun.id, None, utc_now())
    frame = await heard(socket, "happened", kind="conversation.assigned")
    assert frame["conversation_id"] == talk.id
    assert frame["assignee"] == company.seojun.id
    assert frame["name"] == "김민지"
    await socket.close()


async def test_two_who_type_in_one_conversation_are_warned(company: Company, signed_in: Staffed) -> None:
    talk = await a_talk(utc_now())
    seojun, yuna = await signed_in("seojun"), await signed_in("yuna")
    his, hers = await seojun.live(), await yuna.live()
    await his.send_json({"type": "watch", "conversation": talk.id})
    await hers.send_json({"type": "watch", "conversation": talk.id})
    await his.send_json({"type": "typing", "conversation": talk.id, "mode": "reply"})
    frame = await heard(hers, "typing", conversation=talk.id)
    assert frame["staff"]["name"] == "이서준"
    await his.send_json({"type": "stopped", "conversation": talk.id})
    assert await heard(hers, "stopped", conversation=talk.id)
    await his.close()
    await hers.close()


async def test_typing_a_note_is_told_to_colleagues_but_never_recorded(signed_in: Staffed) -> None:
    talk = await a_talk(utc_now())
    seojun, yuna = await signed_in("seojun"), await signed_in("yuna")
    his, hers = await seojun.live(), await yuna.live()
    await hers.send_json({"type": "watch", "conversation": talk.id})
    await hers.send_json({"type": "typing", "conversation": talk.id, "mode": "reply"})
    last = await recorded_typing()  # so hers is watching by now
    await his.send_json({"type": "typing", "conversation": talk.id, "mode": "note"})
    assert await heard(hers, "typing", mode="note")
    assert await happenings.latest() == last
    await his.close()
    await hers.close()


async def test_a_customer_who_types_is_seen_by_who_looks(signed_in: Staffed) -> None:
    talk = await a_talk(utc_now())
    browser = await signed_in("seojun")
    socket = await browser.live()
    await socket.send_json({"type": "watch", "conversation": talk.id})
    await socket.send_json({"type": "typing", "conversation": talk.id, "mode": "reply"})
    await recorded_typing()
    await happenings.record("message.typing", conversation_id=talk.id, now=utc_now())
    assert await heard(socket, "customer_typing", conversation=talk.id)
    await socket.close()


async def test_frames_that_make_no_sense_are_passed_over(company: Company, signed_in: Staffed) -> None:
    browser = await signed_in("seojun")
    socket = await browser.live()
    for nonsense in ("", "[]", "{", '{"type": 1}', '{"type":"typing","conversation":"x"}'):
        await socket.send_str(nonsense)
    await happenings.record("company.changed", now=utc_now())
    assert await heard(socket, "happened", kind="company.changed")
    await socket.close()


async def test_a_socket_without_a_session_is_closed_with_its_own_code(signed_in: Staffed) -> None:
    browser = await signed_in("seojun")
    await Session.all().delete()
    socket = await browser.live()
    await socket.receive()
    assert socket.close_code == 4401


async def test_a_page_of_another_site_gets_no_updates(signed_in: Staffed) -> None:
    browser = await signed_in("seojun")
    socket = await browser.client.ws_connect("/desk/live", headers={"Origin": "https://evil.example"})
    await socket.receive()
    assert socket.close_code == 4401
