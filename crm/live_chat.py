"""The chat beside a live session: the conversation itself, from the session's beginning on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from crm import conversations, customer_view, db, files, happenings, inbox, live_events
from crm.actor import Actor
from crm.customer_view import Said
from crm.errors import Conflict, Invalid
from crm.models import Conversation, File, LiveParticipant, LiveSession
from crm.zone import aware

TEXT_LONGEST = 4000
PAGE = 100


async def since(session: LiveSession, seq: int) -> list[Said]:
    """What was said by the customer and to them above `seq`, in order; notes of staff are left out."""
    if session.conversation_id is None:
        return []
    return await customer_view.both_ways(session.conversation_id, max(seq, session.first_seq), limit=PAGE)


def is_way_in(said: Said) -> bool:
    """Whether a line is an invitation into a call, by the bot or the house."""
    return said.author in ("bot", "system") and "/call/" in said.text


async def say(
    place: LiveParticipant,
    session: LiveSession,
    frame_id: str,
    text: str,
    *,
    actor: Actor | None,
    files_of: Sequence[str] = (),
    now: datetime,
) -> None:
    """A line of a participant: the customer's is received as on their channel, a colleague's is a reply.

    The same `frame_id` of a customer is stored once. Raises `Invalid` `text` and `Conflict("no_chat")` for a
    guest, or a session without a conversation.
    """
    text = text.strip()
    if len(text) > TEXT_LONGEST:
        raise Invalid("text", "too_long", longest=TEXT_LONGEST)
    if session.conversation_id is None or (place.side != "customer" and actor is None):
        raise Conflict("no_chat")
    if place.side == "customer":
        conversation = await Conversation.get(id=session.conversation_id).select_related("identity")
        await inbox.store(
            inbox.Inbound(
                channel=conversation.channel,
                channel_account=conversation.channel_account,
                external_user=conversation.identity.external_id,
                external_id=f"call:{place.id}:{frame_id}"[:200],
                kind="message",
                text=text,
                files=tuple(files_of),
                received_at=now,
            ),
            now=now,
        )
    elif actor is not None:
        await conversations.reply(
            actor, session.conversation_id, text, files=list(files_of), expected_seq=None, now=now
        )
    if files_of:
        await sent(session, place.id, files_of, now=now)


async def sent(session: LiveSession, participant_id: int, tokens: Sequence[str], *, now: datetime) -> None:
    """Files of a call also hang on its request and stand on its timeline, pictures as photos."""
    if session.request_id is not None:
        await files.attach_to_request(list(tokens), session.request_id)
    pictures = File.filter(token__in=list(tokens), type__startswith="image/")
    photos = {each.token for each in await pictures.only("id", "token")}
    for token in tokens:
        kind = "photo" if token in photos else "file"
        await live_events.record(
            session.id, kind, participant_id=participant_id, data={"file": token}, now=now
        )


async def photo(
    actor: Actor, place: LiveParticipant, session: LiveSession, token: str, *, now: datetime
) -> dict[str, Any]:
    """Keep a photo that staff took of the customer's picture: with the request, or as a note without one."""
    aware(now)
    async with db.transaction():
        await db.execute("UPDATE live_session SET id = id WHERE id = ?", session.id)
        if session.request_id is None and session.conversation_id is not None:
            await conversations.note(actor, session.conversation_id, "", files=[token], now=now)
        await sent(session, place.id, [token], now=now)
        await happenings.record(
            "live.photo", now=now, contact_id=session.contact_id, conversation_id=session.conversation_id,
            request_id=session.request_id, staff_id=actor.id, live_id=session.id,
        )  # fmt: skip
    return {"request": session.request_id}


async def owner_of(place: LiveParticipant, session: LiveSession) -> str:
    """Who uploads, as files know it. Raises `Conflict("no_chat")`."""
    if place.side != "customer" and place.staff_id is not None:
        return f"staff:{place.staff_id}"
    if place.side != "customer" or session.conversation_id is None:
        raise Conflict("no_chat")
    conversation = await Conversation.get(id=session.conversation_id)
    return f"identity:{conversation.identity_id}"
