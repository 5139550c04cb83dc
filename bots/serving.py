"""`dangol serve`: prepare the model, the tables and the company, then keep every process running."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from bots import training, wiring
from bots.demo import standins
from bots.settings import PREFIX, Settings
from bots.supervisor import Child, supervise
from crm import company, migrate

APART_SECONDS = 10.0  # between the starts of media processes: the first is wanted soon, the others in case


def say(line: str) -> None:
    """Progress for whoever watches the terminal."""
    print(line, flush=True)


def serve(settings: Settings, *, root: Path, demo: bool) -> None:
    """Prepare and run until stopped."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    training.present(settings, root=root)
    logins = asyncio.run(_prepare(settings, demo=demo))
    _announce(settings, logins)
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
    asyncio.run(supervise(children, environment))


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


def _announce(settings: Settings, logins: list[tuple[str, str, str]]) -> None:
    say("")
    say(f"  Dangol        {settings.url}/" if logins else f"  Desk          {settings.url}/desk")
    say(f"  Web chat      {settings.url}/chat")
    if logins:
        say(f"  Desk          {settings.url}/desk")
        say("")
        for login, role, password in logins:
            say(f"  {login:<12}  {role:<12}  {password}")
    else:
        say("  No staff yet? dangol staff add LOGIN --role admin")
    say("")
    say("  Stop with Ctrl+C.")
