"""Approved templates (알림톡 템플릿): texts that a provider lets through, and filling them for a notice.

A template serves one use in one language. Its variables are checked when it is saved, and again with their
values before a message is put: what the provider would refuse never leaves.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from crm import audit, db, happenings, writes
from crm.actor import Actor, check
from crm.checks import one_of
from crm.checks import text as checked_text
from crm.errors import Conflict, Invalid, NotFound
from crm.models import MessageTemplate

# What AlimTalk takes, in characters (docs/channels/alimtalk.md names the sources).
TEXT_MAX, BUTTONS_MAX, LABEL_MAX, VARIABLE_MAX = 1000, 5, 14, 200
STATUSES: Final = ("draft", "pending", "approved", "rejected", "stopped")
LOCALES: Final = ("ko", "en")

# The uses, and what each can say. Names of variables are Korean in Korean templates, English in English ones.
# `path` is the link without its server: the provider wants the server of a button written out.
USES: Final[Mapping[str, tuple[str, ...]]] = {
    "status": ("company", "customer", "request_no", "product", "status", "link", "path"),
    "visit": ("company", "customer", "request_no", "product", "date", "link", "path"),
    "survey": ("company", "customer", "request_no", "product", "link", "path"),
    "new_answer": ("company", "customer", "link", "path"),
    "code": ("company", "code", "minutes"),
}
# Uses of which the text is not complete without the link, where nothing can be pressed.
NEEDS_LINK: Final = frozenset({"new_answer", "survey"})
NAMES: Final[Mapping[str, str]] = {
    "회사": "company", "고객": "customer", "접수번호": "request_no", "제품": "product", "상태": "status",
    "일시": "date", "링크": "link", "경로": "path", "인증번호": "code", "분": "minutes",
}  # fmt: skip
_VARIABLE = re.compile(r"#\{([^{}]*)\}")


@dataclass(frozen=True)
class Filled:
    """A template with its values in place. `variables`: those the provider wants, by their names there."""

    code: str
    text: str
    variables: Mapping[str, str]
    buttons: tuple[Mapping[str, str], ...] = ()

    @property
    def data(self) -> dict[str, Any]:
        """What the channel needs of it, for the message's `data`."""
        return {
            "code": self.code, "variables": dict(self.variables), "buttons": [dict(b) for b in self.buttons]
        }  # fmt: skip


# --- filling


def variables(text: str, buttons: Sequence[Mapping[str, Any]] = ()) -> list[str]:
    """The names in `#{…}` of a text and its buttons, once each, in order."""
    places = [text, *(str(b.get(part, "")) for b in buttons for part in ("name", "url"))]
    return list(dict.fromkeys(name for place in places for name in _VARIABLE.findall(place)))


def fill(template: MessageTemplate, values: Mapping[str, str]) -> Filled:
    """The template with these values (`USES`). Pure.

    Raises `Invalid` naming `values` (`missing` with the names, `too_long`, `line_break`), `text`, `buttons`.
    """
    wanted = variables(template.text, template.buttons)
    values = {"path": urlsplit(values.get("link", "")).path.lstrip("/"), **values}
    known = {name: str(values.get(NAMES.get(name, name), "")).strip() for name in wanted}
    if missing := [name for name, value in known.items() if not value]:
        raise Invalid("values", "missing", names=missing)
    if long := [name for name, value in known.items() if len(value) > VARIABLE_MAX]:
        raise Invalid("values", "too_long", names=long, longest=VARIABLE_MAX)
    if broken := [name for name, value in known.items() if "\n" in value or "#{" in value]:
        raise Invalid("values", "line_break", names=broken)
    text = _put(template.text, known)
    buttons = tuple(
        {"name": _put(str(b["name"]), known), "url": _put(str(b["url"]), known)} for b in template.buttons
    )
    _within(text, buttons)
    return Filled(template.code, text, known, buttons)


def _put(text: str, values: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: values[found[1]], text)


def _within(text: str, buttons: Sequence[Mapping[str, str]]) -> None:
    """The provider's limits hold for what is sent, not for what was approved."""
    if not text or len(text) > TEXT_MAX:
        raise Invalid("text", "too_long" if text else "required", longest=TEXT_MAX)
    if len(buttons) > BUTTONS_MAX:
        raise Invalid("buttons", "too_many", most=BUTTONS_MAX)
    for button in buttons:
        if not 0 < len(button["name"]) <= LABEL_MAX:
            raise Invalid("buttons", "too_long", longest=LABEL_MAX)
        if not re.match(r"https?://\S+\Z", button["url"]):
            raise Invalid("buttons", "not_an_address")


async def fit(
    use: str, values: Mapping[str, str], *, locale: str, account: str = "", channel: str = "alimtalk"
) -> Filled | None:
    """The approved template of a use, filled; in Korean when there is none in that language. None when there
    is none at all, or the values do not fill it."""
    rows = await MessageTemplate.filter(
        channel=channel, channel_account=account, use=use, status="approved", locale__in=(locale, "ko")
    )
    for row in sorted(rows, key=lambda r: r.locale != locale):
        try:
            return fill(row, values)
        except Invalid:
            continue
    return None


# --- administration


async def save(
    actor: Actor,
    *,
    use: str,
    code: str,
    text: str,
    title: str = "",
    buttons: Sequence[Mapping[str, Any]] = (),
    status: str = "draft",
    locale: str = "ko",
    account: str = "",
    template_id: int | None = None,
    now: datetime,
) -> MessageTemplate:
    """Make or (with `template_id`) change a template, as it stands at the provider.

    Raises `Invalid` naming the field (`text` may be `unknown_variable` with `name` and `known`),
    `Conflict` for a code (`code_taken`), or a use and language (`use_taken`), that there is already, and
    `NotFound`.
    """
    check(actor, "template.write")
    values: dict[str, Any] = {
        "use": one_of("use", use, USES),
        "locale": one_of("locale", locale, LOCALES),
        "status": one_of("status", status, STATUSES),
        "code": checked_text("code", code, longest=60, required=True),
        "title": checked_text("title", title, longest=80),
        "text": checked_text("text", text, longest=TEXT_MAX, required=True),
        "buttons": _buttons(buttons),
        "channel_account": checked_text("account", account, longest=64),
    }
    _known(use, values["text"], values["buttons"])
    async with writes.transaction():
        await _refuse_taken(values, template_id)
        row = await _write(template_id, values, now)
        await happenings.record("company.changed", now=now, fields=["templates"])
        await audit.record(
            actor, "template.saved", "message_template", row.id, now=now, fields=sorted(values)
        )
    return row


async def delete(actor: Actor, template_id: int, *, now: datetime) -> None:
    """Forget a template. Raises `NotFound`."""
    check(actor, "template.write")
    async with db.transaction():
        if not await MessageTemplate.filter(id=template_id).delete():
            raise NotFound(f"template {template_id}")
        await audit.record(actor, "template.deleted", "message_template", template_id, now=now)


async def list_templates(actor: Actor) -> list[MessageTemplate]:
    """Every template, by use and language."""
    check(actor, "conversation.read")
    return await MessageTemplate.all().order_by("use", "locale", "id").limit(200)


def _buttons(buttons: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    if len(buttons) > BUTTONS_MAX:
        raise Invalid("buttons", "too_many", most=BUTTONS_MAX)
    return [
        {
            "name": checked_text("buttons", button.get("name", ""), longest=LABEL_MAX, required=True),
            "url": checked_text("buttons", button.get("url", ""), longest=500, required=True),
        }
        for button in buttons
    ]


def _known(use: str, text: str, buttons: Sequence[Mapping[str, Any]]) -> None:
    """Every variable must be one that the use gives."""
    known = [name for name, key in NAMES.items() if key in USES[use]]
    for name in variables(text, buttons):
        if NAMES.get(name, name) not in USES[use]:
            raise Invalid("text", "unknown_variable", name=name, known=known)


async def _refuse_taken(values: Mapping[str, Any], template_id: int | None) -> None:
    others = MessageTemplate.filter(channel="alimtalk", channel_account=values["channel_account"])
    others = others.exclude(id=template_id) if template_id is not None else others
    if await others.filter(code=values["code"]).exists():
        raise Conflict("code_taken")
    if await others.filter(use=values["use"], locale=values["locale"]).exists():
        raise Conflict("use_taken")


async def _write(template_id: int | None, values: Mapping[str, Any], now: datetime) -> MessageTemplate:
    if template_id is None:
        return await MessageTemplate.create(**values, updated_at=now)
    row = await MessageTemplate.get_or_none(id=template_id)
    if row is None:
        raise NotFound(f"template {template_id}")
    row.update_from_dict({**values, "updated_at": now})
    await row.save()
    return row
