"""A contact on one channel account: found by the channel's own id, made at first contact."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from crm import db, happenings, many, search
from crm.models import Contact, Identity
from crm.reads import as_model

NAME_LENGTH = 100


@dataclass(frozen=True)
class Writer:
    """Who writes to us: the channel's own words about them."""

    channel: str
    account: str
    external_id: str
    display_name: str
    locale: str

    @property
    def user(self) -> tuple[str, str, str]:
        """What tells this channel user from all others."""
        return self.channel, self.account, self.external_id


@dataclass(frozen=True)
class Known:
    """An identity in short."""

    id: int
    contact_id: int


async def find_or_create_all(
    writers: Sequence[Writer], *, now: datetime
) -> dict[tuple[str, str, str], Known]:
    """`find_or_create` for many at once, in the caller's transaction: by `Writer.user`."""
    wanted = {writer.user: writer for writer in writers}
    given, args = many.table(
        "given", sorted(wanted), way="text", account="text", sender="text"
    )  # sorted, so that two fronts lock rows in the same order
    rows = await db.fetch(
        given + "UPDATE identity SET last_seen_at = ?, blocked_at = NULL FROM given WHERE channel = given.way"
        " AND channel_account = given.account AND external_id = given.sender"
        " RETURNING id, contact_id, channel, channel_account, external_id",
        *args,
        db.stamp(now),
    )
    known = {
        (row["channel"], row["channel_account"], row["external_id"]): Known(row["id"], row["contact_id"])
        for row in rows
    }
    for user in sorted(wanted.keys() - known.keys()):
        made = await find_or_create(
            *user, display_name=wanted[user].display_name, locale=wanted[user].locale, now=now
        )
        known[user] = Known(made.id, made.contact_id)
    return known


async def find_or_create(
    channel: str,
    account: str,
    external_id: str,
    *,
    display_name: str = "",
    locale: str = "ko",
    now: datetime,
) -> Identity:
    """The identity of this channel user, with a new contact behind it when it is the first time.

    Concurrent first messages make one identity. The identity's row stays locked until the caller's
    transaction ends, which serialises everything that one channel user sends.
    """
    db.require_aware(now)
    async with db.transaction():
        found = await _touch(channel, account, external_id, now)
        if found is not None:
            return found
        name = display_name.strip()[:NAME_LENGTH]
        contact = await Contact.create(name=name, locale=locale, created_at=now, updated_at=now)
        if await _insert(channel, account, external_id, name, contact.id, now):
            await search.reindex_contact(contact)
            await happenings.record("contact.created", contact_id=contact.id, channel=channel, now=now)
        else:
            await contact.delete()
        made = await _touch(channel, account, external_id, now)
        if made is None:
            raise RuntimeError(f"identity on {channel} vanished while it was made")
        return made


async def attach(
    contact_id: int, channel: str, account: str, external_id: str, *, now: datetime
) -> Identity | None:
    """The identity of this contact there, made when nobody has it (we write first to a proven address).

    None when it is another contact's.
    """
    db.require_aware(now)
    async with db.transaction():
        if await _insert(channel, account, external_id, "", contact_id, now):
            await Identity.filter(channel=channel, channel_account=account, external_id=external_id).update(
                last_seen_at=None
            )
        found = await Identity.get(channel=channel, channel_account=account, external_id=external_id)
        return found if found.contact_id == contact_id else None


async def of_contact(contact_id: int) -> list[Identity]:
    """The channels on which a contact can be reached, last seen first."""
    return await Identity.filter(contact_id=contact_id).order_by("-last_seen_at", "-id")


async def mark_unreachable(identity_id: int, *, now: datetime) -> None:
    """The customer blocked us there, or the address is undeliverable. Ends when they write again."""
    async with db.transaction():
        await Identity.filter(id=identity_id).update(blocked_at=now)
        identity = await Identity.get(id=identity_id)
        await happenings.record(
            "identity.blocked", contact_id=identity.contact_id, channel=identity.channel, now=now
        )


async def mark_reachable(channel: str, account: str, external_id: str, *, now: datetime) -> bool:
    """The customer lets us write again; False when they are unknown or could be reached all along."""
    async with db.transaction():
        rows = await db.fetch(
            "UPDATE identity SET blocked_at = NULL WHERE channel = ? AND channel_account = ?"
            " AND external_id = ? AND blocked_at IS NOT NULL RETURNING contact_id",
            channel,
            account,
            external_id,
        )
        if rows:
            await happenings.record(
                "identity.unblocked", contact_id=rows[0]["contact_id"], channel=channel, now=now
            )
    return bool(rows)


async def find(channel: str, account: str, external_id: str) -> Identity | None:
    """The identity of a channel user who wrote before."""
    return await Identity.get_or_none(channel=channel, channel_account=account, external_id=external_id)


async def rename(channel: str, account: str, before: str, after: str) -> bool:
    """The channel gave a user or chat another id; False when the old one is unknown or the new one taken."""
    async with db.transaction():
        sql = (
            "UPDATE identity SET external_id = ?"
            " WHERE channel = ? AND channel_account = ? AND external_id = ? AND NOT EXISTS"
            " (SELECT 1 FROM identity o WHERE o.channel = ? AND o.channel_account = ? AND o.external_id = ?)"
        )
        return bool(await db.execute(sql, after, channel, account, before, channel, account, after))


async def _touch(channel: str, account: str, external_id: str, now: datetime) -> Identity | None:
    """A write first, so that SQLite never has to turn a read into one; who writes again is reachable."""
    rows = await db.fetch(
        "UPDATE identity SET last_seen_at = ?, blocked_at = NULL"
        " WHERE channel = ? AND channel_account = ? AND external_id = ? RETURNING *",
        db.stamp(now),
        channel,
        account,
        external_id,
    )
    return as_model(Identity, rows[0]) if rows else None


async def _insert(
    channel: str, account: str, external_id: str, name: str, contact_id: int, now: datetime
) -> bool:
    rows = await db.fetch(
        "INSERT INTO identity (contact_id, channel, channel_account, external_id, display_name, verified,"
        " data, created_at, last_seen_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (channel, channel_account, external_id) DO NOTHING RETURNING id",
        contact_id,
        channel,
        account,
        external_id,
        name,
        False,
        "{}",
        db.stamp(now),
        db.stamp(now),
    )
    return bool(rows)
