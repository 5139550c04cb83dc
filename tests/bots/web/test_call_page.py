"""The call page: entering binds a browser, the room's socket, and what follows when nobody comes."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp import ClientWebSocketResponse, CookieJar, FormData, web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request

from bots.live_ports import LiveJournal, LiveTickets
from bots.web import app_keys, call, hub, pages
from bots.web.call import places
from crm import (
    control_log,
    files,
    live_asking,
    live_codes,
    live_links,
    live_people,
    live_sessions,
    vault,
    zone,
)
from crm.actor import Actor
from crm.live_asking import Made
from crm.models import Callback, File, LiveEvent, LiveSession, Message, ServiceRequest, Staff
from crm.storage import Folder
from media.ports import Act, Refused
from tests.crm.makers import a_company, a_contact, a_staff

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00\x90wS\xde"
    b"\x00\x00\x00\x0cIDATx\x9cc\xf8\xcf\xc0\x00\x00\x03\x01\x01\x00\xc9\xfe\x92\xef\x00\x00\x00\x00IEND\xaeB`\x82"
)
SECRET = b"a test's own secret, 32 bytes at least"
Browser = TestClient[web.Request, web.Application]


@pytest.fixture
async def server(db: str, tmp_path: Path) -> AsyncIterator[TestServer]:
    vault.use(SECRET)
    zone.use(ZoneInfo("Asia/Seoul"))
    files.use(Folder(tmp_path / "files"), max_bytes=1024 * 1024)
    await a_company()
    app = web.Application()
    app[app_keys.CONFIG] = app_keys.WebConfig(secret_key=SECRET, assist_dir=tmp_path / "assist")
    pages.setup(app)
    app.cleanup_ctx.append(hub.lifespan)
    for room in (pages, call):
        room.routes(app)
    running = TestServer(app)
    async with running:
        yield running


@pytest.fixture
async def browser(server: TestServer) -> AsyncIterator[Browser]:
    async with TestClient(server, cookie_jar=CookieJar(unsafe=True)) as client:
        yield client


@pytest.fixture
async def other(server: TestServer) -> AsyncIterator[Browser]:
    async with TestClient(server, cookie_jar=CookieJar(unsafe=True)) as client:
        yield client


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
async def agent(db: str) -> Actor:
    return await a_staff(now())


@pytest.fixture
async def made(agent: Actor, server: TestServer) -> Made:
    contact = await a_contact(now())
    matter = await ServiceRequest.create(
        number="SR-2026-000123", contact_id=contact.id, product_text="세탁기",
        address="서울 마포구 월드컵로 1", phone="+821012342481",
        status_at=now(), created_at=now(), updated_at=now(),
    )  # fmt: skip
    return await live_asking.create(agent, contact.id, request_id=matter.id, now=now())


@pytest.fixture
def path(made: Made) -> str:
    return live_links.path_of(made.customer)


async def heard(room: ClientWebSocketResponse, kind: str, **wanted: Any) -> dict[str, Any]:
    """The next frame of a kind that has these values."""
    while True:
        frame: dict[str, Any] = await asyncio.wait_for(room.receive_json(), 20)
        if frame["type"] == kind and all(frame.get(name) == value for name, value in wanted.items()):
            return frame


async def test_looking_binds_nothing_and_entering_shuts_others_out(
    browser: Browser, other: Browser, path: str
) -> None:
    assert (await other.get(path)).status == 200
    entered = await browser.post(f"{path}/enter")
    assert entered.status == 200
    assert (await other.get(path)).status == 409
    refused = await other.post(f"{path}/enter")
    assert (refused.status, (await refused.json())["code"]) == (409, "other_browser")
    again = await browser.post(f"{path}/enter")
    assert (await again.json())["browser"] == (await entered.json())["browser"]


async def test_a_link_that_is_wrong_says_so(browser: Browser, path: str) -> None:
    for wrong, status in ((path[:-1] + "!", 404), ("/call/nonsense", 404)):
        answer = await browser.get(wrong, headers={"Accept-Language": "ko"})
        assert answer.status == status
        assert "링크가 올바르지 않아요" in await answer.text()


async def test_the_room_tells_the_place_in_the_queue_and_that_somebody_came(
    browser: Browser, path: str, made: Made, agent: Actor
) -> None:
    await browser.post(f"{path}/enter")
    room = await browser.ws_connect(f"{path}/room")
    assert (await heard(room, "state"))["status"] == "invited"
    await room.send_json({"type": "wait"})
    waiting = await heard(room, "state", status="waiting")
    assert (waiting["wait"]["ahead"], waiting["wait"]["minutes"]) == (0, None)
    await live_people.take(agent, made.session.id, now=now())
    assert (await heard(room, "state", status="live"))["wait"] is None


async def ahead(room: ClientWebSocketResponse, number: int) -> None:
    """Wait until the page is told that so many are before it."""
    while (await heard(room, "state"))["wait"]["ahead"] != number:
        continue


async def test_who_waits_moves_up_when_somebody_ahead_is_taken_or_gives_up(
    browser: Browser, server: TestServer, agent: Actor
) -> None:
    rooms, all_made = [], []
    for number in range(3):
        contact = await a_contact(now(), name=f"손님 {number}")
        all_made.append(await live_asking.create(agent, contact.id, now=now()))
        own = live_links.path_of(all_made[-1].customer)
        await browser.post(f"{own}/enter")
        rooms.append(await browser.ws_connect(f"{own}/room"))
        await rooms[-1].send_json({"type": "wait"})
        waiting = await heard(rooms[-1], "state", status="waiting")
        assert waiting["wait"]["ahead"] == number
    await live_people.take(agent, all_made[0].session.id, now=now())
    await ahead(rooms[2], 1)
    await rooms[1].send_json({"type": "end"})
    assert (await heard(rooms[1], "state", status="cancelled"))["wait"] is None
    await ahead(rooms[2], 0)


async def test_a_customer_who_chose_english_is_told_in_english_from_then_on(
    browser: Browser, server: TestServer, agent: Actor
) -> None:
    contact = await a_contact(now())
    at = now() + timedelta(days=1)
    made = await live_asking.create(agent, contact.id, scheduled_at=at, now=now())
    path = live_links.path_of(made.customer)
    assert "Let us get ready" in await (await browser.get(f"{path}?lang=en")).text()
    assert (await browser.post(f"{path}/enter")).status == 200
    assert "Let us get ready" in await (await browser.get(path)).text()
    room = await browser.ws_connect(f"{path}/room")
    assert re.search("[ap]m$", (await heard(room, "state"))["scheduled"])
    session = await LiveSession.get(id=made.session.id).select_related("conversation")
    assert (session.locale, session.conversation.locale) == ("en", "en"), "receipts and reminders too"


async def test_staff_are_told_in_the_language_of_their_desk_whatever_their_browser_speaks(
    agent: Actor, made: Made
) -> None:
    place = await live_people.take(agent, made.session.id, now=now())
    for locale in ("ko", "en"):
        await Staff.filter(id=agent.id).update(locale=locale)
        found = await live_links.find(live_links.token_of(place), now=now())
        asked = make_mocked_request("GET", "/call/x/room", headers={"Accept-Language": "en-US,en;q=0.9"})
        assert places.language(asked, found) == locale


async def test_the_chat_of_the_call_is_the_conversation_and_a_line_is_stored_once(
    browser: Browser, path: str, made: Made
) -> None:
    await browser.post(f"{path}/enter")
    room = await browser.ws_connect(f"{path}/room")
    for _ in range(2):
        await room.send_json({"type": "say", "id": "a1", "text": "배수 필터가 어디 있나요?"})
    frames: dict[str, dict[str, Any]] = {}
    while not {"stored", "message"} <= frames.keys():
        frame = await asyncio.wait_for(room.receive_json(), 20)
        frames[frame["type"]] = frame
    shown = frames["message"]
    assert (shown["text"], shown["mine"]) == ("배수 필터가 어디 있나요?", True)
    said = Message.filter(conversation_id=made.session.conversation_id, direction="in")
    assert await said.count() == 1


async def test_a_photo_of_the_customer_hangs_on_the_request(browser: Browser, path: str, made: Made) -> None:
    await browser.post(f"{path}/enter")
    form = FormData()
    form.add_field("file", PNG, filename="a.png", content_type="image/png")
    kept = await (await browser.post(f"{path}/upload", data=form)).json()
    room = await browser.ws_connect(f"{path}/room")
    await room.send_json({"type": "say", "id": "p1", "text": "", "files": [kept["upload"]]})
    await heard(room, "stored", id="p1")
    assert (await File.get(token=kept["upload"])).request_id == made.session.request_id
    assert await LiveEvent.filter(kind="photo").count() == 1


async def test_a_stranger_gets_neither_the_room_nor_anything_below_the_link(
    browser: Browser, other: Browser, path: str
) -> None:
    await browser.post(f"{path}/enter")
    room = await other.ws_connect(f"{path}/room")
    await room.receive()
    assert room.close_code == 4403
    for below in ("offers", "form"):
        assert (await other.get(f"{path}/{below}")).status in (404, 409)


async def test_who_waits_in_vain_is_called_back(browser: Browser, path: str, made: Made) -> None:
    await browser.post(f"{path}/enter")
    offers = await (await browser.get(f"{path}/offers")).json()
    assert offers["phone"] == "010-1234-2481"
    assert offers["days"]
    answer = await browser.post(f"{path}/callback", json={})
    assert "전화 예약이 됐어요" in (await answer.json())["text"]
    assert (await Callback.get()).contact_id == made.session.contact_id
    assert (await LiveSession.get(id=made.session.id)).status == "cancelled"


async def test_the_guided_form_is_filled_for_its_customer_and_masked_for_staff(
    browser: Browser, other: Browser, path: str, made: Made
) -> None:
    await browser.post(f"{path}/enter")
    assert "월드컵로" in await (await browser.get(f"{path}/form")).text()
    expert = await live_people.invite_guest(
        Actor("staff", made.session.staff_id, "agent"), made.session.id, "제조사", now=now()
    )
    await other.post(f"{live_links.path_of(expert)}/enter")
    shown = await (await other.get(f"{live_links.path_of(expert)}/form")).text()
    assert "월드컵로" not in shown
    assert "••••" in shown
    assert (await other.post(f"{live_links.path_of(expert)}/form", json={"address": "x"})).status == 409
    saved = await browser.post(f"{path}/form", json={"address": "서울 마포구 월드컵로 2"})
    assert saved.status == 200
    assert (await ServiceRequest.get(id=made.session.request_id)).address == "서울 마포구 월드컵로 2"


async def test_the_media_room_seats_only_who_entered_and_only_while_live(
    browser: Browser, path: str, made: Made, agent: Actor
) -> None:
    key = (await (await browser.post(f"{path}/enter")).json())["browser"]
    token, tickets = path.removeprefix("/call/"), LiveTickets()
    with pytest.raises(Refused, match="not_yet"):
        await tickets.resolve(token, key, now())
    await live_sessions.wait(made.customer.id, now())
    await live_people.take(agent, made.session.id, now=now())
    with pytest.raises(Refused, match="bound_elsewhere"):
        await tickets.resolve(token, "a guess", now())
    seat = await tickets.resolve(token, key, now())
    assert (seat.room, seat.role, seat.participant) == (made.session.room, "customer", str(made.customer.id))
    assert "admit" not in seat.rights
    joined = Act("joined", now(), str(made.customer.id))
    drawn = {"act": "draw", "id": "arrow-1", "of": str(made.customer.id), "track": "camera"}
    parts = [{**drawn, "points": [[0.5, 0.5], [0.5, n]]} for n in (0.6, 0.7, 0.8)]
    journal = LiveJournal()
    strokes = [Act("pointed", now(), str(made.customer.id), part) for part in parts]
    await journal.record(made.session.room, [joined, *strokes])
    assert (await LiveEvent.get(kind="mark")).data["points"] == [[0.5, 0.5], [0.5, 0.8]]
    await LiveJournal().ended(made.session.room, "ended", now())
    with pytest.raises(Refused, match="ended"):
        await tickets.resolve(token, key, now())


async def test_the_desktop_agent_gets_a_seat_by_its_code_and_hands_in_its_log(
    browser: Browser, made: Made, agent: Actor
) -> None:
    await live_sessions.wait(made.customer.id, now())
    await live_people.take(agent, made.session.id, now=now())
    code = await live_codes.issue(agent, made.session.id, now=now())
    seat = await (await browser.post("/assist/join", json={"code": code})).json()
    assert (await LiveTickets().resolve(seat["token"], seat["browser"], now())).role == "agent"
    assert (await browser.post("/assist/join", json={"code": code})).status == 404
    at = "2026-03-04T03:00:00.000+00:00"
    digest = control_log.digest(control_log.START, 1, at, "granted", {"scope": "view"})
    entry = {"number": 1, "at": at, "act": "granted", "data": {"scope": "view"}, "digest": digest}
    log = seat["log"].split("/assist", 1)[1]
    for new in (1, 0):
        answer = await browser.post(f"/assist{log}", json={"entries": [entry]})
        assert (answer.status, (await answer.json())["new"]) == (200, new)
    gap = await browser.post(f"/assist{log}", json={"entries": [{**entry, "number": 3}]})
    assert (gap.status, (await gap.json())["code"]) == (409, "gap")
    page = await browser.get("/assist?lang=ko")
    assert "아직 준비되지 않았어요" in await page.text()
