"""What a live session left behind: facts, acts and chat on a timeline, the recording, the summary."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from bots import transcripts
from bots.web import i18n
from bots.web.app_keys import CONFIG
from bots.web.desk import calls, control_lines, words
from bots.web.desk.frame import Desk, page
from bots.web.desk.nav import shell
from bots.web.files import signed
from crm import control_log, live_chat, live_events, live_record, live_summary, live_views, recordings
from crm.errors import Forbidden
from crm.live_views import Whole
from crm.models import LiveParticipant, LiveSession, RecordingFile

FIELDS = ("status", "category", "parts", "next_visit", "needs", "tendencies")
LINES = 1000  # of a transcript that are shown
QUIET_ACTS = ("mic", "camera", "mode")  # shown only by their mark on the line


@page
async def record(desk: Desk) -> web.StreamResponse:
    """One session after its end; a running one leads to its call page."""
    whole = await live_views.get(desk.actor, desk.id())
    session = whole.session
    begin = session.started_at or session.waiting_since or session.created_at
    tracks = await _tracks(desk, whole, begin)
    facts = await live_record.facts(session)
    return desk.render(
        "call_record.html",
        **await shell(desk, "calls"),
        page="call",
        s=calls.row(desk, session),
        facts=facts,
        cost=i18n.money(session.cost_minor, desk.lang) if session.cost_minor else "",
        comment=session.rating_comment,
        people=[_person(desk, session, place) for place in whole.places if place.side != "agent"],
        control=await _control(desk, session),
        controlled=await control_lines.lines(desk, session, begin),
        acts=await _acts(desk, whole, begin),
        tracks=tracks,
        summary=_summary(desk, session),
        said=await _said(desk, session),
        transcribes=desk.request.app[CONFIG].transcribes,
        unsaid=await _unsaid(desk, session),
        may_delete=desk.may("recording.delete"),
        conversation=session.conversation_id,
    )


async def _tracks(desk: Desk, whole: Whole, begin: datetime) -> dict[str, Any]:
    """The recording for whoever may see it; that they looked is audited when there is something to see."""
    session = whole.session
    files = await recordings.of(session.id)
    if not files:
        state = await recordings.standing(session.id)
        return {"state": state, "files": [], "length": 0, "delete": ""}
    try:
        files = await recordings.view(desk.actor, session.id, now=desk.now)
    except Forbidden:
        return {"state": "forbidden", "files": [], "length": 0, "delete": ""}
    names = {place.id: _name(desk, session, place) for place in whole.places}
    shown = [_track(desk, file, names, begin) for file in files if file.track != "mix"]
    until = files[0].recording.delete_at
    return {
        "state": "ready",
        "files": shown,
        "length": max(track["offset"] + track["length"] for track in shown),
        "delete": i18n.day(until.astimezone(desk.tz).date(), desk.lang, desk.now.date()) if until else "",
    }


def _track(desk: Desk, file: RecordingFile, names: Mapping[int, str], begin: datetime) -> dict[str, Any]:
    place = file.participant
    side = place.side if place else "customer"
    return {
        "id": file.id,
        "url": f"/desk/calls/files/{file.id}",
        "who": (names.get(place.id, "") if place else "") or desk.t(f"desk.live.side.{side}"),
        "side": side,
        "place": file.participant_id or "",
        "track": file.track,
        "video": file.video,
        "offset": max(0, (file.started_at - begin) // timedelta(milliseconds=1)),
        "length": file.duration_ms,
        "sha256": file.sha256,
    }


def _name(desk: Desk, session: LiveSession, place: LiveParticipant) -> str:
    """Who that was: a colleague's own name, the contact's as it is now, what a guest was called."""
    if place.staff is not None:
        return place.staff.name_en if desk.lang == "en" and place.staff.name_en else place.staff.name
    own = session.contact.name if place.side in ("customer", "agent") else ""
    return own or place.name or desk.t("desk.nameless")


def _person(desk: Desk, session: LiveSession, place: LiveParticipant) -> dict[str, Any]:
    minutes = -(-place.present_ms // 60_000)
    key = "desk.live.joined" if place.joined_at else "desk.live.not_joined"
    return {
        "name": _name(desk, session, place),
        "side": desk.t(f"desk.live.side.{place.side}"),
        "text": desk.t(key, n=minutes) if place.joined_at else desk.t(key),
    }


async def _control(desk: Desk, session: LiveSession) -> str:
    """How many control logs there are, and whether they are whole."""
    sources = await control_log.sources(session.id)
    if not sources:
        return desk.t("desk.live.controlled_no")
    faults = [fault for source in sources if (fault := await control_log.verify(session.id, source))]
    verdict = desk.t("desk.live.chain_broken", n=faults[0]) if faults else desk.t("desk.live.chain_whole")
    return desk.t("desk.live.controlled_yes", n=len(sources), verdict=verdict)


async def _acts(desk: Desk, whole: Whole, begin: datetime) -> list[dict[str, Any]]:
    """Acts and lines of the chat in one order, each with its place in time."""
    session = whole.session
    names = {place.id: _name(desk, session, place) for place in whole.places}
    found = []
    for event in await live_events.of(session.id):
        if event.kind in QUIET_ACTS:
            continue
        told = desk.t(f"desk.live.act.{event.kind}")
        if event.data.get("by") == "asking":
            told = desk.t("desk.live.by_asking", act=told)
        item = _item(desk, event.at, begin, told, event.kind)
        item["who"] = names.get(event.participant_id or 0, "")
        item["mark"] = str(event.data.get("id") or "")
        item["of"], item["track"] = (str(event.data.get(name) or "") for name in ("of", "track"))
        item["points"] = event.data.get("points", []) if event.kind == "mark" else []
        item["photo"] = signed(event.data["file"]) if event.kind == "photo" and "file" in event.data else ""
        found.append(item)
    for said in await live_chat.since(session, 0):
        if said.author == "system" or live_chat.is_way_in(said) or not said.text.strip():
            continue  # the invitation, what the house says by itself, and files, which are acts
        if session.ended_at and said.at > session.ended_at:
            break
        item = _item(desk, said.at, begin, said.text, "chat")
        customer = session.contact.name or desk.t("desk.nameless")
        staff = (desk.lang == "en" and said.staff_name_en) or said.staff_name
        item["who"] = customer if said.direction == "in" else staff
        found.append(item)
    return sorted(found, key=lambda item: int(item["ms"]))


async def _said(desk: Desk, session: LiveSession) -> list[dict[str, Any]]:
    """The transcript's lines: when, who, what; for whoever may see the recording that was written down."""
    found: list[dict[str, Any]] = []
    try:
        await recordings.may_see(desk.actor, session.id)
    except Forbidden:
        return found
    for one in live_summary.lines_of(session.transcript)[:LINES]:
        clock = "" if one.ms is None else f"{one.ms // 60_000:02}:{one.ms // 1000 % 60:02}"
        who = desk.t(f"desk.live.side.{one.side}") if one.side else ""
        found.append({"ms": one.ms, "clock": clock, "who": who, "text": one.text})
    return found


async def _unsaid(desk: Desk, session: LiveSession) -> str:
    """Why there is no transcript; '' when there is one, or nothing was recorded."""
    if session.transcript:
        return ""
    numbers = {file.recording_id for file in await recordings.of(session.id)}
    if not numbers:
        return ""
    if not desk.request.app[CONFIG].transcribes:
        return desk.t("desk.live.transcript_off")
    state = await transcripts.standing(sorted(numbers))
    return desk.t(f"desk.live.transcript_{state or 'none'}")


def _item(desk: Desk, at: datetime, begin: datetime, text: str, kind: str) -> dict[str, Any]:
    ms = max(0, (at - begin) // timedelta(milliseconds=1))
    clock = f"{ms // 60_000:02}:{ms // 1000 % 60:02}"
    return {
        "ms": ms, "clock": clock, "text": text, "kind": kind, "who": "", "mark": "", "of": "", "track": "",
        "points": [],
        "photo": "", "at": words.short_clock(at, desk.tz),
    }  # fmt: skip


def _summary(desk: Desk, session: LiveSession) -> dict[str, Any]:
    found = session.summary
    fields = []
    for name in FIELDS:
        value = found.get(name)
        if not value:
            continue
        if name in ("status", "category"):
            value = desk.t(f"status.{value}" if name == "status" else f"desk.category.{value}")
        fields.append({"name": name, "text": ", ".join(value) if isinstance(value, list) else value})
    return {
        "state": session.summary_state,
        "sentences": found.get("sentences", []),
        "fields": fields,
        "request": session.request_id,
    }


def routes(app: web.Application) -> None:
    app.router.add_get(r"/desk/calls/{id:\d+}", record)
