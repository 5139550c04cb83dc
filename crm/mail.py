"""E-mail as the CRM sees it: how far a mailbox was read, which thread a mail belongs to, what came back."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from crm import db, happenings, identities, ownership, threads, writes
from crm.actor import Actor, check
from crm.errors import NotFound
from crm.models import Mailbox

CHANNEL: Final = "email"
REMEMBERED: Final = 20  # Message-IDs of a thread that its next mail names, besides the first
ASIDE_KEPT: Final = timedelta(days=90)
PARTICIPANTS_SEEN: Final = 50  # mails of a thread that are looked through for who takes part
TOGETHER: Final = 32  # messages that may have gone as one mail
BUSY: Final = 20  # mails of one sender within the hour: more is a machine
BUSY_WITHIN: Final = timedelta(hours=1)
# A Message-ID of ours is this word, the message's key, and our domain (bots/channels/email_outgoing.py).
_OURS: Final = re.compile(r"dangol\.([A-Za-z0-9_-]{16,40})(?:\.\d+)?@")


# --- how far a mailbox was read


async def place(account: str) -> Mailbox | None:
    """How far the mailbox of this account was read; None before the first time."""
    return await Mailbox.get_or_none(account=account)


async def begin(account: str, validity: int, uid: int, *, now: datetime) -> None:
    """The mailbox is opened for the first time: what is in it up to `uid` is none of ours."""
    await db.execute(
        "INSERT INTO mailbox (account, uid_validity, last_uid, since, read_at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (account) DO NOTHING",
        account, validity, uid, db.stamp(now), db.stamp(now),
    )  # fmt: skip


async def passed(account: str, validity: int, uid: int, *, now: datetime) -> None:
    """Everything up to `uid` is stored or set aside. Never moves back while the UIDs hold."""
    await db.execute(
        "UPDATE mailbox SET last_uid = ?, uid_validity = ?, read_at = ?"
        " WHERE account = ? AND (uid_validity <> ? OR last_uid < ?)",
        uid, validity, db.stamp(now), account, validity, uid,
    )  # fmt: skip


async def set_aside(
    account: str, external_id: str, verdict: str, reason: str = "", *, uid: int = 0, now: datetime
) -> bool:
    """Write down that a mail became no message, and why; False when that is known already."""
    rows = await db.fetch(
        "INSERT INTO mail_aside (account, external_id, verdict, reason, uid, at) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (account, external_id) DO NOTHING RETURNING id",
        account, external_id[:200], verdict, reason[:60], uid, db.stamp(now),
    )  # fmt: skip
    return bool(rows)


async def parked(limit: int = 50) -> list[dict[str, Any]]:
    """Mails that could not be read, newest first: where they lie in which mailbox, and why."""
    return await db.fetch(
        "SELECT account, uid, reason, at FROM mail_aside WHERE verdict = 'parked'"
        " ORDER BY at DESC, id DESC LIMIT ?",
        limit,
    )


async def sweep(now: datetime, *, limit: int = 500) -> int:
    """Forget mails set aside long ago; how many. For a tick."""
    return await db.execute(
        "DELETE FROM mail_aside WHERE id IN (SELECT id FROM mail_aside WHERE at < ? ORDER BY at LIMIT ?)",
        db.stamp(now - ASIDE_KEPT),
        limit,
    )


# --- threads


@dataclass(frozen=True)
class Thread:
    """What the next mail of a conversation refers to. `references` are Message-IDs, the newest last."""

    subject: str = ""  # '' when no mail of theirs is there
    answers: str = ""
    references: tuple[str, ...] = ()
    number: str = ""  # of the service request in it
    in_copy: int = 0  # people who had the newest mail besides us and its writer


@dataclass(frozen=True)
class Answered:
    """The conversation that a mail answers, with whom it is held."""

    conversation_id: int
    address: str


async def thread(conversation_id: int, *, before_seq: int, answers: str | None = None) -> Thread:
    """What a mail with the number `before_seq` refers to. `answers`: the id of the mail it answers."""
    sql = "SELECT external_id, data FROM message WHERE conversation_id = ? AND seq < ? AND external_id <> ''"
    newest = await db.fetch(f"{sql} ORDER BY seq DESC LIMIT ?", conversation_id, before_seq, REMEMBERED)
    first = await db.fetch(f"{sql} ORDER BY seq LIMIT 1", conversation_id, before_seq)
    mails = [db.read_json(row["data"]).get("mail") or {} for row in newest]
    ids = {row["external_id"]: _message_id(row) for row in [*first, *reversed(newest)]}
    references = tuple(one for one in dict.fromkeys(ids.values()) if one)
    asked = ids.get(answers or "", "") or (references[-1] if references else "")
    subject = next((str(mail["subject"]) for mail in mails if mail.get("subject")), "")
    number = await db.fetch(
        "SELECT number FROM service_request WHERE conversation_id = ? ORDER BY id DESC LIMIT 1",
        conversation_id,
    )
    in_copy = next((len(mail.get("cc", ())) for mail in mails if mail.get("id")), 0)
    return Thread(subject, asked, references, number[0]["number"] if number else "", in_copy)


def _message_id(row: dict[str, Any]) -> str:
    """The Message-ID of a stored message; '' for what was no mail, such as a pressed link."""
    mail = db.read_json(row["data"]).get("mail") or {}
    found = str(mail.get("id") or row["external_id"])
    return found if "@" in found else ""


async def answered(account: str, references: Sequence[str]) -> Answered | None:
    """The conversation that a mail with these references (newest last) answers; None when there is none."""
    for reference in list(reversed(references))[:REMEMBERED]:
        rows = await _of_ours(account, reference) or await _of_theirs(account, reference)
        if rows:
            return Answered(int(rows[0]["id"]), rows[0]["external_id"])
    return None


async def _of_ours(account: str, reference: str) -> list[dict[str, Any]]:
    matched = _OURS.search(reference)
    if matched is None:
        return []
    return await db.fetch(
        "SELECT v.id, i.external_id FROM message m JOIN conversation v ON v.id = m.conversation_id"
        " JOIN identity i ON i.id = v.identity_id"
        " WHERE m.key = ? AND v.channel = ? AND v.channel_account = ?",
        matched[1], CHANNEL, account,
    )  # fmt: skip


async def _of_theirs(account: str, reference: str) -> list[dict[str, Any]]:
    return await db.fetch(
        "SELECT v.id, i.external_id FROM inbox b JOIN conversation v ON v.id = b.conversation_id"
        " JOIN identity i ON i.id = v.identity_id"
        " WHERE b.channel = ? AND b.channel_account = ? AND b.external_id = ?",
        CHANNEL, account, reference,
    )  # fmt: skip


async def takes_part(conversation_id: int, address: str) -> bool:
    """Whether the customer had this address among the recipients of a mail of this conversation."""
    rows = await db.fetch(
        "SELECT data FROM message WHERE conversation_id = ? AND direction = 'in' ORDER BY seq DESC LIMIT ?",
        conversation_id,
        PARTICIPANTS_SEEN,
    )
    mails = [db.read_json(row["data"]).get("mail") or {} for row in rows]
    return any(address == one.get("address") for mail in mails for one in mail.get("cc", ()))


async def is_busy(account: str, address: str, now: datetime) -> bool:
    """Whether this sender wrote so much within the hour that it must be a machine."""
    rows = await db.fetch(
        "SELECT m.created_at FROM message m WHERE m.direction = 'in' AND m.conversation_id ="
        " (SELECT v.id FROM conversation v JOIN identity i ON i.id = v.identity_id WHERE i.channel = ?"
        " AND i.channel_account = ? AND i.external_id = ? ORDER BY v.id DESC LIMIT 1)"
        " ORDER BY m.seq DESC LIMIT 1 OFFSET ?",
        CHANNEL, account, address, BUSY - 1,
    )  # fmt: skip
    at = db.read_stamp(rows[0]["created_at"]) if rows else None
    return at is not None and now - at < BUSY_WITHIN


# --- as it looked


async def keep_original(message_id: int, html: str, *, now: datetime) -> None:
    """Keep how a mail looked. `html` is safe already; the same message again changes nothing."""
    await db.execute(
        "INSERT INTO mail_original (message_id, html, at) VALUES (?, ?, ?)"
        " ON CONFLICT (message_id) DO NOTHING",
        message_id, html, db.stamp(now),
    )  # fmt: skip


async def original(actor: Actor, conversation_id: int, seq: int) -> str:
    """How a customer's mail looked: safe HTML. Raises `NotFound` where it was plain text or is erased."""
    check(actor, "conversation.read")
    rows = await db.fetch(
        "SELECT o.html FROM message m JOIN mail_original o ON o.message_id = m.id"
        " WHERE m.conversation_id = ? AND m.seq = ?",
        conversation_id, seq,
    )  # fmt: skip
    if not rows:
        raise NotFound(f"mail {conversation_id}/{seq}")
    return str(rows[0]["html"])


# --- what came back


async def bounced(references: Sequence[str], status: str, *, now: datetime) -> bool:
    """A mail of ours came back: it failed, staff see it, and a dead address is written to no more.

    `status` is the enhanced status code (RFC 3463), '' when unknown. False when no mail of ours is named, or
    it is known to have failed.
    """
    keys = [found[1] for found in map(_OURS.search, references) if found]
    for key in keys:
        async with writes.transaction():
            if await _failed(key, status, now):
                return True
    return False


async def _failed(key: str, status: str, now: datetime) -> bool:
    failed = await _of_mail(key)
    if not failed:
        return False
    conversation_id = failed[0]["conversation_id"]
    reason = f"bounced {status}".strip()
    identity = (await db.fetch("SELECT identity_id FROM conversation WHERE id = ?", conversation_id))[0]
    identity_id, routed = identity["identity_id"], False
    for message in failed:
        await db.execute(
            "UPDATE outbox SET state = 'dead', error = ?, done_at = ?"
            " WHERE identity_id = ? AND state = 'sent' AND message_id = ?",
            reason, db.stamp(now), identity_id, message["id"],
        )  # fmt: skip
        told = {"message_id": message["id"], "seq": message["seq"], "reason": reason}
        await happenings.record("message.failed", conversation_id=conversation_id, now=now, **told)
        found = await db.fetch("SELECT 1 AS one FROM route WHERE message_id = ?", message["id"])
        routed = routed or bool(found)
    await threads.event(conversation_id, "bounced", status=status, now=now)
    if is_dead(status):
        await identities.mark_unreachable(identity_id, now=now)
    if not routed:  # a routed one has other ways
        await ownership.hand_over(conversation_id, reason="bounced", now=now)
    return True


async def _of_mail(key: str) -> list[dict[str, Any]]:
    """Mark the messages that went as the mail named by the last one's key; none when they failed before."""
    return await db.fetch(
        "UPDATE message SET state = 'failed' WHERE id IN (SELECT m.id FROM message l JOIN message m"
        " ON m.conversation_id = l.conversation_id AND m.seq <= l.seq AND m.seq > l.seq - ?"
        " AND (m.id = l.id OR (m.external_id = l.external_id AND m.external_id <> ''))"
        " WHERE l.key = ? AND l.direction = 'out' AND l.state <> 'failed' AND m.direction = 'out')"
        " RETURNING id, conversation_id, seq",
        TOGETHER, key,
    )  # fmt: skip


def is_dead(status: str) -> bool:
    """Whether nothing will ever arrive at the address: wrong, moved or disabled (RFC 3463, 3.2 and 3.3)."""
    return bool(re.fullmatch(r"5\.(1\.(1|2|3|6|10)|2\.1)", status))


async def auto_reply(
    conversation_id: int, account: str, external_id: str, reason: str, *, uid: int = 0, now: datetime
) -> None:
    """A machine answered for the customer (out of office): a line for staff, once, and no turn."""
    async with db.transaction():
        if await set_aside(account, external_id, "auto", reason, uid=uid, now=now):
            await threads.event(conversation_id, "auto_reply", now=now)
