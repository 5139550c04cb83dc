"""What one mail means: a message, an answer of a machine, a bounce, or nothing for us. Pure: bytes in."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Any

from bots.channels import email_headers as headers
from bots.channels import email_html, email_quotes, email_safe
from crm.inbound import TEXT_MAX
from crm.inbox import Inbound

CHANNEL = "email"
PARTS_MAX = 200  # parts of a mail that are looked at
FILES_MAX = 20  # files of one message that the tables take
FOLDED_MAX = 20_000  # characters of quotes that the desk shows
TINY_IMAGE = 400  # bytes: a picture below is a mark that tells the sender who reads
_HANGUL = re.compile("[가-힣ㄱ-ㅎㅏ-ㅣ]")
_LETTERS = re.compile("[A-Za-z]")
_REPLY = re.compile(r"^\s*(re|fw|fwd|답장|회신|전달)\s*(\[\d+\])?\s*[:：]", re.IGNORECASE)
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_OUR_ID = re.compile(r"dangol\.[A-Za-z0-9_-]{16,40}(?:\.\d+)?@[A-Za-z0-9.-]+")
# What programs write before the subject that they answer, where they set no field of the standard.
_AWAY = re.compile(
    r"\s*(\[\s*(자동\s?(응답|회신|답장)|부재\s?중)[^\]]*\]|(자동\s?(응답|회신|답장)|부재\s?중\s?(자동\s?)?(응답|회신|알림))\s*:"
    r"|(automatic reply|auto(matic)?[ -]?response|auto[ -]?reply|out of (the )?office( reply)?)\s*:)",
    re.IGNORECASE,
)
_MACHINES = re.compile(r"(mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?)([+=.-].*)?@")


@dataclass(frozen=True)
class Attachment:
    """A file in a mail."""

    name: str
    data: bytes
    cid: str = ""  # by which the mail's HTML calls it


@dataclass(frozen=True)
class Bounce:
    """A mail of ours that came back. `references`: Message-IDs in it; `status` as in RFC 3463."""

    references: tuple[str, ...]
    status: str = ""


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
    if bounce := _bounce(mail, sender, data):
        return Facts("bounce", bounce=bounce, **facts)
    verdict, reason = _machine(mail, sender)
    if verdict:
        return Facts(verdict, reason=reason, **facts)
    assert sender is not None
    content = _content(mail)
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


def _machine(mail: Message, sender: headers.Address | None) -> tuple[str, str]:
    """The verdict on what no person wrote, and by which field; ('', '') for a person's mail.

    RFC 3834 (Auto-Submitted), RFC 2919 (List-Id), RFC 2369; the rest is common practice.
    """
    given = {name: text.strip().lower() for name, text in reversed(headers.fields(mail))}
    if given.get("auto-submitted", "no").split(";")[0].strip() not in ("no", ""):
        return "auto", "auto-submitted"
    precedence = given.get("precedence", "")
    if precedence in ("list", "bulk") or any(
        name in given for name in ("list-id", "list-post", "list-unsubscribe", "mailing-list")
    ):
        return "list", "list"
    if precedence in ("junk", "auto_reply"):
        return "auto", "precedence"
    marks = ("x-autoreply", "x-autorespond", "x-autoresponse", "x-auto-reply", "x-autogenerated")
    if found := next((name for name in marks if given.get(name, "no") != "no"), ""):
        return "auto", found
    if given.get("return-path") == "<>" or mail.get_content_type() == "multipart/report":
        return "auto", "return-path"
    if _AWAY.match(headers.field(mail, "Subject")):
        return "auto", "subject"
    if sender is None:
        return "auto", "no sender"
    return ("auto", "sender") if _MACHINES.match(sender.address) else ("", "")


# --- what came back


def _bounce(mail: Message, sender: headers.Address | None, data: bytes) -> Bounce | None:
    """A delivery status notification (RFC 3464), or what a mail server wrote in words."""
    kind = str(mail.get_param("report-type") or "").lower()
    if mail.get_content_type() == "multipart/report" and kind in ("delivery-status", ""):
        return _report(mail, data)
    daemon = sender is None or re.match(r"(mailer-daemon|postmaster)@", sender.address)
    named = _named(mail, data)
    if not daemon or not named:
        return None
    status = _STATUS.search("\n".join(_words(mail)))
    return Bounce(named, status[1] if status else "")


def _report(mail: Message, data: bytes) -> Bounce | None:
    """Of several recipients the one that failed; a mere delay is none."""
    action = status = ""
    for part in _parts(mail):
        if part.get_content_type() != "message/delivery-status":
            continue
        for block in _blocks(part):
            acted = headers.field(block, "Action").lower()
            if acted and action != "failed":
                action, status = acted, headers.field(block, "Status").split(" ")[0]
    if action in ("delayed", "delivered", "relayed", "expanded"):
        return None
    return Bounce(_named(mail, data), status if _STATUS.fullmatch(status) else "")


def _blocks(part: Message) -> list[Message]:
    inner = part.get_payload()
    return [one for one in inner if isinstance(one, Message)] if isinstance(inner, list) else []


def _named(mail: Message, data: bytes) -> tuple[str, ...]:
    """Message-IDs of ours anywhere in it: servers return our mail whole, or its header, as they like it."""
    found = _OUR_ID.findall(data.decode("ascii", "replace"))
    return tuple(dict.fromkeys(found or _OUR_ID.findall("\n".join(_words(mail)))))[:10]


def _words(mail: Message) -> Iterator[str]:
    """The text of its parts, undone of their encodings."""
    for part in _parts(mail):
        if not part.is_multipart() and part.get_content_maintype() in ("text", "message"):
            yield headers.decoded(_payload(part), str(part.get_content_charset("") or ""))


# --- the body


@dataclass
class _Content:
    texts: list[str] = field(default_factory=list)
    files: list[Attachment] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)  # names of files beyond what is taken
    original: str = ""


def _content(mail: Message) -> _Content:
    content = _Content(original=_original(mail))
    _collect(mail, content, 0)
    return content


def _original(mail: Message) -> str:
    """The first HTML of the mail itself, made safe."""
    for part in _own_parts(mail, 0):
        if part.get_content_type() == "text/html" and not part.is_multipart() and not _is_file(part):
            text = headers.decoded(_payload(part), str(part.get_content_charset("") or ""))
            return email_safe.safe(text)
    return ""


def _own_parts(part: Message, depth: int) -> Iterator[Message]:
    """A mail's parts without those of the mails in it."""
    inner = part.get_payload()
    if part.get_content_type() == "message/rfc822" or not isinstance(inner, list):
        yield part
    elif depth <= 20:
        for one in inner[:PARTS_MAX]:
            if isinstance(one, Message):
                yield from _own_parts(one, depth + 1)


def _collect(part: Message, content: _Content, depth: int) -> None:
    """Text and files of a part, in the order in which a reader sees them."""
    kind = part.get_content_type()
    inner = part.get_payload()
    if kind == "message/rfc822" and isinstance(inner, list) and inner and isinstance(inner[0], Message):
        _forwarded(inner[0], content, depth)
    elif isinstance(inner, list):
        parts = [one for one in inner[:PARTS_MAX] if isinstance(one, Message)]
        if depth > 20:
            return
        if kind == "multipart/alternative":
            _collect_best(parts, content, depth + 1)
            return
        for one in parts:
            _collect(one, content, depth + 1)
    elif kind in ("text/plain", "text/html") and not _is_file(part):
        text = headers.decoded(_payload(part), str(part.get_content_charset("") or ""))
        content.texts.append(email_html.text_of(text) if kind == "text/html" else text)
    elif not kind.startswith("multipart/"):
        _file(part, content)


def _collect_best(parts: list[Message], content: _Content, depth: int) -> None:
    """One form of the text, and the pictures of every form: some programs put them into the HTML's alone."""
    best = _best(parts)
    for one in parts:
        if one in best:
            _collect(one, content, depth)
        else:
            texts = list(content.texts)
            _collect(one, content, depth)
            content.texts[:] = texts


def _best(parts: list[Message]) -> list[Message]:
    """Of several forms of one text the plain one, if it says anything, else the richest."""
    for part in parts:
        if part.get_content_type() == "text/plain" and not part.is_multipart():
            text = headers.decoded(_payload(part), str(part.get_content_charset("") or ""))
            if len(text.strip()) > 1:
                return [part]
    return parts[-1:]


def _forwarded(mail: Message, content: _Content, depth: int) -> None:
    """A mail within a mail, as a text file with its head."""
    inside = _Content()
    if depth < 5:
        _collect(mail, inside, depth + 5)
    head = [f"{name}: {headers.field(mail, name)}" for name in ("From", "To", "Date", "Subject")]
    text = "\n".join([*head, "", *inside.texts])
    content.files.append(Attachment(f"{headers.field(mail, 'Subject') or 'mail'}.txt", text.encode()))
    content.files += inside.files


def _is_file(part: Message) -> bool:
    return "attachment" in headers.raw(part, "Content-Disposition").lower() or bool(_name(part))


def _file(part: Message, content: _Content) -> None:
    data = _payload(part)
    inline = "attachment" not in headers.raw(part, "Content-Disposition").lower()
    if not data or (inline and part.get_content_maintype() == "image" and len(data) < TINY_IMAGE):
        return
    name = _name(part) or f"file.{part.get_content_subtype()[:10]}"
    if len(content.files) >= FILES_MAX:
        content.lost.append(name)
    else:
        content.files.append(Attachment(name, data, headers.raw(part, "Content-ID").strip(" <>")[:200]))


def _name(part: Message) -> str:
    """A file's name, however it is encoded (RFC 2231, or RFC 2047 as many programs do)."""
    try:
        return headers.decode(part.get_filename("") or "")[:200]
    except (LookupError, ValueError, TypeError, AttributeError):
        return "file"


def _payload(part: Message) -> bytes:
    try:
        data = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        data = None
    if isinstance(data, bytes):
        return data
    inner = part.get_payload()
    return inner.encode("utf-8", "replace") if isinstance(inner, str) else b""


def _parts(mail: Message) -> Iterator[Message]:
    for number, part in enumerate(mail.walk()):
        if number >= PARTS_MAX:
            return
        yield part


# --- the message


def _inbound(
    mail: Message,
    content: _Content,
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
