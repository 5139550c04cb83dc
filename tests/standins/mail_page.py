"""A customer's mailbox as a page: what came, and writing a mail. For the demo and for looking by hand."""

import html
import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from tests.standins.mail_server import Provider

WORDS = {
    "ko": {
        "title": "메일함", "empty": "아직 받은 메일이 없어요. 새봄가전에 메일을 써 보세요.", "to": "받는 사람", "me": "나",
        "subject": "제목", "text": "내용", "send": "보내기", "reply": "답장", "new": "새 메일 쓰기", "sent": "보낸 메일",
        "about": "세탁기에서 물이 새요", "files": "첨부",
    },
    "en": {
        "title": "Mailbox", "empty": "No mail yet. Write one to the company.", "to": "To", "me": "Me",
        "subject": "Subject", "text": "Text", "send": "Send", "reply": "Reply", "new": "Write", "sent": "Sent",
        "about": "My washer leaks", "files": "Files",
    },
}  # fmt: skip
CUSTOMER = "김민서 <minseo@customer.example>"
FRAMED = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; form-action 'self'; frame-ancestors http://127.0.0.1:* http://localhost:*"


def routes(app: web.Application, provider: "Provider") -> None:
    async def show(request: web.Request) -> web.Response:
        lang = "en" if request.query.get("lang") == "en" else "ko"
        return _page(page(provider, lang))

    async def count(request: web.Request) -> web.Response:
        return web.json_response(len(provider.boxes.get(_me(), [])))

    async def write(request: web.Request) -> web.Response:
        from tests.standins.mail_server import written

        form: Any = await request.post()
        body: dict[str, Any] = {
            "from": CUSTOMER,
            "to": next(iter(provider.logins)),
            "subject": form["subject"],
            "text": form["text"],
        }
        if form.get("answers"):
            body["headers"] = {"In-Reply-To": form["answers"], "References": form["references"]}
        mail = written(body)
        provider.sent.setdefault(_me(), []).append(mail)
        await provider.deliver(body["to"], mail)
        raise web.HTTPSeeOther(f"/?lang={form.get('lang', 'ko')}")

    app.router.add_get("/", show)
    app.router.add_get("/count", count)
    app.router.add_post("/write", write)


def _me() -> str:
    return parseaddr(CUSTOMER)[1]


def _page(body: str) -> web.Response:
    return web.Response(text=body, content_type="text/html", headers={"Content-Security-Policy": FRAMED})


def page(provider: "Provider", lang: str) -> str:
    """The mails of the demo's customer, both ways, newest first."""
    words = WORDS[lang]
    both = [(mail, True) for mail in provider.boxes.get(_me(), [])] + [
        (mail, False) for mail in provider.sent.get(_me(), [])
    ]
    mails = sorted(both, key=lambda one: _date(one[0]), reverse=True)
    company = next(iter(provider.logins))
    items = (
        "".join(_item(mail, came, words, lang) for mail, came in mails)
        or f"<p class=empty>{words['empty']}</p>"
    )
    return (
        f"<!doctype html><html lang={lang}><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{words['title']}</title><style>{_STYLE}</style><main><h1>{words['title']}</h1>"
        f"<p class=who>{html.escape(CUSTOMER)}</p>"
        f"<details><summary>{words['new']}</summary>{_form(words, lang, company, words['about'], '', '')}</details>{items}</main>"
        f"<script>{_SCRIPT}</script>"
    )


def _item(mail: bytes, came: bool, words: dict[str, str], lang: str) -> str:
    read = message_from_bytes(mail, policy=policy.default)
    assert isinstance(read, EmailMessage)
    subject = str(read["Subject"])
    shown = read.get_body(("html", "plain"))
    content = shown.get_content() if shown else ""
    frame = (
        f"<iframe sandbox='allow-popups allow-popups-to-escape-sandbox' title='{html.escape(subject)}'"
        f" srcdoc='{html.escape(_opening(content))}'></iframe>"
        if came and shown and shown.get_content_type() == "text/html"
        else f"<p class=text>{html.escape(content)}</p>"
    )
    files = ", ".join(html.escape(part.get_filename() or "") for part in read.iter_attachments())
    attached = f"<p class=who>{words['files']}: {files}</p>" if files else ""
    answer = ""
    if came:
        references = f"{read.get('References', '')} {read['Message-ID']}".strip()
        form = _form(words, lang, str(read["From"]), _again(subject), str(read["Message-ID"]), references)
        answer = f"<details><summary>{words['reply']}</summary>{form}</details>"
    sender = str(read["From"]) if came else f"{words['me']} → {read['To']}"
    return (
        f"<article class={'in' if came else 'out'}><h2>{html.escape(subject)}</h2><p class=who>{html.escape(sender)}</p>"
        f"{frame}{attached}{answer}</article>"
    )


def _opening(content: str) -> str:
    return content.replace("<head>", "<head><base target=_blank>")


def _again(subject: str) -> str:
    return subject if re.match(r"re:", subject, re.IGNORECASE) else f"Re: {subject}"


def _form(words: dict[str, str], lang: str, to: str, subject: str, answers: str, references: str) -> str:
    def hidden(name: str, value: str) -> str:
        return f"<input type=hidden name={name} value='{html.escape(value)}'>"

    return (
        f"<form method=post action=/write><p class=who>{words['to']}: {html.escape(to)}</p>{hidden('lang', lang)}"
        f"{hidden('answers', answers)}{hidden('references', references)}"
        f"<label>{words['subject']}<input name=subject required value='{html.escape(subject)}'></label>"
        f"<label>{words['text']}<textarea name=text rows=5 required></textarea></label><button>{words['send']}</button></form>"
    )


def _date(mail: bytes) -> Any:
    read = message_from_bytes(mail, policy=policy.default)
    return read["Date"].datetime


_STYLE = """
:root{color-scheme:light dark}body{margin:0;font:15px/1.6 "Apple SD Gothic Neo",Pretendard,"Noto Sans KR",sans-serif;word-break:keep-all;overflow-wrap:anywhere}
main{max-width:640px;margin:0 auto;padding:16px}h1{font-size:20px}h2{font-size:16px;margin:0}
article{border:1px solid #85837B;border-radius:14px;padding:12px 16px;margin:12px 0}article.out{border-style:dashed}
.who{font-size:13px;opacity:.75;margin:2px 0 8px}.text{white-space:pre-wrap}iframe{width:100%;height:260px;border:0}
label{display:block;margin:8px 0}input,textarea{display:block;width:100%;box-sizing:border-box;font:inherit;padding:8px;border-radius:8px;border:1px solid #85837B}
button{font:inherit;padding:8px 16px;border-radius:10px;border:0;background:#0A6B5E;color:#fff}summary{cursor:pointer;padding:8px 0}
"""
_SCRIPT = """
let known;async function look(){const n=await(await fetch('/count')).json();if(known!==undefined&&n!==known&&!document.querySelector('details[open]')){parent.postMessage({dangol:'news'},'*');location.reload()}known=known??n}
setInterval(look,1500);look();
addEventListener('message',e=>{if(e.data&&e.data.dangol==='say'){const d=document.querySelector('details');d.open=true;d.querySelector('textarea').value=e.data.text;d.querySelector('textarea').focus()}});
"""
