"""What the desk shows of e-mail: subject, other people, what was folded away, its looks, a reply's way."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from bots.channels import email_safe
from bots.web import i18n, pages
from bots.web.desk.frame import Desk, page
from bots.web.desk.stored import PICTURES
from crm import files, mail
from crm.errors import CrmError
from crm.formats import mask_email

EMBEDDED_MAX = 4 * 1024 * 1024  # bytes of a mail's own pictures that are shown in it
# A document of its own that can run, send and load nothing; links open elsewhere.
POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline';"
    " img-src data:{remote}; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)


def about(desk: Desk, row: Mapping[str, Any], talk_id: int) -> dict[str, Any] | None:
    """What stands around the words of a mail; None for a message that is none."""
    found = row["data"].get("mail")
    if not isinstance(found, Mapping):
        return None
    notes = [desk.t(f"desk.mail.{key}") for key in ("doubtful", "cut") if found.get(key)]
    sender = _people([found["from"]]) if found.get("from") else ""
    if refused := found.get("refused"):
        notes.append(desk.t("desk.mail.refused", names=", ".join(refused)))
    return {
        "subject": "" if found.get("titled") else str(found.get("subject", "")),
        "sender": sender,
        "person": _colleague(found["from"], sender) if found.get("colleague") else None,
        "cc": _people(found.get("cc", ())),
        "folded": str(found.get("folded", "")),
        "notes": notes,
        "original": bool(found.get("original")),
        "remote": bool(found.get("remote")),
        "address": f"/desk/conversations/{talk_id}/mails/{row['seq']}",
    }


def _colleague(sender: Mapping[str, str], name: str) -> dict[str, Any]:
    """The face of somebody whom the customer had among the recipients: not the customer's own."""
    return {"id": 0, "name": name, "initials": i18n.initials(name), "tint": i18n.tint(sender["address"])}


def speaker(row: Mapping[str, Any]) -> str:
    """The address of a colleague of the customer's who wrote this; '' for everybody else."""
    found = row["data"].get("mail")
    written = isinstance(found, Mapping) and found.get("colleague")
    return str(found["from"]["address"]) if written else ""


async def way(desk: Desk, conversation_id: int, seq: int) -> str:
    """To whom a reply goes and under which subject; who else had the mail and will not get it."""
    thread = await mail.thread(conversation_id, before_seq=seq + 1)
    told = desk.t(
        "desk.mail.way_subject" if thread.subject else "desk.mail.way", subject=_again(thread.subject)
    )
    if thread.in_copy:
        told += " " + desk.t("desk.mail.not_to", n=thread.in_copy)
    return told


def _again(subject: str) -> str:
    return subject if subject.lower().startswith("re:") else f"Re: {subject}"


def _people(people: Sequence[Mapping[str, str]]) -> str:
    """Names; of who has none, as much of the address as tells people apart."""
    return ", ".join(one.get("name") or mask_email(str(one.get("address", ""))) for one in people)


@page
async def original(desk: Desk) -> web.StreamResponse:
    """A mail as it looked, for a frame of the thread. Remote pictures tell the sender who reads, and when:
    they are let in only where `?pictures=1` asks for them, by a link of the thread: a sandboxed document has
    no cookie of ours to ask with."""
    source = await mail.original(desk.actor, desk.id(), desk.id("seq"))
    remote = desk.request.query.get("pictures") == "1"
    response = pages.render(
        desk.request,
        "desk/mail_original.html",
        body=email_safe.pictured(source, await _embedded(source)),
    )
    response.headers["Content-Security-Policy"] = POLICY.format(remote=" https: http:" if remote else "")
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


async def _embedded(source: str) -> dict[str, str]:
    """A mail's own pictures, by token, as addresses that hold them."""
    found: dict[str, str] = {}
    room = EMBEDDED_MAX
    for token in email_safe.own_pictures(source):
        try:
            file, data = await files.read(token)
        except CrmError:
            continue
        if file.type in PICTURES and len(data) <= room:
            room -= len(data)
            found[token] = f"data:{file.type};base64,{base64.b64encode(data).decode()}"
    return found


def routes(app: web.Application) -> None:
    app.router.add_get(r"/desk/conversations/{id:\d+}/mails/{seq:\d+}", original)
