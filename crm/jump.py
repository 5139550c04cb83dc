"""Where a few typed words lead: contacts, conversations, requests and articles in one bounded look.

Made for a box that searches at every key: every part is read from an index and limited.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from crm import contacts, db, knowledge, request_search
from crm.actor import Actor, check
from crm.inbox_views import find_anywhere
from crm.models import Article, ServiceRequest
from crm.request_rules import read_number

YEARS = 3  # back from now, in which a running number without its year is looked for


@dataclass(frozen=True)
class Found:
    """What was found, each part best or newest first; contacts are masked as in lists."""

    contacts: list[dict[str, Any]] = field(default_factory=list)
    conversations: list[dict[str, Any]] = field(default_factory=list)
    requests: list[ServiceRequest] = field(default_factory=list)
    articles: list[Article] = field(default_factory=list)


async def find(
    actor: Actor, words: str, *, locale: str, now: datetime, tz: ZoneInfo, limit: int = 5
) -> Found:
    """Everything that `words` may mean, at most `limit` of each kind; nothing for no words.

    Contacts by name, phone or e-mail; conversations, also snoozed and closed ones, by those and by message
    text; requests by number, by the contacts found, or by product and symptom; articles of `locale` by
    title. Raises `Forbidden` for who may not read them.
    """
    check(actor, "contact.read")
    check(actor, "request.read")
    db.require_aware(now)
    if not words.strip():
        return Found()
    people = (await contacts.list_contacts(actor, query=words, limit=limit)).items
    talks = await find_anywhere(actor, words, limit=limit)
    year = now.astimezone(tz).year
    return Found(
        people,
        talks,
        await _requests(words, [person["id"] for person in people], year, limit),
        (await knowledge.list_articles(locale=locale, query=words, limit=limit)).items,
    )


async def _requests(words: str, people: Sequence[int], year: int, limit: int) -> list[ServiceRequest]:
    number = read_number(words)
    if number is not None:
        years = [number.year] if number.year else [year - back for back in range(YEARS)]
        named = [f"SR-{one}-{number.running:06d}" for one in years]
        if found := await ServiceRequest.filter(number__in=named).order_by("-id").select_related("contact"):
            return found
    ids = await request_search.find(words, limit=limit)
    if people:
        theirs = ServiceRequest.filter(contact_id__in=list(people)).order_by("-created_at", "-id")
        ids += [request.id for request in await theirs.limit(limit)]
    newest = ServiceRequest.filter(id__in=ids).order_by("-created_at", "-id").limit(limit)
    return await newest.select_related("contact") if ids else []
