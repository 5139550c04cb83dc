"""Slack's markup: escaping, and blocks within their published limits.

Limits: https://docs.slack.dev/reference/block-kit/blocks and …/block-elements; text of messages:
https://docs.slack.dev/messaging/formatting-message-text
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bots import splitting

BLOCKS_MAX = 50  # of one message; 100 in a modal
SECTION_MAX = 3000
HEADER_MAX = 150
BUTTON_MAX = 75
FIELD_MAX = 2000  # of a section's fields, and of a button's value
FIELDS_MAX = 10
OPTIONS_MAX = 100
TITLE_MAX = 24  # of a modal, and of its buttons
TEXT_MAX = 3000  # what notifications show; Slack takes 40,000 and asks for 4,000
INPUT_MAX = 3000
ACTIONS_MAX = 25

Block = dict[str, Any]


def escape(text: str) -> str:
    """Text that cannot mention, link or format by accident: & < > as Slack wants them."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    """What a person typed, from what Slack's events say."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def cut(text: str, most: int) -> str:
    """At most `most` characters, with an ellipsis where something is missing."""
    return text if len(text) <= most else splitting.head(text, most - 1, len).rstrip() + "…"


def escaped(text: str, most: int) -> str:
    """`escape`d and within `most`, never cut inside an entity."""
    if len(escape(text)) <= most:
        return escape(text)
    return escape(splitting.head(text, most - 1, lambda part: len(escape(part)))) + "…"


def plain(text: str, most: int) -> Block:
    return {"type": "plain_text", "text": cut(text, most) or " ", "emoji": False}


def mrkdwn(text: str, most: int = SECTION_MAX) -> Block:
    """Our own markup; what is a person's must be `escape`d in it already."""
    return {"type": "mrkdwn", "text": cut(text, most) or " ", "verbatim": True}


def section(text: str) -> Block:
    return {"type": "section", "text": mrkdwn(text)}


def words(text: str) -> list[Block]:
    """What somebody wrote, as they wrote it: no markup of theirs means anything. Long texts take several."""
    pieces = splitting.split(text, SECTION_MAX, len) or [" "]
    return [{"type": "section", "text": plain(piece, SECTION_MAX)} for piece in pieces]


def facts(pairs: Sequence[tuple[str, str]]) -> Block:
    """Label and value beside one another; the values are escaped here."""
    return {
        "type": "section",
        "fields": [
            mrkdwn(f"*{escape(label)}*\n{escaped(value, 1500)}", FIELD_MAX)
            for label, value in pairs[:FIELDS_MAX]
        ],
    }


def context(text: str) -> Block:
    return {"type": "context", "elements": [mrkdwn(text)]}


def button(label: str, action: str, value: str = "", *, style: str = "", url: str = "") -> Block:
    made: Block = {"type": "button", "text": plain(label, BUTTON_MAX), "action_id": action}
    if value:
        made["value"] = value[:FIELD_MAX]
    if url:
        made["url"] = url
    return made | ({"style": style} if style else {})


def actions(buttons: Sequence[Block], block_id: str = "") -> Block:
    made: Block = {"type": "actions", "elements": list(buttons[:ACTIONS_MAX])}
    return made | ({"block_id": block_id} if block_id else {})


def option(label: str, value: str) -> Block:
    return {"text": plain(label, BUTTON_MAX), "value": value[:BUTTON_MAX]}


def batches(blocks: Sequence[Block]) -> list[list[Block]]:
    """Blocks as messages of at most fifty each, and none with more text than Slack takes in one request."""
    done: list[list[Block]] = []
    size = 0
    for block in blocks:
        length = len(str(block.get("text", {}).get("text", "")))
        if not done or len(done[-1]) == BLOCKS_MAX or size + length > 12_000:
            done.append([])
            size = 0
        done[-1].append(block)
        size += length
    return done


def message(text: str, blocks: Sequence[Block]) -> dict[str, Any]:
    """A message's text, for notifications, beside its blocks."""
    return {"text": escaped(text, TEXT_MAX), "blocks": list(blocks)}


def modal(callback: str, title: str, blocks: Sequence[Block], **more: Any) -> Block:
    view: Mapping[str, Any] = {"type": "modal", "callback_id": callback, "title": plain(title, TITLE_MAX)}
    return {**view, "blocks": list(blocks[:100]), **more}
