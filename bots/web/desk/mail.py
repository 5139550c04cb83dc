"""What the desk shows of e-mail: subject, other people, what was folded away, and where a reply goes."""

from collections.abc import Mapping, Sequence
from typing import Any

from bots.web.desk.frame import Desk
from crm import mail
from crm.formats import mask_email


def about(desk: Desk, data: Mapping[str, Any]) -> dict[str, Any] | None:
    """What stands around the words of a mail; None for a message that is none."""
    found = data.get("mail")
    if not isinstance(found, Mapping):
        return None
    notes = [desk.t(f"desk.mail.{key}") for key in ("doubtful", "cut") if found.get(key)]
    if refused := found.get("refused"):
        notes.append(desk.t("desk.mail.refused", names=", ".join(refused)))
    return {
        "subject": "" if found.get("titled") else str(found.get("subject", "")),
        "sender": _people([found["from"]]) if found.get("from") else "",
        "cc": _people(found.get("cc", ())),
        "folded": str(found.get("folded", "")),
        "notes": notes,
    }


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
