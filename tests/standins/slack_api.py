"""A strict, stateful Slack: `python -m tests.standins.slack_api --bot-token xoxb-1 --app-token xapp-1`.

`/api/<method>`, `/hooks/…`, `/upload/…`, `/files/…` and the socket at `/link` are Slack's own; `/standin/…`
moves people and makes faults happen; `/window` shows the workspace to a person.
"""

import argparse
import asyncio
import json
import secrets
import time
from typing import Any

from aiohttp import web

from tests.standins import slack_delivery, slack_oauth, slack_people, slack_window
from tests.standins.slack_blocks import Refused, check, check_view
from tests.standins.slack_state import APP, BOT, RESPONSE_LIVES_SECONDS, RESPONSE_USES, World

WORLD = web.AppKey("world", World)
TEXT_MAX = 40_000
FILE_MAX = 50 * 1024 * 1024
# Methods that take no JSON: https://docs.slack.dev/apis/web-api/#post_bodies
FORM_ONLY = ("conversations.", "users.", "files.getUploadURLExternal")
# The scope that each method needs; {kind} is of the channel: https://docs.slack.dev/reference/methods
NEEDS = {
    "chat.": "chat:write", "reactions.": "reactions:write", "files.": "files:write",
    "users.info": "users:read", "users.list": "users:read", "conversations.history": "{kind}:history",
    "conversations.replies": "{kind}:history", "conversations.": "{kind}:read",
    "users.conversations": "{kind}:read",
}  # fmt: skip
KINDS = {"public_channel": "channels", "private_channel": "groups", "im": "im"}


def _kind(channel: dict[str, Any]) -> str:
    return "private_channel" if channel["is_private"] else "public_channel"


class Api:
    """The methods of the Web API that the product uses; others answer `unknown_method`."""

    def __init__(self, world: World) -> None:
        self.world = world

    def call(self, method: str, values: dict[str, Any]) -> dict[str, Any]:
        handler = getattr(self, "do_" + method.replace(".", "_"), None)
        if handler is None:
            raise Refused("unknown_method")
        self._allowed(method, values)
        channel = str(values.get("channel", "")) if method == "chat.postMessage" else ""
        self.world.limit(method, channel)
        done: dict[str, Any] = handler(values)
        return done

    def _allowed(self, method: str, values: dict[str, Any]) -> None:
        """Refuse what the token has no scope for."""
        needed = next((scope for prefix, scope in NEEDS.items() if method.startswith(prefix)), "")
        found = self.world.channels.get(str(values.get("channel", "")))
        asked = str(values.get("types", "public_channel")).split(",")
        kinds = [("im" if found["is_im"] else _kind(found))] if found else asked
        for kind in kinds if "{" in needed else [""]:
            if needed and needed.format(kind=KINDS.get(kind, "channels")) not in self.world.scopes:
                raise Refused("missing_scope")

    def _need(self, values: dict[str, Any], *names: str) -> None:
        for name in names:
            if values.get(name) in (None, ""):
                raise Refused("missing_argument", name)

    def _joined(self, channel: str) -> dict[str, Any]:
        found = self.world.seen_by(BOT, channel)
        if found["is_archived"]:
            raise Refused("is_archived")
        if BOT not in self.world.members[channel]:
            raise Refused("not_in_channel")
        return found

    def do_auth_test(self, _values: Any) -> dict[str, Any]:
        names = {"url": self.world.url + "/", "team": self.world.team_name, "user": "dangol"}
        return {**names, "team_id": self.world.team, "user_id": BOT, "bot_id": "B0DANGOL"}

    def do_apps_connections_open(self, _values: Any) -> dict[str, Any]:
        ticket = secrets.token_hex(8)
        self.world.tickets.add(ticket)
        return {"url": f"{self.world.url.replace('http', 'ws', 1)}/link?ticket={ticket}"}

    # --- messages

    def _content(self, values: dict[str, Any]) -> dict[str, Any]:
        text, blocks = values.get("text", ""), values.get("blocks")
        if not text and not blocks:
            raise Refused("no_text")
        if not isinstance(text, str) or len(text) > TEXT_MAX:
            raise Refused("msg_too_long")
        if blocks is not None:
            check(blocks)
        total = sum(len(str(b.get("text", {}).get("text", ""))) for b in blocks or ())
        if total > 13_200:
            raise Refused("msg_blocks_too_long")
        return {"text": text} | ({"blocks": blocks} if blocks else {})

    def do_chat_postMessage(self, values: dict[str, Any]) -> dict[str, Any]:
        self._need(values, "channel")
        channel = values["channel"]
        self._joined(channel)
        content = self._content(values)
        if thread := values.get("thread_ts"):
            try:
                self.world.message(channel, thread)
            except Refused:
                raise Refused("thread_not_found") from None
        if about := values.get("metadata"):
            if not isinstance(about, dict) or set(about) != {"event_type", "event_payload"}:
                raise Refused("invalid_metadata_format")
            content["metadata"] = about
        message = {
            "type": "message", "ts": self.world.ts(), "user": BOT, "bot_id": "B0DANGOL",
            "team": self.world.team, **content, **({"thread_ts": thread} if thread else {}),
            **({"subtype": "thread_broadcast"} if thread and values.get("reply_broadcast") else {}),
        }  # fmt: skip
        self.world.keep(channel, message)
        return {"channel": channel, "ts": message["ts"], "message": message}

    def do_chat_update(self, values: dict[str, Any]) -> dict[str, Any]:
        self._need(values, "channel", "ts")
        self._joined(values["channel"])
        message = self.world.message(values["channel"], values["ts"])
        if message.get("user") != BOT:
            raise Refused("cant_update_message")
        message.pop("blocks", None)
        message |= {**self._content(values), "edited": {"user": BOT, "ts": self.world.ts()}}
        self.world.changed()
        return {"channel": values["channel"], "ts": values["ts"], "text": message["text"]}

    def do_chat_delete(self, values: dict[str, Any]) -> dict[str, Any]:
        self._need(values, "channel", "ts")
        message = self.world.message(values["channel"], values["ts"])
        if message.get("user") != BOT:
            raise Refused("cant_delete_message")
        self.world.messages[values["channel"]].remove(message)
        self.world.changed()
        return {"channel": values["channel"], "ts": values["ts"]}

    def do_chat_postEphemeral(self, values: dict[str, Any]) -> dict[str, Any]:
        self._need(values, "channel", "user")
        self._joined(values["channel"])
        if values["user"] not in self.world.members[values["channel"]]:
            raise Refused("user_not_in_channel")
        content, ts = self._content(values), self.world.ts()
        thread = {"thread_ts": values["thread_ts"]} if values.get("thread_ts") else {}
        made = {"channel": values["channel"], "user": values["user"], "ts": ts, **content, **thread}
        self.world.ephemerals.append(made)
        self.world.changed()
        return {"message_ts": ts}

    def do_reactions_add(self, values: dict[str, Any]) -> dict[str, Any]:
        self._need(values, "channel", "timestamp", "name")
        message = self.world.message(values["channel"], values["timestamp"])
        reactions = message.setdefault("reactions", [])
        if any(r["name"] == values["name"] and BOT in r["users"] for r in reactions):
            raise Refused("already_reacted")
        reactions.append({"name": values["name"], "count": 1, "users": [BOT]})
        self.world.changed()
        return {}

    # --- modals

    def do_views_open(self, values: dict[str, Any]) -> dict[str, Any]:
        self._need(values, "trigger_id", "view")
        check_view(values["view"])
        user = self.world.spend(values["trigger_id"])
        view = values["view"]
        external = view.get("external_id")
        if external and any(v.get("external_id") == external for v in self.world.views.values()):
            raise Refused("duplicate_external_id")
        made = {**view, "id": f"V{secrets.token_hex(5).upper()}", "hash": self.world.ts(), "user": user}
        self.world.views[made["id"]] = made
        self.world.changed()
        return {"view": made}

    def do_views_update(self, values: dict[str, Any]) -> dict[str, Any]:
        self._need(values, "view")
        check_view(values["view"])
        wanted = (
            ("external_id", values["external_id"])
            if values.get("external_id")
            else ("id", values.get("view_id"))
        )
        found = next((v for v in self.world.views.values() if v.get(wanted[0]) == wanted[1]), None)
        if found is None:
            raise Refused("not_found")
        made = {**values["view"], "id": found["id"], "hash": self.world.ts(), "user": found["user"]}
        self.world.views[found["id"]] = made
        self.world.changed()
        return {"view": made}

    # --- people and places

    def do_users_info(self, values: dict[str, Any]) -> dict[str, Any]:
        self._need(values, "user")
        if values["user"] not in self.world.users:
            raise Refused("user_not_found")
        user = self.world.users[values["user"]]
        if "users:read.email" not in self.world.scopes:
            user = {**user, "profile": {k: v for k, v in user["profile"].items() if k != "email"}}
        return {"user": user}

    def do_users_list(self, _values: Any) -> dict[str, Any]:
        return {"members": list(self.world.users.values()), "response_metadata": {"next_cursor": ""}}

    def do_conversations_info(self, values: dict[str, Any]) -> dict[str, Any]:
        self._need(values, "channel")
        found = self.world.seen_by(BOT, values["channel"])
        return {"channel": {**found, "is_member": BOT in self.world.members[values["channel"]]}}

    def _listed(self, values: dict[str, Any], joined: bool) -> dict[str, Any]:
        kinds = str(values.get("types", "public_channel")).split(",")
        found = [
            channel
            for name, channel in self.world.channels.items()
            if ("im" if channel["is_im"] else _kind(channel)) in kinds
            and (BOT in self.world.members[name] or not (joined or channel["is_private"]))
        ]
        start = int(values.get("cursor") or 0)
        end = start + int(values.get("limit") or 100)
        more = str(end) if end < len(found) else ""
        return {"channels": found[start:end], "response_metadata": {"next_cursor": more}}

    def do_users_conversations(self, values: dict[str, Any]) -> dict[str, Any]:
        return self._listed(values, True)

    def do_conversations_list(self, values: dict[str, Any]) -> dict[str, Any]:
        return self._listed(values, False)

    def do_conversations_members(self, values: dict[str, Any]) -> dict[str, Any]:
        self._joined(values["channel"])
        return {"members": sorted(self.world.members[values["channel"]])}

    def do_conversations_history(self, values: dict[str, Any]) -> dict[str, Any]:
        """Newest first, a page at a time; a cursor is where the next page begins."""
        self._joined(values["channel"])
        oldest, start = float(values.get("oldest") or 0), int(values.get("cursor") or 0)
        roots = [
            m
            for m in reversed(self.world.messages[values["channel"]])
            if m.get("thread_ts", m["ts"]) == m["ts"] and float(m["ts"]) > oldest
        ]
        end = start + int(values.get("limit") or 100)
        more = {"next_cursor": str(end)} if end < len(roots) else {}
        page = [self._told(m, values) for m in roots[start:end]]
        return {"messages": page, "has_more": bool(more), "response_metadata": more}

    def do_conversations_replies(self, values: dict[str, Any]) -> dict[str, Any]:
        self._need(values, "channel", "ts")
        self._joined(values["channel"])
        try:
            self.world.message(values["channel"], values["ts"])
        except Refused:
            raise Refused("thread_not_found") from None
        oldest = float(values.get("oldest") or 0)
        found = [
            m
            for m in self.world.messages[values["channel"]]
            if m["ts"] == values["ts"] or (m.get("thread_ts") == values["ts"] and float(m["ts"]) > oldest)
        ]
        kept = found[:1] + found[1:][-int(values.get("limit") or 1000) :]
        return {"messages": [self._told(m, values) for m in kept], "has_more": False}

    def _told(self, message: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        """Metadata is told only to who asks for it."""
        wanted = str(values.get("include_all_metadata")).lower() in ("true", "1")
        return {k: v for k, v in message.items() if k != "metadata" or wanted}

    # --- files

    def do_files_getUploadURLExternal(self, values: dict[str, Any]) -> dict[str, Any]:
        self._need(values, "filename", "length")
        number = f"F{secrets.token_hex(5).upper()}"
        self.world.files[number] = {
            "id": number, "name": values["filename"], "length": int(values["length"]), "content": None,
            "alt_txt": values.get("alt_txt", ""), "user": BOT,
        }  # fmt: skip
        return {"upload_url": f"{self.world.url}/upload/{number}", "file_id": number}

    def do_files_completeUploadExternal(self, values: dict[str, Any]) -> dict[str, Any]:
        self._need(values, "files")
        given = values["files"] if isinstance(values["files"], list) else json.loads(values["files"])
        files = []
        for one in given:
            file = self.world.files.get(one.get("id", ""))
            if file is None or file["content"] is None:
                raise Refused("file_not_found")
            files.append(slack_people.described(self.world, file))
        if channel := values.get("channel_id"):
            self._joined(channel)
            thread = {"thread_ts": values["thread_ts"]} if values.get("thread_ts") else {}
            shared = {
                "type": "message", "subtype": "file_share", "ts": self.world.ts(), "user": BOT,
                "bot_id": "B0DANGOL", "text": values.get("initial_comment", ""), "files": files, **thread,
            }  # fmt: skip
            self.world.keep(channel, shared)
        return {"files": files}

    def do_files_delete(self, values: dict[str, Any]) -> dict[str, Any]:
        self._need(values, "file")
        file = self.world.files.get(values["file"])
        if file is None or file["user"] != BOT:
            raise Refused("file_not_found" if file is None else "cant_delete_file")
        del self.world.files[values["file"]]
        return {}


async def method(request: web.Request) -> web.StreamResponse:
    """`/api/<method>`: who asks, with what, and what goes wrong."""
    world, name = request.app[WORLD], request.match_info["method"]
    values: dict[str, Any] = dict(request.query)
    entry: dict[str, Any] = {"method": name, "values": values, "at": time.time()}
    world.log.append(entry)
    try:
        values |= await _body(request, name)
        if name == "oauth.v2.access":
            done = slack_oauth.access(world, request, values)
            entry["ok"] = True
            return web.json_response({"ok": True, **done})
        token = request.headers.get("Authorization", "").removeprefix("Bearer ") or values.pop("token", "")
        world = world.holding(token)
        if world.revoked and token == world.bot_token:
            raise Refused("account_inactive")
        wanted = world.app_token if name == "apps.connections.open" else world.bot_token
        if not token or token != wanted:
            known = token in (world.app_token, world.bot_token)
            raise Refused("not_allowed_token_type" if known else "invalid_auth" if token else "not_authed")
        fault = world.fault(name)
        if fault is not None and fault.kind != "lost":
            return _broken(request, fault)
        done = Api(world).call(name, values)
        if fault is not None:
            return _broken(request, fault)
    except Refused as refused:
        entry["refused"] = refused.error
        return _refusal(refused)
    entry["ok"] = True
    return web.json_response({"ok": True, **done}, headers={"X-OAuth-Scopes": ",".join(world.scopes)})


async def _body(request: web.Request, name: str) -> dict[str, Any]:
    if request.content_type == "application/json":
        if name.startswith(FORM_ONLY):
            raise Refused("missing_argument", "this method takes no JSON")
        body = await request.json()
        return body if isinstance(body, dict) else {}
    form = dict(await request.post())
    read: dict[str, Any] = {}
    for key, value in form.items():
        structured = key in ("blocks", "view", "metadata", "files") and isinstance(value, str)
        read[key] = json.loads(str(value)) if structured else value
    return read


def _refusal(refused: Refused) -> web.Response:
    body: dict[str, Any] = {"ok": False, "error": refused.error}
    if refused.detail:
        body["response_metadata"] = {"messages": [refused.detail]}
    if refused.retry_after is not None:
        return web.json_response(body, status=429, headers={"Retry-After": str(refused.retry_after)})
    return web.json_response(body)


def _broken(request: web.Request, fault: Any) -> web.Response:
    if fault.kind in ("reset", "lost"):
        if request.transport:
            request.transport.abort()
        return web.Response()
    if fault.kind == "429":
        return _refusal(Refused("ratelimited", retry_after=fault.retry_after))
    return web.json_response({"ok": False, "error": "internal_error"}, status=int(fault.kind))


async def hook(request: web.Request) -> web.Response:
    """A response_url: the answer to a command or a press, seen by one person or by all."""
    world = request.app[WORLD]
    known = world.hooks.get(request.match_info["token"])
    if known is None:
        return web.Response(status=404, text="no_such_hook")
    if known["uses"] >= RESPONSE_USES or time.monotonic() - known["at"] > RESPONSE_LIVES_SECONDS:
        return web.Response(status=404, text="expired_url")
    known["uses"] += 1
    body = await request.json()
    if body.get("blocks"):
        try:
            check(body["blocks"])
        except Refused as refused:
            return web.Response(status=400, text=refused.error)
    if body.get("replace_original") and known["ephemeral"]:
        world.ephemerals[:] = [e for e in world.ephemerals if e["ts"] != known["ephemeral"]]
    content = {key: body[key] for key in ("text", "blocks") if key in body}
    if body.get("response_type") == "in_channel":
        sent = {"type": "message", "ts": world.ts(), "user": BOT, "bot_id": "B0DANGOL", **content}
        world.keep(known["channel"], sent)
    else:
        made = {"channel": known["channel"], "user": known["user"], "ts": world.ts(), **content}
        world.ephemerals.append(made)
        known["ephemeral"] = made["ts"]
    world.changed()
    return web.Response(text="ok")


async def upload(request: web.Request) -> web.Response:
    world = request.app[WORLD]
    file = world.files.get(request.match_info["file"])
    if file is None:
        return web.Response(status=404)
    content = await request.read()
    if len(content) != file["length"]:
        return web.Response(status=400, text="length differs")
    file["content"] = content
    return web.Response(text=f"OK - {len(content)}")


async def file(request: web.Request) -> web.Response:
    """A file, for who shows the bot's token, or for the window."""
    world = request.app[WORLD]
    found = world.files.get(request.match_info["file"])
    bearer = request.headers.get("Authorization") == f"Bearer {world.bot_token}"
    shown = bearer and "files:read" in world.scopes
    if found is None or found["content"] is None:
        return web.Response(status=404)
    if not shown and request.query.get("window") != "1":
        return web.Response(text="<html>Sign in</html>", content_type="text/html")
    return web.Response(body=found["content"], content_type=slack_people.kind_of(found["name"]))


def build(world: World) -> web.Application:
    app = web.Application(client_max_size=FILE_MAX)
    app[WORLD] = world
    app.router.add_route("*", "/api/{method}", method)
    app.router.add_post("/hooks/{token}", hook)
    app.router.add_post("/upload/{file}", upload)
    app.router.add_get("/files/{file}", file)
    slack_delivery.routes(app, world)
    slack_oauth.routes(app, world)
    slack_people.routes(app, world)
    slack_window.routes(app, world)
    return app


async def serve(host: str, port: int, world: World) -> None:
    runner = web.AppRunner(build(world), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    bound = runner.addresses[0]
    world.url = f"http://{bound[0]}:{bound[1]}"
    print(f"listening on {world.url}", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8082)
    parser.add_argument("--bot-token", required=True)
    parser.add_argument("--app-token", default="")
    parser.add_argument("--signing-secret", default="")
    parser.add_argument("--client-id", default="", help="lets a second workspace install the app")
    parser.add_argument("--client-secret", default="")
    parser.add_argument("--redirect", action="append", default=[], help="redirect URL of the app")
    parser.add_argument("--request-url", default="", help="signed requests instead of Socket Mode")
    parser.add_argument("--user", action="append", default=[], help="U0ID,name,e-mail")
    parser.add_argument("--channel", action="append", default=[], help="C0ID,name,private|public")
    given = parser.parse_args()
    world = World(given.bot_token, given.app_token, given.signing_secret, request_url=given.request_url)
    for line in given.user:
        world.person(*line.split(",", 2))
    for line in given.channel:
        channel, name, kind = line.split(",", 2)
        world.channel(channel, name, private=kind == "private")
        world.members[channel] |= {*world.users, BOT}
    for user in list(world.users):
        if user != BOT:
            world.direct(user)
    if given.client_id:
        world.client_id, world.client_secret = given.client_id, given.client_secret
        world.redirects = given.redirect
        world.others.append(slack_oauth.another(world, "T0BUSAN", "새봄가전 부산"))
    asyncio.run(serve(given.host, given.port, world))


__all__ = ["APP", "Api", "World", "build"]

if __name__ == "__main__":
    main()
