"""The workspace as a person sees it, in a browser: `/window?user=U…&lang=ko`."""

import asyncio
import contextlib
import html
import json
from pathlib import Path

from aiohttp import web

from tests.standins.slack_state import BOT, World

HERE = Path(__file__).parent


def routes(app: web.Application, world: World) -> None:
    async def window(request: web.Request) -> web.Response:
        people = [u for u in world.users.values() if u["id"] != BOT and not u["deleted"]]
        user = request.query.get("user") or (people[0]["id"] if people else "")
        lang = "en" if request.query.get("lang") == "en" else "ko"
        known = {"user": user, "lang": lang, "people": [{"id": u["id"], "name": u["name"]} for u in people]}
        known["tz"] = request.query.get("tz") or "Asia/Seoul"
        page = (HERE / "slack_window.html").read_text("utf-8")
        data = json.dumps(known, ensure_ascii=False).replace("<", "\\u003c")
        page = page.replace("{{lang}}", lang).replace("{{team}}", html.escape(world.team_name))
        page = page.replace("{{data}}", data)
        policy = "frame-ancestors http://127.0.0.1:* http://localhost:*"
        return web.Response(text=page, content_type="text/html", headers={"Content-Security-Policy": policy})

    async def news(request: web.Request) -> web.StreamResponse:
        """A line whenever something changed."""
        answer = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await answer.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                changed = world.news
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), 15)
                await answer.write(b"data: x\n\n")
        return answer

    app.router.add_get("/window", window)
    app.router.add_get("/window/news", news)
