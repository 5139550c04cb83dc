"""After a live session: the customer's rating, and the summary that a person confirms with one tap."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from crm import audit, db, live_record, live_sessions, live_summary, requests, writes
from crm.actor import Actor, check
from crm.checks import text, whole
from crm.errors import Conflict
from crm.models import LiveSession, ServiceRequest

SUGGESTED: Final = ("status", "category", "parts", "next_visit", "needs", "tendencies")


async def rate(session_id: int, score: int, comment: str, *, now: datetime) -> LiveSession:
    """The customer's 1 to 5 for the call; a second one changes the first. Raises `Conflict("not_over")`."""
    score = whole("score", score, least=1, most=5)
    comment = text("comment", comment, longest=1000)
    async with live_sessions.held(session_id) as session:
        if session.status != "ended":
            raise Conflict("not_over")
        await live_sessions.set_values(session, rating=score, rating_comment=comment)
        customer = Actor("contact", session.contact_id)
        await live_sessions.happened("live.rated", session, customer, now, score=score)
    return session


async def confirm(actor: Actor, session_id: int, taken: Mapping[str, bool], *, now: datetime) -> LiveSession:
    """Put the suggested fields that are `taken` into the request, and the summary into its history.

    What does not fit the request any more (a status that cannot follow, a category once it is over) is left
    out. Raises `Conflict` `no_summary` when there is none, or it was decided on before.
    """
    check(actor, "live.write")
    async with live_sessions.held(session_id) as session:
        if session.summary_state != "suggested":
            raise Conflict("no_summary")
        found = session.summary
        chosen: dict[str, Any] = {
            name: found[name] for name in SUGGESTED if taken.get(name) and name in found
        }
        words = _comment(session.summary, chosen)
        await live_sessions.set_values(session, summary_state="confirmed")
        if session.request_id is not None:
            await _into_request(actor, session, chosen, words, now)
        await live_sessions.happened("live.summarised", session, actor, now, taken=sorted(chosen))
        await audit.record(
            actor, "live.summary_confirmed", "live", session_id, now=now, contact_id=session.contact_id,
            fields=sorted(chosen),
        )  # fmt: skip
    return session


async def dismiss(actor: Actor, session_id: int, *, now: datetime) -> LiveSession:
    """The summary is of no use. Raises `Conflict` `no_summary`."""
    check(actor, "live.write")
    async with live_sessions.held(session_id) as session:
        if session.summary_state != "suggested":
            raise Conflict("no_summary")
        await live_sessions.set_values(session, summary_state="dismissed")
        await live_sessions.happened("live.summarised", session, actor, now, taken=[])
        await audit.record(
            actor, "live.summary_dismissed", "live", session_id, now=now, contact_id=session.contact_id
        )
    return session


async def transcribed(session_id: int, transcript: str, *, now: datetime) -> None:
    """Keep what was said (`live_summary.line`), and suggest anew unless somebody decided already."""
    async with live_sessions.held(session_id) as session:
        session.transcript = transcript
        if session.summary_state in ("", "suggested"):
            found = live_summary.summarise(await live_record.spoken(session), locale=session.locale)
            session.summary, session.summary_state = found, "suggested" if found else ""
        await writes.update(session, ["transcript", "summary", "summary_state"])


async def _into_request(
    actor: Actor, session: LiveSession, chosen: Mapping[str, Any], words: str, now: datetime
) -> None:
    request_id = session.request_id or 0
    if words:
        await requests.comment(actor, request_id, words, now=now)
    request = await ServiceRequest.get(id=request_id)
    if "category" in chosen and request.status in requests.OPEN:
        await requests.amend(actor, request_id, {"category": chosen["category"]}, now=now)
    if chosen.get("status") in requests.TRANSITIONS[request.status]:
        async with db.savepoint():
            await requests.change_status(
                actor, request_id, str(chosen["status"]), reason=words[:500], now=now
            )


def _comment(summary: Mapping[str, Any], chosen: Mapping[str, Any]) -> str:
    """The quoted sentences, then what was heard, a line each."""
    lines = [str(one["text"]) for one in summary.get("sentences", [])]
    for name in ("parts", "next_visit", "needs", "tendencies"):
        value = chosen.get(name)
        if value:
            lines.append(", ".join(value) if isinstance(value, list) else str(value))
    return "\n".join(dict.fromkeys(lines))[:4000]
