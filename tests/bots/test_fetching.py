"""What others name is fetched from the open internet alone, whatever way they spell an address of ours."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from bots.fetching import NotFetched, fetch, is_public, is_trusted


@pytest.fixture
async def here() -> AsyncIterator[str]:
    """A server on this machine, as `host:port`; `/to` redirects wherever it is told."""

    async def content(request: web.Request) -> web.StreamResponse:
        if request.path == "/to":
            return web.Response(status=302, headers={"Location": request.query["url"]})
        if request.path == "/endless":
            response = web.StreamResponse()
            await response.prepare(request)
            for _ in range(100):
                await response.write(b"x" * 1000)
            return response
        return web.Response(body=b"content", status=404 if request.path == "/gone" else 200)

    app = web.Application()
    app.router.add_get("/{path:.*}", content)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a", "http://127.1/a", "http://2130706433/a", "http://0x7f000001/a", "http://[::1]/a",
        "http://[::ffff:127.0.0.1]/a", "http://localhost/a", "http://169.254.169.254/latest", "http://10.0.0.1/",
        "http://192.168.0.1/", "http://user@127.0.0.1/", "http://[64:ff9b::7f00:1]/", "http://0.0.0.0/",
        "ftp://example.com/a", "file:///etc/passwd", "https://example.com:22/a", "http:///a", "http://a\\@b/",
    ],
)  # fmt: skip
async def test_an_address_that_leads_inside_is_refused_before_it_is_asked(url: str) -> None:
    with pytest.raises(NotFetched):
        await fetch(url, most=1000, seconds=5)


async def test_a_host_that_the_operator_trusts_may_be_near(here: str) -> None:
    assert await fetch(f"http://{here}/a", most=1000, seconds=5, trusted=[here]) == b"content"


async def test_a_redirect_is_judged_like_the_first_address(here: str) -> None:
    near = f"http://{here}/a"
    assert await fetch(f"http://{here}/to?url={near}", most=1000, seconds=5, trusted=[here]) == b"content"
    with pytest.raises(NotFetched, match="address"):
        await fetch(f"http://{here}/to?url=http://127.0.0.1:9/", most=1000, seconds=5, trusted=[here])


async def test_redirects_end(here: str) -> None:
    round_about = f"http://{here}/to?url=/to%3Furl%3D/to%253Furl%253D/to%25253Furl%25253D/a"
    with pytest.raises(NotFetched):
        await fetch(f"http://{here}/to?url={round_about}", most=1000, seconds=5, trusted=[here])


@pytest.mark.parametrize("path", ["endless", "gone"])
async def test_what_is_too_large_or_not_there_is_refused(here: str, path: str) -> None:
    with pytest.raises(NotFetched):
        await fetch(f"http://{here}/{path}", most=5000, seconds=5, trusted=[here])


@pytest.mark.parametrize(
    ("url", "hosts", "good"),
    [
        ("https://bot-api.kakao.com/v1/x", [".kakao.com"], True),
        ("https://kakao.com/x", [".kakao.com"], True),
        ("https://evilkakao.com/x", [".kakao.com"], False),
        ("https://kakao.com.evil.example/x", [".kakao.com"], False),
        ("http://bot-api.kakao.com/x", [".kakao.com"], False),
        ("https://bot-api.kakao.com:8443/x", [".kakao.com"], False),
        ("https://bot-api.kakao.com@evil.example/x", [".kakao.com"], False),
        ("http://127.0.0.1:9000/x", ["127.0.0.1:9000"], True),
        ("http://127.0.0.1:9001/x", ["127.0.0.1:9000"], False),
        ("not an address", [".kakao.com"], False),
    ],
)
def test_only_hosts_of_the_list_are_trusted(url: str, hosts: list[str], good: bool) -> None:
    assert is_trusted(url, hosts) is good


def test_public_addresses_are_those_of_the_open_internet() -> None:
    assert is_public("8.8.8.8")
    assert is_public("2001:4860:4860::8888")
    assert not is_public("100.64.0.1")
    assert not is_public("224.0.0.1")
    assert not is_public("not an address")
