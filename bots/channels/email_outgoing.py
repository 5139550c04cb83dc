"""A message of ours as a mail: what it says, and how it reads in the customer's mail program. Pure.

The Message-ID is made of the message's key, and its date is the message's own: sent again it is the same.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from functools import cache
from hashlib import sha256
from itertools import count
from typing import Any

import jinja2
from markupsafe import Markup, escape

from bots.channels.base import Caps, Outbound, OutFile, Undeliverable, Wire
from bots.channels.email_headers import Address, one_line
from bots.channels.message_parts import spoken
from bots.channels.offered_choices import offered
from bots.web import i18n
from bots.web.app_keys import HERE
from crm import choices as pressing

FILES_MAX_BYTES = 14 * 1024 * 1024  # of one mail: base64 makes it 19 MB, and Gmail takes 25, Naver 20
SUBJECT_MAX = 120
AD_MARK = "(광고)"  # 정보통신망법 시행령 별표 6: the subject of an advertisement begins with it
CAPS = Caps(text_max=1_000_000, files=True, file_max_bytes=FILES_MAX_BYTES)

_RE = re.compile(r"^\s*(re|답장|회신)\s*(\[\d+\])?\s*[:：]", re.IGNORECASE)
_URL = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)\]]")


def render(message: Outbound, sender: Address) -> list[Wire]:
    """The one mail of a message. `message.data["mail"]` holds what composition knows of its thread."""
    mail = _Mail(message)
    attached, linked = _fitting(message.files)
    payload = {
        "message_id": message_id(message.key, sender),
        "subject": mail.subject,
        "name": mail.given("name") or sender.name,
        "date": (message.at or datetime(1970, 1, 1, tzinfo=UTC)).isoformat(),
        "fields": mail.fields(),
        "text": mail.text(linked),
        "html": mail.html(linked),
        "files": [{"token": file.token, "name": file.name, "type": file.type} for file in attached],
    }
    return [Wire(message.key, message.external_user, payload)]


def merge(messages: Sequence[Outbound]) -> Outbound:
    """Several messages as one, with the key of the last. What an earlier one offers can be pressed but has no
    number: a number means the newest message's."""
    last, before = messages[-1], messages[:-1]
    earlier = [item for one in before for item in offered(one.choices, one.cards)]
    mail = {**(last.data.get("mail") or {}), "unnumbered": [str(item["value"]) for item in earlier]}
    mail["links"] = {
        value: url
        for one in messages
        for value, url in ((one.data.get("mail") or {}).get("links") or {}).items()
    }
    return replace(
        last,
        text="\n\n".join(one.text.strip() for one in messages if one.text.strip()),
        choices=[choice for one in messages for choice in one.choices],
        cards=[card for one in messages for card in one.cards],
        files=[file for one in messages for file in one.files],
        data={**last.data, "mail": mail},
    )


def message_id(key: str, sender: Address) -> str:
    """Our Message-ID, without brackets. `crm.mail` finds the message by it again."""
    return f"dangol.{key}@{sender.address.rpartition('@')[2]}"


def _fitting(files: Sequence[OutFile]) -> tuple[list[OutFile], list[OutFile]]:
    """What goes with the mail, and what is too much for it and becomes a link."""
    room, attached, linked = FILES_MAX_BYTES, [], []
    for file in files:
        if file.size <= room and file.token:
            attached.append(file)
            room -= file.size
        else:
            linked.append(file)
    return attached, linked


class _Mail:
    """What of a message stands where in its mail."""

    def __init__(self, message: Outbound) -> None:
        self._message = message
        self._given: Mapping[str, Any] = message.data.get("mail") or {}
        self._lang = message.lang if message.lang in i18n.LANGUAGES else "ko"
        self._is_ad = message.purpose == "ad"

    def given(self, name: str) -> str:
        return one_line(str(self._given.get(name) or ""))

    def _t(self, key: str, **values: Any) -> str:
        return i18n.t(self._lang, f"channels.mail.{key}", **values)

    @property
    def subject(self) -> str:
        """The thread's own: a changed subject makes another thread of it in many mail programs."""
        theirs = self.given("subject")
        if theirs and not self._is_ad:
            return theirs if _RE.match(theirs) else f"Re: {theirs}"
        number, company = self.given("number"), self.given("company") or "Dangol"
        ours = self._t("subject_number" if number else "subject", company=company, number=number)
        return f"{AD_MARK} {self._t('subject_ad', company=company)}" if self._is_ad else ours

    def fields(self) -> dict[str, Any]:
        """Fields of the header beyond those that every mail has."""
        fields: dict[str, Any] = {}
        references = [str(one) for one in self._given.get("references") or ()]
        if references and not self._is_ad:
            fields["In-Reply-To"] = [self.given("answers") or references[-1]]
            fields["References"] = references
        if self._message.author != "staff":  # RFC 3834: so that two machines do not write to one another
            fields["Auto-Submitted"] = "auto-replied" if references and not self._is_ad else "auto-generated"
            fields["X-Auto-Response-Suppress"] = "All"
        if refuse := self.given("unsubscribe"):  # RFC 8058
            fields["List-Unsubscribe"] = f"<{refuse}>"
            fields["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        return fields

    def _choices(self) -> list[dict[str, str]]:
        links, apart = self._given.get("links") or {}, self._given.get("unnumbered") or ()
        items = offered(self._message.choices, self._message.cards)
        numbers = (str(number) for number in count(1))
        return [
            {
                "number": "" if item["value"] in apart else next(numbers),
                "label": pressing.said(item),
                "url": str(links.get(item["value"], "")),
            }
            for item in sorted(items, key=lambda one: one["value"] not in apart)
        ]

    def _pages(self) -> list[dict[str, str]]:
        """Addresses that cards lead to."""
        cards = [card for card in self._message.cards if card.get("url")]
        return [{"name": str(card.get("title") or ""), "url": str(card["url"])} for card in cards]

    def _foot(self) -> list[str]:
        number = self.given("number")
        return [
            line
            for line in (self.given("company"), self._t("number", number=number) if number else "")
            if line
        ]

    def text(self, linked: Sequence[OutFile]) -> str:
        """The plain form, complete by itself."""
        choices = self._choices()
        listed = [
            (f"{one['number']}. {one['label']}" if one["number"] else f"· {one['label']}")
            + (f"\n   {one['url']}" if one["url"] else "")
            for one in choices
        ]
        pages = [f"{one['name']}: {one['url']}" for one in self._pages()]
        files = [f"{file.name}: {file.url}" for file in linked]
        blocks = [
            spoken(self._message, CAPS) or (self._t("files") if self._message.files else ""),
            "\n".join(listed),
            self._t("how_to_answer") if choices else "",
            "\n".join([*pages, *files]),
            "\n".join(["-- ", *self._foot()]) if self._foot() and not self._is_ad else "",
        ]
        return "\n\n".join(block for block in blocks if block)

    def html(self, linked: Sequence[OutFile]) -> str:
        """The same for mail programs that show HTML; readable on light and dark grounds."""
        cards = [card for card in self._message.cards if card.get("facts") or card.get("quote")]
        return _template().render(
            lang=self._lang,
            paragraphs=paragraphs(
                self._message.text.strip() or (self._t("files") if self._message.files else "")
            ),
            cards=[_shown(card) for card in cards],
            choices=self._choices(),
            how=self._t("how_to_answer"),
            open_it=i18n.t(self._lang, "channels.open"),
            pages=self._pages(),
            files=[{"name": file.name, "url": file.url} for file in linked],
            foot=[] if self._is_ad else self._foot(),
        )


def _shown(card: Mapping[str, Any]) -> dict[str, Any]:
    """What the template shows of a card; its address stands below as a link."""
    facts = [fact for fact in card.get("facts", ()) if fact.get("value")]
    title = " ".join(str(card.get(name) or "") for name in ("number", "status_label")).strip()
    return {"title": title or str(card.get("title") or ""), "facts": facts, "quote": card.get("quote", "")}


def paragraphs(text: str) -> list[Markup]:
    """Text as HTML: escaped, its lines kept, its addresses to be pressed."""
    return [_linked(part) for part in re.split(r"\n\s*\n", text) if part.strip()]


def _linked(text: str) -> Markup:
    pieces, at = [], 0
    for url in _URL.finditer(text):
        pieces += [escape(text[at : url.start()]), _LINK.format(url[0], url[0])]
        at = url.end()
    joined = Markup("").join([*pieces, escape(text[at:])])
    return Markup("<br>\n").join(joined.split("\n"))


_LINK = Markup('<a href="{}" style="color:inherit">{}</a>')


@cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(HERE / "templates")
    return jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True).get_template("mail.html")


# --- as bytes


def build(wire: Wire, sender: Address, contents: Sequence[bytes]) -> bytes:
    """The mail as it goes over the wire, ASCII only. `contents` are the bytes of its files, in order.

    Raises `Undeliverable` when `wire.to` is no address that SMTP takes.
    """
    payload = wire.payload
    own: dict[str, Any] = {
        "From": _person(str(payload["name"]), sender.address),
        "To": route(wire.to),
        "Subject": _encoded(str(payload["subject"])[:SUBJECT_MAX], "Subject"),
        "Date": format_datetime(datetime.fromisoformat(payload["date"])),
        "Message-ID": f"<{payload['message_id']}>",
        **payload["fields"],
    }
    head = "".join(f"{name}: {_value(value)}\r\n" for name, value in own.items())
    return head.encode("ascii", "replace") + _body(payload, contents).as_bytes(policy=SMTP)


def route(address: str) -> str:
    """An address as SMTP takes it. Raises `Undeliverable`."""
    local, at, domain = address.rpartition("@")
    try:
        host = domain.encode("idna").decode() if not domain.isascii() else domain
    except UnicodeError:
        host = ""
    fine = re.fullmatch(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}", local)
    if not (at and fine and re.fullmatch(r"[A-Za-z0-9._-]{1,190}", host)):
        raise Undeliverable("address")
    return f"{local}@{host}"


def _value(value: Any) -> str:
    """A field's value; Message-IDs one a line, as a line may have 998 characters only."""
    if isinstance(value, str):
        return value
    return "\r\n ".join(f"<{one}>" for one in value if re.fullmatch(r"[\x21-\x3b\x3d\x3f-\x7e]+", one))


def _encoded(text: str, name: str) -> str:
    text = one_line(text)
    charset = "us-ascii" if text.isascii() else "utf-8"
    return Header(text, charset, header_name=name).encode(linesep="\r\n")


def _person(name: str, address: str) -> str:
    name = one_line(name)
    return formataddr((name, address)) if name.isascii() else f"{_encoded(name, 'From')} <{address}>"


def _body(payload: Mapping[str, Any], contents: Sequence[bytes]) -> EmailMessage:
    body = EmailMessage(policy=SMTP)
    _text(body, str(payload["text"]), "plain")
    html = EmailMessage(policy=SMTP)
    _text(html, str(payload["html"]), "html")
    body.make_alternative()
    body.attach(html)
    for file, content in zip(payload["files"], contents, strict=True):
        main, _, sub = str(file["type"]).partition("/")
        body.add_attachment(
            content, maintype=main, subtype=sub or "octet-stream", filename=one_line(file["name"])
        )
    mark = base64.b32encode(sha256(str(payload["message_id"]).encode()).digest()[:15]).decode()
    for number, part in enumerate(part for part in body.walk() if part.is_multipart()):
        part.set_boundary(f"=_{number}_{mark}")
    return body


def _text(part: EmailMessage, text: str, kind: str) -> None:
    clean = text.encode("utf-8", "replace").decode()
    part.set_content(clean, subtype=kind, cte="quoted-printable" if clean.isascii() else "base64")
