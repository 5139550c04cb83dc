"""`dangol check` (is it set up right?) and `dangol doctor` (does it run right?)."""

import asyncio
import socket
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from bots import fleet, health, media, settings, wiring
from bots.settings import Settings
from bots.staff.slack import face
from crm import gate, inbox, jobs, mail, migrate, outbox, slack_workspaces, vault, watch
from media import probing, transcribing
from media.turn import Turn
from nlu.fingerprint import fingerprint

SHOWN = 5  # of what was set aside, the newest
PATIENCE_SECONDS = 15  # with a provider


async def run(read: Settings, *, root: Path) -> bool:
    """Print a line for each thing tried; return whether all that is on works."""
    good = True
    _unknown()
    checks: list[tuple[str, Callable[[], Awaitable[str]]]] = [
        ("data folder", lambda: _folder(read.data_dir)),
        ("files folder", lambda: _folder(read.files_dir)),
        ("database", lambda: _database(read)),
        ("secret", lambda: _secret(read)),
        ("model", lambda: _model(read, root)),
        ("port", lambda: _port(read)),
        ("calls", lambda: _calls(read)),
    ]
    if read.turn_url:
        checks.append(("relay for calls", lambda: _relay(read)))
    if read.stt_model:
        checks.append(("transcripts", lambda: _transcripts(read)))
    for name, check in checks:
        try:
            print(f"ok  {name}: {await check()}")
        except Exception as fault:
            good = False
            print(f"!!  {name}: {fault or type(fault).__name__}")
    if not read.stt_model:
        print("--  transcripts of calls: off; set DANGOL_STT_MODEL")
    _channels(read)
    return await _accounts(read) and good


def _unknown() -> None:
    """A line for each name that begins as our settings do and is none: what it says is in force nowhere."""
    for name, near in settings.unknown().items():
        print(f"?   {name} is no setting of Dangol" + (f": is {near} meant?" if near else ""))


async def _folder(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder):
        return "can be written"


async def _database(read: Settings) -> str:
    async with wiring.connected(read, pool=1):
        pending = await migrate.pending_migrations()
        if pending:
            raise RuntimeError(f"{len(pending)} migrations are missing; run: dangol migrate")
    return "answers, tables are of this release"


async def _secret(read: Settings) -> str:
    async with wiring.ready(read):
        if not await vault.fits():
            raise RuntimeError("what is sealed in the database was sealed with another one; restore it")
    return "opens what is sealed"


async def _model(read: Settings, root: Path) -> str:
    if not (read.models_dir / f"{fingerprint(root)}.tar.gz").exists():
        raise RuntimeError("not trained yet; run: dangol train")
    return "trained from the present data"


async def _port(read: Settings) -> str:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        taken = probe.connect_ex((read.host, read.port)) == 0
    return "taken (by Dangol, if it runs)" if taken else "free"


async def _calls(read: Settings) -> str:
    given = media.config(read)
    port = await probing.binding(given.addresses, given.udp_ports)
    shown = f", browsers send to {read.media_public_ip}" if read.media_public_ip else ""
    return f"UDP port {port} answers{shown}"


async def _relay(read: Settings) -> str:
    if not read.turn_secret:
        raise RuntimeError("DANGOL_TURN_URL needs DANGOL_TURN_SECRET")
    found = await probing.allocation(Turn(read.turn_url, read.turn_secret), datetime.now(UTC))
    return "gives " + ", ".join(found)


async def _transcripts(read: Settings) -> str:
    whisper = await asyncio.to_thread(transcribing.prepare, read.stt_model)
    heard = whisper.supported_languages
    return f"the model hears {len(heard)} languages" if "ko" in heard else "the model hears English only"


def _channels(read: Settings) -> None:
    print("ok  channel web: on, at /chat")
    if not read.chat_origins:
        print("--  embedding the chat: off; set DANGOL_CHAT_ORIGINS to the sites that may")
    if not read.chat_visitor_secret:
        print("--  visitor tokens: off; set DANGOL_CHAT_VISITOR_SECRET to know an embedding site's visitors")


async def _accounts(read: Settings) -> bool:
    """Prove the settings of every channel account against its provider."""
    unmade: dict[str, str] = {}
    made = fleet.build(read, unmade)
    good = not unmade
    for name, told in unmade.items():
        _complain(f"channel {name}", told, channel=name)
    for channel, key in fleet.CHANNELS.items():
        if not read.accounts(channel, key):
            print(
                f"--  channel {channel}: off; set {settings.PREFIX}{settings.setting(channel, key).upper()}"
            )
    for name, account in made.channels.items():
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                print(f"ok  channel {name}: {await account.check()}")
        except TimeoutError:
            good = False
            _complain(f"channel {name}", f"no answer within {PATIENCE_SECONDS} s", channel=name)
        except Exception as fault:
            good = False
            _complain(f"channel {name}", str(fault) or type(fault).__name__, channel=name)
    await made.close()
    return await _slack(read) and good


async def _slack(read: Settings) -> bool:
    """Prove every Slack workspace."""
    good, apps = True, face.apps_of(read)
    if not apps:
        print(f"--  slack: off; set {settings.PREFIX}SLACK_BOT_TOKEN")
    for name, values in apps.items():
        shown = f"slack/{name}" if name else "slack"
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                print(f"ok  {shown}: {await face.check(values)}")
        except TimeoutError:
            good = False
            _complain(shown, f"no answer within {PATIENCE_SECONDS} s", channel="slack")
        except Exception as fault:
            good = False
            _complain(shown, str(fault) or type(fault).__name__, channel="slack")
    return good


def _complain(name: str, fault: str, *, channel: str) -> None:
    """Who has which fault, and the page that has every click and a table of faults."""
    print(f"!!  {name}: {fault}")
    print(f"    docs/channels/{channel.partition('/')[0]}.md tells what to do")


async def doctor(read: Settings) -> bool:
    """Print how the running installation does; return whether customers are served."""
    now = datetime.now(UTC)
    _unknown()
    async with wiring.connected(read, pool=1):
        faults = await health.find_faults(now)
        for fault in faults:
            print(f"!!  {fault}")
        if await migrate.pending_migrations():
            return False
        figures = await watch.figures(now)
        for process in figures.processes:
            print(f"ok  {process.kind} {process.host}/{process.pid} {process.model}")
        for name, queue in figures.queues.items():
            print(f"--  queue {name}: {queue.depth} due, oldest {queue.age_seconds:.0f} s")
        print(f"--  parked messages: {figures.parked}")
        for row in await inbox.parked(limit=SHOWN):
            print(f"--    conversation {row['conversation_id']}, message {row['message_id']}")
        print(f"--  parked mails: {len(await mail.parked(limit=1000))}")
        for one in await mail.parked(limit=SHOWN):
            print(f"--    mailbox {one['account'] or 'the first'}, UID {one['uid']}: {one['reason']}")
        for name in await slack_workspaces.lost():
            print(f"!!  slack: {name} has removed the app; connect it again or clear it on the desk")
        print(f"--  dead letters: {len(await outbox.dead_letters(limit=1000))}")
        for row in await outbox.dead_letters(limit=SHOWN):
            print(f"--    conversation {row['conversation_id']}, {row['channel']}: {row['error']}")
        for line in [*await set_aside(), *await untold(now)]:
            print(line)
    return not faults


async def set_aside() -> list[str]:
    """A line for slow work that failed too often, and one for each of the newest."""
    found = await jobs.dead(limit=1000)
    lines = [f"--  jobs set aside: {len(found)}"]
    return lines + [f"--    {one['kind']} {one['id']}: {one['error']}" for one in found[:SHOWN]]


async def untold(now: datetime) -> list[str]:
    """A line for each decision about advertising whose result the law wants told and nothing of ours could
    tell: they have no conversation to write into."""
    return [
        f"{'!!' if one.by < now else '--'}  tell contact {one.contact_id} by {one.by:%Y-%m-%d} that their"
        f" {'yes' if one.granted else 'no'} to advertising is written down"
        for one in await gate.owed_reports(now, limit=SHOWN)
    ]
