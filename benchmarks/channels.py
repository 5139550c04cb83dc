"""How fast a message for everybody leaves by Telegram while the provider has trouble.

    python -m benchmarks.channels [--chats 3000] [--calls 1000] [--only telegram|kakao] [--fronts 1] [--quick]

The real client library sends through the product's sender to the strict stand-in, which keeps Telegram's
limits (30 messages a second, 1 a second in a chat) and answers 2 % of requests with 429, 500 or a reset
connection. Wanted: 95 % or more of the allowed 30 a second, and every chat reached. `channels_kakao` tells
what is asked of KakaoTalk.
"""

import argparse
import asyncio
import tempfile
from bisect import bisect_left
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import structlog
import uvloop

from benchmarks import channels_kakao
from bots import fleet
from bots.composing import composer
from bots.sender import Sender
from bots.settings import Settings, load
from crm import db, inbox, migrate, outbox, vault
from tests.standins.telegram_client import TOKEN, Telegram, process, reached

ALLOWED_PER_SECOND = 30
FAULTS = (("429", 0.01), ("500", 0.005), ("reset", 0.005))


async def _write_first(server: Telegram, chats: int) -> list[int]:
    """Everybody has written to the bot before: it may not begin."""
    conversations = []
    for user in range(10_001, 10_001 + chats):
        await server.phone(user).say("안녕하세요")
        now = datetime.now(UTC)
        said = inbox.Inbound(
            channel="telegram", external_user=str(user), external_id=f"{user}:1", text="네", received_at=now
        )
        conversations.append((await inbox.store(said, now=now)).conversation_id)
    return conversations


async def _put(conversations: list[int]) -> None:
    for conversation in conversations:
        await outbox.put(
            conversation, author="system", text="점검 안내예요.", purpose="info", now=datetime.now(UTC)
        )


def _front(folder: str, url: str, fronts: int) -> int:
    """One front's sender, in a process of its own, until nothing waits; how many it sent."""

    async def sends() -> int:
        settings = await _opened(Path(folder), url)
        channels = fleet.build(settings)
        sender = Sender(channels.channels, compose=composer(settings.url))
        sender.shared_by(fronts)
        running = db.spawn(sender.run())
        while await _waiting():  # noqa: ASYNC110  (other processes send, too)
            await asyncio.sleep(0.25)
        sender.stop()
        await running
        await channels.close()
        await db.close()
        return sender.results["sent"]

    return uvloop.run(sends())


async def _waiting() -> int:
    rows = await db.fetch("SELECT count(*) AS messages FROM outbox WHERE state = 'waiting'")
    return int(rows[0]["messages"])


async def _opened(folder: Path, url: str) -> Settings:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    vault.use(b"s" * 32)
    settings = load(data_dir=folder, telegram_token=TOKEN, telegram_api_url=url)
    await db.connect(settings.database, wake_dir=folder / "run")
    return settings


async def run(chats: int, fronts: int) -> bool:
    with tempfile.TemporaryDirectory() as folder, process() as url:
        await _opened(Path(folder), url)
        await migrate.migrate()
        async with reached(url) as server:
            await _put(await _write_first(server, chats))
            for kind, chance in FAULTS:
                await server.fault(method="sendMessage", kind=kind, chance=chance, times=10**9)
            loop = asyncio.get_running_loop()
            with ProcessPoolExecutor(fronts, mp_context=get_context("spawn")) as pool:
                shares = await asyncio.gather(
                    *(loop.run_in_executor(pool, _front, folder, url, fronts) for _ in range(fronts))
                )
            log = await server.log("sendMessage")
        await db.close()
    return _tell(chats, shares, log)


def _busiest(log: list[dict[str, Any]]) -> int:
    """The most messages that the provider took within one second."""
    taken = sorted(entry["at"] for entry in log if entry.get("ok"))
    return max(bisect_left(taken, at + 1.0) - number for number, at in enumerate(taken))


def _tell(chats: int, shares: list[int], log: list[dict[str, Any]]) -> bool:
    seconds = max(entry["at"] for entry in log) - min(entry["at"] for entry in log)
    reached_chats = Counter(entry["params"]["chat_id"] for entry in log if entry.get("ok"))
    refused = sum(1 for entry in log if "refused" in entry)
    share = chats / seconds / ALLOWED_PER_SECOND
    print(f"chats {chats}, seconds {seconds:.1f}, messages/s {chats / seconds:.1f}")
    print(f"of the allowed 30/s: {share:.1%} (wanted 95%); in the busiest second {_busiest(log)}")
    print(f"sent by each front {', '.join(map(str, shares))}")
    print(f"requests {len(log)}, over a limit {refused}, faults injected {len(log) - chats - refused}")
    print(
        f"chats not reached {chats - len(reached_chats)}, reached twice {sum(reached_chats.values()) - chats}"
    )
    return share >= 0.95 and len(reached_chats) == chats


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--chats", type=int, default=3000)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--only", choices=("telegram", "kakao"))
    parser.add_argument("--fronts", type=int, default=1, help="processes that share Telegram's allowance")
    parser.add_argument("--quick", action="store_true", help="30 of each: that it runs, not how fast")
    given = parser.parse_args()
    good = True
    if given.only != "kakao":
        good &= uvloop.run(run(30 if given.quick else given.chats, given.fronts))
    if given.only != "telegram":
        good &= uvloop.run(channels_kakao.run(30 if given.quick else given.calls))
    raise SystemExit(0 if good or given.quick else 1)
