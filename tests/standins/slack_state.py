"""What a Slack workspace knows: people, channels, messages, modals, files, and what goes wrong on purpose."""

import asyncio
import itertools
import random
import secrets
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.standins.slack_blocks import Refused

TEAM = "T0SAEBOM"
BOT = "U0DANGOL"
APP = "A0DANGOL"
TRIGGER_LIVES_SECONDS = 3.0
RESPONSE_LIVES_SECONDS = 1800.0
RESPONSE_USES = 5
SCOPES = (
    "app_mentions:read", "channels:history", "channels:read", "chat:write", "commands", "files:read",
    "files:write", "groups:history", "groups:read", "im:history", "im:read", "reactions:write", "users:read",
    "users:read.email",
)  # fmt: skip


@dataclass
class Fault:
    """Something that goes wrong: `kind` 429, 500, 503, reset or lost (done, but the answer never comes)."""

    kind: str
    method: str = "*"
    times: int = 1
    retry_after: int = 1
    chance: float = 1.0


@dataclass
class Bucket:
    """A limit of rate: `per_second` on average and `burst` at once."""

    per_second: float
    burst: float
    tokens: float = -1.0
    at: float = 0.0

    def take(self) -> float:
        """0, or the seconds to wait."""
        now = time.monotonic()
        if self.tokens < 0:
            self.tokens, self.at = self.burst, now
        self.tokens, self.at = min(self.burst, self.tokens + (now - self.at) * self.per_second), now
        if self.tokens >= 1.0:
            self.tokens -= 1.0
            return 0.0
        return (1.0 - self.tokens) / self.per_second


@dataclass
class World:
    """One workspace with one app."""

    bot_token: str
    app_token: str = ""
    signing_secret: str = ""
    client_id: str = ""  # of the app; with its secret, other workspaces can be connected
    client_secret: str = ""
    redirects: list[str] = field(default_factory=list)  # redirect URLs in the app's settings
    others: list["World"] = field(default_factory=list)  # workspaces that install the same app, or may
    team: str = TEAM
    scopes: list[str] = field(default_factory=lambda: list(SCOPES))  # of the bot token
    revoked: bool = False  # the app was removed: its token is good for nothing
    codes: dict[str, dict[str, Any]] = field(default_factory=dict)  # of consents given
    request_url: str = ""  # signed requests go there; empty: Socket Mode
    url: str = ""  # of this server
    team_name: str = "새봄가전"
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    channels: dict[str, dict[str, Any]] = field(default_factory=dict)
    members: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    messages: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    ephemerals: list[dict[str, Any]] = field(default_factory=list)
    views: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    triggers: dict[str, tuple[float, str]] = field(default_factory=dict)
    hooks: dict[str, dict[str, Any]] = field(default_factory=dict)
    log: list[dict[str, Any]] = field(default_factory=list)
    delivered: list[dict[str, Any]] = field(default_factory=list)  # each event's life, for tests
    faults: list[Fault] = field(default_factory=list)
    limits: bool = True
    duplicate: bool = False  # every event twice
    shuffle: bool = False  # events of the last moments in any order
    late_seconds: float = 0.0
    silent: bool = False  # sockets answer pings but bring no event
    deaf: bool = False  # sockets answer nothing
    tickets: set[str] = field(default_factory=set)
    sockets: list[Any] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    _buckets: dict[tuple[str, str], Bucket] = field(default_factory=dict)
    _count: Any = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.person(BOT, "dangol", bot=True)

    def ts(self) -> str:
        """Slack's id of a message: its time, and a number that never repeats."""
        return f"{int(time.time())}.{next(self._count):06d}"

    def changed(self) -> None:
        self.news.set()
        self.news = asyncio.Event()

    def person(self, user: str, name: str, email: str = "", *, bot: bool = False, **more: Any) -> None:
        profile = {"display_name": name, "real_name": name} | ({"email": email} if email else {})
        self.users[user] = {
            "id": user, "team_id": self.team, "name": name, "real_name": name, "deleted": False,
            "is_bot": bot,
            "is_restricted": False, "is_ultra_restricted": False, "is_email_confirmed": True,
            "profile": profile, **more,
        }  # fmt: skip

    def channel(self, channel: str, name: str, *, private: bool = True, **more: Any) -> None:
        self.channels[channel] = {
            "id": channel, "name": name, "is_channel": not private, "is_group": private, "is_im": False,
            "is_mpim": False, "is_private": private, "is_shared": False, "is_ext_shared": False,
            "is_org_shared": False, "is_pending_ext_shared": False, "is_archived": False,
            "context_team_id": self.team, **more,
        }  # fmt: skip

    def direct(self, user: str) -> str:
        """The conversation of one person and our app."""
        channel = f"D{user[1:]}"
        if channel not in self.channels:
            self.channel(channel, "", is_im=True, is_group=False, user=user)
            self.members[channel] |= {user, BOT}
        return channel

    def seen_by(self, user: str, channel: str) -> dict[str, Any]:
        """A channel as one user may know it. Raises `Refused`."""
        found = self.channels.get(channel)
        if found is None or (found["is_private"] and user not in self.members[channel]):
            raise Refused("channel_not_found")
        return found

    def message(self, channel: str, ts: str) -> dict[str, Any]:
        found = next((m for m in self.messages[channel] if m["ts"] == ts), None)
        if found is None:
            raise Refused("message_not_found")
        return found

    def keep(self, channel: str, message: dict[str, Any]) -> dict[str, Any]:
        """Add a message to a channel, below its root when it has one."""
        self.messages[channel].append(message)
        if root := message.get("thread_ts"):
            parent = next((m for m in self.messages[channel] if m["ts"] == root), None)
            if parent is not None:
                parent["thread_ts"] = root
                parent["reply_count"] = parent.get("reply_count", 0) + 1
        self.changed()
        return message

    def trigger(self, user: str) -> str:
        made = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**9)}.{secrets.token_hex(16)}"
        self.triggers[made] = (time.monotonic(), user)
        return made

    def spend(self, trigger: str) -> str:
        """The user whose trigger this is; each is good once, for three seconds. Raises `Refused`."""
        found = self.triggers.get(trigger)
        if found is None:
            raise Refused("invalid_trigger_id" if trigger not in self.hooks else "exchanged_trigger_id")
        del self.triggers[trigger]
        if time.monotonic() - found[0] > TRIGGER_LIVES_SECONDS:
            raise Refused("expired_trigger_id")
        return found[1]

    def hook(self, user: str, channel: str, ephemeral: str = "") -> str:
        """A response_url: five uses within half an hour."""
        token = secrets.token_hex(12)
        self.hooks[token] = {
            "user": user, "channel": channel, "uses": 0, "at": time.monotonic(), "ephemeral": ephemeral,
        }  # fmt: skip
        return f"{self.url}/hooks/{token}"

    def holding(self, token: str) -> "World":
        """The workspace whose token this is; this one when it is nobody's."""
        return next((w for w in self.others if w.bot_token and w.bot_token == token), self)

    def limit(self, method: str, channel: str) -> None:
        """Refuse what comes too fast: one message a second in a channel, methods by their tier."""
        if not self.limits:
            return
        bucket = self._buckets.get((method, channel))
        if bucket is None:
            per_second, burst = (
                (1.0, 4.0) if channel else (TIERS.get(method, 50) / 60, TIERS.get(method, 50) / 2)
            )
            bucket = self._buckets[method, channel] = Bucket(per_second, burst)
        if wait := bucket.take():
            raise Refused("ratelimited", retry_after=max(1, round(wait)))

    def fault(self, method: str) -> Fault | None:
        for fault in self.faults:
            if fault.method in ("*", method) and fault.times > 0 and random.random() < fault.chance:
                fault.times -= 1
                return fault
        return None


# Requests a minute: https://docs.slack.dev/apis/web-api/rate-limits
TIERS = {
    "apps.connections.open": 20, "auth.test": 600, "chat.update": 50, "chat.delete": 50,
    "chat.postEphemeral": 100, "views.open": 100, "views.update": 100, "users.info": 100, "users.list": 20,
    "conversations.info": 50, "conversations.list": 20, "conversations.members": 100,
    "conversations.history": 50, "conversations.replies": 50, "users.conversations": 50,
    "files.getUploadURLExternal": 100, "files.completeUploadExternal": 100, "reactions.add": 50,
}  # fmt: skip
