"""What `dangol serve` says, and when: addresses that answer."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bots.faults import Stop, explain
from bots.greeting import Greeting
from bots.serving import await_port, lines
from bots.settings import Settings

LINES = ["Desk http://127.0.0.1:8080/desk", "Stop with Ctrl+C."]


class Readiness:
    """A front whose `/readyz` says this, until `green`."""

    def __init__(self, *faults: str) -> None:
        self.faults = list(faults)
        self.asked = asyncio.Event()

    def green(self) -> None:
        self.faults.clear()

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.set()
        return web.json_response({"faults": self.faults}, status=503 if self.faults else 200)


@asynccontextmanager
async def front(readiness: Readiness) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/readyz", readiness.answer)
    async with TestServer(app) as server:
        yield str(server.make_url("/readyz"))


class Said(list[str]):
    """What was said; `all` is set with the last of the lines."""

    def __init__(self) -> None:
        self.all = asyncio.Event()

    def append(self, line: str) -> None:
        super().append(line)
        if line == LINES[-1]:
            self.all.set()


async def test_addresses_are_said_once_customers_are_served() -> None:
    readiness, said = Readiness("no live worker"), Said()
    async with front(readiness) as address, asyncio.timeout(30):
        greeting = asyncio.create_task(Greeting(address, LINES, said.append).given())
        await readiness.asked.wait()
        assert [line.partition(" ")[0] for line in said] == ["Starting"]
        readiness.green()
        await greeting
    assert said[1:] == LINES


async def test_what_is_late_is_said_to_be_late_and_why() -> None:
    readiness, said = Readiness("no live worker"), Said()
    async with front(readiness) as address, asyncio.timeout(30):
        greeting = asyncio.create_task(Greeting(address, LINES, said.append, late=0).given())
        await said.all.wait()
        readiness.green()
        await greeting
    assert said[1].startswith("Not ready yet: no live worker.")
    assert said[2:] == [*LINES, "Ready."]


async def test_pages_that_do_not_answer_are_late_as_well() -> None:
    said = Said()
    async with front(Readiness()) as address:
        pass  # it was there once
    greeting = asyncio.create_task(Greeting(address, LINES, said.append, late=0).given())
    async with asyncio.timeout(30):
        await said.all.wait()
    greeting.cancel()
    assert said[1].startswith("Not ready yet: the pages do not answer.")


def test_a_port_that_stays_taken_is_named_with_what_to_change() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(Stop) as fault:
            await_port("127.0.0.1", port, seconds=0)
    assert f"cannot listen on 127.0.0.1 port {port}: the port is taken" in explain(fault.value)
    assert "Example: DANGOL_HOST=" in explain(fault.value)
    await_port("127.0.0.1", port)


def test_an_address_of_another_machine_is_refused_at_once() -> None:
    with pytest.raises(Stop, match=r"cannot listen on 192\.0\.2\.1 port"):  # TEST-NET-1, RFC 5737
        await_port("192.0.2.1", 8080)


def test_demo_logins_are_shown_only_where_they_work() -> None:
    logins = [("seojun", "agent", "saebom-demo")]
    assert any("saebom-demo" in line for line in lines(Settings(_env_file=None), logins))
    refused = lines(Settings(_env_file=None, host="0.0.0.0"), logins)
    assert not any("saebom-demo" in line for line in refused)
    assert any("loopback only" in line for line in refused)
