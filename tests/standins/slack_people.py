"""People in the workspace: what they write, press and type becomes events of the app. Under `/standin`."""

import base64
import mimetypes
import re
import secrets
import time
from typing import Any

from aiohttp import web

from tests.standins.slack_blocks import Refused
from tests.standins.slack_delivery import DELIVERY
from tests.standins.slack_state import APP, BOT, Fault, World

_CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.S)


def kind_of(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def described(world: World, file: dict[str, Any]) -> dict[str, Any]:
    """A file as messages carry it."""
    url = f"{world.url}/files/{file['id']}"
    return {
        "id": file["id"], "name": file["name"], "mimetype": kind_of(file["name"]), "size": file["length"],
        "url_private": url, "url_private_download": url, "user": file["user"], "alt_txt": file["alt_txt"],
    }  # fmt: skip


def typed(world: World, text: str) -> str:
    """What somebody types, as Slack sends it: entities, and names as mentions, except in code."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    pieces = _CODE.split(escaped)
    for at in range(0, len(pieces), 2):
        for user in sorted(world.users.values(), key=lambda u: -len(u["name"])):
            pieces[at] = re.sub(rf"@{re.escape(user['name'])}(?!\w)", f"<@{user['id']}>", pieces[at])
    return "".join(pieces)


class People:
    """Acts of people. Each takes the user's id from the address and the rest from JSON."""

    def __init__(self, world: World, app: web.Application) -> None:
        self.world, self.app = world, app

    def _event(self, event: dict[str, Any]) -> str:
        return self.app[DELIVERY].event(event)

    def _joined(self, user: str, channel: str) -> dict[str, Any]:
        found = self.world.seen_by(user, channel)
        if user not in self.world.members[channel]:
            raise Refused("not_in_channel")
        return found

    async def say(self, user: str, body: dict[str, Any]) -> dict[str, Any]:
        """Write. `text` is typed, `raw` is what Slack would send; `files` are name and base64."""
        channel = body.get("channel") or self.world.direct(user)
        self._joined(user, channel)
        text = body["raw"] if "raw" in body else typed(self.world, body.get("text", ""))
        message: dict[str, Any] = {
            "type": "message", "user": user, "text": text, "ts": self.world.ts(), "team": self.world.team,
            "client_msg_id": secrets.token_hex(16), **body.get("more", {}),
        }  # fmt: skip
        if body.get("thread"):
            self.world.message(channel, body["thread"])
            message["thread_ts"] = body["thread"]
            if body.get("broadcast"):
                message["subtype"] = "thread_broadcast"
        if body.get("files"):
            message["subtype"], message["files"] = "file_share", [self._file(user, f) for f in body["files"]]
        self.world.keep(channel, message)
        self._tell(channel, message)
        return message

    def _tell(self, channel: str, message: dict[str, Any]) -> None:
        """The app hears of a message where it is a member; of a mention, twice."""
        if BOT not in self.world.members[channel]:
            return
        kind = "im" if self.world.channels[channel]["is_im"] else "group"
        kind = kind if self.world.channels[channel]["is_private"] else "channel"
        told = {**message, "channel": channel, "event_ts": message["ts"], "channel_type": kind}
        self._event(told)
        if f"<@{BOT}>" in message.get("text", "") and kind != "im":
            self._event({**told, "type": "app_mention"})

    def _file(self, user: str, given: dict[str, Any]) -> dict[str, Any]:
        content = base64.b64decode(given["base64"])
        number = f"F{secrets.token_hex(5).upper()}"
        file = {"id": number, "name": given["name"], "length": len(content), "content": content}
        self.world.files[number] = {**file, "alt_txt": "", "user": user}
        return described(self.world, self.world.files[number])

    async def edit(self, user: str, body: dict[str, Any]) -> dict[str, Any]:
        message = self.world.message(body["channel"], body["ts"])
        before = dict(message)
        message["text"] = body["raw"] if "raw" in body else typed(self.world, body["text"])
        message["edited"] = {"user": user, "ts": self.world.ts()}
        self.world.changed()
        changed = {
            "type": "message", "subtype": "message_changed", "hidden": True, "channel": body["channel"],
            "ts": self.world.ts(), "message": dict(message), "previous_message": before,
        }  # fmt: skip
        self._event(changed)
        return message

    async def delete(self, user: str, body: dict[str, Any]) -> dict[str, Any]:
        message = self.world.message(body["channel"], body["ts"])
        self.world.messages[body["channel"]].remove(message)
        self.world.changed()
        gone = {"type": "message", "subtype": "message_deleted", "hidden": True, "previous_message": message}
        ts = self.world.ts()
        self._event({**gone, "channel": body["channel"], "ts": ts, "deleted_ts": body["ts"], "user": user})
        return {}

    async def command(self, user: str, body: dict[str, Any]) -> dict[str, Any]:
        channel = body.get("channel") or self.world.direct(user)
        found = self.world.seen_by(user, channel)
        name = "directmessage" if found["is_im"] else "privategroup" if found["is_private"] else found["name"]
        answer = await self.app[DELIVERY].act(
            "slash_commands",
            {
                "token": "deprecated", "team_id": self.world.team, "team_domain": "saebom",
                "channel_id": channel, "channel_name": name, "user_id": user,
                "user_name": self.world.users[user]["name"],
                "command": "/dangol", "text": typed(self.world, body.get("text", "")), "api_app_id": APP,
                "is_enterprise_install": "false", "response_url": self.world.hook(user, channel),
                "trigger_id": self.world.trigger(user),
            },
        )  # fmt: skip
        return {"acked": answer is not None}

    async def press(self, user: str, body: dict[str, Any]) -> dict[str, Any]:
        """Press a button by its `action` (or `label`), of a message or of an answer seen by one alone."""
        ephemeral = next((e for e in self.world.ephemerals if e["ts"] == body["ts"]), None)
        message = ephemeral or self.world.message(body["channel"], body["ts"])
        wanted = [
            element
            for block in message.get("blocks", ())
            for element in block.get("elements", ())
            if element.get("type") == "button"
            and (
                element.get("action_id") == body.get("action") or element["text"]["text"] == body.get("label")
            )
        ]
        if not wanted:
            raise Refused("no_such_button")
        element, channel = wanted[0], body["channel"]
        container = {
            "type": "message", "message_ts": body["ts"], "channel_id": channel,
            "is_ephemeral": ephemeral is not None,
        }  # fmt: skip
        payload = {
            "type": "block_actions", "team": {"id": self.world.team}, "api_app_id": APP,
            "token": "deprecated",
            "user": {"id": user, "name": self.world.users[user]["name"], "team_id": self.world.team},
            "container": container, "trigger_id": self.world.trigger(user),
            "channel": {"id": channel, "name": "privategroup"}, "message": None if ephemeral else message,
            "response_url": self.world.hook(user, channel, body["ts"] if ephemeral else ""),
            "actions": [{**element, "block_id": "b", "action_ts": self.world.ts()}],
        }  # fmt: skip
        answer = await self.app[DELIVERY].act("interactive", payload)
        return {"acked": answer is not None}

    async def submit(self, user: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send a modal off with `values` by action id. What Slack itself checks is checked here."""
        view = self.world.views[body["view"]]
        values: dict[str, Any] = {}
        for block in view["blocks"]:
            if block["type"] != "input":
                continue
            element = block["element"]
            given = body["values"].get(element["action_id"])
            if not given and not block.get("optional"):
                raise Refused("required")
            if element["type"] == "static_select":
                chosen = next((o for o in element["options"] if o["value"] == given), None)
                state: dict[str, Any] = {"type": "static_select", "selected_option": chosen}
            else:
                if len(given or "") > element.get("max_length", 3000):
                    raise Refused("too_long")
                state = {"type": "plain_text_input", "value": given or None}
            values[block.get("block_id", "b")] = {element["action_id"]: state}
        payload = {
            "type": "view_submission", "team": {"id": self.world.team}, "api_app_id": APP,
            "token": "deprecated",
            "user": {"id": user, "name": self.world.users[user]["name"], "team_id": self.world.team},
            "trigger_id": self.world.trigger(user), "response_urls": [],
            "view": {**view, "state": {"values": values}},
        }  # fmt: skip
        answer = await self.app[DELIVERY].act("interactive", payload)
        if answer is not None and not answer.get("response_action"):
            del self.world.views[body["view"]]
            self.world.changed()
        return {"acked": answer is not None}

    async def close(self, _user: str, body: dict[str, Any]) -> dict[str, Any]:
        self.world.views.pop(body["view"], None)
        self.world.changed()
        return {}

    async def invite(self, user: str, body: dict[str, Any]) -> dict[str, Any]:
        """Bring somebody (the app, when nobody is named) into a channel."""
        who, channel = body.get("who", BOT), body["channel"]
        self.world.members[channel].add(who)
        if BOT in self.world.members[channel]:
            kind = "G" if self.world.channels[channel]["is_private"] else "C"
            joined = {"type": "member_joined_channel", "user": who, "channel": channel, "channel_type": kind}
            self._event({**joined, "team": self.world.team, "inviter": user, "event_ts": self.world.ts()})
        return {}

    async def change(self, user: str, body: dict[str, Any]) -> dict[str, Any]:
        """Change a person or a channel: what they are is told to the app."""
        if "channel" in body:
            self.world.channels[body["channel"]] |= body["to"]
            shared = {"type": "channel_shared", "channel": body["channel"], "event_ts": self.world.ts()}
            self._event(shared)
        else:
            to = dict(body["to"])
            self.world.users[user]["profile"] |= to.pop("profile", {})
            self.world.users[user] |= to
            self._event({"type": "user_change", "user": self.world.users[user], "event_ts": self.world.ts()})
        return {}

    async def uninstall(self, user: str, _body: dict[str, Any]) -> dict[str, Any]:
        """Remove the app from the workspace: its token dies, and two events say so."""
        del user
        self.world.revoked = True
        self._event({"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [BOT]}})
        self._event({"type": "app_uninstalled"})
        return {}

    async def sees(self, user: str, _body: dict[str, Any]) -> dict[str, Any]:
        """The whole workspace as one person sees it."""
        mine = [name for name, members in self.world.members.items() if user in members]
        return {
            "channels": [self.world.channels[name] for name in mine],
            "messages": {name: self.world.messages[name] for name in mine},
            "ephemerals": [e for e in self.world.ephemerals if e["user"] == user],
            "views": [v for v in self.world.views.values() if v["user"] == user],
            "users": {u["id"]: {"name": u["name"], "bot": u["is_bot"]} for u in self.world.users.values()},
            "team": self.world.team_name,
        }


ACTS = frozenset(
    {"say", "edit", "delete", "command", "press", "submit", "close", "invite", "change", "uninstall", "sees"}
)
SWITCHES = ("duplicate", "shuffle", "late_seconds", "limits", "silent", "deaf", "request_url", "scopes")


PEOPLE = web.AppKey("people", People)


async def act(request: web.Request) -> web.Response:
    people, user, name = request.app[PEOPLE], request.match_info["user"], request.match_info["act"]
    if name not in ACTS or user not in people.world.users:
        raise web.HTTPNotFound
    body = await request.json() if request.can_read_body else {}
    try:
        return web.json_response(await getattr(people, name)(user, body))
    except Refused as refused:
        return web.json_response({"refused": refused.error}, status=409)


async def faults(request: web.Request) -> web.Response:
    world, body = request.app[PEOPLE].world, await request.json()
    for name in SWITCHES:
        if name in body:
            setattr(world, name, body.pop(name))
    if body.pop("clear", False):
        world.faults.clear()
    if body:
        world.faults.append(Fault(**body))
    return web.json_response({})


async def log(request: web.Request) -> web.Response:
    return web.json_response(request.app[PEOPLE].world.log[int(request.query.get("from", "0")) :])


async def state(request: web.Request) -> web.Response:
    world = request.app[PEOPLE].world
    live = len([s for s in world.sockets if not s.closed])
    told = [{k: e[k] for k in ("kind", "acked", "tries", "seconds")} for e in world.delivered]
    return web.json_response({"sockets": live, "delivered": told, "now": time.time()})


async def emit(request: web.Request) -> web.Response:
    """Deliver an event as it is given, for odd ones."""
    return web.json_response({"event": request.app[DELIVERY].event(await request.json())})


async def make(request: web.Request) -> web.Response:
    """Add a person or a channel."""
    world, body = request.app[PEOPLE].world, await request.json()
    if "user" in body:
        world.person(body.pop("user"), body.pop("name"), body.pop("email", ""), **body)
    else:
        world.channel(body["channel"], body["name"], private=body.get("private", True))
        world.members[body["channel"]] |= set(body.get("members", ()))
    return web.json_response({})


def routes(app: web.Application, world: World) -> None:
    """`/standin/people/<user>/<act>`, `/standin/faults`, `/standin/log`, `/standin/state`."""
    app[PEOPLE] = People(world, app)
    app.router.add_post("/standin/faults", faults)
    app.router.add_get("/standin/log", log)
    app.router.add_get("/standin/state", state)
    app.router.add_post("/standin/emit", emit)
    app.router.add_post("/standin/make", make)
    app.router.add_route("*", r"/standin/people/{user}/{act}", act)
