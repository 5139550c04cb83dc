"""Administration of Slack: the channel of each team, and which of its users are staff."""

from collections.abc import Mapping
from typing import Any

from bots.web import i18n
from bots.web.app_keys import CONFIG
from bots.web.desk import words
from bots.web.desk.frame import Desk, named, person
from crm import slack, slack_cards, slack_workspaces, teams
from crm.models import SlackChannel


def shown(channel: SlackChannel) -> dict[str, Any]:
    """A channel to choose; `fit` says whether customers may be shown there."""
    name = f"#{channel.name or channel.channel}" + (f" ({channel.account})" if channel.account else "")
    return {"id": channel.id, "name": name, "fit": slack.fit(channel), "member": channel.member}


def workspace(desk: Desk, row: Mapping[str, Any]) -> dict[str, Any]:
    """A workspace that was connected, or that has removed our app."""
    at = row["gone_at"] or row["installed_at"]
    return {
        "id": row["id"],
        "account": row["account"],
        "name": row["name"] or row["account"] or desk.t("desk.slack.of_settings"),
        "state": row["state"],
        "by": named(row, "staff", desk.lang),
        "since": words.brief(at, desk.tz, desk.lang, desk.now),
    }


def _outcome(desk: Desk, word: str) -> dict[str, Any] | None:
    """What became of connecting a workspace: told once, on coming back from Slack."""
    key = f"desk.slack.connecting.{word}"
    known = i18n.section(desk.lang, "desk.slack.connecting.")
    return {"text": desk.t(key), "good": word == "done"} if word and key in known else None


async def context(desk: Desk) -> dict[str, Any]:
    """What the page shows; who may approve is an admin, who may choose channels a manager."""
    chosen = await slack.routes()
    rows: list[dict[str, Any]] = [
        {"id": None, "name": desk.t("desk.slack.rest"), "channel": chosen.get(None)}
    ]
    rows += [{"id": t.id, "name": t.name, "channel": chosen.get(t.id)} for t in await teams.list_teams()]
    people = [
        {
            "id": row.id,
            "slack": row.name or row.slack_id,
            "staff": {**person(row.staff, desk.lang), "active": row.staff.active},
            "state": row.state if row.staff.active else "inactive",
            "since": words.brief(row.asked_at, desk.tz, desk.lang, desk.now),
        }
        for row in await slack.users()
    ]
    return {
        "routes": [{**row, "channel": shown(row["channel"]) if row["channel"] else None} for row in rows],
        "channels": [shown(channel) for channel in await slack.channels()],
        "people": people,
        "may_approve": desk.may("staff.write"),
        "workspaces": [workspace(desk, row) for row in await slack_workspaces.every()],
        "apps": desk.request.app[CONFIG].slack_apps,
        "connected": _outcome(desk, desk.request.query.get("connected", "")),
        "troubles": await slack_cards.troubles(desk.now),
    }
