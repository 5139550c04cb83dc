"""A strict, stateful SOLAPI: `python -m tests.standins.solapi_api --port 8084`.

The API that the SDK of SOLAPI uses, its web hooks (reports; a customer's SMS), and `/inbox`, the phones that
got something. `/standin/...` adds templates, makes faults happen and lets a customer write.
"""

import argparse
import asyncio
import contextlib
import hashlib
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from aiohttp import web

from tests.standins.solapi_state import DELIVERED, PRICE, Account, Refused, Rejected

WORLD = web.AppKey("world", "World")
DEMO = Path(__file__).parents[2] / "bots" / "demo" / "templates.yaml"  # approved from the start
PAGE = Path(__file__).with_name("solapi_inbox.html")
RETRIES = 8  # of a web hook that is not answered with 2xx
KEY, SECRET, SENDER = "NCSAYU7YDBXYORXC", "9TQPLJX3MZKHW2RB5VNCY8DFG4SAE6UT", "15881234"


class World:
    """The account, and where its web hooks go."""

    def __init__(self, account: Account, front: str, secret: str, kakao: str, profile: str) -> None:
        self.account, self.front, self.kakao, self.profile = account, front, kakao, profile
        self.hook_secret = secret
        self.posted: list[dict[str, Any]] = []
        self.written: list[dict[str, Any]] = []  # what customers wrote
        self.tasks: set[asyncio.Task[None]] = set()
        self.held: list[dict[str, Any]] = []
        self.session: aiohttp.ClientSession | None = None

    def later(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    # --- delivering and reporting

    async def deliver(self, messages: list[dict[str, Any]]) -> None:
        faults, reports = self.account.faults, []
        await asyncio.sleep(0.02)
        for message in messages:
            message["statusCode"] = self.account.outcome(message)
            self.account.replace(message)
            if message["statusCode"] == DELIVERED and message["type"] == "ATA":
                await self._show_on_kakao(message)
            reports.append(self._report(message))
        if faults.hold_reports:
            self.held += reports
        else:
            await self.report(reports)

    async def release(self) -> None:
        held, self.held = self.held, []
        await self.report(held)

    async def report(self, reports: list[dict[str, Any]]) -> None:
        faults = self.account.faults
        if faults.late_seconds:
            await asyncio.sleep(faults.late_seconds)
        sent = reports * 2 if faults.duplicate_reports else list(reports)
        if faults.shuffle_reports:
            random.shuffle(sent)
        for event in sent:
            await self.post("/reports/sms", "SINGLE-REPORT", [event])

    def _report(self, message: dict[str, Any]) -> dict[str, Any]:
        data = {k: message[k] for k in ("messageId", "groupId", "to", "from", "type", "customFields")}
        times = {"dateProcessed": message["at"], "dateReceived": message["at"], "dateReported": message["at"]}
        data |= {"statusCode": message["statusCode"], "statusMessage": "", "networkCode": "SKT", **times}
        return {"eventDataId": f"E{message['messageId']}", "data": data, "retryCount": 0}

    async def post(self, path: str, event: str, body: Any) -> None:
        """A web hook, again and again until it is answered."""
        if not self.front or not self.session:
            return
        headers = {"X-Solapi-Event-Name": event,
                   "X-Solapi-Secret": hashlib.sha1(self.hook_secret.encode()).hexdigest()}  # fmt: skip
        for attempt in range(RETRIES + 1):
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with self.session.post(
                    self.front + path, json=body, headers=headers, timeout=aiohttp.ClientTimeout(5)
                ) as answer:
                    self.posted.append({"path": path, "status": answer.status, "body": body})
                    if answer.status < 300 or answer.status in (400, 403, 404):
                        return
            await asyncio.sleep(min(0.2 * 2**attempt, 10))

    async def _show_on_kakao(self, message: dict[str, Any]) -> None:
        if self.kakao and self.session:
            shown = {"to": message["to"], "sender": "새봄가전 알림톡", "text": message["text"],
                     "buttons": message["buttons"]}  # fmt: skip
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                await self.session.post(f"{self.kakao}/standin/alimtalk", json=shown)


# --- the API


async def send_many(request: web.Request) -> web.Response:
    world = request.app[WORLD]
    account, body = world.account, await request.json()
    messages = body.get("messages")
    if not isinstance(messages, list) or not 0 < len(messages) <= 10_000:
        raise Refused(400, "ValidationError", "messages")
    taken, failed = [], []
    for message in messages:
        try:
            taken.append(account.take(message))
        except Rejected as fault:
            account.refused.append({"code": fault.code, "said": fault.said, "message": message})
            failed.append(_failed(message, fault))
    if taken:
        world.later(world.deliver(taken))
    if account.faults.lose_answer:
        account.faults.lose_answer -= 1
        _cut(request)
    listed = [
        {"messageId": m["messageId"], "statusCode": "2000", "statusMessage": "정상 접수",
         "customFields": m["customFields"]} for m in taken
    ]  # fmt: skip
    shown = listed if body.get("showMessageList") else None
    group = _group(taken, failed)
    return web.json_response({"failedMessageList": failed, "groupInfo": group, "messageList": shown})


def _failed(message: dict[str, Any], fault: Rejected) -> dict[str, Any]:
    return {
        "to": message["to"], "from": message["from"], "type": message["type"], "country": "82",
        "messageId": "M4V0", "statusCode": fault.code, "statusMessage": fault.said, "accountId": "12345",
        "customFields": message.get("customFields") or {},
    }  # fmt: skip


def _group(taken: list[dict[str, Any]], failed: list[dict[str, Any]]) -> dict[str, Any]:
    count = {"total": len(taken) + len(failed), "sentTotal": 0, "sentSuccess": 0, "sentPending": 0,
             "sentReplacement": 0, "refund": 0, "registeredFailed": len(failed),
             "registeredSuccess": len(taken)}  # fmt: skip
    cash = {"requested": sum(PRICE[m["type"]] for m in taken), "replacement": 0, "refund": 0, "sum": 0}
    return {
        "count": count, "countForCharge": {}, "balance": cash, "point": {**cash, "requested": 0},
        "app": {"profit": {}, "appId": None}, "log": [], "status": "SENDING", "allowDuplicates": True,
        "isRefunded": False, "accountId": "12345", "masterAccountId": None, "apiVersion": "4",
        "groupId": taken[0]["groupId"] if taken else "G4V0", "price": {}, "dateCreated": None,
        "dateUpdated": None,
    }  # fmt: skip


async def balance(request: web.Request) -> web.Response:
    return web.json_response({"balance": request.app[WORLD].account.balance, "point": 0})


async def numbers(request: web.Request) -> web.Response:
    return web.json_response(sorted(request.app[WORLD].account.senders))


async def templates(request: web.Request) -> web.Response:
    wanted = request.query
    found = [
        t for t in request.app[WORLD].account.templates.values()
        if wanted.get("channelId", t["channelId"]) == t["channelId"]
        and wanted.get("status", t["status"]) == t["status"]
    ]  # fmt: skip
    return web.json_response({"templateList": found, "limit": 100, "nextKey": None})


@web.middleware
async def strict(request: web.Request, handler: Any) -> web.StreamResponse:
    """Authentication, faults on purpose, and errors in SOLAPI's form."""
    if request.path.startswith(("/standin", "/inbox")):
        return await handler(request)  # type: ignore[no-any-return]
    account = request.app[WORLD].account
    try:
        account.admit(request.headers.get("Authorization", ""))
        if request.method == "POST":
            _go_wrong(request, account)
            if request.content_type != "application/json":
                raise Refused(400, "ValidationError", "content type")
        return await handler(request)  # type: ignore[no-any-return]
    except Refused as fault:
        account.refused.append({"code": fault.code, "said": fault.said})
        body = {"errorCode": fault.code, "errorMessage": fault.said}
        return web.json_response(body, status=fault.status)


def _go_wrong(request: web.Request, account: Account) -> None:
    faults = account.faults
    if faults.reset:
        faults.reset -= 1
        _cut(request)
    if faults.times and faults.status:
        faults.times -= 1
        code = "TooManyRequests" if faults.status == 429 else "InternalError"
        raise Refused(faults.status, code, "on purpose")


def _cut(request: web.Request) -> None:
    if request.transport:
        request.transport.abort()
    raise ConnectionResetError


# --- moving it


async def standin(request: web.Request) -> web.Response:
    """`POST /standin/{act}` with JSON: template, faults, account, write (a customer's SMS), release."""
    world, body = request.app[WORLD], await request.json()
    match request.match_info["act"]:
        case "template":
            world.account.add_template(channel=body.pop("channel", world.profile), **body)
        case "faults":
            world.account.faults.change(body)
        case "account":
            for name, value in body.items():
                setattr(world.account, name, set(value) if name == "senders" else value)
        case "front":
            world.front, world.hook_secret = body["url"], body["secret"]
        case "write":
            at = datetime.now(UTC).isoformat()
            world.written.append({**body, "to": "", "type": "SMS", "buttons": [], "at": at, "mine": True})
            await world.post(body.pop("path", "/channels/sms"), "INBOUND", [{"data": body}])
        case "release":
            await world.release()
        case "clear":
            world.account.messages.clear()
            world.account.refused.clear()
            world.posted.clear()
        case _:
            raise web.HTTPNotFound
    return web.json_response({})


async def log(request: web.Request) -> web.Response:
    """`GET /standin/log`: messages that were taken, refusals, and web hooks with their answers."""
    world = request.app[WORLD]
    return web.json_response(
        {"messages": world.account.messages, "refused": world.account.refused, "posted": world.posted}
    )


async def inbox(request: web.Request) -> web.Response:
    """The phones that got something, newest message first."""
    response = web.Response(text=PAGE.read_text(), content_type="text/html")
    response.headers["Content-Security-Policy"] = "frame-ancestors http://127.0.0.1:* http://localhost:*"
    return response


async def inbox_messages(request: web.Request) -> web.Response:
    world = request.app[WORLD]
    told = [m for m in world.account.messages if m["statusCode"] == DELIVERED][-100:]
    shown = [{k: m[k] for k in ("messageId", "to", "from", "type", "text", "buttons", "at")} for m in told]
    return web.json_response(sorted([*shown, *world.written[-100:]], key=lambda m: str(m["at"])))


def application(world: World) -> web.Application:
    app = web.Application(middlewares=[strict], client_max_size=4 * 1024 * 1024)
    app[WORLD] = world
    app.router.add_post("/messages/v4/send-many/detail", send_many)
    app.router.add_get("/cash/v1/balance", balance)
    app.router.add_get("/senderid/v1/numbers/active", numbers)
    app.router.add_get("/kakao/v2/templates/", templates)
    app.router.add_post("/standin/{act}", standin)
    app.router.add_get("/standin/log", log)
    app.router.add_get("/inbox", inbox)
    app.router.add_get("/inbox/messages", inbox_messages)
    app.cleanup_ctx.append(_session)
    return app


async def _session(app: web.Application) -> Any:
    async with aiohttp.ClientSession() as session:
        app[WORLD].session = session
        yield
        for task in list(app[WORLD].tasks):
            task.cancel()


async def serve(world: World, port: int) -> None:
    runner = web.AppRunner(application(world), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    print(f"SOLAPI stand-in at http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--port", type=int, default=8084)
    asked.add_argument("--key", default=KEY)
    asked.add_argument("--api-secret", default=SECRET)
    asked.add_argument("--sender", action="append", default=[])
    asked.add_argument("--profile", default="KA01PF000000000000000dangoldemo")
    asked.add_argument("--front", default="", help="where web hooks go")
    asked.add_argument("--secret", default="", help="of the web hooks")
    asked.add_argument("--kakao", default="", help="a Kakao stand-in that shows AlimTalks")
    given = asked.parse_args()
    account = Account(given.key, given.api_secret, set(given.sender or [SENDER]))
    for row in yaml.safe_load(DEMO.read_text()):
        account.add_template(
            row["code"], given.profile, row["text"], row.get("buttons", ()), name=row["title"]
        )
    world = World(account, given.front, given.secret, given.kakao, given.profile)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(world, given.port))


if __name__ == "__main__":
    main()
