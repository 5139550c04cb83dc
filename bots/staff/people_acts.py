"""Acts on contacts, articles and one's own presence."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from bots.staff.acts import Arguments, Count, Done, RowId, Undo, act
from crm import contacts, duplicates, knowledge, labels, merging, staff
from crm.actor import Actor


class Contact(Arguments):
    """A contact."""

    contact: RowId


class ContactFields(Arguments):
    name: str | None = Field(default=None, max_length=100)
    phone: str | None = Field(default=None, max_length=40)
    email: str | None = Field(default=None, max_length=254)
    address: str | None = Field(default=None, max_length=300)
    locale: Literal["ko", "en"] | None = None
    notes: str | None = Field(default=None, max_length=4000)
    customer_since: date | None = None
    preferred_channel: Literal["", "web", "telegram", "kakao", "alimtalk", "sms", "email"] | None = None


class Change(ContactFields, Contact):
    """Only the given fields change."""


class Reveal(Contact):
    field: Literal["phone", "email", "address"]


class Other(Contact):
    """A contact, and another one that is, or is not, the same person."""

    other: RowId


class Merge(Arguments):
    merge: RowId


class Label(Contact):
    label: RowId


class Presence(Arguments):
    presence: Literal["present", "busy", "away"]


class SaveArticle(Arguments):
    slug: str = Field(default="", max_length=80)
    locale: Literal["ko", "en"] = "ko"
    title: str = Field(max_length=160)
    body: str = Field(max_length=20_000)
    kind: str = "usage"
    product_category: str = Field(default="", max_length=60)
    keywords: list[str] = Field(default=[], max_length=40)
    published: bool = True
    version: Count | None = None


class Publish(Arguments):
    article: RowId
    published: bool


@act("contact_create")
async def create(actor: Actor, args: ContactFields, now: datetime) -> Done:
    made = await contacts.create(actor, now=now, **args.model_dump(exclude_none=True))
    return Done("contact_create", {"name": made.name}, result={"id": made.id})


@act("contact_update")
async def update(actor: Actor, args: Change, now: datetime) -> Done:
    changes = args.model_dump(exclude={"contact"}, exclude_unset=True)
    await contacts.update(actor, args.contact, changes, now=now)
    return Done("contact_update", result={"id": args.contact})


@act("contact_reveal")
async def reveal(actor: Actor, args: Reveal, now: datetime) -> Done:
    """Show a masked value; that one looked is recorded first."""
    return Done(result={"value": await contacts.reveal(actor, args.contact, args.field, now)})


@act("contact_merge")
async def merge(actor: Actor, args: Other, now: datetime) -> Done:
    """`contact` stays, `other` becomes part of it."""
    made = await merging.merge(actor, args.contact, args.other, now=now)
    undo = Undo("contact_unmerge", {"merge": made.id})
    return Done("contact_merge", result={"id": args.contact, "merge": made.id}, undo=undo)


@act("contact_unmerge")
async def unmerge(actor: Actor, args: Merge, now: datetime) -> Done:
    parted = await merging.unmerge(actor, args.merge, now=now)
    return Done("contact_unmerge", result={"id": parted.kept_id, "other": parted.absorbed_id})


@act("contact_tell_apart")
async def tell_apart(actor: Actor, args: Other, now: datetime) -> Done:
    await duplicates.tell_apart(actor, args.contact, args.other, now=now)
    return Done("contact_tell_apart", result={"id": args.contact})


@act("contact_block")
async def block(actor: Actor, args: Contact, now: datetime) -> Done:
    await contacts.block(actor, args.contact, now=now)
    return Done("contact_block", undo=Undo("contact_unblock", {"contact": args.contact}))


@act("contact_unblock")
async def unblock(actor: Actor, args: Contact, now: datetime) -> Done:
    await contacts.unblock(actor, args.contact, now=now)
    return Done("contact_unblock", undo=Undo("contact_block", {"contact": args.contact}))


@act("contact_label")
async def put_label(actor: Actor, args: Label, now: datetime) -> Done:
    await labels.put(actor, args.label, "contact", args.contact, now=now)
    return Done("label", {"n": 1}, Undo("contact_unlabel", {"contact": args.contact, "label": args.label}))


@act("contact_unlabel")
async def take_label(actor: Actor, args: Label, now: datetime) -> Done:
    await labels.remove(actor, args.label, "contact", args.contact, now=now)
    return Done("unlabel", {"n": 1}, Undo("contact_label", {"contact": args.contact, "label": args.label}))


@act("presence")
async def set_presence(actor: Actor, args: Presence, now: datetime) -> Done:
    """One's own presence: new work goes round the present."""
    await staff.set_presence(actor, args.presence, now=now)
    return Done(f"presence.{args.presence}")


@act("article_save")
async def save_article(actor: Actor, args: SaveArticle, now: datetime) -> Done:
    """Write an article. A new one without a short name is named by its number."""
    saved = await knowledge.save(
        actor, expected_version=args.version, now=now, **args.model_dump(exclude={"version"})
    )
    return Done("article_save", {"title": saved.title}, result={"id": saved.id, "slug": saved.slug})


@act("article_publish")
async def publish(actor: Actor, args: Publish, now: datetime) -> Done:
    shown = await knowledge.publish(actor, args.article, args.published, now=now)
    undo = Undo("article_publish", {"article": shown.id, "published": not args.published})
    return Done("article_publish" if args.published else "article_withdraw", {"title": shown.title}, undo)
