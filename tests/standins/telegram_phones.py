"""People's phones: what they do on Telegram becomes updates of a bot. JSON in, JSON out, under `/standin`."""

import asyncio
import base64
import random
import secrets
import time
from typing import Any

from aiohttp import web

from tests.standins.telegram_state import Bot, Fault, World

_MEDIA = {"photo", "document", "video", "voice", "audio", "video_note", "animation"}


class Phones:
    """Acts of people. Each takes the bot's token and the user's id from the address, the rest from JSON."""

    def __init__(self, world: World) -> None:
        self.world = world

    def push(self, bot: Bot, kind: str, content: dict[str, Any]) -> int:
        """Queue an update for a bot that wants its kind."""
        if bot.allowed and kind not in bot.allowed:
            return 0
        bot.next_update += 1
        update = {"update_id": bot.next_update, kind: content}
        if self.world.late_seconds:
            asyncio.get_running_loop().call_later(self.world.late_seconds, self._queue, bot, update)
        else:
            self._queue(bot, update)
        return bot.next_update

    def _queue(self, bot: Bot, update: dict[str, Any]) -> None:
        bot.updates.append(update)
        if self.world.shuffle and len(bot.updates) > 1:
            swapped = list(bot.updates)
            tail = swapped[-3:]
            random.shuffle(tail)
            numbers = sorted(item["update_id"] for item in tail)
            tail = [{**item, "update_id": number} for item, number in zip(tail, numbers, strict=True)]
            bot.updates.clear()
            bot.updates.extend([*swapped[:-3], *tail])
        bot.tell()

    def message(self, user: int, bot: Bot, body: dict[str, Any]) -> dict[str, Any]:
        """Write. `body` is a Message's content; media are given as base64 under their kind."""
        person = self.world.person(user, **body.pop("person", {}))
        bot.met.add(user)
        bot.blocked_by.discard(user)
        chat_id = int(body.pop("chat_id", user))
        chat = self.world.groups.get(chat_id) or self.world.private(user)
        if chat_id < 0:
            bot.met.add(chat_id)
        content = {name: self._medium(name, value) for name, value in body.items()}
        made = {"message_id": self.world.number(chat_id), "from": person, "chat": chat}
        message = self.world.keep({**made, "date": int(time.time()), **content})
        self.push(bot, "message", message)
        return message

    def _medium(self, name: str, value: Any) -> Any:
        if name not in _MEDIA or not isinstance(value, dict) or "base64" not in value:
            return value
        kept = self.world.keep_file(base64.b64decode(value["base64"]))
        named = {"file_name": value["name"]} if "name" in value else {}
        if name == "photo":
            return [{**kept, "width": 1280, "height": 960}]
        sized = {"duration": 3} if name in ("voice", "audio", "video", "video_note", "animation") else {}
        if name in ("video", "animation"):
            sized |= {"width": 640, "height": 480}
        return kept | named | sized | ({"length": 240} if name == "video_note" else {})

    def edit(self, user: int, bot: Bot, body: dict[str, Any]) -> dict[str, Any]:
        message = self.world.messages[user, body["message_id"]]
        message |= {"text": body["text"], "edit_date": int(time.time())}
        self.push(bot, "edited_message", message)
        return message

    def press(self, user: int, bot: Bot, body: dict[str, Any]) -> dict[str, Any]:
        """Press a button of a message of the bot: by its label, or by `data`."""
        message = self.world.messages[user, body["message_id"]]
        rows = message.get("reply_markup", {}).get("inline_keyboard", [])
        buttons = [button for row in rows for button in row]
        wanted = [
            b for b in buttons if b.get("callback_data") == body.get("data") or b["text"] == body.get("label")
        ]
        if not wanted:
            raise web.HTTPNotFound(text="no such button")
        query = secrets.token_hex(8)
        bot.queries[query] = time.monotonic()
        pressed = {"id": query, "from": self.world.person(user), "chat_instance": str(user)}
        self.push(bot, "callback_query", pressed | {"message": message, "data": wanted[0]["callback_data"]})
        return {"query": query}

    def membership(self, user: int, bot: Bot, body: dict[str, Any]) -> dict[str, Any]:
        """Block or let write again (`status` kicked or member), or add the bot to a group (`chat_id`)."""
        chat_id = int(body.get("chat_id", user))
        person, status = self.world.person(user), body["status"]
        if chat_id < 0:
            chat = self.world.groups.setdefault(chat_id, {"id": chat_id, "type": "group", "title": "모임"})
            bot.met.add(chat_id)
        else:
            chat = self.world.private(user)
            (bot.blocked_by.add if status == "kicked" else bot.blocked_by.discard)(user)
        change = {"chat": chat, "from": person, "date": int(time.time())}
        old, new = ({"user": bot.user, "status": s, "until_date": 0} for s in ("left", status))
        self.push(bot, "my_chat_member", change | {"old_chat_member": old, "new_chat_member": new})
        return {"status": status}

    def migrate(self, _user: int, bot: Bot, body: dict[str, Any]) -> dict[str, Any]:
        """A chat gets another id; the bot hears of it unless `silent`."""
        before, after = int(body["chat_id"]), int(body["to"])
        chat = self.world.groups.pop(before, {"id": before, "type": "group", "title": "모임"})
        self.world.moved[before] = after
        if after < 0:
            self.world.groups[after] = {**chat, "id": after, "type": "supergroup"}
        else:
            self.world.people[after] = {**self.world.person(before), "id": after}
        bot.met.add(after)
        if not body.get("silent"):
            made = {"message_id": 1, "date": int(time.time()), "chat": chat, "migrate_to_chat_id": after}
            self.push(bot, "message", made)
        return {}

    def messages(self, user: int, bot: Bot, _body: dict[str, Any]) -> list[dict[str, Any]]:
        """What stands on the phone, oldest first."""
        return [m for (chat, _), m in sorted(self.world.messages.items(), key=lambda i: i[0]) if chat == user]


def routes(app: web.Application, world: World) -> None:
    """`/standin/<bot id>/<user>/<act>`, `/standin/faults`, `/standin/log`."""
    phones = Phones(world)

    async def act(request: web.Request) -> web.Response:
        number = int(request.match_info["bot"])
        bot = next(bot for bot in world.bots.values() if bot.id == number)
        body = await request.json() if request.can_read_body else {}
        if request.match_info["act"].startswith("_") or not hasattr(phones, request.match_info["act"]):
            raise web.HTTPNotFound
        done = getattr(phones, request.match_info["act"])(int(request.match_info["user"]), bot, body)
        return web.json_response(done)

    async def faults(request: web.Request) -> web.Response:
        body = await request.json()
        for name in ("duplicate", "shuffle", "late_seconds", "limits"):
            if name in body:
                setattr(world, name, body.pop(name))
        if body.get("clear"):
            world.clear()
        elif body:
            world.faults.append(Fault(**body))
        return web.json_response({})

    async def log(request: web.Request) -> web.Response:
        return web.json_response(world.log[int(request.query.get("from", "0")) :])

    async def state(_request: web.Request) -> web.Response:
        shown = {
            bot.id: {
                "username": bot.username,
                "commands": bot.commands,
                "webhook": bot.webhook.get("url", ""),
                "waiting": len(bot.updates),
                "queries": len(bot.queries),
            }
            for bot in world.bots.values()
        }
        return web.json_response(shown)

    app.router.add_post("/standin/faults", faults)
    app.router.add_get("/standin/log", log)
    app.router.add_get("/standin/state", state)
    app.router.add_route("*", r"/standin/{bot:\d+}/{user:\d+}/{act}", act)
