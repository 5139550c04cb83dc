"""Administration: company, business hours, teams, staff, canned replies, labels, response targets."""

from collections import defaultdict
from datetime import datetime, time, timedelta
from typing import Any

from aiohttp import web

from bots.web import i18n
from bots.web.desk import side, slack, words
from bots.web.desk.frame import Desk, page, person
from bots.web.desk.nav import shell
from crm import canned, company, hours, knowledge, labels, message_templates, staff, teams
from crm.errors import NotFound
from crm.live_rules import policy_of
from crm.models import CannedReply, Label, MessageTemplate, Staff, Team, TeamMember

# Sections of the settings: name, icon, and the permission to change something there.
SECTIONS = (
    ("company", (("profile", "building", "company.write"), ("hours", "clock", "hours.write"),
                 ("teams", "users", "team.write"), ("staff", "user", "staff.write"))),
    ("service", (("canned", "bolt", "canned.write"), ("labels", "tag", "label.write"),
                 ("targets", "alert", "company.write"),
                 ("templates", "channel-alimtalk", "template.write"),
                 ("slack", "channel-slack", "team.write"))),
)  # fmt: skip
CLOSED_SHOWN = 6
VARIABLES = {
    "ko": ("고객", "담당", "접수번호", "회사"),
    "en": ("customer", "agent", "request_no", "company"),
}
TONES = {"draft": "plain", "pending": "amber", "approved": "green", "rejected": "red", "stopped": "plain"}
# What work is given to teams by; docs/operators.md says which is which.
TOPICS = (
    "repair", "visit", "complaint", "question", "other",
    "callback", "sales", "billing", "support", "general",
)  # fmt: skip


async def _admin(desk: Desk, name: str, template: str, **context: Any) -> web.StreamResponse:
    permission = next(right for _, group in SECTIONS for key, _, right in group if key == name)
    return desk.render(
        template,
        **await shell(desk, "admin"),
        **context,
        page="admin",
        sections=SECTIONS,
        current=name,
        may_change=desk.may(permission),
    )


async def index(request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("/desk/admin/profile")


@page
async def profile(desk: Desk) -> web.StreamResponse:
    found = await company.get()
    live = policy_of(found.settings)
    return await _admin(desk, "profile", "admin_profile.html", profile=found, live=live)


@page
async def targets(desk: Desk) -> web.StreamResponse:
    return await _admin(desk, "targets", "admin_targets.html", profile=await company.get())


@page
async def business_hours(desk: Desk) -> web.StreamResponse:
    """The week of the company or of one team, coming closed days, and whether it is open now."""
    team_id = desk.asked("team")
    week = await hours.week_of(team_id)
    inherited = team_id is not None and not any(week)
    calendar = await hours.load(team_id)
    closed = await hours.upcoming_closed(desk.now, tz=desk.tz)
    told_by = await knowledge.list_articles(kind="hours", published=True, limit=6)
    return await _admin(
        desk,
        "hours",
        "admin_hours.html",
        profile=await company.get(),
        week=[[(_minute(s.opens), _minute(s.closes)) for s in day] for day in week],
        inherited=inherited,
        team_id=team_id,
        teams=[{"id": team.id, "name": team.name} for team in await teams.list_teams()],
        closed=[_closed(desk, each) for each in closed[:CLOSED_SHOWN]],
        now_open=_now_open(desk, calendar),
        told_by=told_by.items,
    )


def _minute(minutes: int) -> str:
    """A value for <input type=time>; midnight at the end of the day is shown as 23:59."""
    return "23:59" if minutes >= 1440 else f"{minutes // 60:02}:{minutes % 60:02}"


def _closed(desk: Desk, each: hours.Closed) -> dict[str, Any]:
    today = desk.now.astimezone(desk.tz).date()
    return {"id": each.id, "name": each.name, "day": i18n.day(each.day, desk.lang, today)}


def _now_open(desk: Desk, calendar: hours.Calendar) -> dict[str, str]:
    """One title and one sentence: open until when, or closed until when."""
    if calendar.is_open(desk.now):
        ends = calendar.next_closing(desk.now)
        after = calendar.next_opening_after(desk.now)
        text = desk.t("desk.hours.open_until", at=_ends(desk, ends)) if ends else desk.t("desk.hours.always")
        if after:
            text += " " + desk.t("desk.hours.next", at=i18n.moment(after, desk.tz, desk.lang, desk.now))
        return {"state": "open", "title": desk.t("desk.hours.open"), "text": text}
    opens = calendar.next_open(desk.now)
    text = desk.t("desk.hours.next", at=i18n.moment(opens, desk.tz, desk.lang, desk.now)) if opens else ""
    return {"state": "closed", "title": desk.t("desk.hours.closed"), "text": text}


def _ends(desk: Desk, at: datetime) -> str:
    """'오늘 오후 6:00', or with its day; midnight belongs to the day that it ends."""
    local, day = at.astimezone(desk.tz), desk.now.astimezone(desk.tz).date()
    if local.time() == time():
        before = local.date() - timedelta(days=1)
        named = desk.t("desk.hours.today") if before == day else i18n.day(before, desk.lang, day)
        return desk.t("desk.hours.midnight", day=named)
    if local.date() == day:
        return desk.t("desk.hours.today_at", at=i18n.clock(at, desk.tz, desk.lang))
    return i18n.moment(at, desk.tz, desk.lang, desk.now)


@page
async def team_list(desk: Desk) -> web.StreamResponse:
    members = defaultdict(list)
    for each in await TeamMember.all().order_by("staff_id").select_related("staff").limit(1000):
        members[each.team_id].append(person(each.staff, desk.lang))
    rows = [
        {
            "id": team.id,
            "name": team.name,
            "topics": [_topic(desk, topic) for topic in team.topics],
            "members": members[team.id],
        }
        for team in await Team.all().order_by("id")
    ]
    return await _admin(desk, "teams", "admin_teams.html", rows=rows)


@page
async def team_form(desk: Desk) -> web.StreamResponse:
    desk.need("team.write")
    wanted = desk.request.match_info.get("id")
    team = await Team.get_or_none(id=desk.id()) if wanted else None
    if wanted and team is None:
        raise NotFound("team")
    joined = await TeamMember.filter(team_id=team.id) if team else []
    members = {each.staff_id for each in joined}
    taken = team.topics if team else []
    return desk.render(
        "admin_team_form.html",
        team=team,
        members=members,
        staff=await side.staff_list(desk),
        topics=[(topic, _topic(desk, topic)) for topic in dict.fromkeys((*TOPICS, *taken))],
    )


def _topic(desk: Desk, topic: str) -> str:
    """Its name; a topic of the company's own is called what it is."""
    return desk.t(f"desk.topic.{topic}") if topic in TOPICS else topic


@page
async def staff_list(desk: Desk) -> web.StreamResponse:
    rows = [
        {
            **person(each, desk.lang),
            "role": each.role,
            "active": each.active,
            "email": each.email,
            "since": words.brief(each.created_at, desk.tz, desk.lang, desk.now),
        }
        for each in await staff.list_staff(active=None)
    ]
    return await _admin(desk, "staff", "admin_staff.html", rows=rows)


@page
async def staff_form(desk: Desk) -> web.StreamResponse:
    desk.need("staff.write")
    wanted = desk.request.match_info.get("id")
    member = await Staff.get_or_none(id=desk.id()) if wanted else None
    if wanted and member is None:
        raise NotFound("staff")
    joined = await teams.of_staff(member.id) if member else []
    every = [{"id": team.id, "name": team.name} for team in await teams.list_teams()]
    return desk.render("admin_staff_form.html", member=member, joined=joined, teams=every, roles=staff.ROLES)


@page
async def canned_list(desk: Desk) -> web.StreamResponse:
    return await _admin(desk, "canned", "admin_canned.html", rows=await canned.list_canned(desk.actor))


@page
async def canned_form(desk: Desk) -> web.StreamResponse:
    desk.need("canned.write")
    wanted = desk.request.match_info.get("id")
    reply = await CannedReply.get_or_none(id=desk.id()) if wanted else None
    if wanted and reply is None:
        raise NotFound("canned")
    known = (
        ("고객", "담당", "접수번호", "회사")
        if desk.lang == "ko"
        else ("customer", "agent", "request_no", "company")
    )
    return desk.render("admin_canned_form.html", reply=reply, variables=known)


@page
async def label_list(desk: Desk) -> web.StreamResponse:
    return await _admin(desk, "labels", "admin_labels.html", rows=await labels.all_labels())


@page
async def label_form(desk: Desk) -> web.StreamResponse:
    desk.need("label.write")
    wanted = desk.request.match_info.get("id")
    label = await Label.get_or_none(id=desk.id()) if wanted else None
    if wanted and label is None:
        raise NotFound("label")
    return desk.render("admin_label_form.html", label=label, colours=labels.COLOURS)


@page
async def template_list(desk: Desk) -> web.StreamResponse:
    rows = await message_templates.list_templates(desk.actor)
    return await _admin(desk, "templates", "admin_templates.html", rows=rows, tones=TONES)


@page
async def template_form(desk: Desk) -> web.StreamResponse:
    desk.need("template.write")
    wanted = desk.request.match_info.get("id")
    template = await MessageTemplate.get_or_none(id=desk.id()) if wanted else None
    if wanted and template is None:
        raise NotFound("template")
    known = message_templates.NAMES
    return desk.render(
        "admin_template_form.html",
        row=template,
        uses=tuple(message_templates.USES),
        statuses=message_templates.STATUSES,
        variables=tuple(known) if desk.lang == "ko" else tuple(known.values()),
    )


@page
async def slack_settings(desk: Desk) -> web.StreamResponse:
    return await _admin(desk, "slack", "admin_slack.html", **await slack.context(desk))


PAGES = {
    "profile": profile,
    "targets": targets,
    "hours": business_hours,
    "teams": team_list,
    "staff": staff_list,
    "canned": canned_list,
    "labels": label_list,
    "templates": template_list,
    "slack": slack_settings,
}
FORMS = {
    "teams": team_form,
    "staff": staff_form,
    "canned": canned_form,
    "labels": label_form,
    "templates": template_form,
}


def routes(app: web.Application) -> None:
    app.router.add_get("/desk/admin", index)
    for name, handler in PAGES.items():
        app.router.add_get(f"/desk/admin/{name}", handler)
    for name, handler in FORMS.items():
        app.router.add_get(f"/desk/admin/{name}/new", handler)
        app.router.add_get(rf"/desk/admin/{name}/{{id:\d+}}", handler)
