"""Slack in the desk's administration: who may choose channels, and who may approve people."""

from crm import slack
from crm.models import SlackChannel, SlackRoute, SlackUser, Staff
from tests.bots.web.desk_fixtures import Staffed, browser_of, company, desk_server, signed_in
from tests.bots.web.desk_people import utc_now

__all__ = ["browser_of", "company", "desk_server", "signed_in"]


async def two_channels() -> tuple[SlackChannel, SlackChannel]:
    known = {"shared": False, "member": True, "now": utc_now()}
    team = await slack.saw_channel("", "C0TEAM", name="상담팀", private=True, **known)
    return team, await slack.saw_channel("", "C0LOBBY", name="전체", private=False, **known)


async def test_a_manager_chooses_a_private_channel_and_no_other(signed_in: Staffed) -> None:
    team, lobby = await two_channels()
    yuna = await signed_in("yuna")
    shown = await yuna.page("/desk/admin/slack")
    assert "#상담팀" in shown
    assert "공개 또는 공유 채널" in shown
    await yuna.act("slack_route", channel=team.id)
    assert await SlackRoute.filter(team_id=None, channel_id=team.id).count() == 1
    status, body = await yuna.try_act("slack_route", channel=lobby.id)
    assert (status, body["reason"]) == (409, "not_private")


async def test_only_an_admin_approves_a_slack_user(signed_in: Staffed) -> None:
    await Staff.filter(login="seojun").update(email="seojun@saebom.example")
    await slack.met("", "U1", name="서준", email="SEOJUN@saebom.example", now=utc_now())
    row = await SlackUser.get(slack_id="U1")
    yuna = await signed_in("yuna")
    assert "승인 대기" in await yuna.page("/desk/admin/slack")
    assert (await yuna.try_act("slack_approve", user=row.id))[0] == 403
    await Staff.filter(login="mari").update(role="admin")
    mari = await signed_in("mari")
    await mari.act("slack_approve", user=row.id)
    assert (await slack.who("", "U1")).state == "approved"
    await mari.act("slack_refuse", user=row.id)
    assert (await slack.who("", "U1")).actor is None
