"""The demo company's Slack, connected as an admin would: its people approved, its private channel chosen."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from bots.staff.slack.face import Face
from crm import slack
from crm.actor import SYSTEM
from crm.models import Staff

PATIENCE = timedelta(minutes=2)  # until the stand-in answers and tells its channels
USER = "U0{login}"


async def introduce(face: Face, logins: list[str], *, now: Callable[[], datetime]) -> None:
    """Approve `logins` and show all work in the first private channel. Changes nothing that was chosen."""
    until = now() + PATIENCE
    for member in await Staff.filter(login__in=logins, active=True):
        user = USER.format(login=member.login.upper())
        await slack.met("", user, name=member.name, email=member.email, now=now())
    for row in await slack.users():
        if row.state == "waiting":
            await slack.decide(SYSTEM, row.id, True, now=now())
    while not await slack.routes() and now() < until and face.listeners:
        fit = [channel for channel in await slack.channels() if slack.fit(channel)]
        if fit:
            await slack.route(SYSTEM, None, fit[0].id, now=now())
            return
        await asyncio.sleep(1.0)
