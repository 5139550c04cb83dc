"""Connecting workspaces by OAuth: who may, what is asked and given, two side by side, and removal."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest
from aiohttp import CookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from bots.staff.slack import face
from bots.staff.slack.face import Face
from bots.web import app_keys, desk, files, hub, pages
from crm import conversations, db, slack, slack_workspaces
from crm.actor import SYSTEM
from crm.models import AuditEntry, SlackWorkspace, Staff
from tests.bots.staff.conftest import Office, settings_for
from tests.bots.staff.test_slack_threads import heard_by_customer
from tests.bots.web.desk_fixtures import SECRET as WEB_SECRET
from tests.bots.web.desk_people import Browser, Company, a_talk, utc_now
from tests.standins import slack_api, slack_oauth
from tests.standins.slack_client import SECRET, Person, Workspace, written
from tests.standins.slack_state import World
from tests.standins.starting import until

CLIENT = {"slack_client_id": "1.2", "slack_client_secret": "s3cret", "slack_signing_secret": SECRET}
PUBLIC = "http://help.test"
BUSAN, BUSAN_CHANNEL = "T0BUSAN", "C0BUSAN"


@dataclass
class Connecting:
    """The desk, Slack with two workspaces, and a browser that goes between them."""

    face: Face
    front: TestServer
    seoul: Workspace
    busan: Workspace
    world: World
    office: Office
    opened: list[TestClient] = field(default_factory=list)

    def browser(self) -> TestClient:
        self.opened.append(TestClient(self.front, cookie_jar=CookieJar(unsafe=True)))
        return self.opened[-1]

    async def consent(self, client: TestClient, **change: str) -> tuple[int, str]:
        """Press the button, and allow (or what `change` says) at Slack: where that leads the browser."""
        begun = await client.get("/slack/install", allow_redirects=False)
        if begun.status != 302 or "/oauth/v2/authorize" not in begun.headers["Location"]:
            return begun.status, begun.headers.get("Location", "")
        form = dict(parse_qsl(urlsplit(begun.headers["Location"]).query))
        form |= {"decision": "allow", "team": BUSAN, **change}
        async with aiohttp.ClientSession() as session:
            to = f"{self.seoul.url}/oauth/v2/authorize"
            async with session.post(to, data=form, allow_redirects=False) as answer:
                return answer.status, answer.headers.get("Location", "")

    async def back(self, client: TestClient, address: str) -> str:
        """Follow Slack's redirect to us: what the desk is asked to say."""
        parts = urlsplit(address)
        assert f"{parts.scheme}://{parts.netloc}" == PUBLIC
        answer = await client.get(f"{parts.path}?{parts.query}", allow_redirects=False)
        assert answer.status == 303
        return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))["connected"]


@pytest.fixture
async def connecting(
    company: Company, world: World, workspace: Workspace, tmp_path: Path
) -> AsyncIterator[Connecting]:
    """Signed requests, a token in the settings for one workspace, and the app open to another."""
    world.client_id, world.client_secret = CLIENT["slack_client_id"], CLIENT["slack_client_secret"]
    world.redirects = [f"{PUBLIC}/slack/oauth_redirect"]
    second = slack_oauth.another(world, BUSAN, "새봄가전 부산")
    second.person("U0BSEOJUN", "이서준", "seojun@saebom.example")
    second.members[BUSAN_CHANNEL].add("U0BSEOJUN")
    world.others.append(second)
    await Staff.filter(login="mari").update(role="admin")
    made = Face(settings_for(workspace, tmp_path, slack_app_token="", public_url=PUBLIC, **CLIENT))
    app = web.Application()
    app[app_keys.CONFIG] = app_keys.WebConfig(secret_key=WEB_SECRET, slack_apps=[""])
    pages.setup(app)
    app.cleanup_ctx.append(hub.lifespan)
    for room in (pages, files, desk, made):
        room.routes(app)
    async with (
        TestServer(app) as front,
        TestServer(slack_api.build(second)) as other,
        aiohttp.ClientSession() as session,
    ):
        world.request_url = second.request_url = str(front.make_url("/channels/slack"))
        second.url = str(other.make_url("")).rstrip("/")
        busan = Workspace(second.url, session)
        known = Connecting(made, front, workspace, busan, world, Office(made, workspace, company))
        yield known
        for client in known.opened:
            await client.session.close()
        await made.close()


async def signed_in(connecting: Connecting, login: str) -> Browser:
    browser = Browser(connecting.browser())
    assert (await browser.sign_in(login)).status == 302
    return browser


async def connected(connecting: Connecting) -> Browser:
    """An admin has connected the second workspace."""
    mari = await signed_in(connecting, "mari")
    status, address = await connecting.consent(mari.client)
    assert status == 302
    assert await connecting.back(mari.client, address) == "done"
    return mari


async def test_two_workspaces_one_by_token_and_one_connected_work_side_by_side(
    connecting: Connecting,
) -> None:
    await connected(connecting)
    face_, office = connecting.face, connecting.office
    for account in ("", BUSAN):
        assert await face_.learn_channels(account) >= 1
    busan = next(c for c in await slack.channels(account=BUSAN) if c.channel == BUSAN_CHANNEL)
    await slack.route(SYSTEM, None, busan.id, now=utc_now())
    seojun = Person(connecting.busan, "U0BSEOJUN")
    await seojun.say("@dangol help", channel=BUSAN_CHANNEL)
    await until(lambda: _heard(connecting.busan))
    await office.settle()
    row = (await slack.users(account=BUSAN))[0]
    await slack.decide(SYSTEM, row.id, True, now=utc_now())
    await face.following.begin()
    talk = await a_talk(utc_now())
    await conversations.hand_over(talk.id, reason="asked", now=utc_now())
    await office.settle()
    root = (await seojun.roots(BUSAN_CHANNEL))[-1]
    assert "김민지 님" in written(root)
    await seojun.say("@dangol reply 부산에서 갈게요", channel=BUSAN_CHANNEL, thread=root["ts"])
    await until(lambda: _heard(connecting.busan))
    await office.settle()
    assert await heard_by_customer(talk) == ["부산에서 갈게요"]
    await office.guest.say("@dangol help", channel="C0TEAM")  # the first workspace goes its own way
    await office.heard()
    await office.settle()
    assert "연결되지 않은" in (await office.guest.told())[-1]


async def _heard(workspace: Workspace) -> bool:
    return all(one["acked"] for one in (await workspace.state())["delivered"])


async def test_the_token_lies_sealed_and_the_desk_shows_who_connected_it(connecting: Connecting) -> None:
    mari = await connected(connecting)
    row = await SlackWorkspace.get(account=BUSAN)
    assert row.sealed
    assert b"xoxb" not in bytes(row.sealed)
    found = await slack_workspaces.find(BUSAN)
    assert found is not None
    assert found.data["bot_token"].startswith("xoxb-")
    shown = await mari.page("/desk/admin/slack?connected=done")
    assert "새봄가전 부산" in shown
    assert "오마리" in shown
    assert "xoxb" not in shown
    assert await AuditEntry.filter(act="slack.connected").count() == 1


async def test_a_state_is_good_once_for_minutes_and_in_its_own_browser(connecting: Connecting) -> None:
    mari = await signed_in(connecting, "mari")
    _, address = await connecting.consent(mari.client)
    stranger = connecting.browser()
    assert await connecting.back(stranger, address) == "invalid_browser"
    assert await connecting.back(mari.client, address) == "done"
    assert await connecting.back(mari.client, address) == "invalid_browser"  # its cookie is gone
    _, address = await connecting.consent(mari.client)
    state = dict(parse_qsl(urlsplit(address).query))["state"]
    assert await slack_workspaces.consume(state, now=utc_now())
    assert await connecting.back(mari.client, address) == "invalid_state"
    _, address = await connecting.consent(mari.client)
    await db.execute("UPDATE slack_state SET expires_at = ?", db.stamp(utc_now()))
    assert await connecting.back(mari.client, address) == "invalid_state"


async def test_only_an_admin_begins_and_no_one_elses_consent_is_kept(connecting: Connecting) -> None:
    yuna = await signed_in(connecting, "yuna")
    assert (await connecting.consent(yuna.client))[0] == 403
    mari = await signed_in(connecting, "mari")
    _, address = await connecting.consent(mari.client)
    await Staff.filter(login="mari").update(role="agent")
    assert await connecting.back(mari.client, address) == "not_allowed"
    assert await SlackWorkspace.all().count() == 0


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"decision": "cancel"}, "access_denied"),
        ({"team": "T0SAEBOM"}, "known_already"),
    ],
    ids=["cancelled", "the workspace of the token"],
)
async def test_what_is_not_connected_says_why(
    connecting: Connecting, change: dict[str, str], word: str
) -> None:
    mari = await signed_in(connecting, "mari")
    _, address = await connecting.consent(mari.client, **change)
    assert await connecting.back(mari.client, address) == word
    assert "band--warn" in await mari.page(f"/desk/admin/slack?connected={word}")
    assert await SlackWorkspace.all().count() == 0


async def test_a_wrong_secret_or_code_connects_nothing(connecting: Connecting) -> None:
    mari = await signed_in(connecting, "mari")
    _, address = await connecting.consent(mari.client)
    connecting.world.client_secret = "another one"
    assert await connecting.back(mari.client, address) == "invalid_code"
    values = face.apps_of(
        settings_for(connecting.seoul, Path("var"), slack_app_token="", public_url=PUBLIC, **CLIENT)
    )[""]
    with pytest.raises(RuntimeError, match="SLACK_CLIENT_SECRET: bad_client_secret"):
        await face.check(values)
    connecting.world.client_secret = CLIENT["slack_client_secret"]
    assert "workspaces may be connected" in await face.check(values)


async def test_a_removed_app_is_off_at_once_visibly_and_may_be_connected_again(
    connecting: Connecting,
) -> None:
    mari = await connected(connecting)
    await connecting.face.learn_channels(BUSAN)
    await connecting.busan.post("/standin/people/U0BSEOJUN/uninstall", {})
    await until(lambda: _heard(connecting.busan))
    await connecting.office.settle()
    row = await SlackWorkspace.get(account=BUSAN)
    assert (row.state, row.sealed) == ("gone", None)
    assert await slack.channels(account=BUSAN) == []
    shown = await mari.page("/desk/admin/slack")
    assert "앱을 지웠거나" in shown
    assert await connecting.face.workspaces.find(BUSAN) is None
    _, address = await connecting.consent(mari.client)
    assert await connecting.back(mari.client, address) == "done"
    await connecting.face.learn_channels(BUSAN)
    assert len(await slack.channels(account=BUSAN)) == 1
    await mari.act("slack_disconnect", account=BUSAN)
    assert await slack.channels(account=BUSAN) == []


async def test_a_late_word_of_a_removal_does_not_end_the_new_connection(connecting: Connecting) -> None:
    await connected(connecting)
    await connecting.busan.post("/standin/emit", {"type": "app_uninstalled"})
    await until(lambda: _heard(connecting.busan))
    await connecting.office.settle()
    assert (await SlackWorkspace.get(account=BUSAN)).state == "on"


async def test_the_workspace_of_the_settings_is_shown_as_gone_until_its_token_works_again(
    connecting: Connecting,
) -> None:
    await connecting.face.learn_channels("")
    connecting.world.revoked = True
    await connecting.face._learn("")
    assert await slack_workspaces.lost() == ["the first"]
    assert await slack.channels(account="") == []
    connecting.world.revoked = False
    await connecting.face._learn("")
    assert await slack_workspaces.lost() == []


async def test_an_event_of_a_workspace_that_is_none_of_ours_is_acknowledged_and_left(
    connecting: Connecting,
) -> None:
    await connecting.face.workspaces.given[""].who_am_i()
    await Person(connecting.busan, "U0BSEOJUN").say("@dangol help", channel=BUSAN_CHANNEL)
    await until(lambda: _heard(connecting.busan))
    found = await db.fetch("SELECT data FROM staff_event")
    assert [json.loads(row["data"]) if isinstance(row["data"], str) else row["data"] for row in found] == []
