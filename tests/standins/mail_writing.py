"""Mails as customers' programs write them, and as their readers see ours."""

import base64
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Any


def written(body: dict[str, Any]) -> bytes:
    """A customer's mail as their program writes it."""
    mail = EmailMessage()
    mail["From"], mail["To"] = body["from"], body["to"]
    for name in ("cc", "subject"):
        if body.get(name):
            mail[name.capitalize()] = body[name]
    mail["Date"] = format_datetime(datetime.now(UTC) - timedelta(seconds=1))
    mail["Message-ID"] = body.get("message_id") or make_msgid(domain="customer.example")
    for name, value in body.get("headers", {}).items():
        mail[name] = value
    mail.set_content(body.get("text", ""))
    if "html" in body:
        mail.add_alternative(body["html"], subtype="html")
    for file in body.get("files", ()):
        main, _, sub = file["type"].partition("/")
        mail.add_attachment(
            base64.b64decode(file["base64"]), maintype=main, subtype=sub, filename=file["name"]
        )
    return mail.as_bytes(policy=policy.SMTP)


def shown(mail: bytes) -> dict[str, Any]:
    """A mail as its reader sees it."""
    read = message_from_bytes(mail, policy=policy.default)
    assert isinstance(read, EmailMessage)
    plain, html = read.get_body(("plain",)), read.get_body(("html",))
    files = [
        {
            "name": part.get_filename(),
            "type": part.get_content_type(),
            "size": len(part.get_payload(decode=True) or b""),
        }
        for part in read.iter_attachments()
    ]
    return {
        "headers": {name: str(value) for name, value in read.items()},
        "text": plain.get_content().replace("\r\n", "\n") if plain else "",
        "html": html.get_content() if html else "",
        "files": files,
    }
