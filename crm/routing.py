"""Messages that start with us: each goes out on one way (`ways.choose`), and on the next if that fails.

Every step stands on the contact's timeline with its channel, reason and cost. The same `key` never goes out
twice, and a message goes on a second channel only after the first has failed, or when that was asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from crm import db, gate, happenings, identities, merging, message_templates, outbox, ownership, threads, ways
from crm.errors import Invalid
from crm.models import Contact, Conversation, Identity, Message, Proof, Route
from crm.ways import Choice, Terms, Way

Table = Mapping[str, Terms]  # by channel: what composition knows of the channels that are on
# In a message's data: its choices and cards stand on the page that its address opens, and are not sent.
BARE: Final = "bare"


@dataclass(frozen=True)
class Notice:
    """What is to be said. `key` names it for good: the same one is said once.

    `use` and `values` (crm/message_templates.py) fill an approved template where only those go out. Their
    `link` goes below the text where nothing can be pressed and the use needs it. `page`: the conversation
    that the link opens, on whose page stands what a way leaves out.
    """

    key: str
    text: str
    purpose: str = "info"  # info or ad
    author: str = "system"
    lang: str = ""
    choices: Sequence[Mapping[str, Any]] = ()
    cards: Sequence[Mapping[str, Any]] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    use: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    page: int | None = None


async def notify(
    contact_id: int, notice: Notice, table: Table, *, on: Sequence[str] = (), now: datetime
) -> Route:
    """Say it to a contact, once. `on` names channels when more than one, or a certain one, was asked for.

    Without a way to them an `info` goes to the staff's queue; who is erased or blocked has none. Raises
    `Invalid` for another purpose.
    """
    if notice.purpose not in ("info", "ad"):
        raise Invalid("purpose", "unknown")
    async with db.transaction():
        contact_id = await _claimed(contact_id, notice, now)
        if not contact_id:
            return await Route.get(key=notice.key)
        route = await Route.get(key=notice.key)
        wanted: list[Table] = [{name: table[name]} for name in on if name in table]
        for channels in wanted or [table]:
            await _step(route, notice, channels, now)
    return route


async def failed(message_id: int, table: Table, *, now: datetime) -> Route | None:
    """A routed message could not be sent: try the next way. None when the message was not routed."""
    async with db.transaction():
        rows = await db.fetch(
            "UPDATE route SET message_id = NULL WHERE message_id = ? RETURNING id", message_id
        )
        if not rows:
            return None
        route = await Route.get(id=rows[0]["id"])
        await _step(route, _again(route, await Message.get(id=message_id)), table, now)
    return route


async def adopt(message_id: int, table: Table, *, now: datetime) -> Route | None:
    """A message written into a conversation where only templates go out could not be sent: it takes another
    way, as a notice would. None when it is none of that kind, or was adopted before."""
    message = await Message.get(id=message_id).select_related("conversation")
    talk = message.conversation
    if talk.channel not in table or not table[talk.channel].templates or message.purpose == gate.AD:
        return None
    notice = Notice(f"message:{message.id}", message.text, author=message.author, lang=message.lang)
    async with db.transaction():
        contact_id = await _claimed(talk.contact_id, notice, now)
        if not contact_id:
            return None
        route = await Route.get(key=notice.key)
        route.steps = [{"channel": talk.channel, "why": "failed", "cost": 0, "passed": [],
                        "identity_id": talk.identity_id, "message_id": message.id}]  # fmt: skip
        await _step(route, notice, table, now)
    return route


async def ways_to(contact_id: int, table: Table) -> list[Way]:
    """Every way to a contact on the channels of the table: identities, and proven addresses without one."""
    rows = await db.fetch(
        "SELECT i.id, i.channel, i.channel_account, i.external_id, i.blocked_at,"
        " (SELECT MAX(v.last_inbound_at) FROM conversation v WHERE v.identity_id = i.id) AS last_inbound_at"
        " FROM identity i WHERE i.contact_id = ? ORDER BY i.id",
        contact_id,
    )
    found = [_way(row, table[row["channel"]]) for row in rows if row["channel"] in table]
    proven = await Proof.filter(contact_id=contact_id, kind__in=("phone", "email")).order_by("-at", "-id")
    for channel, terms in table.items():
        newest = next((row.value for row in proven if row.kind == terms.address), "")
        if newest and not any(way.channel == channel and way.external_id == newest for way in found):
            found.append(Way(channel, terms, external_id=newest, account=terms.account))
    return found


def _way(row: Mapping[str, Any], terms: Terms) -> Way:
    return Way(
        channel=row["channel"],
        terms=terms,
        identity_id=int(row["id"]),
        external_id=row["external_id"],
        account=row["channel_account"],
        last_inbound_at=db.read_stamp(row["last_inbound_at"]),
        blocked=row["blocked_at"] is not None,
    )


async def _claimed(contact_id: int, notice: Notice, now: datetime) -> int:
    """Take the key with a write; the contact it is for, 0 when it was taken before."""
    rows = await db.fetch(
        "INSERT INTO route (key, contact_id, purpose, steps, created_at) VALUES (?, ?, ?, '[]', ?)"
        " ON CONFLICT (key) DO NOTHING RETURNING id",
        notice.key, contact_id, notice.purpose, db.stamp(db.require_aware(now)),
    )  # fmt: skip
    if not rows:
        return 0
    person = await merging.resolve(contact_id)
    await db.execute("UPDATE route SET contact_id = ? WHERE id = ?", person, rows[0]["id"])
    return person


async def _step(route: Route, notice: Notice, table: Table, now: datetime) -> None:
    """Put the message on the best way that is left, and write the step down."""
    tried = {step["identity_id"] for step in route.steps}
    contact = await Contact.get(id=await merging.resolve(route.contact_id))
    alive = contact.erased_at is None and not contact.blocked
    found = await ways_to(contact.id, table) if alive else []
    refused = await _refused(contact.id, notice, found, now)
    preferred = contact.preferred_channel
    while True:
        choice = ways.choose(found, at=now, preferred=preferred, refused=refused, tried=tried)
        if choice.way is None:
            return await _no_way(route, choice, ask_staff=alive and notice.purpose == "info", now=now)
        dressed = await _dressed(notice, choice.way)
        if dressed is None:
            refused[choice.way.channel] = "no_template"
            continue
        message = await _put(contact.id, dressed, choice.way, _standing(route), now)
        if message is not None:
            behind = await _stand_behind(route, notice, message, now)
            return await _write_down(route, choice, message, behind, now)
        found.remove(choice.way)


async def _dressed(notice: Notice, way: Way) -> Notice | None:
    """The notice as this way says it: by its template, or with an address instead of buttons. None when no
    approved template says it."""
    said: dict[str, Any] = {
        "use": notice.use,
        "values": dict(notice.values),
        "text": notice.text,
        "page": notice.page,
    }
    if way.terms.templates:  # what it leaves out is for the next way, if this one fails
        said |= {"choices": list(notice.choices), "cards": list(notice.cards)}
    data = {**notice.data, **({"notice": said} if notice.use else {})}
    if way.terms.templates:
        filled = await message_templates.fit(
            notice.use, notice.values, locale=notice.lang or "ko", account=way.account, channel=way.channel
        )
        if filled is None:
            return None
        data["template"] = filled.data
        return replace(notice, text=filled.text, choices=(), cards=(), data=data)
    link = notice.values.get("link", "")
    needed = notice.use in message_templates.NEEDS_LINK and link and link not in notice.text
    if way.terms.address == "phone" and needed:
        return replace(notice, text=f"{notice.text}\n{link}", data={**data, BARE: True})
    return replace(notice, data=data)


async def _refused(contact_id: int, notice: Notice, found: Sequence[Way], now: datetime) -> dict[str, str]:
    """The channels on which the gate does not let an advertisement pass."""
    if notice.purpose != gate.AD:
        return {}
    goods, refused = str(notice.data.get("goods", "")), {}
    for channel in {way.channel for way in found}:
        verdict = await gate.allowed_on(contact_id, channel, text=notice.text, goods=goods, now=now)
        if not verdict.allowed:
            refused[channel] = verdict.reason
    return refused


def _standing(route: Route) -> int | None:
    """The message on the page behind this notice's link, if one stands there."""
    return next((step["behind"] for step in route.steps if step.get("behind")), None)


async def _stand_behind(route: Route, notice: Notice, message: Message, now: datetime) -> int | None:
    """What went out without its choices leads to a page: there they stand, once. The message there."""
    left_out = "template" in message.data or BARE in message.data
    if notice.page is None or not notice.choices or not left_out or _standing(route):
        return None
    if message.conversation_id == notice.page:
        return None
    stands = await threads.append(
        notice.page, direction="out", author=notice.author, text=notice.text, lang=notice.lang,
        purpose=notice.purpose, choices=notice.choices, cards=notice.cards, state="sent",
        data={"behind_link": route.id}, now=now,
    )  # fmt: skip
    return int(stands.id)


async def _put(
    contact_id: int, notice: Notice, way: Way, standing: int | None, now: datetime
) -> Message | None:
    """The message in the conversation of that way; None when it may not be put there. What is `standing` on
    its page already is sent itself, not said a second time."""
    identity = await identities.attach(contact_id, way.channel, way.account, way.external_id, now=now)
    if identity is None:
        return None
    conversation = await _newest(identity) or await threads.reach(identity, now=now, locale=notice.lang)
    allowed = await ownership.may_send(conversation.id, author=notice.author, purpose=notice.purpose)
    if not allowed:
        return None
    if standing is not None and conversation.id == notice.page:
        return await outbox.put_standing(await Message.get(id=standing), now=now)
    return await outbox.put(
        conversation.id,
        author=notice.author,
        text=notice.text,
        purpose=notice.purpose,
        choices=notice.choices,
        cards=notice.cards,
        lang=notice.lang,
        data=notice.data,
        now=now,
    )


async def _newest(identity: Identity) -> Conversation | None:
    """What the customer sees there, open or closed: a notice opens nothing again."""
    return await Conversation.filter(identity_id=identity.id).order_by("-id").first()


async def _write_down(
    route: Route, choice: Choice, message: Message, behind: int | None, now: datetime
) -> None:
    conversation = await Conversation.get(id=message.conversation_id)
    step = _as_step(choice) | {"identity_id": conversation.identity_id, "message_id": message.id}
    if choice.way is not None:
        step["cost"] = choice.way.terms.cost_of(message.text)
    route.steps = [*route.steps, step | ({"behind": behind} if behind else {})]
    route.message_id = message.id
    await route.save(update_fields=["steps", "message_id"])
    await happenings.record(
        "message.routed", contact_id=route.contact_id, conversation_id=message.conversation_id,
        route_id=route.id, **step, now=now,
    )  # fmt: skip


async def _no_way(route: Route, choice: Choice, *, ask_staff: bool, now: datetime) -> None:
    """Nothing reaches them: written down, and a plain notice becomes a matter for staff."""
    step = _as_step(choice) | {"identity_id": None}
    route.steps = [*route.steps, step]
    await route.save(update_fields=["steps"])
    await happenings.record("message.routed", contact_id=route.contact_id, route_id=route.id, **step, now=now)
    last = Conversation.filter(contact_id=route.contact_id).order_by("-last_message_at", "-id")
    if ask_staff and (conversation := await last.first()) is not None:
        await ownership.hand_over(conversation.id, reason="no_way", now=now)


def _as_step(choice: Choice) -> dict[str, Any]:
    """References and numbers only: it stands on the timeline."""
    passed = [list(one) for one in choice.passed]
    channel = choice.way.channel if choice.way else ""
    return {"channel": channel, "why": choice.why, "cost": choice.cost, "passed": passed}


def _again(route: Route, message: Message) -> Notice:
    said = message.data.get("notice", {})
    return Notice(
        key=route.key,
        text=said.get("text") or message.text,
        purpose=route.purpose,
        author=message.author,
        lang=message.lang,
        choices=said.get("choices", message.choices),
        cards=said.get("cards", message.cards),
        data={
            name: value for name, value in message.data.items() if name not in ("template", "notice", BARE)
        },
        use=said.get("use", ""),
        values=said.get("values", {}),
        page=said.get("page"),
    )
