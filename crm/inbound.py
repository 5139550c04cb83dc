"""What channels hand over, made safe to store: whatever a provider or an attacker puts into it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from crm import db
from crm.errors import Invalid

KINDS = frozenset({"message", "choice", "file", "event"})
TEXT_MAX = 10_000  # characters; the rest is cut off and the message marked


@dataclass(frozen=True, kw_only=True)
class Inbound:
    """One thing a contact did on a channel. `external_id` None: the channel gives none, each is new.

    `choice` is the short token of a button, `files` are tokens of uploads, `data` what the channel adds
    (references, a location), `received_at` the channel's own time if it has one, `conversation_id` the
    conversation that it answers where the channel knows it for certain: one of the same contact's is taken.
    """

    channel: str
    channel_account: str = ""
    external_user: str
    external_id: str | None
    kind: str = "message"
    text: str = ""
    choice: str = ""
    files: tuple[str, ...] = ()
    locale: str | None = None
    display_name: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    received_at: datetime
    conversation_id: int | None = None


def checked(inbound: Inbound) -> Inbound:
    """Within what the tables hold and both databases can store.

    Raises `Invalid` for what cannot be cut to fit: kind, user, ids, a naive time.
    """
    if inbound.kind not in KINDS:
        raise Invalid("kind", "unknown", value=inbound.kind[:40])
    user, external_id = clean(inbound.external_user), inbound.external_id
    if not user or len(user) > 200:
        raise Invalid("external_user", "empty" if not user else "too_long")
    if external_id is not None and not 0 < len(external_id) <= 200:
        raise Invalid("external_id", "too_long" if external_id else "empty")
    data = {key: value for key, value in cleaned(inbound.data).items() if key not in ("choice", "files")}
    if len(inbound.text) > TEXT_MAX:
        data["truncated"] = True
    return Inbound(
        channel=inbound.channel,
        channel_account=inbound.channel_account,
        external_user=user,
        external_id=clean(external_id) if external_id is not None else None,
        kind=inbound.kind,
        text=clean(inbound.text[:TEXT_MAX]),
        choice=clean(inbound.choice)[:200],
        files=tuple(clean(token)[:43] for token in inbound.files[:20]),
        locale=inbound.locale[:5] if inbound.locale else None,
        display_name=clean(inbound.display_name)[:100],
        data=data,
        received_at=db.require_aware(inbound.received_at),
        conversation_id=inbound.conversation_id,
    )


def clean(text: str) -> str:
    """Text that both databases can store: no NUL, no lone surrogate."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def cleaned(value: Any) -> Any:
    """The same for everything in a JSON value; what JSON does not know becomes text."""
    if isinstance(value, Mapping):
        return {clean(str(key)): cleaned(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [cleaned(one) for one in value]
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    return clean(str(value))
