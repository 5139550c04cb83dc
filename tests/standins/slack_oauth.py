"""Connecting a workspace at Slack: the page of consent, the code, and the token for it.

https://docs.slack.dev/authentication/installing-with-oauth : a code is good once and for ten minutes, for the
same redirect URL, which the app's settings must name.
"""

import html
import secrets
import time
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from tests.standins.slack_blocks import Refused
from tests.standins.slack_state import APP, BOT, World

CODE_LIVES_SECONDS = 600.0
_PAGE = """<!doctype html><html lang="ko"><meta charset="utf-8"><title>Slack</title>
<meta name="viewport" content="width=device-width">
<body style="font:16px/1.5 sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem">
<h1 style="font-size:1.4rem">Dangol이 {team} 워크스페이스에 접근하려고 해요</h1><p>{scopes}</p>
<form method="post">{fields}<button name="decision" value="allow">허용</button>
<button name="decision" value="cancel">취소</button></form></body></html>"""


def another(world: World, team: str, name: str) -> World:
    """A workspace beside the first, in which nobody has installed the app yet."""
    made = World("", team=team, team_name=name, limits=world.limits, signing_secret=world.signing_secret)
    made.channel("C0" + team[2:], "상담", private=True)
    made.members["C0" + team[2:]] |= {BOT}
    return made


def _asked(world: World, given: dict[str, str]) -> str:
    """What is wrong with a request for consent; "" when nothing is."""
    if not world.client_id or given.get("client_id") != world.client_id:
        return "invalid_client_id"
    if given.get("redirect_uri") not in world.redirects:
        return "bad_redirect_uri"
    return "" if given.get("scope") and given.get("state") else "invalid_scope"


def access(world: World, request: web.Request, values: dict[str, Any]) -> dict[str, Any]:
    """`oauth.v2.access`. Client ID and secret come as Basic authentication, or in the form."""
    header = request.headers.get("Authorization", "")
    if header.startswith("Basic "):
        told = aiohttp.BasicAuth.decode(header)
        client_id, secret = told.login, told.password
    else:
        client_id, secret = str(values.get("client_id", "")), str(values.get("client_secret", ""))
    if not world.client_id or client_id != world.client_id:
        raise Refused("invalid_client_id")
    if secret != world.client_secret:
        raise Refused("bad_client_secret")
    found = world.codes.pop(str(values.get("code", "")), None)
    if found is None or time.monotonic() - found["at"] > CODE_LIVES_SECONDS:
        raise Refused("invalid_code")
    if values.get("redirect_uri") != found["redirect_uri"]:
        raise Refused("bad_redirect_uri")
    team: World = found["team"]
    if team is not world or team.revoked:
        team.bot_token, team.revoked = f"xoxb-{secrets.token_hex(12)}", False
    return {
        "app_id": APP, "authed_user": {"id": "U0INSTALLER"}, "scope": found["scope"], "token_type": "bot",
        "access_token": team.bot_token, "bot_user_id": BOT, "is_enterprise_install": False,
        "enterprise": None, "team": {"id": team.team, "name": team.team_name},
    }  # fmt: skip


def routes(app: web.Application, world: World) -> None:
    """`/oauth/v2/authorize`: the page, and what its buttons do."""

    def chosen(given: dict[str, str]) -> World:
        every = [*world.others, world]
        return next((one for one in every if one.team == given.get("team")), every[0])

    async def page(request: web.Request) -> web.Response:
        given = dict(request.query)
        if wrong := _asked(world, given):
            return web.Response(status=400, text=wrong)
        fields = "".join(
            f'<input type="hidden" name="{html.escape(k)}" value="{html.escape(v)}">'
            for k, v in given.items()
        )
        scopes = html.escape(given["scope"].replace(",", ", "))
        text = _PAGE.format(team=html.escape(chosen(given).team_name), scopes=scopes, fields=fields)
        return web.Response(text=text, content_type="text/html")

    async def decide(request: web.Request) -> web.Response:
        given = {name: str(value) for name, value in (await request.post()).items()}
        if wrong := _asked(world, given):
            return web.Response(status=400, text=wrong)
        told = {"state": given["state"]}
        if given.get("decision") == "allow":
            code = told["code"] = secrets.token_hex(16)
            kept = {name: given[name] for name in ("redirect_uri", "scope")}
            world.codes[code] = {**kept, "team": chosen(given), "at": time.monotonic()}
        else:
            told["error"] = "access_denied"
        raise web.HTTPFound(f"{given['redirect_uri']}?{urlencode(told)}")

    app.router.add_get("/oauth/v2/authorize", page)
    app.router.add_post("/oauth/v2/authorize", decide)
