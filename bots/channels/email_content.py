"""What a mail says and carries: its text in one form, its files, its HTML made safe. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message

from bots.channels import email_headers as headers
from bots.channels import email_html, email_safe

PARTS_MAX = 200  # parts of a mail that are looked at
FILES_MAX = 20  # files of one message that the tables take
TINY_IMAGE = 400  # bytes: a picture below is a mark that tells the sender who reads


@dataclass(frozen=True)
class Attachment:
    """A file in a mail."""

    name: str
    data: bytes
    cid: str = ""  # by which the mail's HTML calls it


@dataclass
class Content:
    """Everything in a mail that staff and bot see."""

    texts: list[str] = field(default_factory=list)
    files: list[Attachment] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)  # names of files beyond what is taken
    original: str = ""


def content_of(mail: Message) -> Content:
    """What a mail says and carries, at most `FILES_MAX` files."""
    content = Content(original=_original(mail))
    _collect(mail, content, 0)
    return content


def _original(mail: Message) -> str:
    """The first HTML of the mail itself, made safe."""
    for part in _own_parts(mail, 0):
        if part.get_content_type() == "text/html" and not part.is_multipart() and not _is_file(part):
            text = decoded_text(part)
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


def _collect(part: Message, content: Content, depth: int) -> None:
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
        text = decoded_text(part)
        content.texts.append(email_html.text_of(text) if kind == "text/html" else text)
    elif not kind.startswith("multipart/"):
        _file(part, content)


def _collect_best(parts: list[Message], content: Content, depth: int) -> None:
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
            text = decoded_text(part)
            if len(text.strip()) > 1:
                return [part]
    return parts[-1:]


def _forwarded(mail: Message, content: Content, depth: int) -> None:
    """A mail within a mail, as a text file with its head."""
    inside = Content()
    if depth < 5:
        _collect(mail, inside, depth + 5)
    head = [f"{name}: {headers.field(mail, name)}" for name in ("From", "To", "Date", "Subject")]
    text = "\n".join([*head, "", *inside.texts])
    content.files.append(Attachment(f"{headers.field(mail, 'Subject') or 'mail'}.txt", text.encode()))
    content.files += inside.files


def _is_file(part: Message) -> bool:
    return "attachment" in headers.raw(part, "Content-Disposition").lower() or bool(_name(part))


def _file(part: Message, content: Content) -> None:
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


def decoded_text(part: Message) -> str:
    """The text of one part, undone of its encodings."""
    return headers.decoded(_payload(part), str(part.get_content_charset("") or ""))


def _payload(part: Message) -> bytes:
    try:
        data = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        data = None
    if isinstance(data, bytes):
        return data
    inner = part.get_payload()
    return inner.encode("utf-8", "replace") if isinstance(inner, str) else b""


def parts_of(mail: Message) -> Iterator[Message]:
    """Its parts, those of mails in it too, at most `PARTS_MAX`."""
    for number, part in enumerate(mail.walk()):
        if number >= PARTS_MAX:
            return
        yield part
