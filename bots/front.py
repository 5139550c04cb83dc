"""The front process: pages, web chat, desk, REST, sender and ticker. Never imports Rasa."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import structlog
from aiohttp import web

from bots import faults, fleet, health, ways, wiring
from bots.channels.web import WebChannel
from bots.composing import composer
from bots.demo import PASSWORD
from bots.demo.slack import introduce
from bots.demo.standins import SLACK_PEOPLE, Window
from bots.fleet import Fleet
from bots.sender import Sender
from bots.settings import Settings
from bots.staff.slack.face import Face, apps_of
from bots.ticker import Tick, Ticker
from bots.waiting import Waiting
from bots.web import (
    app_keys,
    call,
    call_socket,
    chat,
    demo,
    elsewhere,
    fault_pages,
    files,
    hub,
    mail_answers,
    pages,
    refusing,
    rest,
    uploads,
)
from bots.web import desk as desk_pages
from bots.worker import utc_now
from crm import (
    conversations,
    db,
    deliveries,
    gate,
    linking,
    live_ticks,
    logins,
    mail,
    merging,
    open_search,
    outbox,
    privacy,
    processes,
    pruning,
    recordings,
    request_search,
    requests,
    search,
    sessions,
    slack_cards,
    slack_workspaces,
    staff_inbox,
    taking,
    visit_reminders,
)
from crm import files as stored_files

log = structlog.get_logger()
HEARTBEAT_SECONDS = 5.0


def ticks() -> Sequence[Tick]:
    """Looks at due rows. Each is idempotent, so any number of fronts may tick."""
    return (
        Tick("conversations.return_idle", 30.0, conversations.return_idle),
        Tick("conversations.wake_snoozed", 15.0, conversations.wake_snoozed),
        Tick("requests.close_resolved", 300.0, requests.close_resolved),
        Tick("search.index_pending", 5.0, search.index_pending),
        Tick("open_search.sweep", 60.0, open_search.sweep),
        Tick("request_search.index_pending", 5.0, request_search.index_pending),
        Tick("files.sweep", 3600.0, stored_files.sweep),
        Tick("sessions.sweep", 3600.0, sessions.sweep),
        Tick("logins.sweep", 3600.0, logins.sweep),
        Tick("requests.flag_overdue", 15.0, requests.flag_overdue),
        Tick("visit_reminders.flag", 300.0, visit_reminders.flag),
        Tick("conversations.flag_overdue", 15.0, conversations.flag_overdue),
        Tick("gate.flag_reconfirmations", 3600.0, gate.flag_reconfirmations),
        Tick("merging.gather", 60.0, merging.gather),
        Tick("deliveries.settle", 5.0, deliveries.settle),
        Tick("live_ticks.remind", 15.0, live_ticks.remind),
        Tick("live_ticks.look", 5.0, live_ticks.look),
        Tick("recordings.expire", 3600.0, recordings.expire),
        Tick("recordings.sweep", 3600.0, recordings.sweep),
        Tick("mail.sweep", 3600.0, mail.sweep),
        Tick("taking.reclaim", 15.0, taking.reclaim),
        Tick("outbox.wake", 30.0, outbox.wake),
        Tick("linking.sweep", 3600.0, linking.sweep),
        Tick("privacy.purge_kept", 3600.0, privacy.purge_kept),
        Tick("pruning.prune", 3600.0, pruning.prune),
        Tick("processes.forget_old", 3600.0, processes.forget_old),
        Tick("staff_inbox.sweep", 3600.0, staff_inbox.sweep),
        Tick("slack_cards.sweep", 3600.0, slack_cards.sweep),
        Tick("slack_workspaces.sweep", 3600.0, slack_workspaces.sweep),
    )


def build(
    settings: Settings, *, demo_company: bool, channels: Fleet | None = None, windows: Sequence[Window] = ()
) -> web.Application:
    """The aiohttp application with every page and address."""
    app = web.Application(client_max_size=2 * 1024 * 1024)
    app[app_keys.CONFIG] = app_keys.WebConfig(
        secret_key=settings.secret(),
        timezone=settings.tz,
        locale=settings.locale,
        public_url=settings.public_url,
        upload_max_mb=settings.upload_max_mb,
        chat_origins=settings.chat_origins,
        chat_visitor_secret=settings.chat_visitor_secret,
        trusted_proxies=settings.trusted_proxies,
        media_url=settings.media_url,
        assist_dir=settings.data_dir / "assist",
        slack_apps=[app for app, values in apps_of(settings).items() if values["client_id"]],
        demo=demo_company,
        demo_password=PASSWORD if demo_company else "",
        demo_windows=windows,
        transcribes=bool(settings.stt_model),
        telegram=bool(settings.telegram_token),
        notice_channels=tuple(ways.table(settings)),
        loopback_only=settings.loopback,
    )
    app[app_keys.OPENING] = channels.opening if channels else _closed
    pages.setup(app)
    fault_pages.setup(app)
    app.cleanup_ctx.append(hub.lifespan)
    rooms = (
        health,
        pages,
        refusing,
        chat,
        uploads,
        files,
        elsewhere,
        mail_answers,
        desk_pages,
        rest,
        demo,
        call,
        call_socket,
    )
    for room in rooms:
        room.routes(app)
    if channels is not None:
        channels.routes(app)
    return app


async def _closed(_token: str) -> str:
    return ""


async def run(settings: Settings, *, demo: bool, windows: Sequence[Window] = ()) -> None:
    """Serve until SIGTERM or SIGINT."""
    async with wiring.connected(settings):
        channels, ticker = fleet.build(settings), Ticker(ticks())
        sender = Sender(
            # who talks in a terminal reads the database, as pages do
            {"web": WebChannel(), "terminal": WebChannel(), **channels.channels},
            compose=composer(settings.url),
            waits=channels.waiting(Waiting(ways.table(settings), settings.url)),
            merges=channels.merging,
        )
        stopping = asyncio.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, stopping.set)
        face = Face(settings)
        app = build(settings, demo_company=demo, channels=channels, windows=windows)
        face.routes(app)
        async with _listening(app, settings):
            sending, beat = db.spawn(sender.run()), db.spawn(_beat(sender))
            listening = [*channels.listen(), *face.start()]
            if any(window.name == "slack" for window in windows):
                logins = [login for login, _ in SLACK_PEOPLE]
                listening.append(db.spawn(introduce(face, logins, now=utc_now)))
            ticker.start()
            log.info("front ready", address=f"{settings.host}:{settings.port}")
            await stopping.wait()
            for task in listening:
                task.cancel()
            await asyncio.gather(*listening, return_exceptions=True)
        ticker.stop()
        sender.stop()
        beat.cancel()
        await asyncio.gather(sending, beat, return_exceptions=True)
        await channels.close()
        await face.close()


@contextlib.asynccontextmanager
async def _listening(app: web.Application, settings: Settings) -> AsyncIterator[None]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=3.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, settings.host, settings.port, reuse_address=True).start()
        except OSError as fault:
            raise faults.cannot_listen(settings.host, settings.port, fault) from fault
        yield
    finally:
        await runner.cleanup()


async def _beat(sender: Sender) -> None:
    name = processes.holder("front")
    try:
        while True:
            with contextlib.suppress(OSError):
                now = datetime.now(UTC)
                await processes.heartbeat(name, "front", now=now, metrics={"sent": sender.results})
                sender.shared_by(len(await processes.live(now, "front")))
            await asyncio.sleep(HEARTBEAT_SECONDS)
    finally:
        with contextlib.suppress(Exception):
            await processes.gone(name)
