"""How Slack reaches us and we it: sockets, signatures, repeated and late events, limits, faults."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from slack_sdk.signature import SignatureVerifier

from bots.staff.slack import face, following
from bots.staff.slack.posting import Poster
from crm import conversations, db, happenings, leases, slack_cards, staff_inbox
from crm.models import Conversation, SlackPost, StaffEvent
from tests.bots.staff.conftest import Office, Opened, approve, settings_for, until_connected
from tests.bots.staff.test_slack_threads import begun, heard_by_customer, notes_of
from tests.bots.web.desk_people import Company, utc_now
from tests.standins.slack_client import SECRET, TEAM_CHANNEL, Workspace, process, reached, written
from tests.standins.slack_delivery import signed
from tests.standins.slack_state import World
from tests.standins.starting import until


async def test_every_event_is_acknowledged_within_three_seconds_and_stored_first(office: Office) -> None:
    _, root = await begun(office)
    await office.seojun.say("메모", channel=TEAM_CHANNEL, thread=root["ts"])
    await office.heard()
    assert await StaffEvent.filter(state="waiting", kind="message").count() == 1  # nobody has worked yet
    told = (await office.workspace.state())["delivered"]
    assert all(max(one["seconds"]) < 3 for one in told if one["acked"])


async def test_events_that_come_twice_late_and_in_any_order_are_done_once_and_in_order(
    office: Office,
) -> None:
    talk, root = await begun(office)
    await office.workspace.fault(duplicate=True, shuffle=True, late_seconds=0.05)
    for number in range(8):
        await office.seojun.say(f"메모 {number}", channel=TEAM_CHANNEL, thread=root["ts"])
    await office.heard()
    await office.settle()
    assert await notes_of(talk) == [f"메모 {number}" for number in range(8)]


async def test_a_crash_between_acknowledging_and_working_loses_nothing(office: Office) -> None:
    talk, root = await begun(office)
    await office.seojun.say("@dangol reply 갈게요", channel=TEAM_CHANNEL, thread=root["ts"])
    await office.heard()
    claims = await staff_inbox.claim("a process that dies", utc_now())
    assert claims
    await db.execute(
        "UPDATE lane SET leased_until = ? WHERE kind = 'staff'", db.stamp(claims[0].events[0].received_at)
    )
    await office.settle()
    assert await heard_by_customer(talk) == ["갈게요"]


async def test_a_refreshed_or_dropped_connection_is_opened_again(office: Office) -> None:
    talk, root = await begun(office)
    for reason in ("refresh_requested", "drop"):
        await office.workspace.post("/standin/disconnect", {"reason": reason, "count": 1})
        await until(lambda: _connected(office, 2), 40)
    await office.said(office.seojun, "아직 들리나요", channel=TEAM_CHANNEL, thread=root["ts"])
    assert await notes_of(talk) == ["아직 들리나요"]


async def _connected(office: Office, count: int) -> bool:
    return bool((await office.workspace.state())["sockets"] >= count)


async def test_what_was_written_while_nobody_listened_is_caught_up_once(office: Office) -> None:
    talk, root = await begun(office)
    await office.workspace.fault(silent=True)
    await office.seojun.say("못 들은 메모", channel=TEAM_CHANNEL, thread=root["ts"])
    await office.heard()
    await office.workspace.fault(silent=False)
    await office.face.listeners[""].catch_up()
    assert await office.face.listeners[""].catch_up() == 0
    await office.settle()
    assert await notes_of(talk) == ["못 들은 메모"]


async def test_a_command_at_a_channels_root_that_nobody_heard_is_answered_once(office: Office) -> None:
    await begun(office)
    await office.workspace.fault(silent=True)
    await office.seojun.say("@dangol find 김민지", channel=TEAM_CHANNEL)
    await office.seojun.say("점심 뭐 먹지", channel=TEAM_CHANNEL)  # not to us
    await office.seojun.say("mine")  # to the app alone
    await office.heard()
    await office.workspace.fault(silent=False)
    listener = office.face.listeners[""]
    await listener.catch_up()  # it also does so by itself when it begins: whichever comes first
    assert await StaffEvent.filter(kind="message").count() == 2
    assert await listener.catch_up() == 0
    await office.settle()
    told = await office.seojun.told()
    assert sum("‘김민지’ 찾은 것" in one for one in told) == 1
    assert await StaffEvent.filter(kind="message").count() == 2


async def test_a_command_that_was_heard_is_not_done_again_by_catching_up(office: Office) -> None:
    talk, _ = await begun(office)
    await office.said(office.seojun, f"@dangol note #{talk.id} 부품 주문", channel=TEAM_CHANNEL)
    listener = office.face.listeners[""]
    assert await listener.catch_up() == 0
    await office.settle()
    assert len(await notes_of(talk)) <= 1


async def test_of_many_words_at_the_root_the_newest_pages_are_read_and_then_only_what_is_new(
    office: Office, world: World
) -> None:
    await begun(office)
    await office.workspace.fault(silent=True)
    for number in range(120):  # more than a page
        said = {"type": "message", "user": "U0SEOJUN", "ts": world.ts(), "text": f"잡담 {number}"}
        world.keep(TEAM_CHANNEL, said)
    await office.seojun.say("@dangol mine", channel=TEAM_CHANNEL)
    await office.heard()
    listener = office.face.listeners[""]
    await listener.catch_up()
    assert await StaffEvent.filter(kind="message").count() == 1
    before = len(await office.workspace.log("conversations.history"))
    assert await listener.catch_up() == 0
    again = (await office.workspace.log("conversations.history"))[before:]
    assert all(float(entry["values"]["oldest"]) > time.time() - 3600 for entry in again[:1])


@pytest.mark.full  # waits for a lease of fifteen seconds and more
async def test_another_front_takes_the_sockets_over_when_the_holder_is_dead(
    company: Company, workspace: Workspace, tmp_path: Path
) -> None:
    left = datetime.now(UTC) - timedelta(seconds=face.LEASE_SECONDS - 10)
    assert await leases.hold("slack:", "elsewhere/1/1/slack-dead", left, face.LEASE_SECONDS)
    other = face.Face(settings_for(workspace, tmp_path))
    work = other.start()
    try:
        await asyncio.sleep(1.5)
        assert (await workspace.state())["sockets"] == 0  # the dead one's lease still runs
        await until(lambda: _sockets(workspace, 2), 60)
        assert not await leases.hold("slack:", "a third front", datetime.now(UTC), face.LEASE_SECONDS)
        await db.execute("UPDATE lease SET holder = ? WHERE name = ?", "a third front", "slack:")
        await until(lambda: _sockets(workspace, 0), 40)  # whoever lost the lease lets go
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        await other.close()


async def _sockets(workspace: Workspace, count: int) -> bool:
    return bool((await workspace.state())["sockets"] == count)


async def test_signed_requests_are_taken_and_others_are_not(
    open_office: Opened, workspace: Workspace, company: Company
) -> None:
    async with open_office(slack_app_token="", slack_signing_secret=SECRET) as office:
        await approve(company, "seojun")
        app = web.Application()
        office.face.routes(app)
        async with TestServer(app) as front:
            url = str(front.make_url("/channels/slack"))
            await workspace.fault(request_url=url, duplicate=True)
            talk, root = await begun(office)
            await office.said(office.seojun, "@dangol 답장 네", channel=TEAM_CHANNEL, thread=root["ts"])
            assert await heard_by_customer(talk) == ["네"]
            assert await _status(workspace, url, int(time.time()), SECRET) == 200
            assert await _status(workspace, url, int(time.time()) - 301, SECRET) == 401
            assert await _status(workspace, url, int(time.time()), "another secret") == 401


async def test_the_stand_in_started_with_a_request_url_posts_signed_requests_there() -> None:
    told: list[tuple[bool, str]] = []

    async def heard(request: web.Request) -> web.Response:
        body = await request.read()
        signed_by_slack = SignatureVerifier(SECRET).is_valid_request(body, dict(request.headers))
        told.append((signed_by_slack, parse_qs(body.decode())["text"][0]))
        return web.Response()

    app = web.Application()
    app.router.add_post("/channels/slack", heard)
    async with TestServer(app) as front:
        with process("--request-url", str(front.make_url("/channels/slack"))) as url:
            async with reached(url) as workspace:
                assert await workspace.person("U0SEOJUN").command("mine")
    assert told == [(True, "mine")]


async def _status(workspace: Workspace, url: str, at: int, secret: str) -> int:
    body = json.dumps({"type": "url_verification", "challenge": "abc", "token": "x"})
    headers = {**signed(secret, body, at), "Content-Type": "application/json"}
    async with workspace._session.post(url, data=body, headers=headers) as answer:
        if answer.status == 200:
            assert "abc" in await answer.text()
        return answer.status


async def test_a_message_whose_fate_is_unknown_is_looked_for_before_it_is_sent_again(office: Office) -> None:
    talk, root = await begun(office)
    await office.workspace.fault(kind="lost", method="chat.postMessage", times=1)
    now = utc_now()
    await conversations.note(office.company.yuna, talk.id, "데스크에서 남긴 메모", now=now)
    await office.settle()
    post = await SlackPost.filter(kind="message", state="waiting").first()
    assert post is not None
    later = Poster(office.face.workspaces, office.face.look("ko"), now=lambda: _in_a_minute(now))
    await later.drain()
    thread = await office.seojun.thread(root)
    assert sum("데스크에서 남긴 메모" in written(m) for m in thread) == 1


def _in_a_minute(now: Any) -> Any:
    return now + timedelta(minutes=1)


async def test_too_fast_is_waited_out_and_nothing_is_lost(office: Office) -> None:
    talk, root = await begun(office)
    await office.workspace.fault(kind="429", method="chat.postMessage", times=1, retry_after=1)
    await office.workspace.fault(limits=True)
    for number in range(6):
        await conversations.note(office.company.yuna, talk.id, f"메모 {number}", now=utc_now())

    async def all_there() -> bool:
        await office.settle()
        thread = await office.seojun.thread(root)
        return sum(written(m).count("메모 ") > 0 and "내부 메모" in written(m) for m in thread) >= 6

    await until(all_there, 40)
    notes = [written(m) for m in await office.seojun.thread(root) if "내부 메모" in written(m)]
    assert len(notes) == 6
    refused = [e for e in await office.workspace.log("chat.postMessage") if e.get("refused") == "ratelimited"]
    assert len(refused) <= 1  # our own limiter keeps to the rate


async def test_many_changes_are_one_update_of_the_card(office: Office) -> None:
    talk, _ = await begun(office)
    before = len(await office.workspace.log("chat.update"))
    for priority in ("high", "urgent", "low", "high"):
        await conversations.set_priority(office.company.yuna, talk.id, priority, utc_now())
    await office.settle()
    assert len(await office.workspace.log("chat.update")) - before == 1


async def test_server_errors_are_tried_again_and_a_channel_that_is_gone_is_set_aside(office: Office) -> None:
    talk, _ = await begun(office)
    await office.workspace.fault(kind="500", method="chat.update", times=1)
    await conversations.set_priority(office.company.yuna, talk.id, "urgent", utc_now())

    async def drawn() -> bool:
        await office.settle()
        return "긴급" in written((await office.seojun.roots())[0])

    await until(drawn, 20)
    await office.workspace.post(
        "/standin/people/U0YUNA/change", {"channel": TEAM_CHANNEL, "to": {"is_archived": True}}
    )
    await conversations.note(office.company.yuna, talk.id, "갈 곳이 없는 메모", now=utc_now())
    await office.settle()
    assert await SlackPost.filter(state="dead", error="is_archived").count() == 1
    told = await slack_cards.troubles(utc_now())
    assert (told["dead"] >= 1, told["reasons"]) == (True, ["is_archived"])
    later = await slack_cards.troubles(utc_now() + timedelta(days=8))
    assert later["dead"] < told["dead"]


async def test_a_stranger_and_a_colleague_who_waits_get_an_honest_answer_and_nothing_else(
    office: Office,
) -> None:
    talk, root = await begun(office)
    await office.said(office.guest, "@dangol reply 저는 손님", channel=TEAM_CHANNEL, thread=root["ts"])
    await office.said(office.mari, "@dangol reply 승인 전", channel=TEAM_CHANNEL, thread=root["ts"])
    assert await heard_by_customer(talk) == []
    assert await notes_of(talk) == []
    assert "연결되지 않은" in (await office.guest.told())[-1]
    assert "승인을 기다리고" in (await office.mari.told())[-1]


async def test_who_is_nobody_to_us_is_answered_in_the_companys_language(open_office: Opened) -> None:
    async with open_office(locale="en") as office:
        await office.guest.command("find Kim")
        await office.settle()
        assert "belongs to no staff member" in (await office.guest.told())[-1]


async def test_a_sender_of_two_processes_shows_everything_once(office: Office) -> None:
    talk, root = await begun(office)
    other = Poster(office.face.workspaces, office.face.look("ko"), holder="another front")
    for number in range(5):
        await conversations.note(office.company.yuna, talk.id, f"하나씩 {number}", now=utc_now())
    await happenings.consume(following.READER, [office.face.following])
    await asyncio.gather(office.face.poster.drain(), other.drain())
    await office.settle()
    thread = [written(m) for m in await office.seojun.thread(root)]
    assert [sum(f"하나씩 {n}" in text for text in thread) for n in range(5)] == [1] * 5
    assert (await Conversation.get(id=talk.id)).owner == "staff"


async def test_two_connections_are_open(office: Office) -> None:
    await until_connected(office.workspace, 2)
