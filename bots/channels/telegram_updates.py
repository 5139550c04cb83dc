"""What one Telegram update means (https://core.telegram.org/bots/api#update). Pure: update in, facts out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from bots.web import i18n
from crm.formats import normalise_phone, show_phone
from crm.inbox import Inbound

CHANNEL = "telegram"
DOWNLOAD_MAX = 20 * 1024 * 1024  # https://core.telegram.org/bots/api#getfile
# What we ask Telegram for: https://core.telegram.org/bots/api#getupdates
WANTED = ("message", "edited_message", "callback_query", "my_chat_member")
COMMANDS = ("request", "status", "person", "help")
_HANGUL = re.compile("[가-힣]+")
_COMMAND = re.compile(r"/([a-z0-9_]{1,32})(?:@\w+)?(?:\s+(\S+))?.*", re.S)
_SINGLE_FILES = ("document", "animation", "video", "video_note", "voice", "audio")
_NAMES = {"photo": "photo.jpg", "voice": "voice.ogg", "video": "video.mp4", "video_note": "video.mp4",
          "audio": "audio.mp3", "animation": "animation.mp4", "document": "file"}  # fmt: skip
# Content that is no word of the customer to us: https://core.telegram.org/bots/api#message
_SERVICE = frozenset({
    "new_chat_members", "left_chat_member", "new_chat_title", "new_chat_photo", "delete_chat_photo",
    "group_chat_created", "supergroup_chat_created", "channel_chat_created", "pinned_message",
    "message_auto_delete_timer_changed", "chat_background_set", "boost_added", "users_shared", "chat_shared",
    "write_access_allowed", "migrate_from_chat_id", "connected_website",
})  # fmt: skip


@dataclass(frozen=True)
class Attachment:
    """A file that waits at Telegram. `size` 0: not told."""

    file_id: str
    name: str
    size: int = 0


@dataclass(frozen=True)
class Pressed:
    """A button that was pressed, and the message under which it stood."""

    query_id: str
    chat_id: int | None = None
    message_id: int | None = None
    text: str | None = None  # of that message; None when Telegram did not say
    label: str = ""


@dataclass(frozen=True)
class Facts:
    """Everything that follows from one update; nothing set: it does not concern us."""

    inbound: Inbound | None = None
    attachments: tuple[Attachment, ...] = ()
    edited: bool = False
    pressed: Pressed | None = None
    reachable: bool | None = None  # with `user`: blocked us (False) or lets us write again (True)
    user: str = ""
    moved: tuple[str, str] | None = None  # the ids of a group before and after it became a supergroup
    group: int | None = None  # a group that wants to talk to us


def read(update: Mapping[str, Any], account: str, now: datetime) -> Facts:
    """The facts of an update that came at `now`. Of unknown kinds nothing follows."""
    if "callback_query" in update:
        return _pressed(update["callback_query"], account, now)
    if "my_chat_member" in update:
        return _membership(update["my_chat_member"])
    message = update.get("message") or update.get("edited_message")
    if not isinstance(message, Mapping):
        return Facts()
    chat = message["chat"]
    if chat["type"] != "private":
        if "migrate_to_chat_id" in message:
            return Facts(moved=(str(chat["id"]), str(message["migrate_to_chat_id"])))
        talks = chat["type"] in ("group", "supergroup") and not _is_service(message)
        return Facts(group=chat["id"] if talks else None)
    if "from" not in message or _is_service(message):
        return Facts()
    if "edited_message" in update:
        return _edited(message, account)
    return _message(message, account)


def _is_service(message: Mapping[str, Any]) -> bool:
    """Whether Telegram itself speaks. Some of these keys may be there and false."""
    return any(message.get(key) for key in _SERVICE)


def _message(message: Mapping[str, Any], account: str) -> Facts:
    attachments = _attachments(message)
    said = _said(message, _language(message["from"]))
    if not said.text and not attachments:
        said.data.setdefault("refused", [_kind(message)])
    kind = "file" if attachments else "message"
    inbound = _inbound(message, account, f"{message['chat']['id']}:{message['message_id']}", message["date"])
    data = {**_context(message), **said.data}
    return Facts(inbound=replace(inbound, kind=kind, text=said.text, data=data), attachments=attachments)


def _edited(message: Mapping[str, Any], account: str) -> Facts:
    text = str(message.get("text") or message.get("caption") or "")
    if not text:  # e.g. a live location that moved on
        return Facts()
    inbound = _inbound(
        message, account, f"{message['chat']['id']}:{message['message_id']}", message["edit_date"]
    )
    return Facts(inbound=replace(inbound, text=text), edited=True)


def _name(person: Mapping[str, Any]) -> str:
    """As the person's language writes it: '김민서', for Telegram keeps the given name first; 'Minseo Kim'."""
    given, family = (str(person.get(part) or "").strip() for part in ("first_name", "last_name"))
    if _HANGUL.fullmatch(given) and _HANGUL.fullmatch(family):
        return f"{family}{given}"
    return f"{given} {family}".strip()


def _inbound(message: Mapping[str, Any], account: str, external_id: str, seconds: float) -> Inbound:
    sender = message["from"]
    name = _name(sender)
    return Inbound(
        channel=CHANNEL,
        channel_account=account,
        external_user=str(sender["id"]),
        external_id=external_id,
        locale=_language(sender) if sender.get("language_code") else None,
        display_name=name,
        received_at=datetime.fromtimestamp(seconds, UTC),
    )


def _language(sender: Mapping[str, Any]) -> str:
    code = str(sender.get("language_code") or "ko")
    return "ko" if code.startswith("ko") else "en"


@dataclass
class _Said:
    text: str
    data: dict[str, Any] = field(default_factory=dict)


def _said(message: Mapping[str, Any], lang: str) -> _Said:
    """The words of a message, whatever it is made of."""
    if "text" in message:
        return _command(str(message["text"]), lang)
    if "contact" in message:
        return _contact(message)
    if "venue" in message or "location" in message:
        return _location(message, lang)
    return _Said(str(message.get("caption") or message.get("sticker", {}).get("emoji") or ""))


def _command(text: str, lang: str) -> _Said:
    """A command of the menu says a sentence; `/start` may carry the token of a deep link."""
    matched = _COMMAND.fullmatch(text)
    if not matched or matched[1] not in ("start", *COMMANDS):
        return _Said(text)
    data = {"command": matched[1]}
    if matched[1] == "start" and matched[2]:
        data["start"] = matched[2]
    return _Said(i18n.t(lang, f"channels.command.{matched[1]}.says"), data)


def _contact(message: Mapping[str, Any]) -> _Said:
    """A shared contact proves the number only when it is the sender's own: `contact.user_id == from.id`."""
    contact = message["contact"]
    number = str(contact["phone_number"])
    phone = normalise_phone(number if number.startswith(("+", "0")) else f"+{number}")
    if contact.get("user_id") == message["from"]["id"] and phone:
        return _Said(show_phone(phone), {"proven_phone": phone})
    name = _name(contact)
    return _Said(f"{name} {show_phone(phone) if phone else number}".strip())


def _location(message: Mapping[str, Any], lang: str) -> _Said:
    venue = message.get("venue")
    place = venue["location"] if venue else message["location"]
    latitude, longitude = place["latitude"], place["longitude"]
    url = f"https://maps.google.com/?q={latitude},{longitude}"
    words = f"{venue['address']} ({venue['title']})" if venue else i18n.t(lang, "channels.location")
    return _Said(f"{words} {url}", {"location": [latitude, longitude]})


def _context(message: Mapping[str, Any]) -> dict[str, Any]:
    """What the message answers, forwards or belongs to."""
    data: dict[str, Any] = {}
    if answered := message.get("reply_to_message"):
        quote = message.get("quote", {}).get("text") or answered.get("text") or answered.get("caption")
        data["reply_to"] = f"{message['chat']['id']}:{answered['message_id']}"
        data["quote"] = str(quote or "")[:200]
    if "forward_origin" in message:
        data["forwarded"] = True
    if "media_group_id" in message:
        data["album"] = str(message["media_group_id"])
    return data


def _attachments(message: Mapping[str, Any]) -> tuple[Attachment, ...]:
    """The file of a message: the largest of a photo's sizes that a bot may download."""
    if photo := message.get("photo"):
        sizes = [size for size in photo if int(size.get("file_size") or 0) <= DOWNLOAD_MAX] or photo[:1]
        return (_attachment(max(sizes, key=lambda size: size["width"] * size["height"]), "photo"),)
    kind = next((kind for kind in ("animation", *_SINGLE_FILES) if kind in message), "")
    return (_attachment(message[kind], kind),) if kind else ()


def _attachment(file: Mapping[str, Any], kind: str) -> Attachment:
    return Attachment(
        file_id=str(file["file_id"]),
        name=str(file.get("file_name") or _NAMES[kind]),
        size=int(file.get("file_size") or 0),
    )


def _kind(message: Mapping[str, Any]) -> str:
    known = ("poll", "dice", "game", "story", "sticker", "paid_media", "invoice", "checklist")
    return next((kind for kind in known if kind in message), "message")


def _pressed(query: Mapping[str, Any], account: str, now: datetime) -> Facts:
    message = query.get("message") or {}
    pressed = Pressed(
        query_id=str(query["id"]),
        chat_id=message.get("chat", {}).get("id"),
        message_id=message.get("message_id"),
        text=message.get("text"),
        label=_label(message, str(query.get("data") or "")),
    )
    private = message.get("chat", {}).get("type", "private") == "private"
    if not query.get("data") or not private:
        return Facts(pressed=pressed)
    inbound = _inbound(query, account, f"cb:{query['id']}", now.timestamp())  # it has no time of its own
    inbound = replace(inbound, kind="choice", choice=str(query["data"]), text=pressed.label)
    return Facts(inbound=inbound, pressed=pressed)


def _label(message: Mapping[str, Any], value: str) -> str:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    labels = (str(b["text"]) for row in rows for b in row if b.get("callback_data") == value)
    return next(labels, "")


def _membership(change: Mapping[str, Any]) -> Facts:
    chat, status = change["chat"], change["new_chat_member"]["status"]
    if chat["type"] == "private":
        return Facts(reachable=status != "kicked", user=str(chat["id"]))
    joined = chat["type"] in ("group", "supergroup") and status in ("member", "administrator", "restricted")
    return Facts(group=chat["id"] if joined else None)
