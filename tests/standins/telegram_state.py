"""What the stand-in remembers: bots, people, chats, messages, files, updates, and how fast a bot may send."""

import asyncio
import itertools
import secrets
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from tests.standins.telegram_spec import Refused

OVERALL_PER_SECOND = 30  # https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
CHAT_BURST = 5.0  # one a second in a chat; short bursts are let through
GROUP_PER_MINUTE = 20
QUERY_LIVES_SECONDS = 60.0


@dataclass
class Fault:
    """What goes wrong with requests. `after`: the request is carried out, its answer lost."""

    method: str
    kind: str  # 429, 500, reset
    times: int = 1
    chance: float = 1.0
    retry_after: int = 1
    after: bool = False
    chat_id: int | None = None


@dataclass
class Allowance:
    """Tokens that come back `per_second`, at most `burst`."""

    per_second: float
    burst: float
    left: float = 0.0
    at: float = 0.0

    def take(self) -> float:
        """0, or the seconds to wait."""
        now = time.monotonic()
        left = min(self.burst, self.left + (now - self.at) * self.per_second) if self.at else self.burst
        self.left, self.at = left, now
        if left < 1:
            return (1 - left) / self.per_second
        self.left -= 1
        return 0.0


@dataclass
class Bot:
    """One bot: its queue of updates, webhook, and the limits on its sending."""

    token: str
    id: int
    username: str
    updates: deque[dict[str, Any]] = field(default_factory=deque)
    next_update: int = 1000
    webhook: dict[str, Any] = field(default_factory=dict)
    last_error: str = ""
    commands: dict[str, Any] = field(default_factory=dict)
    sends: deque[float] = field(default_factory=deque)
    chats: dict[int, Allowance] = field(default_factory=dict)
    blocked_by: set[int] = field(default_factory=set)
    met: set[int] = field(default_factory=set)
    poll: int = 0  # the number of the newest getUpdates: an older one is told of a conflict
    queries: dict[str, float] = field(default_factory=dict)
    allowed: list[str] | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self) -> None:
        """Wake whoever waits for updates."""
        self.news.set()
        self.news = asyncio.Event()

    @property
    def user(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "is_bot": True,
            "first_name": "단골",
            "username": self.username,
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
        }

    def slow_down(self, chat_id: int) -> None:
        """Count a message to a chat. Raises `Refused` 429 over a limit."""
        now = time.monotonic()
        while self.sends and now - self.sends[0] > 1.0:
            self.sends.popleft()
        per_second, burst = (
            (GROUP_PER_MINUTE / 60, float(GROUP_PER_MINUTE)) if chat_id < 0 else (1.0, CHAT_BURST)
        )
        wait = self.chats.setdefault(chat_id, Allowance(per_second, burst)).take()
        if len(self.sends) >= OVERALL_PER_SECOND:
            wait = max(wait, 1.0)
        if wait:
            seconds = max(1, round(wait))
            raise Refused(f"Too Many Requests: retry after {seconds}", 429, retry_after=seconds)
        self.sends.append(now)


class World:
    """Everything the stand-in knows."""

    def __init__(self, tokens: list[str], regulars: range = range(0)) -> None:
        self.regulars = regulars  # who has written to every bot before this process began
        self.bots = {
            token: Bot(token, int(token.split(":")[0]), f"dangol_{n}_bot")
            for n, token in enumerate(tokens, 1)
        }
        self.people: dict[int, dict[str, Any]] = {}
        self.groups: dict[int, dict[str, Any]] = {}
        self.messages: dict[tuple[int, int], dict[str, Any]] = {}
        self.numbers: dict[int, itertools.count[int]] = {}
        self.files: dict[str, bytes] = {}
        self.faults: list[Fault] = []
        self.moved: dict[int, int] = {}
        self.log: list[dict[str, Any]] = []
        self.duplicate = self.shuffle = False
        self.late_seconds = 0.0
        self.limits = True

    def clear(self) -> None:
        """Forget faults, the log and updates that nobody has taken."""
        self.faults.clear()
        self.log.clear()
        for bot in self.bots.values():
            bot.updates.clear()

    def person(self, user_id: int, **known: Any) -> dict[str, Any]:
        """Somebody with a phone; made at first mention."""
        made = {"id": user_id, "is_bot": False, "first_name": f"고객{user_id}", "language_code": "ko"}
        return self.people.setdefault(user_id, {**made, **known})

    def chat(self, bot: Bot, chat_id: int) -> dict[str, Any]:
        """A chat as the bot sees it. Raises `Refused` when it may not write there."""
        if chat_id in self.moved:
            to = self.moved[chat_id]
            words = "Bad Request: group chat was upgraded to a supergroup chat"
            raise Refused(words, migrate_to_chat_id=to)
        if chat_id in self.groups:
            if chat_id not in bot.met:
                raise Refused("Forbidden: bot was kicked from the group chat", 403)
            return self.groups[chat_id]
        if chat_id in self.regulars:
            self.person(chat_id)
        elif chat_id not in self.people or chat_id not in bot.met:
            raise Refused("Bad Request: chat not found")
        if chat_id in bot.blocked_by:
            raise Refused("Forbidden: bot was blocked by the user", 403)
        return self.private(chat_id)

    def private(self, user_id: int) -> dict[str, Any]:
        return {"id": user_id, "type": "private", "first_name": self.people[user_id]["first_name"]}

    def number(self, chat_id: int) -> int:
        """The next message number of a chat."""
        return next(self.numbers.setdefault(chat_id, itertools.count(1)))

    def keep(self, message: dict[str, Any]) -> dict[str, Any]:
        self.messages[message["chat"]["id"], message["message_id"]] = message
        return message

    def keep_file(self, content: bytes) -> dict[str, Any]:
        """The id under which a file can be fetched, and its size."""
        file_id = secrets.token_urlsafe(24)
        self.files[file_id] = content
        return {"file_id": file_id, "file_unique_id": file_id[:12], "file_size": len(content)}
