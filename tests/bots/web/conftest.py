"""The pages on a loopback port, on this test's own database, with a bot that answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bots.web import app_keys, chat, demo, elsewhere, fault_pages, files, hub, pages, uploads
from crm import db as database
from crm import files as stored_files
from crm import vault, zone
from crm.storage import Folder
from tests.bots.web.chat_page import Bot, Client, Page, echo

SECRET = b"a test's own secret, 32 bytes at least"


@pytest.fixture
def config() -> app_keys.WebConfig:
    return app_keys.WebConfig(
        secret_key=SECRET,
        chat_origins=("https://shop.example",),
        chat_visitor_secret="a secret that the shop shares with us",
        demo=True,
        demo_password="only-for-tests",
    )


def build(config: app_keys.WebConfig) -> web.Application:
    app = web.Application(client_max_size=2 * 1024 * 1024)
    app[app_keys.CONFIG] = config
    app[app_keys.OPENING] = opened_by
    pages.setup(app)
    fault_pages.setup(app)
    app.cleanup_ctx.append(hub.lifespan)
    for room in (pages, chat, elsewhere, uploads, files, demo):
        room.routes(app)
    app.router.add_get("/desk", in_place_of_the_desk)
    return app


async def opened_by(token: str) -> str:
    """In place of Telegram, which tests of its channel ask."""
    return f"https://t.me/saebom_bot?start={token}"


async def in_place_of_the_desk(request: web.Request) -> web.Response:
    """The desk has tests of its own; the demo page only needs something to frame."""
    return web.Response(text="<title>desk</title>", content_type="text/html")


Serve = Callable[..., Any]


@pytest.fixture
def serve(config: app_keys.WebConfig, tmp_path: Path) -> Serve:
    """Serve the pages with some settings changed."""
    vault.use(SECRET)
    zone.use(ZoneInfo("Asia/Seoul"))
    stored_files.use(Folder(tmp_path / "files"), max_bytes=1024 * 1024)

    @asynccontextmanager
    async def serving(**changes: Any) -> AsyncIterator[Client]:
        app = build(replace(config, **changes))
        async with TestClient(TestServer(app)) as client:
            yield client

    return serving


@pytest.fixture
async def bot(db: str) -> AsyncIterator[Bot]:
    """Answers every message that is stored."""
    made = Bot(echo)
    working = database.spawn(made.run())
    yield made
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


@pytest.fixture
async def front(db: str, serve: Serve) -> AsyncIterator[Client]:
    async with serve() as client:
        yield client


OpenPage = Callable[..., Awaitable[Page]]


@pytest.fixture
async def page(front: Client) -> AsyncIterator[OpenPage]:
    """Open a page; `session` continues one."""
    opened: list[Page] = []

    async def open_page(session: str | None = None, **hello: Any) -> Page:
        opened.append(Page(front, session))
        return await opened[-1].open(**hello)

    yield open_page
    for one in opened:
        await one.close()
