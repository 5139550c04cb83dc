"""How events leave the workspace: over Socket Mode to one of the connections, or signed to an address.

Each must be acknowledged within three seconds. Events are tried again, up to three times; presses, commands
and modals are not. What comes while nobody is connected is lost, as it is with Slack.
"""

import asyncio
import contextlib
import hashlib
import hmac
import json
import random
import secrets
import time
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import WSMsgType, web

from tests.standins.slack_state import APP, World

ACK_SECONDS = 3.0
RETRIES = 3
SOCKETS_MAX = 10
RETRY_PAUSE_SECONDS = 0.3  # Slack: at once, after a minute, after five


class Delivery:
    """Hands out what happened."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._acks: dict[str, asyncio.Future[Any]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    def event(self, event: dict[str, Any]) -> str:
        """An event of the Events API; its id."""
        number = f"Ev{secrets.token_hex(5).upper()}"
        payload = {
            "token": "deprecated", "team_id": self.world.team, "api_app_id": APP, "type": "event_callback",
            "event_id": number, "event_time": int(time.time()), "event": event,
            "authorizations": [{"team_id": self.world.team, "user_id": "U0DANGOL", "is_bot": True}],
        }  # fmt: skip
        for _ in range(2 if self.world.duplicate else 1):
            self._start(self._deliver("events_api", payload, retries=RETRIES))
        return number

    async def act(self, kind: str, payload: dict[str, Any]) -> Any:
        """A press, a command or a modal, for which a person waits; what the app answered, or None."""
        tries = 2 if self.world.duplicate else 1
        answers = [await self._deliver(kind, payload, retries=0) for _ in range(tries)]
        return answers[0]

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, kind: str, payload: dict[str, Any], *, retries: int) -> Any:
        entry: dict[str, Any] = {"kind": kind, "payload": payload, "acked": False, "tries": 0, "seconds": []}
        self.world.delivered.append(entry)
        if self.world.late_seconds:
            await asyncio.sleep(self.world.late_seconds)
        if self.world.shuffle:
            await asyncio.sleep(random.random() * 0.15)
        for attempt in range(retries + 1):
            began = time.monotonic()
            entry["tries"] += 1
            answer = await self._once(kind, payload, attempt)
            entry["seconds"].append(time.monotonic() - began)
            if answer is not None:
                entry["acked"] = True
                return answer
            if attempt < retries:
                await asyncio.sleep(RETRY_PAUSE_SECONDS * (attempt + 1))
        return None

    async def _once(self, kind: str, payload: dict[str, Any], attempt: int) -> Any:
        if self.world.request_url:
            return await self._request(kind, payload, attempt)
        return await self._socket(kind, payload, attempt)

    async def _socket(self, kind: str, payload: dict[str, Any], attempt: int) -> Any:
        open_ones = [socket for socket in self.world.sockets if not socket.closed]
        if not open_ones or self.world.silent or self.world.deaf:
            await asyncio.sleep(0.05)
            return None
        envelope = secrets.token_hex(16)
        frame: dict[str, Any] = {
            "envelope_id": envelope, "type": kind, "payload": payload,
            "accepts_response_payload": kind != "events_api",
        }  # fmt: skip
        if kind == "events_api":
            frame |= {"retry_attempt": attempt, "retry_reason": "timeout" if attempt else ""}
        acked = self._acks[envelope] = asyncio.get_running_loop().create_future()
        try:
            await random.choice(open_ones).send_str(json.dumps(frame))
            return await asyncio.wait_for(acked, ACK_SECONDS)
        except (TimeoutError, ConnectionError):
            return None
        finally:
            self._acks.pop(envelope, None)

    def acknowledged(self, frame: dict[str, Any]) -> None:
        waiting = self._acks.get(str(frame.get("envelope_id")))
        if waiting is not None and not waiting.done():
            waiting.set_result(frame.get("payload") or {})

    async def _request(self, kind: str, payload: dict[str, Any], attempt: int) -> Any:
        body = request_body(kind, payload)
        headers = signed(self.world.signing_secret, body, int(time.time()))
        form = kind != "events_api"
        headers["Content-Type"] = "application/x-www-form-urlencoded" if form else "application/json"
        if attempt:
            headers |= {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": "http_timeout"}
        timeout = aiohttp.ClientTimeout(total=ACK_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(self.world.request_url, data=body.encode(), headers=headers) as answer,
            ):
                text = await answer.text()
                if answer.status != 200:
                    return None
                return json.loads(text) if text.startswith("{") else {}
        except (aiohttp.ClientError, TimeoutError):
            return None


def request_body(kind: str, payload: dict[str, Any]) -> str:
    """As Slack writes it: events as JSON, commands as a form, the rest as JSON within a form."""
    if kind == "events_api":
        return json.dumps(payload)
    if kind == "slash_commands":
        return urlencode(payload)
    return urlencode({"payload": json.dumps(payload)})


def signed(secret: str, body: str, at: int) -> dict[str, str]:
    """https://docs.slack.dev/authentication/verifying-requests-from-slack"""
    base = f"v0:{at}:{body}".encode()
    mac = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": str(at), "X-Slack-Signature": f"v0={mac}"}


DELIVERY = web.AppKey("delivery", Delivery)


async def link(request: web.Request) -> web.StreamResponse:
    """One Socket Mode connection; a ticket is good once."""
    delivery = request.app[DELIVERY]
    world = delivery.world
    if request.query.get("ticket") not in world.tickets:
        raise web.HTTPForbidden
    world.tickets.discard(request.query["ticket"])
    if len([s for s in world.sockets if not s.closed]) >= SOCKETS_MAX:
        raise web.HTTPTooManyRequests
    socket = web.WebSocketResponse(autoping=False)
    await socket.prepare(request)
    world.sockets.append(socket)
    told = {"type": "hello", "num_connections": len(world.sockets), "connection_info": {"app_id": APP}}
    await socket.send_str(json.dumps({**told, "debug_info": {"host": "standin"}}))
    try:
        async for frame in socket:
            if frame.type is WSMsgType.PING and not world.deaf:
                await socket.pong(frame.data)
            elif frame.type is WSMsgType.TEXT:
                delivery.acknowledged(json.loads(frame.data))
    finally:
        if socket in world.sockets:
            world.sockets.remove(socket)
    return socket


async def disconnect(request: web.Request) -> web.Response:
    """Slack asks to reconnect (`refresh_requested`, `warning`, `link_disabled`), or just drops (`drop`)."""
    world, body = request.app[DELIVERY].world, await request.json()
    for socket in list(world.sockets)[: int(body.get("count", 99))]:
        with contextlib.suppress(ConnectionError):
            if body.get("reason") != "drop":
                reason = body.get("reason", "refresh_requested")
                await socket.send_str(json.dumps({"type": "disconnect", "reason": reason}))
            if body.get("close", True):
                await socket.close()
    return web.json_response({})


def routes(app: web.Application, world: World) -> None:
    app[DELIVERY] = Delivery(world)
    app.router.add_get("/link", link)
    app.router.add_post("/standin/disconnect", disconnect)
