"""What one mail means: a message, an answer of a machine, a bounce, or nothing for us. Pure: bytes in."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Any

from bots.channels import email_headers as headers
from bots.channels import email_quotes, email_safe
from bots.channels.email_content import Attachment, Content, content_of
from bots.channels.email_machines import Bounce, bounce, machine
from crm.inbound import TEXT_MAX
from crm.inbox import Inbound

CHANNEL = "email"
FOLDED_MAX = 20_000  # characters of quotes that the desk shows
_HANGUL = re.compile("[가-힣ㄱ-ㅎㅏ-ㅣ]")
_LETTERS = re.compile("[A-Za-z]")
_REPLY = re.compile(r"^\s*(re|fw|fwd|답장|회신|전달)\s*(\[\d+\])?\s*[:：]", re.IGNORECASE)


@dataclass(frozen=True)
class Facts:
    """What follows from a mail. `verdict`: message, own (written by us), bounce, auto, list."""

    verdict: str
    external_id: str
    inbound: Inbound | None = None
    attachments: tuple[Attachment, ...] = ()
    references: tuple[str, ...] = ()  # Message-IDs that it answers, the newest last
    recipients: frozenset[str] = frozenset()
    written_at: datetime | None = None
    bounce: Bounce | None = None
    reason: str = ""
    original: str = ""  # its HTML, safe to show in a sandbox; '' of a plain one


def read(data: bytes, account: str, ours: Collection[str], at: datetime, *, whole: bool = True) -> Facts:
    """The facts of a mail that reached the server at `at`. `ours`: the addresses that we write from.

    `whole`: False when only its beginning was taken, as it is too large.
    """
    mail = message_from_bytes(data)
    external_id = _external_id(mail, data)
    sender = _sender(mail)
    facts: dict[str, Any] = {
        "external_id": external_id,
        "references": _references(mail),
        "recipients": _recipients(mail),
        "written_at": _date(mail),
    }
    if sender and sender.address in ours:
        return Facts("own", **facts)
    if found := bounce(mail, sender, data):
        return Facts("bounce", bounce=found, **facts)
    verdict, reason = machine(mail, sender)
    if verdict:
        return Facts(verdict, reason=reason, **facts)
    assert sender is not None
    content = content_of(mail)
    inbound, more = _inbound(mail, content, sender, account, external_id, at, whole)
    files = (*content.files, *more)
    return Facts("message", inbound=inbound, attachments=files, original=content.original, **facts)


# --- the header


def _external_id(mail: Message, data: bytes) -> str:
    """Its Message-ID; without one, what makes it different from others."""
    given = headers.message_ids(headers.raw(mail, "Message-ID")) or [
        headers.known_id(one) for one in headers.raw(mail, "Message-ID").split()[:1]
    ]
    return given[0] if given else f"{sha256(data).hexdigest()}@none"


def _references(mail: Message) -> tuple[str, ...]:
    """References, then In-Reply-To: RFC 5322 section 3.6.4."""
    found = [
        *headers.message_ids(headers.raw(mail, "References")),
        *headers.message_ids(headers.raw(mail, "In-Reply-To")),
    ]
    return tuple(dict.fromkeys(found))


def _sender(mail: Message) -> headers.Address | None:
    people = headers.addresses(headers.raw(mail, "From"))
    return people[0] if people else None


def _recipients(mail: Message) -> frozenset[str]:
    named = ("To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To")
    return frozenset(one.address for name in named for one in headers.addresses(headers.raw(mail, name)))


def _date(mail: Message) -> datetime | None:
    try:
        found = parsedate_to_datetime(headers.raw(mail, "Date"))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


# --- the message


def _inbound(
    mail: Message,
    content: Content,
    sender: headers.Address,
    account: str,
    external_id: str,
    at: datetime,
    whole: bool,
) -> tuple[Inbound, list[Attachment]]:
    subject = headers.field(mail, "Subject")
    new, folded = email_quotes.fold("\n\n".join(text.strip() for text in content.texts if text.strip()))
    text = _said(subject, new, begins=not _references(mail) and not _REPLY.match(subject))
    full = "\n\n".join(part for part in (text, folded) if part)
    cut = len(text) > TEXT_MAX or len(folded) > FOLDED_MAX
    about: dict[str, Any] = {
        "id": external_id,
        "subject": subject[:300],
        "from": {"name": sender.name, "address": sender.address},
        "to": _people(mail, "To"),
        "cc": _people(mail, "Cc"),
        "folded": folded[:FOLDED_MAX],
        "titled": text.startswith(subject) and bool(subject),
        "refused": content.lost,
        "original": bool(content.original),
        "remote": bool(email_safe.REMOTE.search(content.original)),
        "cut": not whole,
        "doubtful": _is_forged(mail),
    }
    inbound = Inbound(
        channel=CHANNEL,
        channel_account=account,
        external_user=sender.address,
        external_id=external_id,
        kind="message" if text or not content.files else "file",
        text=text,
        locale=_locale(f"{subject} {text}"),
        display_name=sender.name,
        data={"mail": {key: value for key, value in about.items() if value}},
        received_at=at,
    )
    return inbound, [Attachment("mail.txt", full.encode())] if cut else []


def _said(subject: str, text: str, *, begins: bool) -> str:
    """What a person says with a mail: its words; the subject too where it begins a matter."""
    if not text:
        return subject
    if begins and subject and subject.casefold() not in text[:400].casefold():
        return f"{subject}\n{text}"
    return text


def _people(mail: Message, name: str) -> list[dict[str, str]]:
    people = headers.addresses(headers.raw(mail, name))
    return [{"name": one.name, "address": one.address} for one in people[:50]]


def _is_forged(mail: Message) -> bool:
    """Whether the server that took it says the sender is not who they claim (RFC 8601, newest first)."""
    return bool(re.search(r"\bdmarc\s*=\s*fail\b", headers.raw(mail, "Authentication-Results").lower()))


def _locale(text: str) -> str:
    """English is who writes a whole sentence without a Korean letter."""
    return "en" if not _HANGUL.search(text) and len(_LETTERS.findall(text)) >= 12 else "ko"
