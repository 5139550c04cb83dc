"""What a customer's own page reads and reports: messages not yet seen, history, who speaks, what was seen.

Reads follow one conversation by its `seq`, which is given under the conversation's lock: what commits later
has a higher number, so "everything above n" misses nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm import choices, db, happenings
from crm.models import Conversation, File, Identity, Message

TO_CUSTOMER = ("out",)
SHOWN_IN_HISTORY = ("in", "out")
PAGE = 50


@dataclass(frozen=True)
class View:
    """Who speaks in a conversation and how far it has come."""

    conversation_id: int
    seq: int
    owner: str  # bot, staff
    staff_name: str
    staff_name_en: str
    staff_seen_seq: int
    seen_seq: int


@dataclass(frozen=True)
class Said:
    """One message as its customer may see it. `files` are rows of the table `file`."""

    seq: int
    key: str
    direction: str
    author: str
    staff_name: str
    staff_name_en: str
    text: str
    lang: str
    choices: list[dict[str, Any]]
    cards: list[dict[str, Any]]
    files: list[File]
    in_reply_to: str | None
    external_id: str
    state: str
    at: datetime
    notice: str = ""  # `taken_over`: this tells who has joined


async def latest(channel: str, account: str, external_user: str) -> tuple[Identity, View | None] | None:
    """The identity and its newest conversation; None when nobody of that name ever wrote."""
    identity = await Identity.get_or_none(channel=channel, channel_account=account, external_id=external_user)
    if identity is None:
        return None
    newest = await Conversation.filter(identity_id=identity.id).order_by("-id").first().values_list("id")
    found = await views([newest[0]]) if newest else []
    return identity, found[0] if found else None


async def views(conversation_ids: Sequence[int]) -> list[View]:
    """The views of many conversations in one query."""
    if not conversation_ids:
        return []
    marks = ", ".join("?" * len(conversation_ids))
    rows = await db.fetch(
        "SELECT c.id, c.message_seq, c.owner, c.staff_seen_seq, c.seen_seq, s.name, s.name_en"
        f" FROM conversation c LEFT JOIN staff s ON s.id = c.assignee_id WHERE c.id IN ({marks})",
        *conversation_ids,
    )
    return [
        View(
            conversation_id=row["id"],
            seq=row["message_seq"],
            owner=row["owner"],
            staff_name=row["name"] or "",
            staff_name_en=row["name_en"] or "",
            staff_seen_seq=row["staff_seen_seq"],
            seen_seq=row["seen_seq"],
        )
        for row in rows
    ]


async def after(conversation_id: int, seq: int, *, limit: int = PAGE) -> list[Said]:
    """Messages to the customer above `seq`, in order."""
    rows = (
        await Message.filter(conversation_id=conversation_id, seq__gt=seq, direction__in=TO_CUSTOMER)
        .order_by("seq")
        .limit(limit)
        .prefetch_related("staff", "files")
    )
    return [_said(row) for row in rows]


async def both_ways(conversation_id: int, seq: int, *, limit: int = PAGE) -> list[Said]:
    """What the customer and the other side said above `seq`, in order; notes and event lines left out."""
    rows = (
        await Message.filter(conversation_id=conversation_id, seq__gt=seq, direction__in=SHOWN_IN_HISTORY)
        .order_by("seq")
        .limit(limit)
        .prefetch_related("staff", "files")
    )
    return [_said(row) for row in rows]


async def read_ids(conversation_id: int, above: int, upto: int) -> list[str]:
    """The channel's ids of the customer's own messages with numbers in (above, upto]."""
    rows = (
        await Message.filter(conversation_id=conversation_id, direction="in", seq__gt=above, seq__lte=upto)
        .order_by("seq")
        .limit(PAGE)
        .values_list("external_id", flat=True)
    )
    return [str(row) for row in rows]


async def history(conversation_id: int, *, before: int | None = None, limit: int = PAGE) -> list[Said]:
    """What the customer saw, notes left out: the newest `limit` messages below `before`, in order."""
    query = Message.filter(conversation_id=conversation_id, direction__in=SHOWN_IN_HISTORY)
    if before is not None:
        query = query.filter(seq__lt=before)
    rows = await query.order_by("-seq").limit(limit).prefetch_related("staff", "files")
    return [_said(row) for row in reversed(rows)]


def _said(row: Message) -> Said:
    staff = row.staff
    return Said(
        seq=row.seq,
        key=row.key,
        direction=row.direction,
        author=row.author,
        staff_name=staff.name if staff else "",
        staff_name_en=staff.name_en if staff else "",
        text=row.text,
        lang=row.lang,
        choices=choices.public(row.choices),
        cards=choices.public(row.cards),
        files=list(row.files),
        in_reply_to=row.in_reply_to,
        external_id=row.external_id,
        state=row.state,
        at=row.created_at,
        notice=str(row.data.get("notice", "")),
    )


async def describe_upload(identity_id: int, file_token: str, description: str) -> bool:
    """Note what an upload shows, for those who cannot see it; False when it is not this identity's own."""
    own = File.filter(token=file_token, owner=f"identity:{identity_id}")
    if description:
        return bool(await own.update(description=description[:300]))
    return await own.exists()


async def seen(conversation_id: int, seq: int, *, now: datetime) -> None:
    """Remember that the customer has seen everything up to `seq` (more than was ever sent counts as all)."""
    db.require_aware(now)
    async with db.transaction():
        changed = await db.execute(
            "UPDATE conversation SET seen_seq = CASE WHEN message_seq < ? THEN message_seq ELSE ? END"
            " WHERE id = ? AND seen_seq < ? AND seen_seq < message_seq",
            seq,
            seq,
            conversation_id,
            seq,
        )
        if changed:
            await db.execute(
                "UPDATE message SET state = 'seen', seen_at = ? WHERE conversation_id = ? AND seq <= ?"
                " AND direction = 'out' AND state NOT IN ('seen', 'failed')",
                db.stamp(now),
                conversation_id,
                seq,
            )
            await happenings.record("message.seen", now=now, conversation_id=conversation_id, seq=seq)
