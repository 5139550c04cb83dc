"""Modals: opened empty within the three seconds that Slack allows, filled when we know with what. Pure."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from bots.staff.slack import blocks
from bots.staff.slack.blocks import Block
from bots.staff.slack.cards import ASSIGN, REPLY, RESOLVE, Look

OPENING = (REPLY, ASSIGN, RESOLVE)
TEXT, STAFF = "dangol_text", "dangol_staff"
NOBODY = "0"


def external_id(event: str) -> str:
    """The name that we give the modal of an event, so that it can be found without Slack's own id."""
    return "dangol." + hashlib.sha256(event.encode()).hexdigest()[:40]


def loading(look: Look, action: str, event: str) -> Block:
    return blocks.modal(
        "dangol_loading",
        look.t(f"modal.{action.removeprefix('dangol_')}"),
        [blocks.section(look.t("modal.loading"))],
        external_id=external_id(event),
        close=blocks.plain(look.t("modal.cancel"), blocks.TITLE_MAX),
    )


def refused(look: Look, text: str, event: str) -> Block:
    """Instead of a form: why there is none."""
    return blocks.modal(
        "dangol_refused",
        look.t("modal.refused"),
        [blocks.section(blocks.escape(text))],
        external_id=external_id(event),
        close=blocks.plain(look.t("modal.close"), blocks.TITLE_MAX),
    )


def reply(look: Look, who: str, way: str, meta: Mapping[str, Any], event: str) -> Block:
    """`way` says by which channel the words go out."""
    about = look.t("modal.reply_about", who=blocks.escape(who), way=blocks.escape(way))
    return _form(look, REPLY, [blocks.section(about), _text(look, "modal.reply_label")], meta, event)


def resolve(look: Look, number: str, meta: Mapping[str, Any], event: str) -> Block:
    about = look.t("modal.resolve_about", number=number)
    given = _text(look, "modal.resolve_label", most=2000, optional=True)
    return _form(look, RESOLVE, [blocks.section(about), given], meta, event)


def assign(
    look: Look, staff: Sequence[tuple[int, str]], now: int | None, meta: Mapping[str, Any], event: str
) -> Block:
    """Whom to give it to; at most a hundred, as Slack takes no more."""
    options = [blocks.option(look.t("nobody"), NOBODY)]
    options += [blocks.option(name, str(number)) for number, name in staff[: blocks.OPTIONS_MAX - 1]]
    chosen = next((o for o in options if o["value"] == str(now or NOBODY)), options[0])
    select = {"type": "static_select", "action_id": STAFF, "options": options, "initial_option": chosen}
    label = blocks.plain(look.t("modal.assign_label"), 2000)
    return _form(
        look, ASSIGN, [{"type": "input", "block_id": STAFF, "label": label, "element": select}], meta, event
    )


def _text(look: Look, label: str, *, most: int = blocks.INPUT_MAX, optional: bool = False) -> Block:
    element = {"type": "plain_text_input", "action_id": TEXT, "multiline": True, "max_length": most}
    return {
        "type": "input",
        "block_id": TEXT,
        "optional": optional,
        "label": blocks.plain(look.t(label), 2000),
        "element": element,
    }


def _form(look: Look, action: str, shown: Sequence[Block], meta: Mapping[str, Any], event: str) -> Block:
    name = action.removeprefix("dangol_")
    return blocks.modal(
        action,
        look.t(f"modal.{name}"),
        shown,
        external_id=external_id(event),
        private_metadata=json.dumps(meta),
        submit=blocks.plain(look.t(f"modal.{name}_submit"), blocks.TITLE_MAX),
        close=blocks.plain(look.t("modal.cancel"), blocks.TITLE_MAX),
    )
