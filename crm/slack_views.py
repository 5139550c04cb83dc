"""What Slack shows of a conversation, a request or a message: one read each, personal data masked or absent.

There is no actor: these go to the channel of a team, which is private (crm/slack.py), and hold no more than
every role may read on the desk.
"""

from typing import Any

from crm import db
from crm.formats import mask_address, mask_phone

OPEN_REQUESTS = 3

_CONVERSATION = (
    "SELECT v.id, v.contact_id, c.name, c.blocked, c.erased_at, v.channel, v.status, v.owner, v.assignee_id,"
    " s.name AS assignee_name, s.name_en AS assignee_name_en, v.team_id, t.name AS team_name,"
    " t.name_en AS team_name_en, v.priority, v.waiting_since, v.handover_reason, v.message_seq"
    " FROM conversation v JOIN contact c ON c.id = v.contact_id"
    " LEFT JOIN staff s ON s.id = v.assignee_id LEFT JOIN team t ON t.id = v.team_id WHERE v.id = ?"
)
_REQUEST = (
    "SELECT r.id, r.number, r.status, r.priority, r.category, r.symptom, r.product_text, r.address, r.phone,"
    " r.visit_from, r.visit_to, r.version, r.contact_id, c.name, c.erased_at, r.conversation_id, r.channel,"
    " r.team_id, t.name AS team_name, t.name_en AS team_name_en, r.assignee_id, s.name AS assignee_name,"
    " s.name_en AS assignee_name_en, r.reopened"
    " FROM service_request r JOIN contact c ON c.id = r.contact_id LEFT JOIN staff s ON s.id = r.assignee_id"
    " LEFT JOIN team t ON t.id = r.team_id WHERE r.id = ?"
)
_MESSAGE = (
    "SELECT m.id, m.conversation_id, m.seq, m.direction, m.author, m.text, m.state, m.edited_at, m.data,"
    " c.name, c.erased_at, s.name AS staff_name, s.name_en AS staff_name_en"
    " FROM message m JOIN conversation v ON v.id = m.conversation_id JOIN contact c ON c.id = v.contact_id"
    " LEFT JOIN staff s ON s.id = m.staff_id WHERE m.id = ?"
)


_CALL = (
    "SELECT l.id, l.status, l.staff_id, c.name, c.erased_at, r.number FROM live_session l"
    " JOIN contact c ON c.id = l.contact_id LEFT JOIN service_request r ON r.id = l.request_id WHERE l.id = ?"
)


async def conversation(conversation_id: int) -> dict[str, Any] | None:
    """A conversation for its card, with `requests`: the newest open ones, number and status."""
    rows = await db.fetch(_CONVERSATION, conversation_id)
    if not rows:
        return None
    found = rows[0]
    found["waiting_since"] = db.read_stamp(found["waiting_since"])
    found["requests"] = await db.fetch(
        "SELECT id, number, status FROM service_request WHERE conversation_id = ?"
        " ORDER BY CASE WHEN status IN ('resolved', 'closed', 'cancelled') THEN 1 ELSE 0 END, id DESC"
        " LIMIT ?",
        conversation_id,
        OPEN_REQUESTS,
    )
    return found


async def request(request_id: int) -> dict[str, Any] | None:
    """A request for its card; phone and address masked."""
    rows = await db.fetch(_REQUEST, request_id)
    if not rows:
        return None
    found = rows[0]
    for name in ("visit_from", "visit_to"):
        found[name] = db.read_stamp(found[name])
    found["phone"], found["address"] = mask_phone(found["phone"]), mask_address(found["address"])
    return found


async def message(message_id: int) -> dict[str, Any] | None:
    """A message, note or event line, with `files` (token, name, type, size, description)."""
    rows = await db.fetch(_MESSAGE, message_id)
    if not rows:
        return None
    found = rows[0]
    found["data"], found["edited_at"] = db.read_json(found["data"]), db.read_stamp(found["edited_at"])
    found["files"] = await db.fetch(
        "SELECT token, name, type, size, description FROM file WHERE message_id = ? ORDER BY id", message_id
    )
    return found


async def call(live_id: int) -> dict[str, Any] | None:
    """A live session for the line that tells of a waiting customer."""
    rows = await db.fetch(_CALL, live_id)
    return rows[0] if rows else None


async def team_of(subject: str, subject_id: int) -> int | None:
    """The team whose work a conversation or request is."""
    table = {"conversation": "conversation", "request": "service_request"}[subject]
    rows = await db.fetch(f"SELECT team_id FROM {table} WHERE id = ?", subject_id)
    return rows[0]["team_id"] if rows else None


async def recent(conversation_id: int, limit: int) -> list[int]:
    """The last messages both ways, oldest first: what a new thread begins with."""
    rows = await db.fetch(
        "SELECT id FROM message WHERE conversation_id = ? AND direction IN ('in', 'out')"
        " ORDER BY seq DESC LIMIT ?",
        conversation_id,
        limit,
    )
    return [row["id"] for row in reversed(rows)]


async def of_contact(contact_id: int) -> tuple[list[int], list[int]]:
    """The conversations and requests of a person."""
    talks = await db.fetch("SELECT id FROM conversation WHERE contact_id = ?", contact_id)
    asked = await db.fetch("SELECT id FROM service_request WHERE contact_id = ?", contact_id)
    return [row["id"] for row in talks], [row["id"] for row in asked]
