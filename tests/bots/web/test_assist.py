"""Codes and logs of remote control: what is wrong, used, late or another's opens nothing."""

import fcntl
import hashlib
import io
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData

from bots.web.call import assist, assist_building
from crm import control_log, live_codes, live_links, live_people, live_sessions
from crm.actor import Actor
from crm.live_asking import Made
from crm.models import AuditEntry, ControlEntry, LiveParticipant
from tests.bots.web.test_call_page import PNG, Browser, agent, browser, made, now, server

__all__ = ["agent", "browser", "made", "server"]
AT = "2026-03-04T03:00:00.000+00:00"


@pytest.fixture
async def live(made: Made, agent: Actor) -> int:
    await live_sessions.wait(made.customer.id, now())
    await live_people.take(agent, made.session.id, now=now())
    return made.session.id


async def a_code(agent: Actor, live: int, at: datetime | None = None) -> str:
    return await live_codes.issue(agent, live, now=at or now())


def a_line(number: int, last: str = control_log.START, **data: Any) -> dict[str, Any]:
    digest = control_log.digest(last, number, AT, "pressed", data)
    return {"number": number, "at": AT, "act": "pressed", "data": data, "digest": digest}


async def test_a_code_opens_once_and_a_newer_one_shuts_it(browser: Browser, agent: Actor, live: int) -> None:
    first, second = await a_code(agent, live), await a_code(agent, live)
    assert (await browser.post("/assist/join", json={"code": first})).status == 404
    assert (await browser.post("/assist/join", json={"code": second})).status == 200
    assert (await browser.post("/assist/join", json={"code": second})).status == 404


async def test_a_late_code_says_that_it_is_late(browser: Browser, agent: Actor, live: int) -> None:
    code = await a_code(agent, live, now() - timedelta(minutes=11))
    assert (await browser.post("/assist/join", json={"code": code})).status == 410


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"code":"1234567"}', 404), ('{"code":"123456789"}', 404), ('{"code":["12345678"]}', 404),
        ('{"code":null}', 404), ("{}", 404), ('{"code":"１２３４５６７８"}', 404), ("[]", 400),
        ("no JSON", 400),
        pytest.param("[" * 60_000, 400, id="nested"), pytest.param("9" * 5000, 400, id="number"),
        pytest.param(b"\xff\xfe", 400, id="no text"), pytest.param('"' + "1" * 2_000_000, 413, id="large"),
    ],
)  # fmt: skip
async def test_what_is_no_code_opens_nothing(
    browser: Browser, agent: Actor, live: int, body: str | bytes, status: int
) -> None:
    await a_code(agent, live)
    data = io.BytesIO(body if isinstance(body, bytes) else body.encode())
    answer = await browser.post("/assist/join", data=data, headers={"Content-Type": "application/json"})
    assert answer.status == status
    assert await LiveParticipant.filter(session_id=live, side="agent", joined_at=None).count() == 1


async def test_a_charset_that_nobody_knows_is_no_code(browser: Browser) -> None:
    headers = {"Content-Type": "application/json; charset=nonsense"}
    assert (await browser.post("/assist/join", data=b"\xff", headers=headers)).status == 400


async def test_who_guesses_is_slowed_down(browser: Browser, agent: Actor, live: int) -> None:
    code = await a_code(agent, live)
    told = [(await browser.post("/assist/join", json={"code": f"{n:08}"})).status for n in range(10)]
    assert told == [404] * 10
    refused = await browser.post("/assist/join", json={"code": code})
    assert (refused.status, refused.headers["Retry-After"]) == (429, "60")


async def test_the_log_takes_lines_of_its_own_agent_only(
    browser: Browser, made: Made, agent: Actor, live: int
) -> None:
    seat = await (await browser.post("/assist/join", json={"code": await a_code(agent, live)})).json()
    path = "/assist" + seat["log"].split("/assist", 1)[1]
    of_customer = f"/assist/log/{live_links.token_of(made.customer)}"
    for wrong in (of_customer, f"{path}x", "/assist/log/nonsense"):
        assert (await browser.post(wrong, json={"entries": [a_line(1)]})).status == 404
    assert not await ControlEntry.all().count()
    assert (await browser.post(path, json={"entries": [a_line(1)]})).status == 200


@pytest.mark.parametrize(
    ("entries", "status"),
    [
        ([a_line(2)], 409), ([{**a_line(1), "data": {"x": 1}}], 409),
        ([{**a_line(1), "digest": "0" * 64}], 409),
        ([{**a_line(1), "number": "1"}], 422), ([{**a_line(1), "number": True}], 422),
        ([{**a_line(1), "data": 7}], 422),
        ([None], 422), ([a_line(1, text="x" * 3000)], 422), ([{**a_line(1), "act": "a" * 30}], 422),
        ([a_line(n) for n in range(1, 502)], 422),
    ],
    ids=("gap", "changed", "digest", "text", "bool", "no data", "no line", "long", "act", "many"),
)  # fmt: skip
async def test_a_log_that_does_not_fit_is_refused_whole(
    browser: Browser, agent: Actor, live: int, entries: list[Any], status: int
) -> None:
    seat = await (await browser.post("/assist/join", json={"code": await a_code(agent, live)})).json()
    path = "/assist" + seat["log"].split("/assist", 1)[1]
    assert (await browser.post(path, json={"entries": entries})).status == status
    assert not await ControlEntry.all().count()


async def test_a_file_for_the_customers_computer_is_kept_and_audited(
    browser: Browser, agent: Actor, live: int
) -> None:
    seat = await LiveParticipant.get(session_id=live, side="staff")
    token = live_links.token_of(seat)
    _, secret = await live_links.enter(token, "", now=now())
    browser.session.cookie_jar.update_cookies({f"dangol_call_{seat.id}": secret})
    form = FormData(quote_fields=False)
    form.add_field("file", io.BytesIO(PNG), filename="그림.png", content_type="image/png")
    kept = await (await browser.post(f"/call/{token}/offer", data=form)).json()
    assert (kept["name"], kept["size"], kept["url"][:3]) == ("그림.png", len(PNG), "/f/")
    assert await AuditEntry.filter(act="live.file_offered", subject_id=live).count() == 1


async def test_the_customer_can_offer_no_file(browser: Browser, made: Made, agent: Actor, live: int) -> None:
    path = live_links.path_of(made.customer)
    assert (await browser.post(f"{path}/enter")).status == 200
    form = FormData()
    form.add_field("file", io.BytesIO(PNG), filename="a.png", content_type="image/png")
    assert (await browser.post(f"{path}/offer", data=form)).status == 403


async def test_the_page_of_the_agent_says_whether_there_is_one(browser: Browser, tmp_path: Path) -> None:
    async def told() -> str:
        return await (await browser.get("/assist?lang=ko")).text()

    assert "아직 준비되지 않았어요" in await told()
    assert (await browser.get("/assist/linux-x86_64")).status == 404
    folder = tmp_path / "assist"
    folder.mkdir()
    with (folder / assist_building.MARK).open("w") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        assert "만들고 있어요" in await told()
    assert "아직 준비되지 않았어요" in await told(), "whoever made it was killed"
    (folder / assist.ARCHIVE).write_bytes(b"the agent")
    page, file = await told(), await browser.get("/assist/linux-x86_64")
    assert hashlib.sha256(b"the agent").hexdigest() in page
    assert (await file.read(), file.headers["Content-Type"]) == (b"the agent", "application/octet-stream")
