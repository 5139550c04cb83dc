"""The web chat as a channel. Its wire is our own socket (bots/web/chat.py); this file knows only the frames.

Limits are our own: 4,000 code points a text, 100 an id. Sending means waking the sockets that follow the
conversation: they read what is above the last number they gave out, so a message is on its way once it is
stored, and nothing is lost while no page is open.
"""

import asyncio
import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from bots.channels.base import Caps, Outbound, Receive, Wire
from crm.inbox import Inbound

TEXT_MAX = 4000
CHANNEL = "web"

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

FrameId = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
Seq = Annotated[int, Field(ge=0, le=2**53, strict=True)]


class Frame(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Hello(Frame):
    type: Literal["hello"]
    session: str | None = Field(None, max_length=600)
    locale: str | None = Field(None, max_length=35)
    visitor: str | None = Field(None, max_length=4000)
    name: str | None = Field(None, max_length=100)


class TextFrame(Frame):
    type: Literal["message"]
    id: FrameId
    text: str


class ChoiceFrame(Frame):
    type: Literal["choice"]
    id: FrameId
    value: Annotated[str, StringConstraints(min_length=1, max_length=64)]


class FileFrame(Frame):
    type: Literal["file"]
    id: FrameId
    upload: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    description: str = Field("", max_length=300)


class Typing(Frame):
    type: Literal["typing"]


class Seen(Frame):
    type: Literal["seen"]
    seq: Seq


AnyFrame = Annotated[Hello | TextFrame | ChoiceFrame | FileFrame | Typing | Seen, Field(discriminator="type")]
FRAMES: TypeAdapter[AnyFrame] = TypeAdapter(AnyFrame)


def clean(text: str) -> str:
    """Text that every database takes: no control characters but line ends and tabs, no lone surrogates."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def scope(external_user: str) -> str:
    """16 characters that stand for a session before its frame ids, which are unique within it only."""
    return hashlib.sha256(external_user.encode()).hexdigest()[:16]


def frame_id(external_id: str | None) -> str | None:
    """The page's own id out of a stored external id."""
    return external_id.partition(":")[2] or None if external_id else None


class WebChannel:
    """Our own chat page."""

    name: ClassVar[str] = CHANNEL
    caps: ClassVar[Caps] = Caps(
        text_max=TEXT_MAX, choices_max=20, label_max=60, cards=True, files=True, typing=True, seen=True
    )

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        self._wake = wake

    def parse(self, payload: Mapping[str, Any]) -> Inbound | None:
        """`payload`: frame, external_user, at, locale, display_name and, for a choice, what it said."""
        frame = payload["frame"]
        said, choice = "", ""
        files: tuple[str, ...] = ()
        if isinstance(frame, TextFrame):
            kind, said = "message", clean(frame.text)
        elif isinstance(frame, ChoiceFrame):
            kind, choice, said = "choice", frame.value, str(payload.get("said", ""))
        elif isinstance(frame, FileFrame):
            kind, files, said = "file", (frame.upload,), clean(frame.description)
        else:
            return None
        at: datetime = payload["at"]
        user: str = payload["external_user"]
        return Inbound(
            channel=CHANNEL,
            channel_account="",
            external_user=user,
            external_id=f"{scope(user)}:{frame.id}",
            kind=kind,
            text=said,
            choice=choice,
            files=files,
            locale=payload.get("locale"),
            display_name=str(payload.get("display_name", "")),
            data=dict(payload.get("data", {})),
            received_at=at,
        )

    def render(self, message: Outbound) -> list[Wire]:
        """One `message` frame: the page takes everything whole."""
        frame = {
            "type": "message",
            "seq": message.seq,
            "key": message.key,
            "in_reply_to": frame_id(message.in_reply_to),
            "from": "staff" if message.author == "staff" else "bot",
            "name": message.author_name,
            "text": message.text,
            "choices": [dict(choice) for choice in message.choices],
            "cards": [dict(card) for card in message.cards],
            "files": [
                {"name": f.name, "type": f.type, "size": f.size, "url": f.url, "description": f.description}
                for f in message.files
            ],
            "lang": message.lang,
            "at": message.at.isoformat() if message.at else None,
        }
        if notice := message.data.get("notice"):
            frame["notice"] = notice
        return [Wire(key=message.key, to=message.external_user, payload=frame)]

    async def run(self, receive: Receive) -> None:
        """Pages connect to us (bots/web/chat.py): there is nothing to listen to here."""
        await asyncio.Event().wait()

    async def send(self, message: Wire) -> str:
        """Wake the sockets. The stored message is read by them, now or when the page comes back."""
        self._wake()
        return message.key
