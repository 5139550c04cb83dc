"""A strict, stateful Telegram Bot API: `python -m tests.standins.telegram_api --token 1001:AAAAAAAAAA`.

`/bot<token>/<method>` and `/file/bot<token>/<path>` are Telegram's own; `/standin/...` moves people's phones
(a test, or the demo's page) and makes faults happen.
"""

import argparse
import asyncio
import contextlib
import io
import random
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
from aiohttp import web
from PIL import Image

from tests.standins import phone_pages, telegram_phones
from tests.standins.telegram_spec import PAYLOAD, SPEC, UPLOAD, Refused, read
from tests.standins.telegram_state import QUERY_LIVES_SECONDS, Bot, World

WORLD = web.AppKey("world", World)
UPLOAD_MAX = 50 * 1024 * 1024
PHOTO_MAX = 10 * 1024 * 1024
DOWNLOAD_MAX = 20 * 1024 * 1024
_FILE_FIELDS = {"sendPhoto": "photo", "sendDocument": "document", "sendVideo": "video", "sendVoice": "voice",
                "sendAudio": "audio", "sendAnimation": "animation"}  # fmt: skip


class Api:
    """The methods of the Bot API that the product uses; others of the specification answer 501."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def call(self, bot: Bot, method: str, raw: dict[str, str], uploads: dict[str, bytes]) -> Any:
        values = read(method, raw)
        self.uploads = uploads
        handler = getattr(self, f"do_{method}", None)
        if method in _FILE_FIELDS:
            return self._file(bot, method, values, uploads)
        if handler is None:
            raise Refused(f"Not Implemented here: {method}", 501)
        return await handler(bot, values, uploads)

    async def do_getMe(self, bot: Bot, _values: Any, _uploads: Any) -> Any:
        return bot.user

    async def do_getUpdates(self, bot: Bot, values: dict[str, Any], _uploads: Any) -> Any:
        if bot.webhook.get("url"):
            raise Refused("Conflict: can't use getUpdates method while webhook is active", 409)
        bot.poll += 1
        bot.tell()
        mine, end = bot.poll, time.monotonic() + min(50, values.get("timeout", 0))
        bot.allowed = values.get("allowed_updates", bot.allowed)
        offset = values.get("offset")
        while offset is not None and bot.updates and bot.updates[0]["update_id"] < offset:
            bot.updates.popleft()
        while not bot.updates and (left := end - time.monotonic()) > 0 and mine == bot.poll:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(bot.news.wait(), left)
        if mine != bot.poll:
            raise Refused("Conflict: terminated by other getUpdates request", 409)
        batch = list(bot.updates)[: values.get("limit", 100)]
        if self.world.duplicate:
            batch += batch[:1]
        return batch

    async def do_setWebhook(self, bot: Bot, values: dict[str, Any], _uploads: Any) -> Any:
        parts = urlsplit(values["url"])
        local = parts.hostname in ("127.0.0.1", "localhost")
        if not local and (parts.scheme != "https" or parts.port not in (None, 443, 80, 88, 8443)):
            raise Refused("Bad Request: bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
        bot.webhook, bot.allowed = dict(values), values.get("allowed_updates")
        return True

    async def do_deleteWebhook(self, bot: Bot, _values: Any, _uploads: Any) -> Any:
        bot.webhook = {}
        return True

    async def do_getWebhookInfo(self, bot: Bot, _values: Any, _uploads: Any) -> Any:
        info = {"url": bot.webhook.get("url", ""), "has_custom_certificate": False}
        info["pending_update_count"] = len(bot.updates)
        return info | ({"last_error_message": bot.last_error} if bot.last_error else {})

    async def do_setMyCommands(self, bot: Bot, values: dict[str, Any], _uploads: Any) -> Any:
        bot.commands[values.get("language_code", "")] = values["commands"]
        return True

    async def do_sendMessage(self, bot: Bot, values: dict[str, Any], _uploads: Any) -> Any:
        return self._sent(bot, values, {"text": values["text"]})

    async def do_sendMediaGroup(self, bot: Bot, values: dict[str, Any], uploads: dict[str, bytes]) -> Any:
        sent = []
        for media in values["media"]:
            name = str(media["media"]).removeprefix("attach://")
            content = {"photo": [_photo(self.world, uploads[name])]}
            caption = {"caption": media["caption"]} if media.get("caption") else {}
            sent.append(self._sent(bot, values, content | caption, counted=not sent))
        return sent

    def _file(self, bot: Bot, method: str, values: dict[str, Any], uploads: dict[str, bytes]) -> Any:
        field = _FILE_FIELDS[method]
        given = str(values[field])
        if not given.startswith(UPLOAD):
            raise Refused("Bad Request: wrong file identifier/HTTP URL specified")
        content = uploads[given.removeprefix(UPLOAD)]
        if not content:
            raise Refused("Bad Request: file must be non-empty")
        if len(content) > (PHOTO_MAX if field == "photo" else UPLOAD_MAX):
            raise Refused("Request Entity Too Large", 413)
        kept: Any = self.world.keep_file(content)
        if field == "photo":
            kept = [_photo(self.world, content)]
        elif field in ("video", "animation"):
            kept |= {"width": 1, "height": 1, "duration": 1}
        elif field in ("voice", "audio"):
            kept |= {"duration": 1}
        caption = {"caption": values["caption"]} if values.get("caption") else {}
        return self._sent(bot, values, {field: kept, **caption})

    def _sent(
        self, bot: Bot, values: dict[str, Any], content: dict[str, Any], *, counted: bool = True
    ) -> Any:
        chat_id = int(values["chat_id"])
        chat = self.world.chat(bot, chat_id)
        if counted and self.world.limits:
            bot.slow_down(chat_id)
        message = {"message_id": self.world.number(chat_id), "from": bot.user, "chat": chat}
        message |= {"date": int(time.time()), **content}
        if markup := values.get("reply_markup"):
            keys = [key for row in markup.get("keyboard", ()) for key in row]
            if chat_id < 0 and any(key.get("request_contact") for key in keys):
                raise Refused("Bad Request: phone number can be requested in private chats only")
            message["reply_markup"] = markup
        self.world.keep(message)
        # a Message tells of inline keyboards alone: https://core.telegram.org/bots/api#message
        return {k: v for k, v in message.items() if k != "reply_markup" or "inline_keyboard" in v}

    def _message(self, bot: Bot, values: dict[str, Any]) -> dict[str, Any]:
        self.world.chat(bot, int(values["chat_id"]))
        found = self.world.messages.get((int(values["chat_id"]), values["message_id"]))
        if found is None or found["from"]["id"] != bot.id:
            raise Refused("Bad Request: message to edit not found")
        if "inline_keyboard" not in found.get("reply_markup", {"inline_keyboard": []}):
            raise Refused("Bad Request: message can't be edited")
        return found

    async def do_editMessageText(self, bot: Bot, values: dict[str, Any], _uploads: Any) -> Any:
        message = self._message(bot, values)
        before = (message.get("text"), message.get("reply_markup"))
        if before == (values["text"], values.get("reply_markup")):
            raise Refused("Bad Request: message is not modified")
        message["text"] = values["text"]
        return self._remarked(message, values)

    async def do_editMessageReplyMarkup(self, bot: Bot, values: dict[str, Any], _uploads: Any) -> Any:
        message = self._message(bot, values)
        if message.get("reply_markup") == values.get("reply_markup"):
            raise Refused("Bad Request: message is not modified")
        return self._remarked(message, values)

    def _remarked(self, message: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        message.pop("reply_markup", None)
        if values.get("reply_markup"):
            message["reply_markup"] = values["reply_markup"]
        message["edit_date"] = int(time.time())
        return message

    async def do_answerCallbackQuery(self, bot: Bot, values: dict[str, Any], _uploads: Any) -> Any:
        asked = bot.queries.pop(values["callback_query_id"], 0.0)
        if time.monotonic() - asked > QUERY_LIVES_SECONDS:
            raise Refused("Bad Request: query is too old and response timeout expired or query ID is invalid")
        return True

    async def do_getFile(self, _bot: Bot, values: dict[str, Any], _uploads: Any) -> Any:
        content = self.world.files.get(values["file_id"])
        if content is None:
            raise Refused("Bad Request: wrong file_id or the file is temporarily unavailable")
        if len(content) > DOWNLOAD_MAX:
            raise Refused("Bad Request: file is too big")
        file_id = values["file_id"]
        return {"file_id": file_id, "file_unique_id": file_id[:12], "file_size": len(content),
                "file_path": f"files/{file_id}"}  # fmt: skip

    async def do_leaveChat(self, bot: Bot, values: dict[str, Any], _uploads: Any) -> Any:
        self.world.chat(bot, int(values["chat_id"]))
        bot.met.discard(int(values["chat_id"]))
        return True

    async def do_sendChatAction(self, bot: Bot, values: dict[str, Any], _uploads: Any) -> Any:
        self.world.chat(bot, int(values["chat_id"]))
        return True


def _photo(world: World, content: bytes) -> dict[str, Any]:
    try:
        width, height = Image.open(io.BytesIO(content)).size
    except OSError as fault:
        raise Refused("Bad Request: IMAGE_PROCESS_FAILED") from fault
    if width + height > 10_000 or max(width, height) > 20 * min(width, height):
        raise Refused("Bad Request: PHOTO_INVALID_DIMENSIONS")
    return world.keep_file(content) | {"width": width, "height": height}


async def _fields(request: web.Request) -> tuple[dict[str, str], dict[str, bytes]]:
    """Parameters as text, and uploads by name; an upload in a parameter's place is marked as such."""
    if request.content_type == "application/json":
        import json

        body = await request.json()
        return {k: v if isinstance(v, str) else json.dumps(v) for k, v in body.items()}, {}
    raw, uploads = {k: str(v) for k, v in request.query.items()}, {}
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            uploads[name] = value.file.read()
            if name in {f["name"] for m in SPEC["methods"].values() for f in m.get("fields", [])}:
                raw[name] = UPLOAD + name
        else:
            raw[name] = str(value)
    return raw, uploads


async def method(request: web.Request) -> web.StreamResponse:
    """`/bot<token>/<method>`."""
    world = request.app[WORLD]
    bot = world.bots.get(request.match_info["token"])
    name = {known.lower(): known for known in SPEC["methods"]}.get(request.match_info["method"].lower())
    if bot is None or name is None:
        return _answer(Refused("Unauthorized" if bot is None else "Not Found", 401 if bot is None else 404))
    raw, uploads = await _fields(request)
    entry = {"bot": bot.id, "method": name, "params": raw, "at": time.time(), "files": sorted(uploads)}
    if name != "getUpdates":
        world.log.append(entry)
    fault = _fault(world, name, raw)
    if fault and not fault.after:
        return _broken(request, fault)
    try:
        result = await Api(world).call(bot, name, raw, uploads)
    except Refused as refused:
        entry["refused"] = refused.words
        return _answer(refused)
    entry["ok"] = True
    return _broken(request, fault) if fault else web.json_response({"ok": True, "result": result})


def _fault(world: World, name: str, raw: dict[str, str]) -> Any:
    for fault in world.faults:
        wanted = fault.method in ("*", name) and (
            fault.chat_id is None or raw.get("chat_id") == str(fault.chat_id)
        )
        if wanted and fault.times > 0 and random.random() < fault.chance:
            fault.times -= 1
            return fault
    return None


def _broken(request: web.Request, fault: Any) -> web.StreamResponse:
    if fault.kind == "reset":
        if request.transport:
            request.transport.abort()
        return web.Response()
    if fault.kind == "429":
        words = f"Too Many Requests: retry after {fault.retry_after}"
        return _answer(Refused(words, 429, retry_after=fault.retry_after))
    return _answer(Refused("Internal Server Error", int(fault.kind)))


def _answer(refused: Refused) -> web.Response:
    body = {"ok": False, "error_code": refused.code, "description": refused.words}
    if refused.parameters:
        body["parameters"] = refused.parameters
    return web.json_response(body, status=refused.code)


async def file(request: web.Request) -> web.Response:
    """`/file/bot<token>/files/<file id>`."""
    world = request.app[WORLD]
    content = world.files.get(request.match_info["file"])
    if request.match_info["token"] not in world.bots or content is None:
        return web.Response(status=404)
    return web.Response(body=content)


async def phone_file(request: web.Request) -> web.Response:
    """A file as a phone shows it."""
    content = request.app[WORLD].files.get(request.match_info["file"])
    return web.Response(body=content) if content is not None else web.Response(status=404)


async def opened(request: web.Request) -> web.Response:
    """`https://t.me/<bot>?start=<token>`: a phone on which the chat is open, with a button that starts it."""
    start = request.query.get("start", "")
    if start and not PAYLOAD.fullmatch(start):
        raise web.HTTPBadRequest(text="a payload has 1 to 64 of A-Z a-z 0-9 _ -")
    raise web.HTTPFound(f"/phone?{urlencode({'start': start})}")


async def push_updates(world: World) -> None:
    """Deliver to webhooks in order, again and again until the answer is 2xx."""
    async with aiohttp.ClientSession() as session:
        while True:
            await asyncio.sleep(0.02)
            for bot in world.bots.values():
                if bot.webhook.get("url") and bot.updates:
                    await _push(session, world, bot)


async def _push(session: aiohttp.ClientSession, world: World, bot: Bot) -> None:
    headers = {"X-Telegram-Bot-Api-Secret-Token": bot.webhook.get("secret_token", "")}
    timeout = aiohttp.ClientTimeout(total=30)
    try:
        for _ in range(2 if world.duplicate else 1):
            async with session.post(
                bot.webhook["url"], json=bot.updates[0], headers=headers, timeout=timeout
            ) as answer:
                if answer.status // 100 != 2:
                    bot.last_error = f"Wrong response from the webhook: {answer.status} {answer.reason}"
                    await asyncio.sleep(0.2)
                    return
        bot.updates.popleft()
    except aiohttp.ClientError as fault:
        bot.last_error = type(fault).__name__
        await asyncio.sleep(0.2)


def build(tokens: list[str], regulars: range = range(0)) -> web.Application:
    app = web.Application(client_max_size=UPLOAD_MAX + 1024 * 1024)
    app[WORLD] = World(tokens, regulars)
    app.router.add_route("*", "/bot{token:[^/]+}/{method}", method)
    app.router.add_get("/file/bot{token:[^/]+}/files/{file}", file)
    telegram_phones.routes(app, app[WORLD])
    phone_pages.routes(app, "telegram.html")
    app.router.add_get("/phone/file/{file}", phone_file)
    app.router.add_get(r"/{username:\w+_bot}", opened)

    async def pushing(app: web.Application) -> Any:
        task = asyncio.create_task(push_updates(app[WORLD]))
        yield
        task.cancel()

    app.cleanup_ctx.append(pushing)
    return app


def people(given: str) -> range:
    """From `FIRST-LAST`."""
    first, _, last = given.partition("-")
    return range(int(first), int(last) + 1)


async def serve(host: str, port: int, tokens: list[str], regulars: range) -> None:
    runner = web.AppRunner(build(tokens, regulars), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    bound = runner.addresses[0]
    print(f"listening on http://{bound[0]}:{bound[1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8081)
    parser.add_argument("--token", action="append", required=True)
    parser.add_argument(
        "--regulars", type=people, default=range(0), help="FIRST-LAST: known from earlier days"
    )
    given = parser.parse_args()
    asyncio.run(serve(given.host, given.port, given.token, given.regulars))
