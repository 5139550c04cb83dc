"""What arrives in pieces and is one message: an album, whose pictures a channel delivers one by one."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

from crm import db, inbox, thread_edits
from crm.errors import Invalid
from crm.inbox import Inbound, Stored
from crm.models import Message

WAIT = timedelta(seconds=1.5)  # before an album is answered: its other pieces follow within a second


async def gather(piece: Inbound, album: str, *, now: datetime) -> Stored:
    """Store one piece of `album`: the first makes the message, which waits a moment; later ones add to it.

    A piece delivered again changes nothing, whenever it comes. Raises `Invalid` as `inbox.store` does.
    """
    if not piece.external_id:
        raise Invalid("external_id", "empty")
    whole = replace(
        piece,
        external_id=f"{piece.external_user}:album:{album}",
        data={**piece.data, "pieces": [piece.external_id]},
    )
    stored = await inbox.store(whole, now=now, wait=WAIT)
    if stored.duplicate:
        await _add(piece, stored, now)
    return stored


async def _add(piece: Inbound, stored: Stored, now: datetime) -> None:
    async with db.transaction():
        rows = await db.fetch("UPDATE inbox SET id = id WHERE id = ? RETURNING data", stored.inbox_id)
        data = db.read_json(rows[0]["data"])
        if piece.external_id in data["pieces"]:
            return
        data["pieces"].append(piece.external_id)
        data["files"] = [*data.get("files", []), *piece.files]
        await db.execute(
            "UPDATE inbox SET data = ? WHERE id = ?", json.dumps(data, default=str), stored.inbox_id
        )
        message = await Message.get(id=stored.message_id)
        await thread_edits.attach(message, piece.files, now=now)
        if piece.text and not message.text:
            await thread_edits.rewrite(message, piece.text, now=now)
