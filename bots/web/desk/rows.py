"""The conversation list as its template shows it: one hot read, one look at requests, no row alone."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from bots.web import i18n
from bots.web.desk import words
from bots.web.desk.frame import Desk, named
from crm import db
from crm.models import ServiceRequest

RATED_FOR = timedelta(days=14)  # how long a row shows the score of its closed matter


async def inbox_rows(desk: Desk, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of `conversations.inbox_list` with the status of their latest request."""
    latest = await _latest_requests([item["id"] for item in items])
    return [_row(desk, item, latest.get(item["id"], {})) for item in items]


def _row(desk: Desk, item: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    name = item["name"] or desk.t("desk.nameless")
    last = item["last_message"] or {}
    waits = item["waiting_since"] is not None and item["status"] == "open"
    due = words.due(item["reply_due_at"], desk.tz, desk.lang, desk.now) if waits else None
    snoozed = item["snoozed_until"] if item["status"] == "snoozed" else None
    room = len(item["labels"]) < 2  # the line holds two chips beside the clock
    return {
        "id": item["id"],
        "name": name,
        "person": words.person(item["contact_id"], name),
        "channel": item["channel"],
        "who": _who(desk, last.get("from", ""), item),
        "text": last.get("text")
        or desk.t("desk.list.photo" if last.get("kind") == "file" else "desk.list.none"),
        "at": item["last_message_at"].isoformat(),
        "when": words.ago(item["last_message_at"], desk.tz, desk.lang, desk.now),
        "unread": item["unread"],
        "labels": item["labels"][:2],
        "priority": item["priority"] if item["priority"] in ("high", "urgent") and room else "",
        "status": "" if item["labels"] else request.get("status", ""),
        "rating": request.get("score"),
        "due": due,
        "snoozed": desk.t("desk.list.until", at=words.brief(snoozed, desk.tz, desk.lang, desk.now))
        if snoozed
        else "",
    }


def _who(desk: Desk, author: str, item: dict[str, Any]) -> str:
    """Who said the last thing, before the preview: nobody for the customer."""
    if author == "bot":
        return desk.t("desk.list.bot")
    if author == "staff":
        return (
            desk.t("desk.list.me")
            if item["assignee_id"] == desk.staff.id
            else named(item, "assignee", desk.lang)
        )
    return ""


async def _latest_requests(ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The newest request of each conversation that is still of interest, with its score."""
    shown = ServiceRequest.filter(conversation_id__in=list(ids)).exclude(status="cancelled").order_by("id")
    rows = await shown.values("conversation_id", "status", score="rating__score") if ids else []
    return {row["conversation_id"]: row for row in rows}


async def today(desk: Desk) -> list[dict[str, str]]:
    """The three figures of the quiet pane: received, longest wait, resolved. From the tables, as of now."""
    local = desk.now.astimezone(desk.tz).replace(hour=0, minute=0, second=0, microsecond=0)
    start, before = db.stamp(local), db.stamp(local - timedelta(days=1))
    row = (
        await db.fetch(
            "SELECT (SELECT COUNT(*) FROM conversation WHERE last_inbound_at >= ?) AS today,"
            " (SELECT COUNT(*) FROM conversation WHERE created_at >= ? AND created_at < ?) AS yesterday,"
            " (SELECT MIN(waiting_since) FROM conversation WHERE status = 'open') AS waiting,"
            " (SELECT COUNT(*) FROM service_request WHERE resolved_at >= ?) AS resolved,"
            " (SELECT AVG(score) FROM rating WHERE at >= ?) AS score",
            start, before, start, start, db.stamp(desk.now - RATED_FOR),
        )
    )[0]  # fmt: skip
    waiting = db.read_stamp(row["waiting"])
    longest = (
        i18n.duration(max(1, int((desk.now - waiting).total_seconds() // 60)), desk.lang) if waiting else "–"
    )
    score = (
        desk.t("desk.today.score", score=f"{float(row['score']):.1f}")
        if row["score"]
        else desk.t("desk.today.no_score")
    )
    return [
        {"name": desk.t("desk.today.received"), "value": str(row["today"]),
         "about": desk.t("desk.today.yesterday", n=row["yesterday"])},
        {"name": desk.t("desk.today.longest"), "value": longest,
         "about": desk.t("desk.today.waiting" if waiting else "desk.today.nobody")},
        {"name": desk.t("desk.today.resolved"), "value": str(row["resolved"]), "about": score},
    ]  # fmt: skip
