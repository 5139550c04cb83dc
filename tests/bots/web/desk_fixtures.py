"""The desk on a loopback port, on this test's own database."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from aiohttp import CookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from bots.web import app_keys, desk, files, hub, pages
from crm import files as stored_files
from crm import vault, zone
from crm.storage import Folder
from tests.bots.web.desk_people import Browser, Company, a_company, utc_now

SECRET = b"a test's own secret, 32 bytes at least"
Staffed = Callable[[str], Awaitable[Browser]]


@pytest.fixture
async def desk_server(db: str, tmp_path: Path) -> AsyncIterator[TestServer]:
    """Pages, files and the desk, with its live updates running."""
    vault.use(SECRET)
    zone.use(ZoneInfo("Asia/Seoul"))
    stored_files.use(Folder(tmp_path / "files"), max_bytes=1024 * 1024)
    app = web.Application(client_max_size=2 * 1024 * 1024)
    app[app_keys.CONFIG] = app_keys.WebConfig(secret_key=SECRET, upload_max_mb=1)
    app[app_keys.OPENING] = opened_by
    pages.setup(app)
    app.cleanup_ctx.append(hub.lifespan)
    for room in (pages, files, desk):
        room.routes(app)
    async with TestServer(app) as server:
        yield server


async def opened_by(token: str) -> str:
    """In place of Telegram, which tests of its channel ask."""
    return f"https://t.me/saebom_bot?start={token}"


@pytest.fixture
async def company(db: str) -> Company:
    return await a_company(utc_now())


@pytest.fixture
async def browser_of(desk_server: TestServer) -> AsyncIterator[Callable[[], Browser]]:
    """A new browser, not signed in."""
    opened: list[TestClient[web.Request, web.Application]] = []

    def fresh() -> Browser:
        # loopback addresses are not names: the default jar would keep no cookie of theirs
        opened.append(TestClient(desk_server, cookie_jar=CookieJar(unsafe=True)))
        return Browser(opened[-1])

    yield fresh
    for client in opened:
        await client.session.close()


@pytest.fixture
async def signed_in(company: Company, browser_of: Callable[[], Browser]) -> Staffed:
    """A browser in which a staff member is signed in."""

    async def as_(login: str) -> Browser:
        browser = browser_of()
        answer = await browser.sign_in(login)
        assert answer.status == 302
        return browser

    return as_
