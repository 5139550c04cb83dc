"""Conversations of the demo company: the named ones as written, and small talks with the bot."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bots.demo.sources import read
from bots.demo.wording import moment, status_word
from bots.demo.world import World
from crm import cards, db, knowledge, search
from crm.models import (
    Article,
    Contact,
    Conversation,
    File,
    Identity,
    Labelling,
    Mention,
    Message,
    ServiceRequest,
)

PREVIEW_CHARACTERS = 120
CLOSES_AFTER = timedelta(hours=12)


@dataclass
class Talk:
    """One conversation while its messages are written."""

    world: World
    contact: Contact
    identity: Identity
    row: dict[str, Any]
    conversation: Conversation
    request: ServiceRequest | None
    photo: File | None = None
    written: list[Message] = field(default_factory=list)

    @property
    def customers(self) -> list[Message]:
        return [m for m in self.written if m.direction == "in"]


async def load(world: World, photo: File) -> None:
    """All conversations with messages, notes, labels and what search finds them by."""
    source = read("conversations")
    messages: list[Message] = []
    for row in source["talks"]:
        messages += await _named(world, row, photo)
    others = world.everybody[len(world.contacts) :]
    for i, contact in enumerate(world.random.sample(others, source["small_count"])):
        messages += await _small(world, contact, source["small"][i % len(source["small"])], i)
    keys = [
        (key, m.id) for m in messages for key in sorted(search.message_keys(m.text)) if m.direction != "event"
    ]
    await db.execute_many("INSERT INTO message_key (key, message_id) VALUES (?, ?)", keys)
    await world.write_timeline()


async def _named(world: World, row: dict[str, Any], photo: File) -> list[Message]:
    contact = world.contacts[row["who"]]
    identity = next(i for i in world.identities[contact.id] if i.channel == row["channel"])
    times = [world.clock.ago(message[0]) for message in row["messages"]]
    conversation = await _begin(world, contact, identity, times[0])
    request = world.requests.get(contact.id)
    talk = Talk(world, contact, identity, row, conversation, request, photo)
    for at, (_, author, *rest) in zip(times, row["messages"], strict=True):
        await _say(talk, at, author, *rest)
    if request is not None and request.created_at >= times[0] - timedelta(days=1):
        await ServiceRequest.filter(id=request.id).update(conversation_id=conversation.id)
    await _settle(talk)
    for label in row.get("labels", ()):
        await Labelling.create(
            label_id=world.labels[label].id, subject="conversation", subject_id=conversation.id
        )
    return talk.written


async def _small(world: World, contact: Contact, lines: list[str], number: int) -> list[Message]:
    identity = world.identities[contact.id][0]
    start = world.clock.days(-2 - number * 2, 9 + number * 7 % 12, number * 13 % 60)
    conversation = await _begin(world, contact, identity, start)
    talk = Talk(world, contact, identity, {"hold": "bot", "closed": True}, conversation, None)
    for i, line in enumerate(lines):
        await _say(talk, start + timedelta(seconds=50 * i), "bot" if i % 2 else "c", line)
    await _settle(talk)
    return talk.written


async def _begin(world: World, contact: Contact, identity: Identity, at: datetime) -> Conversation:
    conversation = await Conversation.create(
        contact_id=contact.id,
        identity_id=identity.id,
        channel=identity.channel,
        locale=contact.locale,
        last_message_at=at,
        created_at=at,
    )
    world.happened(contact.id, "conversation.started", at, "conversation", conversation.id)
    return conversation


async def _say(talk: Talk, at: datetime, author: str, text: str = "", extra: Any = None) -> None:
    extra = extra or {}
    kind, _, who = author.partition(":")
    staff = talk.world.staff.get(who if kind == "note" else author)
    direction = {"c": "in", "note": "note", "event": "event"}.get(kind, "out")
    if kind == "event":
        data, text = _event(talk, who, text), ""
        staff = talk.world.staff.get(str(data.pop("staff", "")))
    else:
        data, text = {}, _filled(talk, text)
    message = await Message.create(
        conversation_id=talk.conversation.id,
        seq=len(talk.written) + 1,
        direction=direction,
        author={"c": "contact", "bot": "bot", "event": "staff" if staff else "system"}.get(kind, "staff"),
        staff_id=staff.id if staff else None,
        text=text,
        lang="" if not text else "en" if text.isascii() else "ko",
        cards=await _cards(talk, extra),
        key=f"demo-{talk.conversation.id}-{len(talk.written) + 1}",
        state="stored" if direction != "out" else "seen" if talk.row.get("channel") == "web" else "delivered",
        data=data,
        created_at=at,
        delivered_at=at if direction == "out" else None,
        seen_at=at + timedelta(seconds=40) if direction == "out" else None,
    )
    talk.written.append(message)
    for login in extra.get("mentions", ()):
        mentioned = talk.world.staff[login].id
        seen = None if login == "seojun" else at
        await Mention.create(
            message_id=message.id, staff_id=mentioned, conversation_id=talk.conversation.id, seen_at=seen
        )
    if "photo" in extra and talk.photo is not None:
        await _attach(talk, talk.photo, message, extra)


def _event(talk: Talk, name: str, login: str) -> dict[str, Any]:
    if name == "taken_over":
        return {"event": name, "staff": login}
    person = talk.world.staff.get(login)
    return {"event": name, "reason": "asked", "to": person.id if person else None}


def _filled(talk: Talk, text: str) -> str:
    if talk.request is None:
        return text
    visit = moment(talk.request.visit_from, talk.world.clock.tz) if talk.request.visit_from else ""
    return text.replace("{number}", talk.request.number).replace("{visit}", visit)


async def _cards(talk: Talk, extra: Any) -> list[dict[str, Any]]:
    if extra.get("card") == "request" and talk.request is not None:
        return [_request_card(talk, talk.request)]
    if extra.get("card") == "article":
        article = await Article.get(slug=extra["slug"], locale=talk.contact.locale)
        quote = article.body.split("\n\n")[0]
        return [cards.article(title=article.title, quote=quote, url=knowledge.url_of(article))]
    return []


def _request_card(talk: Talk, request: ServiceRequest) -> dict[str, Any]:
    facts = [{"label": "제품", "value": request.product_text}, {"label": "증상", "value": request.symptom}]
    if request.visit_from:
        facts.append({"label": "방문", "value": moment(request.visit_from, talk.world.clock.tz)})
    step = ("received", "assigned", "in_progress", "resolved").index(
        {"waiting_customer": "in_progress", "closed": "resolved"}.get(request.status, request.status)
    )
    return cards.request(
        number=request.number,
        status=request.status,
        status_label=status_word(request.status),
        steps=["접수", "담당 배정", "방문·처리", "완료"],
        step=step + 1,
        facts=facts,
    )


async def _attach(talk: Talk, photo: File, message: Message, extra: Any) -> None:
    await File.filter(id=photo.id).update(
        owner=f"identity:{talk.identity.id}",
        message_id=message.id,
        conversation_id=talk.conversation.id,
        request_id=talk.request.id if talk.request else None,
        description=extra.get("description", ""),
        created_at=message.created_at,
    )


async def _settle(talk: Talk) -> None:
    """What the list shows, who holds it, and the clocks of the answer owed."""
    world, row, conversation = talk.world, talk.row, talk.conversation
    spoken = [m for m in talk.written if m.direction in ("in", "out")]
    last, hold = spoken[-1], row["hold"]
    person = world.staff.get(hold)
    unread = row.get("unread", 0)
    values: dict[str, Any] = {
        "message_seq": len(talk.written),
        "seen_seq": len(talk.written),
        "staff_seen_seq": len(talk.written) - unread,
        "unread": unread,
        "last_message": {
            "from": last.author,
            "text": last.text[:PREVIEW_CHARACTERS],
            "kind": "text" if last.text else "file",
        },
        "last_message_at": last.created_at,
        "last_inbound_at": talk.customers[-1].created_at if talk.customers else None,
        "priority": row.get("priority", "normal"),
        "owner": "bot" if hold == "bot" else "staff",
        "assignee_id": person.id if person else None,
        "team_id": world.teams["상담"].id if hold != "bot" else None,
        "handover_reason": "asked" if hold != "bot" else "",
    }
    if "reply_due" in row:
        values["reply_due_at"] = world.clock.due(row["reply_due"])
        values["waiting_since"] = talk.customers[-max(unread, 1)].created_at
    if "returns" in row:
        values["returns_at"] = world.now + timedelta(minutes=row["returns"])
    if "snooze" in row:
        values |= {"status": "snoozed", "snoozed_until": world.clock.visit(row["snooze"], "10:00")}
    if row.get("closed"):
        closed = world.clock.past(last.created_at, last.created_at + CLOSES_AFTER)
        values |= {"status": "closed", "closed_at": closed}
    await Conversation.filter(id=conversation.id).update(**values)
    await Identity.filter(id=talk.identity.id).update(last_seen_at=last.created_at)
