"""What Slack takes and refuses of blocks, modals and messages: its published limits and shapes.

https://docs.slack.dev/reference/block-kit/blocks, …/block-elements, …/composition-objects, …/views
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any


class Refused(Exception):
    """Slack's word for what is wrong; `detail` as in `response_metadata.messages`."""

    def __init__(self, error: str, detail: str = "", *, retry_after: int | None = None) -> None:
        super().__init__(error)
        self.error, self.detail, self.retry_after = error, detail, retry_after


def _fail(where: str, why: str) -> None:
    raise Refused("invalid_blocks", f"[ERROR] {why} [json-pointer:{where}]")


def _keys(item: Any, where: str, needed: Sequence[str], allowed: Sequence[str] = ()) -> None:
    if not isinstance(item, Mapping):
        _fail(where, "must be an object")
    for name in needed:
        if name not in item:
            _fail(where, f"missing required field: {name}")
    for name in item:
        if name not in (*needed, *allowed):
            _fail(where, f"unknown field: {name}")


def text(item: Any, where: str, most: int, *, plain: bool = False) -> None:
    """A text object of 1 to `most` characters."""
    _keys(item, where, ("type", "text"), ("emoji", "verbatim"))
    kinds = ("plain_text",) if plain else ("plain_text", "mrkdwn")
    if item["type"] not in kinds:
        _fail(where, f"unsupported type: {item['type']}")
    if item["type"] == "mrkdwn" and "emoji" in item:
        _fail(where, "emoji is of plain_text only")
    if item["type"] == "plain_text" and "verbatim" in item:
        _fail(where, "verbatim is of mrkdwn only")
    if not isinstance(item["text"], str) or not item["text"]:
        _fail(where, "must be more than 0 characters")
    if len(item["text"]) > most:
        _fail(where, f"must be less than {most + 1} characters")


def _string(item: Mapping[str, Any], name: str, most: int, where: str) -> None:
    if name in item and (not isinstance(item[name], str) or not 0 < len(item[name]) <= most):
        _fail(f"{where}/{name}", f"must be 1 to {most} characters")


def option(item: Any, where: str) -> None:
    _keys(item, where, ("text", "value"), ("description", "url"))
    text(item["text"], f"{where}/text", 75)
    _string(item, "value", 150, where)


def _button(item: Any, where: str) -> None:
    allowed = ("value", "url", "style", "confirm", "accessibility_label")
    _keys(item, where, ("type", "text"), ("action_id", *allowed))
    text(item["text"], f"{where}/text", 75, plain=True)
    _string(item, "value", 2000, where)
    _string(item, "url", 3000, where)
    _string(item, "action_id", 255, where)
    if item.get("style", "primary") not in ("primary", "danger"):
        _fail(f"{where}/style", "must be primary or danger")


def _select(item: Any, where: str) -> None:
    allowed = ("placeholder", "initial_option", "confirm", "focus_on_load", "action_id")
    _keys(item, where, ("type", "options"), allowed)
    if not 1 <= len(item["options"]) <= 100:
        _fail(f"{where}/options", "1 to 100 options")
    for at, one in enumerate(item["options"]):
        option(one, f"{where}/options/{at}")
    if "initial_option" in item and item["initial_option"] not in item["options"]:
        _fail(f"{where}/initial_option", "must be one of the options")


def _input_text(item: Any, where: str) -> None:
    allowed = ("action_id", "multiline", "max_length", "min_length", "placeholder", "initial_value")
    _keys(item, where, ("type",), (*allowed, "dispatch_action_config", "focus_on_load"))
    if not 1 <= item.get("max_length", 3000) <= 3000:
        _fail(f"{where}/max_length", "1 to 3000")
    if len(item.get("initial_value", "")) > item.get("max_length", 3000):
        _fail(f"{where}/initial_value", "longer than max_length")


_ELEMENTS: dict[str, Callable[[Any, str], None]] = {
    "button": _button, "static_select": _select, "plain_text_input": _input_text,
}  # fmt: skip


def _element(item: Any, where: str, kinds: Sequence[str]) -> None:
    kind = item.get("type") if isinstance(item, Mapping) else None
    if kind not in kinds:
        _fail(where, f"unsupported element: {kind}")
    _ELEMENTS[str(kind)](item, where)


def _section(block: Any, where: str) -> None:
    _keys(block, where, ("type",), ("text", "fields", "accessory", "block_id", "expand"))
    if "text" not in block and not block.get("fields"):
        _fail(where, "text or fields")
    if "text" in block:
        text(block["text"], f"{where}/text", 3000)
    if len(block.get("fields", ())) > 10:
        _fail(f"{where}/fields", "no more than 10 items")
    for at, field in enumerate(block.get("fields", ())):
        text(field, f"{where}/fields/{at}", 2000)
    if "accessory" in block:
        _element(block["accessory"], f"{where}/accessory", ("button", "static_select"))


def _header(block: Any, where: str) -> None:
    _keys(block, where, ("type", "text"), ("block_id",))
    text(block["text"], f"{where}/text", 150, plain=True)


def _context(block: Any, where: str) -> None:
    _keys(block, where, ("type", "elements"), ("block_id",))
    if not 1 <= len(block["elements"]) <= 10:
        _fail(f"{where}/elements", "1 to 10 elements")
    for at, one in enumerate(block["elements"]):
        text(one, f"{where}/elements/{at}", 3000)


def _actions(block: Any, where: str) -> None:
    _keys(block, where, ("type", "elements"), ("block_id",))
    if not 1 <= len(block["elements"]) <= 25:
        _fail(f"{where}/elements", "1 to 25 elements")
    for at, one in enumerate(block["elements"]):
        _element(one, f"{where}/elements/{at}", ("button", "static_select"))


def _input(block: Any, where: str) -> None:
    _keys(block, where, ("type", "label", "element"), ("block_id", "optional", "hint", "dispatch_action"))
    text(block["label"], f"{where}/label", 2000, plain=True)
    _element(block["element"], f"{where}/element", ("static_select", "plain_text_input"))


def _divider(block: Any, where: str) -> None:
    _keys(block, where, ("type",), ("block_id",))


_BLOCKS: dict[str, Callable[[Any, str], None]] = {
    "section": _section, "header": _header, "context": _context, "actions": _actions, "divider": _divider,
    "input": _input,
}  # fmt: skip


def check(blocks: Any, *, most: int = 50, view: bool = False) -> None:
    """Blocks of a message, or of a view. Raises `Refused`."""
    if not isinstance(blocks, list):
        raise Refused("invalid_blocks_format")
    if len(blocks) > most:
        _fail("/blocks", f"no more than {most} items allowed")
    ids: list[str] = []
    for at, block in enumerate(blocks):
        where = f"/blocks/{at}"
        kind = block.get("type") if isinstance(block, Mapping) else None
        if kind not in _BLOCKS or (kind == "input" and not view):
            _fail(where, f"unsupported type: {kind}")
        _BLOCKS[str(kind)](block, where)
        _string(block, "block_id", 255, where)
        ids += [block["block_id"]] if "block_id" in block else []
        names = [e["action_id"] for e in block.get("elements", ()) if "action_id" in e]
        if len(set(names)) != len(names):
            _fail(where, "action_id already exists in this block")
    if len(set(ids)) != len(ids):
        _fail("/blocks", "block_id already exists")


def check_view(view: Any) -> None:
    """A modal. Raises `Refused`."""
    allowed = ("submit", "close", "private_metadata", "callback_id", "clear_on_close", "notify_on_close")
    _keys(view, "/view", ("type", "title", "blocks"), (*allowed, "external_id", "submit_disabled"))
    if view["type"] != "modal":
        _fail("/view/type", "only modals here")
    for name in ("title", "submit", "close"):
        if name in view:
            text(view[name], f"/view/{name}", 24, plain=True)
    if not view["blocks"]:
        _fail("/view/blocks", "must not be empty")
    check(view["blocks"], most=100, view=True)
    _string(view, "callback_id", 255, "/view")
    _string(view, "external_id", 255, "/view")
    if len(view.get("private_metadata", "")) > 3000:
        _fail("/view/private_metadata", "must be less than 3001 characters")
    if any(block["type"] == "input" for block in view["blocks"]) and "submit" not in view:
        _fail("/view", "submit is required with input blocks")
