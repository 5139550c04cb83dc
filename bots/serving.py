"""`dangol serve`: prepare the model, the tables and the company, then keep every process running."""

import asyncio
import errno
import socket
import time
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bots import faults, training, wiring
from bots.demo import standins
from bots.greeting import Greeting
from bots.settings import PREFIX, Settings
from bots.supervisor import Child, supervise
from crm import company, migrate

POLL_SECONDS = 0.5
LEAVING_SECONDS = 15.0  # what a `dangol serve` that was just ended needs to let go of its port
APART_SECONDS = 10.0  # between the starts of media processes: the first is wanted soon, the others in case


def say(line: str) -> None:
    """Progress for whoever watches the terminal."""
    print(line, flush=True)


def serve(settings: Settings, *, root: Path, demo: bool) -> None:
    """Prepare and run until stopped."""
    settings.home()
    await_port(settings.host, settings.port)
    training.present(settings, root=root)
    logins = asyncio.run(_prepare(settings, demo=demo))
    beside = standins.plan(settings, root) if demo else standins.Plan()
    flags = ["--demo"] if demo else []
    flags += [word for window in beside.windows for word in ("--window", str(window))]
    children = [
        Child("front", ["front", "--port", str(settings.port), *flags]),
        Child("worker", ["worker"]),
        Child("jobs", ["jobs"]),
        *(Child("media", ["media"], later=n * APART_SECONDS) for n in range(settings.media_count)),
        *beside.children,
    ]
    environment = {f"{PREFIX}PORT": str(settings.port), **beside.environment}
    greeting = Greeting(f"{settings.own_url}/readyz", lines(settings, logins), say)
    asyncio.run(_until_stopped(supervise(children, environment), greeting.given()))


def await_port(host: str, port: int, *, seconds: float = LEAVING_SECONDS) -> None:
    """Until the port is free. Raises `faults.Stop` when it stays taken, or is none that we may have."""
    over, told = time.monotonic() + seconds, False
    while fault := _fault_of(host, port):
        if fault.errno != errno.EADDRINUSE or time.monotonic() > over:
            raise faults.cannot_listen(host, port, fault)
        if not told:
            say(f"Port {port} is taken; waiting for whoever leaves it")
            told = True
        time.sleep(POLL_SECONDS)


def _fault_of(host: str, port: int) -> OSError | None:
    """Why the front could not listen there; None when it could."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as fault:
        return fault
    return None


async def _until_stopped(supervising: Coroutine[Any, Any, None], greeting: Coroutine[Any, Any, None]) -> None:
    beside = asyncio.create_task(greeting)
    try:
        await supervising
    finally:
        beside.cancel()
        await asyncio.gather(beside, return_exceptions=True)


async def _prepare(settings: Settings, *, demo: bool) -> list[tuple[str, str, str]]:
    async with wiring.connected(settings):
        if await migrate.pending_migrations():
            say("Preparing the database")
            await migrate.migrate()
        if demo:
            return await _demo(settings)
        await company.ensure()
        return []


async def _demo(settings: Settings) -> list[tuple[str, str, str]]:
    from bots import demo

    if await demo.load(datetime.now(UTC), tz=settings.tz):
        say("Loaded the demo company 새봄가전")
    return demo.LOGINS


def lines(settings: Settings, logins: Sequence[tuple[str, str, str]]) -> list[str]:
    """What to open and with which login, a line each."""
    shown = [
        "",
        f"  Dangol        {settings.url}/" if logins else f"  Desk          {settings.url}/desk",
        f"  Web chat      {settings.url}/chat",
    ]
    if logins:
        shown += [f"  Desk          {settings.url}/desk", ""]
    if logins and settings.loopback:
        shown += [f"  {login:<12}  {role:<12}  {password}" for login, role, password in logins]
    elif logins:
        shown.append("  Demo logins work on loopback only; here: dangol staff add LOGIN --role admin")
    else:
        shown.append("  No staff yet? dangol staff add LOGIN --role admin")
    return [*shown, "", "  Stop with Ctrl+C."]
