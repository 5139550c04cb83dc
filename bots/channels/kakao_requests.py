"""A skill request of Kakao as facts. Pure.

Fields: https://kakaobusiness.gitbook.io/main/tool/chatbot/skill_guide/answer_json_format#skillpayload
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from bots.channels.kakao_answers import EXTRA
from crm.inbox import Inbound

CHANNEL = "kakao"
TYPED = "TEXT_INPUT"  # of flow.trigger.type; every other type is something that was pressed
IMAGES_MAX = 10  # of one message: more than the picture plugin sends
_MEDIA = ".kakaocdn.net"  # where Kakao keeps what customers send
_SECURE_LIST = re.compile(r"List\((.*)\)\s*", re.DOTALL)


@dataclass(frozen=True)
class Facts:
    """What one request says. `images` wait at those addresses; `callback_url`: '' when its block has none."""

    inbound: Inbound
    images: tuple[str, ...] = ()
    callback_url: str = ""


def read(payload: Mapping[str, Any], account: str, now: datetime) -> Facts | None:
    """The facts of a request that came at `now`; None when it names no user. Raises nothing: fields of the
    wrong kind count as absent."""
    request = _mapping(payload.get("userRequest"))
    user = _mapping(request.get("user"))
    if not _text(user.get("id")):
        return None
    images = tuple(dict.fromkeys(_images(payload)))[:IMAGES_MAX]
    said = _text(request.get("utterance")).strip()
    if said in images:
        said = ""
    choice, clicked = _pressed(payload)
    kind = "choice" if choice else "file" if images else "message"
    inbound = Inbound(
        channel=CHANNEL,
        channel_account=account,
        external_user=_text(user["id"]),
        external_id=None,  # Kakao gives none and repeats nothing: each request is new
        kind=kind,
        text=said,
        choice=choice,
        locale="en" if _text(request.get("lang")).lower().startswith("en") else "ko",
        data={"clicked": True} if clicked and not choice else {},
        received_at=now,
    )
    return Facts(inbound, images, _text(request.get("callbackUrl")))


def _pressed(payload: Mapping[str, Any]) -> tuple[str, bool]:
    """Our token, if a button of ours was pressed, and whether anything was. Words typed while the platform
    still remembers a button's extra are words."""
    trigger = _text(_mapping(_mapping(payload.get("flow")).get("trigger")).get("type"))
    extra = _mapping(_mapping(payload.get("action")).get("clientExtra"))
    clicked = trigger != TYPED if trigger else EXTRA in extra
    token = _text(extra.get(EXTRA))
    return (token if clicked and 0 < len(token) <= 64 else ""), clicked


def _images(payload: Mapping[str, Any]) -> Iterator[str]:
    """Addresses of pictures: sent in the room, by the picture plugin, or as the bare text of the message."""
    request, action = _mapping(payload.get("userRequest")), _mapping(payload.get("action"))
    media = _mapping(_parsed(_mapping(request.get("params")).get("media")))
    if _text(media.get("type")) == "image" and _is_address(media.get("url")):
        yield _text(media["url"])
    for value in _mapping(action.get("params")).values():
        found = _mapping(_parsed(value))
        for url in _listed(_text(found.get("secureUrls"))):
            if _is_address(url):
                yield url
    said = _text(request.get("utterance")).strip()
    host = urlsplit(said).hostname if _is_address(said) else ""
    if host and host.endswith(_MEDIA):
        yield said


def _listed(text: str) -> list[str]:
    matched = _SECURE_LIST.fullmatch(text.strip())
    return [url.strip() for url in matched[1].split(",")] if matched else [text.strip()]


def _is_address(value: Any) -> bool:
    text = _text(value)
    if len(text) > 2000 or not re.fullmatch(r"https?://\S+", text):
        return False
    try:
        return bool(urlsplit(text).hostname)
    except ValueError:
        return False


def _parsed(value: Any) -> Any:
    """What stands in a JSON text; another value as it is."""
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
