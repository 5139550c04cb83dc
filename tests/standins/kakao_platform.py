"""Kakao's side of a chatbot: `python -m tests.standins.kakao_platform --skill URL`.

It asks the skill server as Kakao does, waits 5 s, refuses what Kakao refuses (`kakao_limits`), and takes one
answer at each callback address within a minute. `/standin/...` moves people's phones and makes faults happen;
`/phone` is a phone to look at.
"""

import argparse
import asyncio
import base64
import time
from typing import Any
from uuid import uuid4

import aiohttp
from aiohttp import web

from tests.standins import kakao_limits, phone_pages
from tests.standins.kakao_limits import Refused
from tests.standins.kakao_state import Fault, Room, World, digits

WORLD = web.AppKey("world", World)
SESSION = web.AppKey("session", aiohttp.ClientSession)
BLOCK = {"id": "5b8e2f6a0f1c4d3b9a7e6c51", "name": "폴백 블록"}
BOT = {"id": "5b8e2f6a0f1c4d3b9a7e6c50", "name": "단골"}
LOOK_SECONDS = 25.0


def payload(world: World, room: Room, said: dict[str, Any], token: str) -> dict[str, Any]:
    """A skill request as the platform writes it."""
    params: dict[str, Any] = {"surface": "Kakaotalk.plusfriend"}
    if said.get("images"):
        params["media"] = {"type": "image", "url": said["images"][0]}
    request = {
        "timezone": "Asia/Seoul",
        "params": params,
        "block": BLOCK,
        "utterance": said["text"],
        "lang": said.get("lang", "ko"),
        "user": {
            "id": room.user,
            "type": "botUserKey",
            "properties": {"plusfriendUserKey": f"pf-{room.user}"[:20], "isFriend": True},
        },
    }
    if token:
        request["callbackUrl"] = f"{world.url}/callback/{token}"
    flow: dict[str, Any] = {"trigger": {"type": said.get("trigger", "TEXT_INPUT")}}
    if room.last_block:
        flow["lastBlock"] = BLOCK
        if said.get("trigger"):
            flow["trigger"]["referrerBlock"] = BLOCK
    action = {"id": "5b8e2f6a0f1c4d3b9a7e6c52", "name": "단골", "params": said.get("params", {}),
              "detailParams": {}, "clientExtra": said.get("extra") or {}}  # fmt: skip
    return {"intent": {"id": BLOCK["id"], "name": BLOCK["name"]}, "userRequest": request, "bot": BOT,
            "action": action, "contexts": [], "flow": flow}  # fmt: skip


async def ask(app: web.Application, room: Room, said: dict[str, Any]) -> dict[str, Any]:
    """One turn: what the phone shows, how long it took, and why nothing is shown if so."""
    world = app[WORLD]
    token = world.callback(room.user) if said.get("callback", world.callbacks) else ""
    body = payload(world, room, said, token)
    entry: dict[str, Any] = {"user": room.user, "text": said["text"], "at": time.time()}
    world.log.append(entry)
    began = time.monotonic()
    try:
        answer = await _request(app, body, world)
        entry["seconds"] = time.monotonic() - began
        entry["answer"] = answer
        kakao_limits.check(answer)
        if answer.get("useCallback"):
            if not token:
                raise Refused("the block has no callback")
            world.tokens[token].open = True
            shown = room.add("bot", outputs=[{"simpleText": {"text": _promise(answer)}}], promise=True)
        else:
            shown = _show(room, answer)
    except (Refused, aiohttp.ClientError, TimeoutError, ValueError) as fault:
        entry["seconds"] = time.monotonic() - began
        entry["refused"] = str(fault) or type(fault).__name__
        shown = room.add("error", text="챗봇이 응답하지 못했어요.", reason=entry["refused"])
    room.last_block = True
    await world.tell()
    return {"shown": shown, "seconds": entry["seconds"], "refused": entry.get("refused", "")}


async def _request(app: web.Application, body: dict[str, Any], world: World) -> Any:
    seconds = world.skill_seconds
    if gone := world.fault("hang_up"):
        seconds = gone.seconds
    timeout = aiohttp.ClientTimeout(total=seconds)
    async with app[SESSION].post(world.skill, json=body, timeout=timeout) as answer:
        if answer.status != 200:
            raise Refused(f"status {answer.status}")
        if answer.content_type != "application/json":
            raise Refused(f"content type {answer.content_type}")
        return await answer.json()


def _promise(answer: dict[str, Any]) -> str:
    return str(answer.get("data", {}).get("text") or "잠시만 기다려 주세요.")


def _show(room: Room, answer: dict[str, Any]) -> dict[str, Any]:
    template = answer["template"]
    return room.add("bot", outputs=template["outputs"], quickReplies=template.get("quickReplies", []))


async def callback(request: web.Request) -> web.StreamResponse:
    """`POST /callback/{token}`: once, within the minute, after `useCallback`."""
    world = request.app[WORLD]
    waiting = world.tokens.get(request.match_info["token"])
    entry: dict[str, Any] = {"callback": True, "at": time.time(), "user": waiting.user if waiting else ""}
    world.log.append(entry)
    if world.fault("callback_500"):
        entry["refused"] = "500"
        return web.Response(status=500)
    if world.fault("callback_drop") and request.transport:
        entry["refused"] = "dropped"
        request.transport.abort()
        return web.Response()
    try:
        if waiting is None or time.monotonic() > waiting.ends or waiting.used:
            raise Refused("Invalid callback token. Check your callback token.")
        if not waiting.open:
            raise Refused("The skill server settings are incorrect. Use callback true setting required.")
        if world.fault("callback_fail"):
            raise Refused("Internal server error occured. Please contact technical support. 501")
        body = await request.json()
        kakao_limits.check(body, callback=True)
    except (Refused, ValueError) as fault:
        entry["refused"] = str(fault)
        return _told("FAIL", str(fault))
    waiting.used = True
    entry["answer"] = body
    _show(world.room(waiting.user), body)
    await world.tell()
    if world.fault("callback_reset") and request.transport:
        request.transport.abort()
        return web.Response()
    return _told("SUCCESS", "")


def _told(status: str, message: str) -> web.Response:
    body = {
        "taskId": str(uuid4()),
        "status": status,
        "message": message,
        "timestamp": int(time.time() * 1000),
    }
    return web.json_response(body)


# --- phones


async def say(request: web.Request) -> web.Response:
    """`{"text", "image"?: base64, "type"?, "lang"?}`: somebody writes, or sends a picture."""
    world, body = request.app[WORLD], await request.json()
    room = world.room(request.match_info["user"])
    said = {"text": str(body.get("text") or ""), "lang": body.get("lang", "ko")}
    said |= {
        name: body[name] for name in ("callback", "extra", "trigger", "params", "images") if name in body
    }
    if body.get("image"):
        kind = str(body.get("type") or "image/png")
        said["images"] = [world.keep(base64.b64decode(body["image"]), kind)]
    if said.get("images"):
        said["text"] = said["text"] or said["images"][0]
        room.add("me", image=said["images"][0], text="")
    else:
        room.own(said["text"])
        room.add("me", text=said["text"])
    await world.tell()
    return web.json_response(await ask(request.app, room, said))


async def press(request: web.Request) -> web.Response:
    """`{"label"}`: press a quick reply under the newest message, or a button of a card anywhere."""
    world, body = request.app[WORLD], await request.json()
    room = world.room(request.match_info["user"])
    found, trigger = _pressable(room, str(body["label"]))
    if found is None:
        raise web.HTTPNotFound(text="no such button")
    text = str(found.get("messageText") or found["label"])
    room.add("me", text=text)
    await world.tell()
    said = {"text": text, "trigger": trigger, "extra": found.get("extra"), "lang": body.get("lang", "ko")}
    return web.json_response(await ask(request.app, room, said))


def _pressable(room: Room, label: str) -> tuple[dict[str, Any] | None, str]:
    newest = next((item for item in reversed(room.items) if item["by"] == "bot"), {})
    for reply in newest.get("quickReplies", []):
        if reply["label"] == label:
            return reply, f"QUICKREPLY_BUTTON_{reply['action'].upper()}"
    for item in reversed(room.items):
        for output in item.get("outputs", []):
            for card in _cards(output):
                for button in card.get("buttons", []):
                    if button["label"] == label and button["action"] in ("message", "block"):
                        return button, f"CARD_BUTTON_{button['action'].upper()}"
    return None, ""


def _cards(output: dict[str, Any]) -> list[dict[str, Any]]:
    [(kind, content)] = output.items()
    return content["items"] if kind == "carousel" else [content]


async def messages(request: web.Request) -> web.Response:
    """What stands on a phone after number `after`; with `wait` not before there is something, for a while."""
    world = request.app[WORLD]
    room, after = world.room(request.match_info["user"]), int(request.query.get("after", "0"))
    if "wait" in request.query and len(room.items) <= after:
        try:
            async with asyncio.timeout(LOOK_SECONDS), world.news:
                await world.news.wait_for(lambda: len(room.items) > after)
        except TimeoutError:
            pass
    return web.json_response(room.items[after:])


async def alimtalk(request: web.Request) -> web.Response:
    """`{"to", "sender", "text", "buttons"}`: a notice to a number, shown on the phones that have it."""
    world, body = request.app[WORLD], await request.json()
    rooms = [room for room in world.rooms.values() if digits(str(body["to"])) in room.phones]
    for room in rooms:
        room.add(
            "alimtalk", text=body["text"], sender=body.get("sender", ""), buttons=body.get("buttons", [])
        )
    await world.tell()
    return web.json_response({"shown": len(rooms)})


async def control(request: web.Request) -> web.Response:
    """`{"skill"?, "callbacks"?, "skill_seconds"?, "callback_seconds"?, "clear"?}`, or a fault."""
    world, body = request.app[WORLD], await request.json()
    if body.pop("clear", False):
        world.faults.clear()
        world.log.clear()
        world.rooms.clear()
    for name in ("skill", "callbacks", "skill_seconds", "callback_seconds"):
        if name in body:
            setattr(world, name, body.pop(name))
    if body:
        world.faults.append(Fault(**body))
    return web.json_response({})


async def log(request: web.Request) -> web.Response:
    return web.json_response(list(request.app[WORLD].log))


async def media(request: web.Request) -> web.Response:
    found = request.app[WORLD].media.get(request.match_info["name"])
    if found is None:
        raise web.HTTPNotFound
    return web.Response(body=found[0], content_type=found[1])


def build(world: World) -> web.Application:
    app = web.Application(client_max_size=32 * 1024 * 1024)
    app[WORLD] = world
    app.router.add_post("/callback/{token}", callback)
    app.router.add_get("/media/{name}", media)
    app.router.add_post("/standin/control", control)
    app.router.add_post("/standin/alimtalk", alimtalk)
    app.router.add_get("/standin/log", log)
    app.router.add_post("/standin/{user}/say", say)
    app.router.add_post("/standin/{user}/press", press)
    app.router.add_get("/standin/{user}/messages", messages)
    phone_pages.routes(app, "kakao.html")

    async def session(app: web.Application) -> Any:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as made:
            app[SESSION] = made
            yield

    app.cleanup_ctx.append(session)
    return app


async def serve(host: str, port: int, world: World) -> None:
    runner = web.AppRunner(build(world), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    bound = runner.addresses[0]
    world.url = f"http://{bound[0]}:{bound[1]}"
    print(f"listening on {world.url}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8082)
    parser.add_argument("--skill", default="http://127.0.0.1:8080/channels/kakao/none")
    given = parser.parse_args()
    asyncio.run(serve(given.host, given.port, World(given.skill)))
