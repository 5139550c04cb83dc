"""Socket messages to frames, stored messages to frames, and what is wrong with them."""

from typing import Any

import orjson
from aiohttp import WSMessage, WSMsgType, web
from pydantic import ValidationError

from bots.channels.base import Outbound, OutFile
from bots.channels.web import FRAMES, AnyFrame, WebChannel
from bots.web import i18n
from bots.web.files import signed
from crm.customer_view import Said

FRAME_MAX = 64 * 1024  # bytes of one frame that are still read


class Refused(Exception):
    """A frame is answered with an error frame."""

    def __init__(self, code: str, frame: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.frame = frame


def parse(message: WSMessage) -> AnyFrame:
    """The frame of a socket message. Raises `Refused` with bad_frame or too_large."""
    if message.type is not WSMsgType.TEXT:
        raise Refused("bad_frame")
    text: str = message.data
    if len(text) > FRAME_MAX or len(text.encode("utf-8", "replace")) > FRAME_MAX:
        raise Refused("too_large", id_of(message))
    try:
        return FRAMES.validate_python(orjson.loads(text))
    except (orjson.JSONDecodeError, ValidationError) as error:
        raise Refused("bad_frame", id_of(message)) from error


def id_of(message: WSMessage) -> str | None:
    """The id of a frame that is wrong otherwise, so that the page can mark the right message."""
    try:
        value = orjson.loads(message.data)["id"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return value if isinstance(value, str) and len(value) <= 100 else None


def language(locale: str | None) -> str | None:
    short = (locale or "")[:2].lower()
    return short if short in i18n.LANGUAGES else None


def outbound(said: Said, lang: str, request: web.Request) -> Outbound:
    """A stored message as the channel takes it, with file addresses signed for this reader."""
    staff = (said.staff_name_en or said.staff_name) if lang == "en" else said.staff_name
    return Outbound(
        key=said.key,
        channel_account="",
        external_user="",
        text=said.text,
        author=said.author,
        author_name=staff if said.author == "staff" else i18n.t(lang, "chat.bot"),
        seq=said.seq,
        in_reply_to=said.in_reply_to,
        lang=said.lang or lang,
        choices=said.choices,
        cards=said.cards,
        files=[OutFile(f.name, f.type, f.size, signed(f.token), f.description) for f in said.files],
        at=said.at,
        data={"notice": said.notice} if said.notice else {},
    )


def message_frame(said: Said, lang: str, request: web.Request) -> dict[str, Any]:
    """The `message` frame of what the bot or staff said."""
    return dict(WebChannel().render(outbound(said, lang, request))[0].payload)


def history_frame(said: Said, lang: str, request: web.Request) -> dict[str, Any]:
    frame = dict(WebChannel().render(outbound(said, lang, request))[0].payload)
    if said.direction == "in":
        frame |= {"from": "customer", "name": "", "id": said.external_id.partition(":")[2]}
    return frame
