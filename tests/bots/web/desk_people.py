"""A small company for the desk's tests, and a signed-in browser without a screen."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import ClientResponse, ClientWebSocketResponse, web
from aiohttp.test_utils import TestClient

from crm import contacts, conversations, identities, labels, staff, teams
from crm.actor import SYSTEM, Actor
from crm.models import BusinessHours, CompanyProfile, Conversation, Identity

PASSWORD = "a long enough password"
Client = TestClient[web.Request, web.Application]


@dataclass
class Company:
    """Who works here; open day and night, so that tests do not depend on when they run."""

    seojun: Actor  # agent
    yuna: Actor  # manager
    mari: Actor  # marketing: looks, does not write


async def a_company(now: datetime) -> Company:
    await CompanyProfile.create(id=1, name="새봄가전", name_en="Saebom", settings={}, korean_holidays=False)
    for weekday in range(7):
        await BusinessHours.create(weekday=weekday, opens=0, closes=1440)
    roles = {"seojun": ("이서준", "agent"), "yuna": ("한유나", "manager"), "mari": ("오마리", "marketing")}
    actors = {}
    for login, (name, role) in roles.items():
        row = await staff.create(SYSTEM, login=login, name=name, role=role, password=PASSWORD, now=now)
        await staff.set_presence(Actor("staff", row.id, role, name), "present", now=now)
        actors[login] = Actor("staff", row.id, role, name)
    team = [actors["seojun"].id or 0, actors["yuna"].id or 0]
    await teams.create(
        SYSTEM, name="상담팀", topics=["general", "repair", "callback"], staff_ids=team, now=now
    )
    await labels.create(SYSTEM, "불만", colour="red", now=now)
    return Company(**actors)


async def a_talk(
    now: datetime, name: str = "김민지", text: str = "세탁기에서 물이 안 빠져요"
) -> Conversation:
    """A conversation in which a customer wrote; the bot owns it."""
    at = now - timedelta(minutes=3)
    identity = await identities.find_or_create(
        "web", "", f"browser of {name}", display_name=name, locale="ko", now=at
    )
    known = {"name": name, "phone": "010-1234-2481", "address": "서울 마포구 월드컵로 88 104동 1203호"}
    await contacts.update(SYSTEM, identity.contact_id, known, now=at)
    talk = await conversations.reach(await Identity.get(id=identity.id), now=at, locale="ko")
    await conversations.append(talk.id, direction="in", author="contact", text=text, lang="ko", now=at)
    return await Conversation.get(id=talk.id)


class Browser:
    """A staff member's browser: cookies, the page's CSRF word, acts and parts of pages."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.csrf = ""

    async def sign_in(self, login: str, password: str = PASSWORD, **form: str) -> ClientResponse:
        page = await (await self.client.get("/desk/login")).text()
        given = {"csrf": word_of(page), "login": login, "password": password, **form}
        answer = await self.client.post("/desk/login", data=given, allow_redirects=False)
        if answer.status == 302:
            self.csrf = word_of(await (await self.client.get("/desk/conversations")).text())
        return answer

    async def page(self, path: str, part: str = "") -> str:
        """The text of a page, or of the part of it that scripts ask for."""
        answer = await self.client.get(path, headers={"X-Fragment": part} if part else {})
        assert answer.status == 200, f"{path}: {answer.status}"
        return await answer.text()

    async def try_act(self, name: str, /, **args: Any) -> tuple[int, Mapping[str, Any]]:
        answer = await self.client.post(
            f"/desk/api/acts/{name}", json=args, headers={"X-CSRF-Token": self.csrf}
        )
        return answer.status, await answer.json()

    async def act(self, name: str, /, **args: Any) -> Mapping[str, Any]:
        status, body = await self.try_act(name, **args)
        assert status == 200, f"{name}: {status} {body}"
        return body

    async def live(self) -> ClientWebSocketResponse:
        return await self.client.ws_connect("/desk/live")


def word_of(page: str) -> str:
    """The CSRF word of a page."""
    found = re.search(r'name="csrf" (?:content|value)="([^"]+)"', page)
    assert found is not None
    return found[1]


def utc_now() -> datetime:
    return datetime.now(UTC)
