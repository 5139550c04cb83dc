"""How fast a message for everybody leaves by Telegram while the provider has trouble.

    python -m benchmarks.channels [--chats 3000] [--calls 1000] [--only telegram|kakao] [--quick]

The real client library sends through the product's sender to the strict stand-in, which keeps Telegram's
limits (30 messages a second, 1 a second in a chat) and answers 2 % of requests with 429, 500 or a reset
connection. Wanted: 95 % or more of the allowed 30 a second, and every chat reached. `channels_kakao` tells
what is asked of KakaoTalk.
"""

import argparse
import asyncio
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import structlog
import uvloop

from benchmarks import channels_kakao
from bots import fleet
from bots.composing import composer
from bots.sender import Sender
from bots.settings import load
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


async def _fan_out(server: Telegram, sender: Sender, conversations: list[int]) -> float:
    """Seconds from the first request to the last."""
    for conversation in conversations:
        await outbox.put(
            conversation, author="system", text="점검 안내예요.", purpose="info", now=datetime.now(UTC)
        )
    began = time.perf_counter()
    running = db.spawn(sender.run())
    while sender.results["sent"] + sender.results["dead"] < len(conversations):  # noqa: ASYNC110  (counted)
        await asyncio.sleep(0.05)
    seconds = time.perf_counter() - began
    sender.stop()
    await running
    return seconds


async def run(chats: int) -> bool:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    vault.use(b"s" * 32)
    with tempfile.TemporaryDirectory() as folder, process() as url:
        settings = load(data_dir=Path(folder), telegram_token=TOKEN, telegram_api_url=url)
        await db.connect(settings.database, wake_dir=Path(folder) / "run")
        await migrate.migrate()
        async with reached(url) as server:
            channels = fleet.build(settings)
            conversations = await _write_first(server, chats)
            for kind, chance in FAULTS:
                await server.fault(method="sendMessage", kind=kind, chance=chance, times=10**9)
            seconds = await _fan_out(
                server, Sender(channels.channels, compose=composer(settings.url)), conversations
            )
            log = await server.log("sendMessage")
            await channels.close()
        await db.close()
    return _tell(chats, seconds, log)


def _tell(chats: int, seconds: float, log: list[dict[str, object]]) -> bool:
    reached_chats = Counter(entry["params"]["chat_id"] for entry in log if entry.get("ok"))  # type: ignore[index]
    refused = sum(1 for entry in log if "refused" in entry)
    share = chats / seconds / ALLOWED_PER_SECOND
    print(f"chats {chats}, seconds {seconds:.1f}, messages/s {chats / seconds:.1f}")
    print(f"of the allowed 30/s: {share:.1%} (wanted 95%)")
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
    parser.add_argument("--quick", action="store_true", help="30 of each: that it runs, not how fast")
    given = parser.parse_args()
    good = True
    if given.only != "kakao":
        good &= uvloop.run(run(30 if given.quick else given.chats))
    if given.only != "telegram":
        good &= uvloop.run(channels_kakao.run(30 if given.quick else given.calls))
    raise SystemExit(0 if good or given.quick else 1)
