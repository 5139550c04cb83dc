"""A customer's mailbox as a page: what came, and writing a mail. For the demo and for looking by hand."""

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from aiohttp import web

from tests.standins.mail_writing import written

if TYPE_CHECKING:
    from tests.standins.mail_server import Provider

WORDS = {
    "ko": {
        "title": "메일함",
        "empty": "아직 받은 메일이 없어요. 새봄가전에 메일을 써 보세요.",
        "to": "받는 사람",
        "me": "나",
        "subject": "제목",
        "text": "내용",
        "send": "보내기",
        "reply": "답장",
        "new": "새 메일 쓰기",
        "about": "세탁기에서 물이 새요",
        "files": "첨부",
    },
    "en": {
        "title": "Mailbox",
        "empty": "No mail yet. Write one to the company.",
        "to": "To",
        "me": "Me",
        "subject": "Subject",
        "text": "Text",
        "send": "Send",
        "reply": "Reply",
        "new": "Write",
        "about": "My washer leaks",
        "files": "Files",
    },
}
CUSTOMER = "김민서 <minseo@customer.example>"
ME = parseaddr(CUSTOMER)[1]
FRAMED = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self';"
    " form-action 'self'; frame-src 'self'; frame-ancestors http://127.0.0.1:* http://localhost:*"
)
TEMPLATE = jinja2.Environment(autoescape=True).from_string(Path(__file__).with_suffix(".html").read_text())


def routes(app: web.Application, provider: "Provider") -> None:
    async def show(request: web.Request) -> web.Response:
        lang = "en" if request.query.get("lang") == "en" else "ko"
        headers = {"Content-Security-Policy": FRAMED}
        return web.Response(text=page(provider, lang), content_type="text/html", headers=headers)

    async def count(request: web.Request) -> web.Response:
        return web.json_response(len(provider.boxes.get(ME, [])))

    async def write(request: web.Request) -> web.Response:
        form: Any = await request.post()
        company = next(iter(provider.logins))
        body: dict[str, Any] = {
            "from": CUSTOMER,
            "to": company,
            "subject": form["subject"],
            "text": form["text"],
        }
        if form.get("answers"):
            body["headers"] = {"In-Reply-To": form["answers"], "References": form["references"]}
        mail = written(body)
        provider.sent.setdefault(ME, []).append(mail)
        await provider.deliver(company, mail)
        raise web.HTTPSeeOther(f"/?lang={form.get('lang', 'ko')}")

    app.router.add_get("/", show)
    app.router.add_get("/count", count)
    app.router.add_post("/write", write)


def page(provider: "Provider", lang: str) -> str:
    """The mails of the demo's customer, both ways, newest first."""
    both = [(mail, True) for mail in provider.boxes.get(ME, [])]
    both += [(mail, False) for mail in provider.sent.get(ME, [])]
    mails = sorted((_shown(mail, came) for mail, came in both), key=lambda mail: mail["at"], reverse=True)
    company = next(iter(provider.logins))
    return TEMPLATE.render(lang=lang, w=WORDS[lang], me=CUSTOMER, company=company, mails=mails)


def _shown(mail: bytes, came: bool) -> dict[str, Any]:
    read = message_from_bytes(mail, policy=policy.default)
    assert isinstance(read, EmailMessage)
    html, plain = read.get_body(("html",)), read.get_body(("plain",))
    subject, identifier = str(read["Subject"]), str(read["Message-ID"])
    return {
        "came": came,
        "at": read["Date"].datetime,
        "subject": subject,
        "again": subject if re.match(r"re:", subject, re.IGNORECASE) else f"Re: {subject}",
        "sender": str(read["From"]),
        "to": str(read["To"]),
        "id": identifier,
        "references": f"{read.get('References', '')} {identifier}".strip(),
        "html": html.get_content().replace("<head>", '<head><base target="_blank">') if html and came else "",
        "text": plain.get_content() if plain else "",
        "files": [part.get_filename() or "" for part in read.iter_attachments()],
    }
