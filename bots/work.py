"""The worker process: Rasa and the actions, embedded. Claims conversations; opens no listening socket."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from rasa_sdk.executor import ActionExecutor

import actions
from bots import catalogue, training, ways, wiring
from bots.live_notices import LiveNotices
from bots.metrics import Timings
from bots.notices import Notices
from bots.settings import Settings
from bots.transcripts import Transcripts
from bots.turn import Prepared, Spoken, TurnHandler
from bots.worker import Worker
from crm import assistant, db, happenings, inbox, processes, requests
from nlu.components import resolver
from nlu.engine import Engine

log = structlog.get_logger()
HEARTBEAT_SECONDS = 5.0
NOTICES = "notices"


def executor() -> ActionExecutor:
    """Every action of ours, to be run in process."""
    made = ActionExecutor()
    for action in actions.ALL:
        made.register_action(action)
    return made


async def warm(engine: Engine) -> Engine:
    """Understand a sentence of each language, so that no customer waits for dictionaries to load."""
    for text in (
        "세탁기에서 물이 새요 내일 오후 3시에 와 주세요",
        "my washer is leaking, come tomorrow at 3 pm",
    ):
        await engine.parse(text, at=datetime.now(UTC))
    return engine


class Assistant:
    """The engine in force, swapped between turns, and what it did."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self.settings = settings
        self.engine = engine
        self.timings = Timings()
        self.turns = TurnHandler(lambda: self.engine)
        self.transcripts = Transcripts(settings.stt_model)
        self.live_notices = LiveNotices(engine.domain, ways.table(settings))
        self.notices = Notices(engine.domain, ways.table(settings), public_url=settings.url)

    async def prepare(self, turn: inbox.Turn) -> tuple[Prepared, float]:
        """Understand, outside any transaction."""
        began = time.perf_counter()
        last = turn.last
        spoken = Spoken(
            inbox_id=turn.inbox_id,
            conversation_id=turn.conversation_id,
            kind=last.kind,
            text=turn.text,
            choice=last.choice,
            files=sum(len(message.files) for message in turn.messages),
            in_reply_to=last.external_id,
            received_at=last.received_at,
            place=len(turn.messages) == 1 and "location" in last.data,
        )
        return await self.turns.prepare(spoken), began

    async def commit(self, prepared: tuple[Prepared, float]) -> None:
        """Answer, inside the turn's transaction."""
        what, began = prepared
        await self.turns.commit(what)
        self.timings.turn(time.perf_counter() - began, str(what.parsed.get("band") or "none"))

    async def parked(self, turn: inbox.Turn) -> None:
        await self.notices.parked(turn.conversation_id, datetime.now(UTC))

    async def follow_model(self) -> None:
        """Load the model in force when it is another than ours; the old one serves on meanwhile."""
        wanted = await assistant.in_force()
        path = self.settings.models_dir / f"{wanted}.tar.gz"
        if not wanted or wanted == self.engine.fingerprint or not path.exists():
            return
        fresh = await warm(await Engine.load(path, executor()))
        self.engine, self.notices.domain = fresh, fresh.domain
        self.live_notices.domain = fresh.domain
        log.info("model swapped", model=wanted)


async def run(settings: Settings, *, root: Path) -> None:
    """Work until SIGTERM or SIGINT."""
    model = training.present(settings, root=root)
    engine = await warm(await Engine.load(model, executor()))
    resolver.use_zone(settings.tz)
    async with wiring.connected(settings):
        await assistant.put_in_force(engine.fingerprint, datetime.now(UTC))
        await catalogue.fill()
        helper = Assistant(settings, engine)
        worker = Worker(helper, on_parked=helper.parked)
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, worker.stop)
        beside = [db.spawn(_beat(helper, worker)), db.spawn(_tell(helper))]
        log.info("worker ready", model=engine.fingerprint)
        try:
            await worker.run()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await processes.gone(worker.holder)


async def _beat(helper: Assistant, worker: Worker) -> None:
    """Say that we live, with which model and what was done; follow the model and the catalogue."""
    while True:
        with contextlib.suppress(OSError):
            try:
                await processes.heartbeat(
                    worker.holder,
                    "worker",
                    now=datetime.now(UTC),
                    model=helper.engine.fingerprint,
                    metrics=_metrics(helper, worker),
                )
                await helper.follow_model()
                await catalogue.refresh()
            except Exception as error:
                log.warning("worker.heartbeat_failed", fault=type(error).__name__)
        await asyncio.sleep(HEARTBEAT_SECONDS)


def _metrics(helper: Assistant, worker: Worker) -> Mapping[str, Any]:
    return {
        "turns": worker.turns,
        "failures": worker.failures,
        "parked": worker.parked,
        **helper.timings.export(),
    }


async def _tell(helper: Assistant) -> None:
    """Consume happenings that customers hear of."""
    while True:
        try:
            if not await happenings.consume(
                NOTICES, [helper.notices, helper.live_notices, helper.transcripts, requests.give_waiting]
            ):
                await db.wait("happenings", 10.0)
        except Exception as error:
            log.warning("notices.failed", fault=type(error).__name__, exc_info=error)
            await asyncio.sleep(1.0)
