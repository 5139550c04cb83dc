"""The processes of the durability benchmark: each is killed and started again at any moment.

`python -m benchmarks.durability_roles ROLE URL FOLDER ...` runs one of: worker, sender, storer, noop.
"""

import asyncio
import contextlib
import os
import random
import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from bots.channels.base import Outbound, Wire
from bots.sender import Sender
from bots.worker import Worker
from crm import db, inbox, outbox, sequences

CHANNEL = "bench"
SEOUL = ZoneInfo("Asia/Seoul")


def now() -> datetime:
    return datetime.now(UTC)


class Counting:
    """A dialogue that counts: remembers how many messages it answered, gives each a number, says both."""

    async def prepare(self, turn: inbox.Turn) -> tuple[inbox.Turn, int]:
        rows = await db.fetch(
            "SELECT body FROM dialogue_snapshot WHERE conversation_id = ?", turn.conversation_id
        )
        return turn, int(rows[0]["body"]) if rows else 0

    async def commit(self, prepared: tuple[inbox.Turn, int]) -> None:
        turn, count = prepared
        await db.execute(
            "INSERT INTO dialogue_snapshot (conversation_id, body, model, at) VALUES (?, ?, '', ?)"
            " ON CONFLICT (conversation_id) DO UPDATE SET body = excluded.body",
            turn.conversation_id,
            str(count + len(turn.messages)),
            db.stamp(now()),
        )
        number = await sequences.next_number("SR", now(), SEOUL)
        said = " ".join(message.text for message in turn.messages)
        await outbox.put(
            turn.conversation_id,
            author="bot",
            text=f"{said}|{count + len(turn.messages)}|{number}",
            inbox_id=turn.inbox_id,
            now=now(),
        )


class Noop:
    """Answers nothing: what remains is the machinery. It computes for `work` seconds before each turn, as
    understanding and a dialogue do."""

    def __init__(self, work: float = 0.0) -> None:
        self._work = work

    async def prepare(self, turn: inbox.Turn) -> inbox.Turn:
        until = time.process_time() + self._work
        while time.process_time() < until:
            pass
        return turn

    async def commit(self, turn: inbox.Turn) -> None:
        return None


class WireLog:
    """A provider that writes down what it takes, one line a request."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def render(self, message: Outbound) -> Sequence[Wire]:
        return [Wire(key=message.key, to=message.external_user, payload={"text": message.text})]

    async def send(self, message: Wire) -> str:
        os.write(self._file, f"{message.key}\t{message.to}\t{message.payload['text']}\n".encode())
        await asyncio.sleep(0)
        return message.key


async def store_all(folder: Path, users: int, each: int, redelivered: float, prefix: str) -> None:
    """Hand in every user's messages in order, some of them again later; go on where the last one died.

    `prefix` tells the messages of one lot from those of another.
    """
    acknowledged = folder / "acknowledged"
    done = set(acknowledged.read_text().split()) if acknowledged.exists() else set()
    log = os.open(acknowledged, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    async def one(user: int) -> None:
        for number in range(each):
            name = f"{prefix}{user}-{number}"
            if name in done:
                continue
            await store(user, number, prefix)
            os.write(log, f"{name}\n".encode())
            if random.random() < redelivered:
                await store(user, random.randint(0, number), prefix)

    await asyncio.gather(*(one(user) for user in range(users)))


async def store(user: int, number: int, prefix: str) -> inbox.Stored:
    """One message of one user, again and again until it is acknowledged."""
    inbound = inbox.Inbound(
        channel=CHANNEL,
        external_user=f"user {user}",
        external_id=f"{prefix}{user}-{number}",
        text=str(number),
        received_at=now(),
    )
    while True:
        with contextlib.suppress(OSError):
            return await inbox.store(inbound, now=now())


async def run(role: str, url: str, folder: Path, *numbers: str) -> None:
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(int(os.environ.get("STORM_LOG_LEVEL", "40")))
    )
    await db.connect(url, wake_dir=folder / "wake", pool=8)
    loop = asyncio.get_running_loop()
    if role in ("worker", "noop"):
        handler = Counting() if role == "worker" else Noop(float(numbers[1]) / 1000)
        worker = Worker(handler, group=int(numbers[0])) if numbers else Worker(handler)
        loop.add_signal_handler(signal.SIGTERM, worker.stop)
        await worker.run()
    elif role == "sender":
        sender = Sender({CHANNEL: WireLog(folder / "wires")}, in_flight=1)
        loop.add_signal_handler(signal.SIGTERM, sender.stop)
        await sender.run()
    elif role == "storer":
        users, each, redelivered = int(numbers[0]), int(numbers[1]), float(numbers[2])
        await store_all(folder, users, each, redelivered, numbers[3] if len(numbers) > 3 else "")
    await db.close()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2], Path(sys.argv[3]), *sys.argv[4:]))
