"""Where there is no page, or we failed, a person reads words; a program gets the status alone."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bots.web import app_keys, fault_pages, pages
from tests.bots.logged import logged
from tests.bots.web.chat_page import Client

READER = {"Accept": "text/html,application/xhtml+xml", "Accept-Language": "ko"}


@pytest.mark.parametrize("path", ["/nowhere", "/desk/nowhere", "/%F0%9F%98%80/%00"])
async def test_an_unknown_address_is_a_page_with_words_and_a_way_on(front: Client, path: str) -> None:
    answer = await front.get(path, headers=READER)
    text = await answer.text()
    assert answer.status == 404
    assert '<html lang="ko"' in text
    assert "찾는 페이지가 없어요" in text
    assert ('href="/desk"' in text) == path.startswith("/desk")
    assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(("path", "headers"), [("/nowhere", {}), ("/channels/web/nowhere", READER)])
async def test_a_program_gets_no_page(front: Client, path: str, headers: dict[str, str]) -> None:
    answer = await front.get(path, headers=headers)
    assert (answer.status, answer.content_type) == (404, "text/plain")


async def test_it_is_said_in_the_readers_language(front: Client) -> None:
    answer = await front.get("/nowhere", headers={**READER, "Accept-Language": "en"})
    assert "There is no such page" in await answer.text()


async def test_a_form_that_came_from_elsewhere_is_refused_in_words(front: Client) -> None:
    answer = await front.post(
        "/demo/login", headers={**READER, "Host": "127.0.0.1"}, data={"login": "seojun"}
    )
    assert answer.status == 403
    assert "바뀐 것은 없어요" in await answer.text()


@pytest.fixture
async def failing(config: app_keys.WebConfig) -> AsyncIterator[Client]:
    """A server without a database, whose one page fails."""

    async def fail(request: web.Request) -> web.Response:
        raise RuntimeError("김민지 010-1234-5678")

    app = web.Application()
    app[app_keys.CONFIG] = config
    pages.setup(app)
    fault_pages.setup(app)
    app.router.add_get("/c/{token}", fail)
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_a_page_that_fails_says_so_and_is_logged_without_what_it_held(failing: Client) -> None:
    with logged() as lines:
        answer = await failing.get("/c/a-secret-token", headers=READER)
    text = await answer.text()
    assert (answer.status, answer.headers["Cache-Control"]) == (500, "no-store")
    assert "지금은 이 페이지를 보여 드릴 수 없어요" in text
    assert "단골" in text  # the company's name cannot be asked
    assert "김민지" not in text
    (line,) = [line for line in lines if line["event"] == "page.failed"]
    assert line["page"] == "/c/{token}"
    assert not any(word in str(line) for word in ("김민지", "a-secret-token"))
