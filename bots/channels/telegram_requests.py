"""A message as requests to the Bot API. Pure; numbers from https://core.telegram.org/bots/api#sendmessage."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bots import splitting
from bots.channels.base import Caps, Outbound, OutFile, Wire
from bots.channels.message_parts import Button, Part, parts
from bots.web import i18n

TEXT_MAX = 4096
CAPTION_MAX = 1024
ALBUM_MAX = 10  # a media group has 2 to 10 (https://core.telegram.org/bots/api#sendmediagroup)
PHOTO_MAX_BYTES = 10 * 1024 * 1024
UPLOAD_MAX_BYTES = 50 * 1024 * 1024  # https://core.telegram.org/bots/faq#how-do-i-upload-a-large-file
CALLBACK_MAX_BYTES = 64
ROW_MAX = 8
ROW_CHARACTERS = 24  # of the labels in one row together, so that a phone shows them whole

CAPS = Caps(
    text_max=TEXT_MAX,
    choices_max=100,
    label_max=40,
    files=True,
    links=True,
    file_max_bytes=UPLOAD_MAX_BYTES,
    measure=splitting.utf16,
)

_METHODS = {
    "image/jpeg": ("sendPhoto", "photo"), "image/png": ("sendPhoto", "photo"),
    "video/mp4": ("sendVideo", "video"), "audio/ogg": ("sendVoice", "voice"),
    "audio/mpeg": ("sendAudio", "audio"), "audio/mp4": ("sendAudio", "audio"),
    "image/gif": ("sendAnimation", "animation"),
}  # fmt: skip


def render(message: Outbound) -> list[Wire]:
    """The requests of one message, in order: albums and files first, the text with its buttons last."""
    payloads: list[dict[str, Any]] = []
    for group in _gathered(parts(message, CAPS)):
        files = [part.file for part in group if part.file]
        if len(files) > 1:
            payloads.append({"method": "sendMediaGroup", "files": [_described(file) for file in files]})
        elif files:
            payloads.append(_file(files[0]))
        else:
            payloads.append(_text(group[0]))
    if payloads and message.author != "system":  # a notice in between leaves a question as it stands
        _keys(payloads[-1], message)
    several = len(payloads) > 1
    return [
        Wire(f"{message.key}.{number}" if several else message.key, message.external_user, payload)
        for number, payload in enumerate(payloads, 1)
    ]


def _gathered(cut: Sequence[Part]) -> Iterator[list[Part]]:
    """Photos that follow one another in albums, everything else alone."""
    album: list[Part] = []
    for part in cut:
        if part.file and _is_photo(part.file):
            album.append(part)
            if len(album) == ALBUM_MAX:
                yield album
                album = []
            continue
        if album:
            yield album
            album = []
        yield [part]
    if album:
        yield album


def _is_photo(file: OutFile) -> bool:
    return _METHODS.get(file.type, ("", ""))[1] == "photo" and file.size <= PHOTO_MAX_BYTES


def _file(file: OutFile) -> dict[str, Any]:
    method, field = _METHODS.get(file.type, ("sendDocument", "document"))
    if field == "photo" and file.size > PHOTO_MAX_BYTES:
        method, field = "sendDocument", "document"
    return {"method": method, "field": field, **_described(file)}


def _described(file: OutFile) -> dict[str, Any]:
    caption = splitting.head(file.description, CAPTION_MAX, splitting.utf16)
    return {"token": file.token, "name": file.name, "caption": caption}


def _text(part: Part) -> dict[str, Any]:
    payload: dict[str, Any] = {"method": "sendMessage", "text": part.text}
    if part.buttons:
        payload["keyboard"] = keyboard(part.buttons)
    return payload


def _keys(payload: dict[str, Any], message: Outbound) -> None:
    """The key that shares one's own number where it is asked for; elsewhere that key goes.

    A message has either this or buttons of its own (https://core.telegram.org/bots/api#sendmessage).
    """
    if payload["method"] != "sendMessage" or "keyboard" in payload:
        return
    if message.data.get("asks") == "phone":
        lang = message.lang if message.lang in i18n.LANGUAGES else "ko"
        payload["share_phone"] = i18n.t(lang, "channels.share_phone")
    else:
        payload["no_keys"] = True


def keyboard(buttons: Sequence[Button]) -> list[list[Mapping[str, str]]]:
    """Rows of an inline keyboard: short labels beside one another, long ones alone."""
    rows: list[list[Mapping[str, str]]] = []
    room = 0
    for button in buttons:
        shown: dict[str, str] = {"text": button.label}
        shown |= {"url": button.url} if button.url else {"callback_data": button.value}
        width = splitting.utf16(button.label) + 2
        if not rows or width > room or len(rows[-1]) == ROW_MAX:
            rows.append([])
            room = ROW_CHARACTERS
        rows[-1].append(shown)
        room -= width
    return rows
