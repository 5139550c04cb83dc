"""KakaoTalk: the skill server of a channel's chatbot (Kakao i Open Builder).

Kakao asks and waits 5 s. We answer when the bot has said all it will, after 4 s at most: with that, or, where
the block has its callback on, with a promise and one POST to the callback address within its minute
(https://kakaobusiness.gitbook.io/main/tool/chatbot/skill_guide/ai_chatbot_callback_guide). What neither
carries waits (bots/waiting.py). Each message is taken before it is written out, so it is never said twice.
"""

import asyncio
import contextlib
import hmac
import json
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

import aiohttp
import structlog
from aiohttp import web

from bots import fetching
from bots.channels import kakao_answers, kakao_requests
from bots.channels.base import Caps, Outbound, Ports, Receive, Replies, Reply, Undeliverable, Wire
from bots.channels.kakao_answers import CAPS
from bots.channels.kakao_probe import probed
from bots.channels.kakao_requests import Facts
from bots.web import i18n
from crm.errors import Invalid
from crm.inbox import Inbound, Stored

log = structlog.get_logger()

LONGEST_REQUEST = 256 * 1024  # bytes
PICTURE_MAX = 20 * 1024 * 1024  # bytes; what is kept may be limited further
IMAGE_SECONDS = 3.0  # for all pictures of a message
POST_SECONDS = 5.0
POST_ATTEMPTS = 3  # when nobody took the connection
IMAGE_TYPES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"RIFF")  # JPEG, PNG, GIF, WebP


@dataclass(frozen=True)
class Pace:
    """How long we wait within one request, in seconds."""

    answer: float = 4.0  # of Kakao's 5: the rest is the network's
    spare: float = 0.4  # of those: for taking the messages and writing them out
    store: float = 4.3  # after which we answer although the database has not
    callback: float = 50.0  # for the bot; the address ends a minute after the request


class KakaoChannel:
    """One chatbot."""

    name: ClassVar[str] = kakao_requests.CHANNEL
    caps: ClassVar[Caps] = CAPS
    exclusive = False  # Kakao calls us: there is nothing to listen to

    def __init__(
        self, account: str, secret: str, callback_hosts: str, ports: Ports, pace: Pace | None = None
    ) -> None:
        self.account = account
        self._secret = secret
        self._hosts = [host.strip().lower() for host in callback_hosts.split(",") if host.strip()]
        self._ports = ports
        self._pace = pace or Pace()
        self._behind: set[asyncio.Task[None]] = set()  # callbacks on their way

    # --- in

    def parse(self, payload: Mapping[str, Any]) -> Inbound | None:
        """The message or choice of a request; its pictures are still at Kakao."""
        facts = kakao_requests.read(payload, self.account, datetime.now(UTC))
        return facts.inbound if facts else None

    async def run(self, receive: Receive) -> None:
        """Kakao calls us."""
        await asyncio.Event().wait()

    def routes(self, app: web.Application, receive: Receive) -> None:
        """`POST /channels/kakao/{secret}`, of a further account `/channels/kakao/{account}/{secret}`."""

        async def skill(request: web.Request) -> web.Response:
            given = request.match_info["secret"]
            if not hmac.compare_digest(given.encode(), self._secret.encode()):
                return web.Response(status=404)
            if (request.content_length or 0) > LONGEST_REQUEST:
                return web.Response(status=413)
            try:
                payload = json.loads(await request.read())
            except ValueError:
                return web.Response(status=400)
            now = datetime.now(UTC)
            facts = kakao_requests.read(payload, self.account, now) if isinstance(payload, dict) else None
            if facts is None:
                return web.Response(status=400)
            return await self._answered(request, facts, receive)

        between = f"/{self.account}" if self.account else ""
        app.router.add_post(f"/channels/kakao{between}/{{secret}}", skill)

    # --- the answer within the request

    async def _answered(self, request: web.Request, facts: Facts, receive: Receive) -> web.Response:
        began = asyncio.get_running_loop().time()
        storing = asyncio.create_task(self._store(facts, receive), name="kakao message")
        done, _ = await asyncio.wait({storing}, timeout=self._pace.store)
        if not done:  # it is stored all the same if it can be; its answer will wait
            self._keep(storing)
            log.warning("kakao.slow", account=self.account)
            return _json(kakao_answers.plain(self._words(facts, "kakao.busy")))
        inbound, stored = await storing
        finished = await self._replies.finished(stored, self._pace.answer - self._pace.spare - _since(began))
        if not finished and facts.callback_url and self._may_call(facts.callback_url):
            calling = self._call_back(facts, inbound, stored, self._pace.callback - _since(began))
            self._keep(asyncio.create_task(calling, name="kakao callback"))
            return _json(kakao_answers.waiting(self._words(facts, "kakao.soon")))
        reply = await self._soon(self._reply(inbound, stored, "answer"), self._pace.store - _since(began))
        if not reply.messages:
            return _json(self._nothing(facts, finished))
        return await self._write(request, reply)

    async def _soon(self, taking: Coroutine[Any, Any, Reply], seconds: float) -> Reply:
        """What could be taken in time; what comes too late for this answer waits for the next way."""
        task = asyncio.create_task(taking, name="kakao reply")
        done, _ = await asyncio.wait({task}, timeout=max(0.05, seconds))
        if done:
            return await task
        log.warning("kakao.slow", account=self.account)
        self._keep(asyncio.create_task(self._too_late(task), name="kakao reply, late"))
        return Reply()

    async def _too_late(self, taking: "asyncio.Task[Reply]") -> None:
        await self._replies.give_back(await taking)

    def _nothing(self, facts: Facts, finished: bool) -> dict[str, Any]:
        """Kakao wants words where there are none: no message of the conversation, and nothing to store."""
        return kakao_answers.plain(self._words(facts, "kakao.received" if finished else "kakao.later"))

    async def _write(self, request: web.Request, reply: Reply) -> web.Response:
        """The answer on the wire. What could not be written waits for the next way."""
        response = _json(kakao_answers.body(reply.messages, reply.more_url))
        try:
            if request.transport is None or request.transport.is_closing():
                raise ConnectionResetError
            await response.prepare(request)
            await response.write_eof()
        except (ConnectionError, asyncio.CancelledError) as fault:
            log.warning("kakao.not_written", account=self.account, fault=type(fault).__name__)
            await asyncio.shield(self._replies.give_back(reply))
            raise
        return response

    async def _store(self, facts: Facts, receive: Receive) -> tuple[Inbound, Stored]:
        inbound = facts.inbound
        if facts.images:
            tokens, refused = await self._fetch(facts)
            data = {**inbound.data, "refused": refused} if refused else inbound.data
            inbound = replace(inbound, files=tokens, data=data)
        return inbound, await receive(inbound)

    async def _fetch(self, facts: Facts) -> tuple[tuple[str, ...], list[str]]:
        """Keep the pictures of a message; those that cannot be taken by name."""

        async def one(number: int, url: str) -> tuple[str, str]:
            name = f"photo-{number}"
            try:
                content = await fetching.fetch(
                    url, most=PICTURE_MAX, seconds=IMAGE_SECONDS, trusted=self._hosts
                )
                if not content.startswith(IMAGE_TYPES):
                    return "", name
                return await self._ports.keep_file(facts.inbound, name, content), ""
            except (fetching.NotFetched, Invalid) as fault:
                log.info("kakao.picture_refused", account=self.account, reason=getattr(fault, "reason", ""))
                return "", name

        found = await asyncio.gather(*(one(number, url) for number, url in enumerate(facts.images, 1)))
        return tuple(token for token, _ in found if token), [name for _, name in found if name]

    async def _reply(self, inbound: Inbound, stored: Stored, by: str) -> Reply:
        """What waits for them; while staff own the conversation, else that they will answer."""
        reply = await self._replies.take(inbound, stored, by)
        if reply.messages or await self._replies.owner(stored) != "staff":
            return reply
        await self._replies.owe(stored, "kakao.staff_soon")
        return await self._replies.take(inbound, stored, by)

    # --- the callback

    async def _call_back(self, facts: Facts, inbound: Inbound, stored: Stored, seconds: float) -> None:
        finished = await self._replies.finished(stored, seconds)
        reply = await self._reply(inbound, stored, "callback")
        if not reply.messages and finished:
            return  # another request has carried it
        said = kakao_answers.body(reply.messages, reply.more_url) if reply.messages else None
        refused = await self._post(facts.callback_url, said or self._nothing(facts, finished))
        if refused:
            log.warning("kakao.callback_refused", account=self.account, reason=refused)
            await self._replies.give_back(reply)

    async def _post(self, url: str, body: Mapping[str, Any]) -> str:
        """Why it was certainly not shown; '' when it was, or when nobody can tell: that is never repeated."""
        timeout = aiohttp.ClientTimeout(total=POST_SECONDS)
        connector = aiohttp.TCPConnector(resolver=fetching.PublicResolver(), use_dns_cache=False)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            for attempt in range(1, POST_ATTEMPTS + 1):
                try:
                    async with session.post(url, json=body, allow_redirects=False) as answer:
                        return await _judged(answer)
                except aiohttp.ClientConnectorError as fault:
                    if attempt == POST_ATTEMPTS:
                        return type(fault).__name__
                    await asyncio.sleep(0.5 * attempt)
                except (aiohttp.ClientError, TimeoutError) as fault:
                    log.warning("kakao.callback_unsure", account=self.account, fault=type(fault).__name__)
                    return ""
        return "unreached"

    def _may_call(self, url: str) -> bool:
        if fetching.is_trusted(url, self._hosts):
            return True
        log.warning("kakao.callback_host", account=self.account)
        return False

    # --- out

    def render(self, message: Outbound) -> list[Wire]:
        """The answer of one message alone."""
        return [Wire(message.key, message.external_user, kakao_answers.body([message], message.more_url))]

    async def send(self, message: Wire) -> str:
        """A skill server cannot begin: what it says goes into an answer."""
        raise Undeliverable("answers_only")

    # --- set-up

    async def check(self) -> str:
        """Kakao has no address at which a skill's secret could be tried: whether a front takes it there."""
        if not self._ports.public_url.startswith("https://") and "127.0.0.1" not in self._ports.public_url:
            raise RuntimeError("Kakao calls only https://; set DANGOL_PUBLIC_URL")
        if not self._hosts:
            raise RuntimeError("DANGOL_KAKAO_CALLBACK_HOSTS is empty: no callback can be answered")
        between = f"/{self.account}" if self.account else ""
        where = f"{self._ports.public_url}/channels/kakao{between}/"
        found = await probed(where + self._secret)
        return f"skill requests come to {where}(KAKAO_SECRET), {found}; Kakao's skill test proves the rest"

    async def close(self) -> None:
        """Give up what waits for a callback: its messages go by another way."""
        for task in list(self._behind):
            task.cancel()
        await asyncio.gather(*self._behind, return_exceptions=True)

    @property
    def _replies(self) -> Replies:
        if self._ports.replies is None:
            raise RuntimeError("a channel that answers within the request needs its port")
        return self._ports.replies

    def _words(self, facts: Facts, key: str) -> str:
        return i18n.t(facts.inbound.locale or "ko", f"channels.{key}")

    def _keep(self, task: "asyncio.Task[Any]") -> None:
        self._behind.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._behind.discard(task)
        if not task.cancelled() and (fault := task.exception()):
            log.error("kakao.failed", account=self.account, fault=type(fault).__name__)


async def _judged(answer: aiohttp.ClientResponse) -> str:
    """Kakao says 200 and `SUCCESS` when the message is shown, else what was wrong."""
    if answer.status != 200:
        return f"status {answer.status}"
    with contextlib.suppress(ValueError, aiohttp.ClientError):
        told = await answer.json(content_type=None)
        if isinstance(told, dict) and told.get("status") in ("FAIL", "ERROR"):
            return str(told["status"])
    return ""


def _since(began: float) -> float:
    return asyncio.get_running_loop().time() - began


def _json(body: Mapping[str, Any]) -> web.Response:
    return web.json_response(body, dumps=lambda value: json.dumps(value, ensure_ascii=False))


def make(account: str, values: Mapping[str, str], ports: Ports) -> KakaoChannel:
    """The chatbot of one account's settings."""
    return KakaoChannel(account, values["secret"], values["callback_hosts"], ports)
