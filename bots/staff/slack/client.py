"""Slack's Web API as we use it: every fault as one of three, files both ways, and what a place is.

https://docs.slack.dev/apis/web-api/ ; limits of rate: https://docs.slack.dev/apis/web-api/rate-limits
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bots.channels.base import RetryLater, Undeliverable

log = structlog.get_logger()

TIMEOUT_SECONDS = 20
DOWNLOAD_HOSTS = ("files.slack.com",)
# Answers of Slack that another attempt may better; the rest are ours to mend.
PASSING = frozenset(
    {
        "internal_error", "fatal_error", "service_unavailable", "request_timeout",
        "ratelimited",
    }
)  # fmt: skip


class Uncertain(Exception):
    """It is not known whether Slack took the request."""


@dataclass(frozen=True)
class Place:
    """A conversation of Slack. `private`: only its few members read it, all of them of this company."""

    channel: str
    name: str = ""
    private: bool = False
    shared: bool = False
    direct: bool = False  # between one person and our app
    member: bool = False

    @property
    def confidential(self) -> bool:
        """Whether personal data may be shown there."""
        return self.direct or (self.private and not self.shared)


class Slack:
    """One workspace's app, by its bot token."""

    def __init__(self, token: str, api_url: str) -> None:
        self.api_url = api_url
        self.token = token
        self._session: aiohttp.ClientSession | None = None
        self._client: AsyncWebClient | None = None
        self.bot_user = ""
        self.team = ""
        self.scopes: frozenset[str] = frozenset()  # as Slack told them with its last answer to `get`

    @property
    def web(self) -> AsyncWebClient:
        """The library's client, with one pool of connections. Made where a loop runs."""
        if self._client is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS))
            self._client = AsyncWebClient(
                token=self.token, base_url=self.api_url, timeout=TIMEOUT_SECONDS, session=self._session
            )
            self._client.retry_handlers.clear()  # repeating is ours: with pauses, in order, durably
        return self._client

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
        self._client = self._session = None

    async def call(self, method: str, **values: Any) -> Mapping[str, Any]:
        """A method of the Web API. Raises `RetryLater`, `Undeliverable` with Slack's word, or `Uncertain`."""
        try:
            answer = await self.web.api_call(method, json=values)
        except SlackApiError as fault:
            raise _fault(fault) from None
        except (aiohttp.ClientError, SlackClientError, TimeoutError, OSError, ValueError) as fault:
            raise Uncertain(type(fault).__name__) from None
        data = answer.data
        return data if isinstance(data, dict) else {}

    async def get(self, method: str, **values: Any) -> Mapping[str, Any]:
        """`call` for the methods that take no JSON."""
        try:
            answer = await self.web.api_call(method, http_verb="GET", params=values)
        except SlackApiError as fault:
            raise _fault(fault) from None
        except (aiohttp.ClientError, SlackClientError, TimeoutError, OSError, ValueError) as fault:
            raise Uncertain(type(fault).__name__) from None
        told = str(answer.headers.get("X-OAuth-Scopes") or "")
        self.scopes = frozenset(scope.strip() for scope in told.split(",") if scope.strip())
        data = answer.data
        return data if isinstance(data, dict) else {}

    async def who_am_i(self) -> Mapping[str, Any]:
        """Prove the token; remember our own user and workspace."""
        told = await self.get("auth.test")
        self.bot_user, self.team = str(told.get("user_id", "")), str(told.get("team_id", ""))
        return told

    async def bot(self) -> str:
        """Our own user in this workspace."""
        if not self.bot_user:
            await self.who_am_i()
        return self.bot_user

    async def place(self, channel: str) -> Place:
        """What a channel is; one that we cannot look into counts as public."""
        try:
            told = (await self.get("conversations.info", channel=channel))["channel"]
        except Undeliverable:
            return Place(channel)
        shared = any(told.get(key) for key in ("is_shared", "is_ext_shared", "is_pending_ext_shared"))
        shared = shared or bool(told.get("is_org_shared"))
        return Place(
            channel,
            name=str(told.get("name", "")),
            private=bool(told.get("is_private")) and not told.get("is_im"),
            shared=shared,
            direct=bool(told.get("is_im")),
            member=bool(told.get("is_member")),
        )

    async def respond(self, url: str, body: Mapping[str, Any]) -> None:
        """Answer at a `response_url`. Raises as `call` does."""
        if not self._ours(url, "hooks.slack.com"):
            raise Undeliverable("foreign_response_url")
        await self._post(url, json=dict(body))

    async def _post(self, url: str, **how: Any) -> None:
        await self.bot()
        assert self._session is not None
        try:
            async with self._session.post(url, allow_redirects=False, **how) as answer:
                if answer.status == 429:
                    raise RetryLater(float(answer.headers.get("Retry-After", "1")))
                if answer.status >= 500:
                    raise Uncertain(f"HTTP {answer.status}")
                if answer.status >= 300:
                    raise Undeliverable(f"http_{answer.status}")
        except (aiohttp.ClientError, TimeoutError, OSError) as fault:
            raise Uncertain(type(fault).__name__) from None

    async def upload(
        self, content: bytes, *, name: str, channel: str, thread: str, comment: str, alt: str
    ) -> str:
        """Put a file into a thread (the three steps of upload v2); returns its id."""
        form: dict[str, Any] = {"filename": name, "length": len(content)}
        if alt:
            form["alt_txt"] = alt[:1000]
        given = await self.get("files.getUploadURLExternal", **form)
        if not self._ours(str(given["upload_url"]), "files.slack.com"):
            raise Undeliverable("foreign_upload_url")
        await self._post(str(given["upload_url"]), data=content)
        await self.call(
            "files.completeUploadExternal",
            files=[{"id": given["file_id"], "title": name}],
            channel_id=channel,
            thread_ts=thread,
            initial_comment=comment,
        )
        return str(given["file_id"])

    async def download(self, url: str, most: int) -> bytes:
        """A file that staff put into Slack. Raises `Undeliverable` for a foreign address or a large file."""
        if not self._ours(url, *DOWNLOAD_HOSTS):
            raise Undeliverable("foreign_file")
        await self.bot()
        assert self._session is not None
        headers = {"Authorization": f"Bearer {self.token}"}
        try:
            async with self._session.get(url, headers=headers, allow_redirects=False) as answer:
                if answer.status == 429:
                    raise RetryLater(float(answer.headers.get("Retry-After", "1")))
                if answer.status >= 500:
                    raise Uncertain(f"HTTP {answer.status}")
                if answer.status != 200 or "text/html" in answer.headers.get("Content-Type", ""):
                    raise Undeliverable("file_not_readable")  # a page to sign in: the scope is missing
                content = await _at_most(answer.content, most + 1)
        except (aiohttp.ClientError, TimeoutError, OSError) as fault:
            raise Uncertain(type(fault).__name__) from None
        if len(content) > most:
            raise Undeliverable("file_too_large")
        return content

    def _ours(self, url: str, *hosts: str) -> bool:
        """Whether our token may be shown at this address: a host of Slack's, or the API's own."""
        parts, api = urlsplit(url), urlsplit(self.api_url)
        if (parts.scheme, parts.netloc) == (api.scheme, api.netloc):
            return True
        return parts.scheme == "https" and parts.hostname in hosts


def _fault(fault: SlackApiError) -> Exception:
    answer = fault.response
    status = getattr(answer, "status_code", 0)
    data = getattr(answer, "data", None)
    error = str(data.get("error", "")) if isinstance(data, dict) else ""
    headers = getattr(answer, "headers", {}) or {}
    if status == 429 or error == "ratelimited":
        return RetryLater(float(headers.get("Retry-After", "1")))
    if status >= 500 or error in PASSING:
        return Uncertain(error or f"HTTP {status}")
    return Undeliverable(error or f"http_{status}")


async def _at_most(stream: aiohttp.StreamReader, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while size < most and (part := await stream.read(most - size)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)
