"""Canned replies (자주 쓰는 답장): ready texts with variables that the conversation fills."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from crm import audit, company, db
from crm.actor import Actor, check
from crm.checks import one_of
from crm.checks import text as checked_text
from crm.errors import Conflict, Invalid, NotFound
from crm.models import CannedReply, Conversation, Staff, Team
from crm.naming import in_language

# What a text may name in braces, in either language, and the value it stands for.
VARIABLES: Final = {
    "고객": "customer", "customer": "customer",
    "담당": "agent", "agent": "agent",
    "접수번호": "request_no", "request_no": "request_no",
    "회사": "company", "company": "company",
}  # fmt: skip
LONGEST: Final = {"shortcut": 40, "title": 80, "text": 4000}
LOCALES = ("ko", "en")
NAMELESS = {"ko": "고객", "en": "there"}  # reads well in '{고객}님' and 'Hello {customer}'
_VARIABLE = re.compile(r"\{([^{}]*)\}")
_SHORTCUT = re.compile(r"^[\w가-힣-]+$")


@dataclass(frozen=True)
class Filled:
    """A canned reply ready for the composer; `missing` names variables that nothing was known for."""

    text: str
    missing: tuple[str, ...]


async def save(
    actor: Actor,
    *,
    shortcut: str,
    title: str,
    text: str,
    locale: str = "ko",
    team_id: int | None = None,
    canned_id: int | None = None,
    now: datetime,
) -> CannedReply:
    """Make or (with `canned_id`) change a canned reply.

    Raises `Invalid("text", "unknown_variable", name=…, known=…)`, `Invalid` naming another field,
    `Conflict("taken")` for a shortcut in use, `NotFound`.
    """
    check(actor, "canned.write")
    values = _checked(shortcut, title, text)
    values["locale"] = one_of("locale", locale, LOCALES)
    if team_id is not None and not await Team.filter(id=team_id).exists():
        raise Invalid("team_id", "unknown")
    async with db.transaction():
        saved_id = await _write(canned_id, values, team_id)
        await audit.record(actor, "canned.saved", "canned_reply", saved_id, now=now, fields=sorted(values))
        return await CannedReply.get(id=saved_id)


async def delete(actor: Actor, canned_id: int, *, now: datetime) -> None:
    """Remove a canned reply. Raises `NotFound`."""
    check(actor, "canned.write")
    async with db.transaction():
        if not await CannedReply.filter(id=canned_id).delete():
            raise NotFound(f"canned reply {canned_id}")
        await audit.record(actor, "canned.deleted", "canned_reply", canned_id, now=now)


async def list_canned(actor: Actor, *, query: str = "", locale: str | None = None) -> list[CannedReply]:
    """Canned replies by shortcut; `query` is what was typed after the slash."""
    check(actor, "conversation.read")
    wanted = query.strip().lstrip("/").lower()
    replies = CannedReply.all().order_by("shortcut")
    if locale:
        replies = replies.filter(locale=locale)
    return [r for r in await replies if wanted in r.shortcut.lower() or wanted in r.title.lower()]


async def offered(actor: Actor, conversation_id: int) -> list[CannedReply]:
    """Canned replies by shortcut, those in the language of this conversation first."""
    replies = await list_canned(actor)
    talk = await Conversation.get_or_none(id=conversation_id)
    return sorted(replies, key=lambda reply: talk is not None and reply.locale != talk.locale)


async def expand(actor: Actor, canned_id: int, conversation_id: int) -> Filled:
    """A canned reply filled for a conversation. Raises `NotFound`."""
    check(actor, "conversation.read")
    reply = await CannedReply.get_or_none(id=canned_id)
    if reply is None:
        raise NotFound(f"canned reply {canned_id}")
    return render(reply.text, await _values(actor, conversation_id, reply.locale))


def render(text: str, values: dict[str, str]) -> Filled:
    """Put values (`customer`, `agent`, `request_no`, `company`) into a text; unknown ones stay in braces."""
    missing: list[str] = []

    def value(found: re.Match[str]) -> str:
        known = values.get(VARIABLES.get(found[1].strip(), ""), "")
        if not known:
            missing.append(found[1].strip())
        return known or found[0]

    return Filled(_VARIABLE.sub(value, text), tuple(dict.fromkeys(missing)))


def unknown_variables(text: str) -> list[str]:
    """The names in braces that no variable has."""
    return [name for name in _VARIABLE.findall(text) if name.strip() not in VARIABLES]


async def _values(actor: Actor, conversation_id: int, locale: str) -> dict[str, str]:
    rows = await db.fetch(
        "SELECT c.name, COALESCE("
        "(SELECT number FROM service_request WHERE conversation_id = v.id ORDER BY id DESC LIMIT 1),"
        " (SELECT number FROM service_request WHERE contact_id = v.contact_id ORDER BY id DESC LIMIT 1)"
        ") AS number FROM conversation v JOIN contact c ON c.id = v.contact_id WHERE v.id = ?",
        conversation_id,
    )
    if not rows:
        raise NotFound(f"conversation {conversation_id}")
    profile = await company.get()
    return {
        "customer": rows[0]["name"] or NAMELESS[locale],
        "agent": await _agent(actor, locale),
        "request_no": rows[0]["number"] or "",
        "company": in_language(profile.name, profile.name_en, locale),
    }


async def _agent(actor: Actor, locale: str) -> str:
    staff = await Staff.get_or_none(id=actor.id)
    return staff.called(locale) if staff else actor.name


def _checked(shortcut: str, title: str, text: str) -> dict[str, str]:
    given = {"shortcut": shortcut.strip().lstrip("/"), "title": title, "text": text}
    values = {
        name: checked_text(name, value, longest=LONGEST[name], required=True) for name, value in given.items()
    }
    if not _SHORTCUT.match(values["shortcut"]):
        raise Invalid("shortcut", "not_a_word")
    unknown = unknown_variables(values["text"])
    if unknown:
        raise Invalid("text", "unknown_variable", name=unknown[0], known=[*VARIABLES])
    return values


async def _write(canned_id: int | None, values: dict[str, str], team_id: int | None) -> int:
    columns = [values["shortcut"], values["title"], values["text"], values["locale"], team_id]
    if canned_id is None:
        rows = await db.fetch(
            "INSERT INTO canned_reply (shortcut, title, text, locale, team_id) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (shortcut) DO NOTHING RETURNING id",
            *columns,
        )
    else:
        rows = await db.fetch(
            "UPDATE canned_reply SET shortcut = ?, title = ?, text = ?, locale = ?, team_id = ? WHERE id = ?"
            " AND NOT EXISTS (SELECT 1 FROM canned_reply o WHERE o.shortcut = ? AND o.id <> ?) RETURNING id",
            *columns,
            canned_id,
            values["shortcut"],
            canned_id,
        )
    if rows:
        return int(rows[0]["id"])
    if canned_id is None or await CannedReply.filter(id=canned_id).exists():
        raise Conflict("taken")
    raise NotFound(f"canned reply {canned_id}")
