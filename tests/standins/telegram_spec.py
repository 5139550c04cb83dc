"""Checks a request against the machine-readable Bot API beside this file, and the limits its prose names."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SPEC: dict[str, Any] = json.loads((Path(__file__).parent / "telegram-bot-api.json").read_text())
# https://core.telegram.org/bots/features#deep-linking
PAYLOAD = re.compile(r"[A-Za-z0-9_-]{1,64}")
UPLOAD = "\0upload:"  # what stands in a parameter for the multipart file of that name


class Refused(Exception):
    """A request that Telegram refuses, with its code and words."""

    def __init__(self, words: str, code: int = 400, **parameters: Any) -> None:
        super().__init__(words)
        self.words, self.code, self.parameters = words, code, parameters


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def read(method: str, raw: Mapping[str, str]) -> dict[str, Any]:
    """The parameters of a request by their types. Raises `Refused` for all that the Bot API does not know."""
    known = {field["name"]: field for field in SPEC["methods"][method].get("fields", [])}
    for name in raw:
        if name not in known:
            raise Refused(f"Bad Request: unknown parameter {name} of {method}")
    for name, field in known.items():
        if field["required"] and name not in raw:
            raise Refused(f"Bad Request: parameter {name} of {method} is required")
    values = {name: _decoded(name, raw[name], known[name]["types"]) for name in raw}
    _limits(method, values)
    return values


def _decoded(name: str, text: str, types: list[str]) -> Any:
    if text.startswith(UPLOAD):
        if "InputFile" not in types:
            raise Refused(f"Bad Request: {name} cannot be a file")
        return text
    value: Any = text
    if not any(kind in ("String", "InputFile") for kind in types) or text[:1] in "[{":
        try:
            value = json.loads(text)
        except ValueError:
            value = text
    elif "Integer" in types and re.fullmatch(r"-?\d+", text):
        value = int(text)
    if not any(fits(value, kind) for kind in types):
        raise Refused(f"Bad Request: {name} is not {' or '.join(types)}: {faults(value, types[0])}")
    return value


def fits(value: Any, kind: str) -> bool:
    return not faults(value, kind)


def faults(value: Any, kind: str) -> str:
    """What is wrong with a value of a type; empty when nothing is."""
    if kind.startswith("Array of "):
        if not isinstance(value, list):
            return "no list"
        return next((fault for item in value if (fault := faults(item, kind[9:]))), "")
    plain = {"String": str, "Boolean": bool, "Integer": int, "Float": (int, float), "InputFile": str}
    if kind in plain:
        good = isinstance(value, plain[kind]) and (kind == "Boolean" or not isinstance(value, bool))
        return "" if good else f"no {kind}"
    if isinstance(value, str) and value == "True":
        return ""
    made = SPEC["types"][kind]
    if "subtypes" in made:
        tried = [faults(value, sub) for sub in made["subtypes"]]
        return "" if "" in tried else tried[0]
    return _object_faults(value, kind, made.get("fields", []))


def _object_faults(value: Any, kind: str, fields: list[dict[str, Any]]) -> str:
    if not isinstance(value, dict):
        return f"no {kind}"
    known = {field["name"]: field for field in fields}
    for name in value:
        if name not in known:
            return f"{kind} has no {name}"
    for name, field in known.items():
        if name not in value:
            if field["required"]:
                return f"{kind} needs {name}"
            continue
        tried = [faults(value[name], sub) for sub in field["types"]]
        if "" not in tried:
            return f"{kind}.{name}: {tried[0]}"
        fixed = re.search(r"must be (?:always )?“?\"?(\w+)\"?”?$", field["description"])
        if name == "type" and fixed and value[name] != fixed[1]:
            return f"{kind}.type is not {fixed[1]}"
    return ""


def _limits(method: str, values: Mapping[str, Any]) -> None:
    """Limits that the descriptions name in prose."""
    if method in ("sendMessage", "editMessageText"):
        _text(values)
    if method == "answerCallbackQuery" and utf16(str(values.get("text", ""))) > 200:
        raise Refused("Bad Request: MESSAGE_TOO_LONG")
    captions = [values, *values["media"]] if isinstance(values.get("media"), list) else [values]
    if any(utf16(str(item.get("caption", ""))) > 1024 for item in captions):
        raise Refused("Bad Request: message caption is too long")
    if method == "sendMediaGroup" and not 2 <= len(values["media"]) <= 10:
        raise Refused("Bad Request: wrong number of media in an album")
    if values.get("parse_mode") not in (None, "HTML", "MarkdownV2", "Markdown"):
        raise Refused("Bad Request: unsupported parse_mode")
    markup = values.get("reply_markup")
    if isinstance(markup, dict) and "inline_keyboard" in markup:
        _keyboard(markup["inline_keyboard"])
    if method == "setMyCommands":
        _commands(values["commands"])
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", values.get("secret_token", "none")):
        raise Refused("Bad Request: secret token contains unallowed characters")


def _text(values: Mapping[str, Any]) -> None:
    if not str(values.get("text", "")).strip():
        raise Refused("Bad Request: message text is empty")
    if utf16(values["text"]) > 4096:
        raise Refused("Bad Request: message is too long")


def _keyboard(rows: list[list[dict[str, Any]]]) -> None:
    """https://core.telegram.org/bots/api#inlinekeyboardbutton"""
    if sum(len(row) for row in rows) > 100 or any(len(row) > 8 for row in rows):
        raise Refused("Bad Request: reply markup is too long")
    for button in (button for row in rows for button in row):
        if not button["text"].strip():
            raise Refused("Bad Request: can't parse inline keyboard button: text must be non-empty")
        kinds = button.keys() - {"text", "icon_custom_emoji_id", "style"}
        if len(kinds) != 1:
            raise Refused("Bad Request: can't parse inline keyboard button: exactly one kind is needed")
        data = button.get("callback_data")
        if data is not None and not 1 <= len(data.encode()) <= 64:
            raise Refused("Bad Request: BUTTON_DATA_INVALID")
        if "url" in button and not re.match(r"(https?|tg)://[^\s]+$", button["url"]):
            raise Refused("Bad Request: BUTTON_URL_INVALID")


def _commands(commands: list[dict[str, str]]) -> None:
    """https://core.telegram.org/bots/api#botcommand"""
    if len(commands) > 100:
        raise Refused("Bad Request: BOT_COMMANDS_TOO_MUCH")
    for command in commands:
        if not re.fullmatch(r"[a-z0-9_]{1,32}", command["command"]):
            raise Refused("Bad Request: BOT_COMMAND_INVALID")
        if not 1 <= len(command["description"]) <= 256:
            raise Refused("Bad Request: BOT_COMMAND_DESCRIPTION_INVALID")
