"""The two sides of the benchmark `turn`: stock Rasa behind HTTP, and our worker."""

import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import aiohttp

from benchmarks.common import ROOT, cpu_of
from bots import catalogue, demo
from bots.settings import Settings
from bots.work import Assistant, executor, warm
from bots.worker import Worker
from crm import choices, conversations, db, files, identities, inbox, migrate, storage, vault, zone
from nlu.engine import Engine

PRESS = "!"  # a step that begins so presses the choice of this label; all others are typed


@dataclass
class Customer:
    """One conversation: who, in which language, and what they can press now (label -> what to send)."""

    name: str
    language: str
    conversation_id: int = 0
    contact_id: int = 0
    count: int = 0
    offered: dict[str, str] = field(default_factory=dict)
    said: list[list[str]] = field(default_factory=list)

    def press(self, label: str) -> str:
        """What is sent when the choice of this label is pressed."""
        if label not in self.offered:
            raise RuntimeError(f"{label!r} is not offered after {self.said}: {list(self.offered)}")
        return self.offered[label]


class Side(Protocol):
    """One way to run the assistant."""

    name: str
    latencies: list[float]  # seconds of each turn since cleared

    async def say(self, said: Sequence[tuple[Customer, str]]) -> None:
        """Each customer says one step, all at once; returns when all are answered."""

    def cpu(self) -> float:
        """CPU seconds used so far by what is measured."""


class Ours:
    """Stored in the inbox, answered by the worker: all in this process, less what the driver itself does."""

    name = "worker"

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._assistant = Assistant(settings, engine)
        self._worker = _Timed(self._assistant, on_parked=self._assistant.parked)
        self._used = 0.0
        self.latencies = self._worker.latencies

    def cpu(self) -> float:
        return self._used

    async def say(self, said: Sequence[tuple[Customer, str]]) -> None:
        inbounds = [self._inbound(customer, step) for customer, step in said]
        began = time.process_time()
        self._worker.began = time.perf_counter()
        for inbound in inbounds:
            await inbox.store(inbound, now=inbound.received_at)
        await self._worker.drain()
        self._used += time.process_time() - began
        if self._worker.failures or not self.latencies:
            raise RuntimeError("a turn failed")
        for customer, _ in said:
            await self._listen(customer)

    def _inbound(self, customer: Customer, step: str) -> inbox.Inbound:
        customer.count += 1
        pressed = customer.press(step[1:]) if step.startswith(PRESS) else ""
        return inbox.Inbound(
            channel="terminal",
            external_user=customer.name,
            external_id=f"{customer.name}:{customer.count}",
            kind="choice" if pressed else "message",
            text="" if pressed else step,
            choice=pressed,
            locale=customer.language,
            received_at=datetime.now(UTC),
        )

    async def _listen(self, customer: Customer) -> None:
        rows = await db.fetch(
            "SELECT text, choices, cards, in_reply_to FROM message WHERE conversation_id = ?"
            " AND direction = 'out' AND in_reply_to = ? ORDER BY seq",
            customer.conversation_id,
            f"{customer.name}:{customer.count}",
        )
        customer.said.append([row["text"] for row in rows])
        customer.offered = {
            choices.label(item): str(item["value"])
            for row in rows
            for item in choices.pressables(json.loads(row["choices"]), json.loads(row["cards"]))
        }


class _Timed(Worker):
    """Notes how long after `began` each turn was over."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.began = 0.0
        self.latencies: list[float] = []

    def _did(self, turn: inbox.Turn) -> None:
        super()._did(turn)
        self.latencies.append(time.perf_counter() - self.began)


class Stock:
    """`rasa run` with a SQL tracker store, and `rasa run actions`: two processes, spoken to by HTTP."""

    name = "stock"

    def __init__(self, model: Path, folder: Path) -> None:
        self._model, self._folder = model, folder
        self._processes: list[asyncio.subprocess.Process] = []
        self.latencies: list[float] = []

    async def start(self) -> None:
        rasa, server = _free_port(), _free_port()
        (self._folder / "endpoints.yml").write_text(
            f"action_endpoint:\n  url: http://127.0.0.1:{server}/webhook\n"
            f"tracker_store:\n  type: SQL\n  dialect: sqlite\n  db: {self._folder}/trackers.db\n"
        )
        (self._folder / "credentials.yml").write_text("rest:\n")
        await self._run("actions", "--actions", "bots.rasa_actions", "--port", str(server), "--quiet")
        await self._run(
            *("--enable-api", "--model", str(self._model), "--port", str(rasa), "--interface", "127.0.0.1"),
            *("--endpoints", str(self._folder / "endpoints.yml")),
            *("--credentials", str(self._folder / "credentials.yml"), "--quiet"),
        )
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120))
        self._address = f"http://127.0.0.1:{rasa}"
        await self._ready(f"{self._address}/status")
        await self._ready(f"http://127.0.0.1:{server}/health")

    async def _run(self, *arguments: str) -> None:
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "RASA_TELEMETRY_ENABLED": "false",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "DANGOL_DATA_DIR": str(self._folder / "var"),
            "PYTHONWARNINGS": "ignore",
        }
        with (self._folder / f"log{len(self._processes)}").open("w") as log:
            process = await asyncio.create_subprocess_exec(
                str(Path(sys.executable).with_name("rasa")), "run", *arguments,
                cwd=self._folder, env=environment, stdout=log, stderr=log,
            )  # fmt: skip
        self._processes.append(process)

    async def _ready(self, address: str) -> None:
        for _ in range(600):
            if any(process.returncode is not None for process in self._processes):
                raise RuntimeError(f"stock Rasa did not start: see {self._folder}")
            try:
                async with self._session.get(address) as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.5)
        raise TimeoutError(address)

    async def stop(self) -> None:
        await self._session.close()
        for process in self._processes:
            if process.returncode is None:
                process.terminate()
        for process in self._processes:
            try:
                await asyncio.wait_for(process.wait(), 15)
            except TimeoutError:
                process.kill()
                await process.wait()

    def cpu(self) -> float:
        return sum(cpu_of(process.pid) for process in self._processes)

    async def _open(self, customer: Customer) -> None:
        """The session and its language, which our worker gives with every message."""
        events = [
            {"event": "action", "name": "action_session_start"},
            {"event": "session_started"},
            {"event": "action", "name": "action_listen"},
            {"event": "slot", "name": "language", "value": customer.language},
        ]
        address = f"{self._address}/conversations/{customer.name}/tracker/events"
        async with self._session.post(address, json=events) as response:
            response.raise_for_status()

    async def say(self, said: Sequence[tuple[Customer, str]]) -> None:
        for customer, _ in said:
            if not customer.count:
                await self._open(customer)
        await asyncio.gather(*(self._say(customer, step) for customer, step in said))

    async def _say(self, customer: Customer, step: str) -> None:
        customer.count += 1
        about = {
            "conversation_id": customer.conversation_id,
            "contact_id": customer.contact_id,
            "inbox_id": None,
            "audience": "customer",
            "channel": "terminal",
            "files": 0,
            "language": None,
            "at": datetime.now(UTC).isoformat(),
        }
        words = customer.press(step[1:]) if step.startswith(PRESS) else step
        began = time.perf_counter()
        address = f"{self._address}/webhooks/rest/webhook"
        message = {"sender": customer.name, "message": words, "metadata": about}
        async with self._session.post(address, json=message) as response:
            response.raise_for_status()
            replies: list[Mapping[str, Any]] = await response.json()
        self.latencies.append(time.perf_counter() - began)
        customer.said.append([str(reply["text"]) for reply in replies if reply.get("text")])
        customer.offered = {
            choices.label(item): str(item["payload"])
            for reply in replies
            for item in choices.pressables(reply.get("buttons") or [], _cards(reply))
            if "payload" in item  # a day that is closed is shown, but cannot be pressed
        }


def _cards(reply: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list((reply.get("custom") or {}).get("cards") or [])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def meet(customer: Customer) -> None:
    """Make the contact and conversation in the database that is connected."""
    now = datetime.now(UTC)
    identity = await identities.find_or_create(
        "terminal", "", customer.name, locale=customer.language, now=now
    )
    conversation = await conversations.reach(identity, now=now, locale=customer.language)
    customer.conversation_id, customer.contact_id = conversation.id, identity.contact_id


async def company(settings: Settings) -> None:
    """A database with the demo company, and this process connected to it, as a worker is."""
    for folder in (settings.data_dir, settings.wake_dir):
        folder.mkdir(parents=True, exist_ok=True)
    zone.use(ZoneInfo("Asia/Seoul"))
    vault.use(settings.secret())
    files.use(storage.Folder(settings.files_dir), max_bytes=20_000_000)
    await db.connect(settings.database, synchronous="FULL", wake_dir=settings.wake_dir)
    await migrate.migrate()
    await demo.load(datetime.now(UTC), tz=settings.tz)
    await catalogue.fill()


async def engine_of(model: Path) -> Engine:
    """The embedded engine, warm."""
    return await warm(await Engine.load(model, executor()))
