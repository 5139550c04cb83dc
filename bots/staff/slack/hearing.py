"""What Slack sends, read into the few things that matter to us. Pure.

Words reach a customer only by `explicit_reply`: a message that begins with our mention and the word `reply`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bots.staff.slack.blocks import unescape
from bots.staff.spoken import Spoken, read

MESSAGES = (None, "file_share", "me_message", "thread_broadcast")  # subtypes a person writes
FILES_MAX = 10
TEXT_MAX = 12_000

_MENTION = re.compile(r"\s*<@([A-Z0-9]+)(?:\|[^<>]*)?>[^\S\n]*[,:]?")
_LINK = re.compile(r"<([^<>|]+)(?:\|([^<>]*))?>")
_EMOJI = re.compile(r":([a-z0-9_+'\-]+):")


@dataclass(frozen=True)
class Heard:
    """One thing that happened in Slack. `external_id` is the same at every delivery of it."""

    kind: str  # message, edit, command, press, submit, place, person, gone
    external_id: str
    queue: tuple[str, ...]
    data: dict[str, Any] = field(default_factory=dict)


def read_body(body: Mapping[str, Any]) -> Heard | None:
    """What a request of Slack says; None when it is nothing to us. Never raises for odd input."""
    kind = body.get("type")
    if kind == "event_callback":
        event = body.get("event")
        return _event(event, str(body.get("event_id"))) if isinstance(event, Mapping) else None
    if kind == "block_actions":
        return _press(body)
    if kind == "view_submission":
        return _submit(body)
    if kind is None and body.get("command"):
        return _command(body)
    return None


def team_of(body: Mapping[str, Any]) -> str:
    """The workspace whose installation a request is for; "" when it does not say.

    An event of a channel that two companies share names the other's workspace in `team_id`, ours in
    `authorizations`.
    """
    given = body.get("authorizations")
    first = given[0] if isinstance(given, Sequence) and not isinstance(given, str) and given else None
    team = first.get("team_id") if isinstance(first, Mapping) else None
    return str(team or body.get("team_id") or _id(body.get("team")))


# --- events


def _event(event: Mapping[str, Any], event_id: str) -> Heard | None:
    match event.get("type"):
        case "message" | "app_mention":
            return _message(event, event_id)
        case "member_joined_channel" | "member_left_channel":
            what = "joined" if event["type"] == "member_joined_channel" else "left"
            return _place(event.get("channel"), what, event_id, user=event.get("user"))
        case "channel_left" | "group_left" | "channel_deleted" | "group_deleted":
            return _place(event.get("channel"), "gone", event_id)
        case "channel_shared" | "channel_unshared" | "channel_rename" | "group_rename":
            channel = event.get("channel")
            channel = channel.get("id") if isinstance(channel, Mapping) else channel
            return _place(channel, "changed", event_id)
        case "user_change":
            user = event.get("user")
            found = user.get("id") if isinstance(user, Mapping) else user
            if isinstance(found, str):
                return Heard("person", f"event:{event_id}", ("person", found), {"user": found})
        case "app_uninstalled":
            return Heard("gone", f"event:{event_id}", ("gone",), {})
        case "tokens_revoked":
            tokens = event.get("tokens")
            if isinstance(tokens, Mapping) and tokens.get("bot"):  # people's own tokens are nothing to us
                return Heard("gone", f"event:{event_id}", ("gone",), {})
    return None


def _place(channel: object, what: str, event_id: str, *, user: object = None) -> Heard | None:
    if not isinstance(channel, str):
        return None
    data = {"channel": channel, "what": what, "user": str(user or "")}
    return Heard("place", f"event:{event_id}", ("place", channel), data)


def _message(event: Mapping[str, Any], event_id: str) -> Heard | None:
    subtype = event.get("subtype")
    if subtype == "message_changed":
        return _edit(event, event_id)
    if subtype not in MESSAGES or event.get("bot_id") or event.get("bot_profile") or event.get("hidden"):
        return None
    return message(event, str(event.get("channel") or ""))


def message(event: Mapping[str, Any], channel: str) -> Heard | None:
    """A person's message, from an event or from a channel's history. Named by its place and time."""
    user, ts = event.get("user"), event.get("ts")
    if not (isinstance(user, str) and isinstance(ts, str) and channel) or user == "USLACKBOT":
        return None
    thread = event.get("thread_ts") if isinstance(event.get("thread_ts"), str) else ""
    data = {
        "channel": channel,
        "thread": thread if thread != ts else "",
        "ts": ts,
        "user": user,
        "text": with_emoji(str(event.get("text") or ""), event.get("blocks"))[:TEXT_MAX],
        "files": _files(event.get("files")),
        "direct": event.get("channel_type") == "im" or channel.startswith("D"),
    }
    return Heard("message", name_of(channel, ts), ("thread", channel, str(data["thread"] or ts)), data)


def name_of(channel: str, ts: str) -> str:
    """The external id of a message: the same for `message`, `app_mention` and the channel's history."""
    return f"message:{channel}:{ts}"


def _edit(event: Mapping[str, Any], event_id: str) -> Heard | None:
    new, old = event.get("message"), event.get("previous_message")
    if not isinstance(new, Mapping) or not isinstance(old, Mapping) or new.get("bot_id"):
        return None
    if new.get("text") == old.get("text"):
        return None  # a link unfolded, or a reply was counted
    read = message(new, str(event.get("channel") or ""))
    if read is None:
        return None
    return Heard("edit", f"event:{event_id}", read.queue, read.data)


def _files(files: object) -> list[dict[str, Any]]:
    found = []
    for file in files[:FILES_MAX] if isinstance(files, Sequence) and not isinstance(files, str) else ():
        if isinstance(file, Mapping) and isinstance(file.get("id"), str):
            url = file.get("url_private_download") or file.get("url_private") or ""
            size = file.get("size")
            found.append(
                {
                    "id": file["id"],
                    "name": str(file.get("name") or "file")[:120],
                    "url": str(url),
                    "size": size if isinstance(size, int) else 0,
                }
            )
    return found


# --- acts


def _press(body: Mapping[str, Any]) -> Heard | None:
    actions, user = body.get("actions"), _id(body.get("user"))
    if not isinstance(actions, Sequence) or not actions or not user:
        return None
    action = actions[0]
    if not isinstance(action, Mapping):
        return None
    container = body.get("container")
    container = container if isinstance(container, Mapping) else {}
    data = {
        "action": str(action.get("action_id") or ""),
        "value": str(action.get("value") or _selected(action)),
        "user": user,
        "channel": _id(body.get("channel")) or str(container.get("channel_id") or ""),
        "ts": str(container.get("message_ts") or ""),
        "response_url": str(body.get("response_url") or ""),
        "trigger": str(body.get("trigger_id") or ""),
    }
    name = str(body.get("trigger_id") or f"{data['ts']}:{action.get('action_ts')}")
    return Heard("press", f"trigger:{name}", ("user", user), data)


def _selected(action: Mapping[str, Any]) -> str:
    chosen = action.get("selected_option")
    return str(chosen.get("value") or "") if isinstance(chosen, Mapping) else ""


def _submit(body: Mapping[str, Any]) -> Heard | None:
    view, user = body.get("view"), _id(body.get("user"))
    if not isinstance(view, Mapping) or not user:
        return None
    state = view.get("state")
    values = state.get("values") if isinstance(state, Mapping) else {}
    data = {
        "callback": str(view.get("callback_id") or ""),
        "meta": str(view.get("private_metadata") or ""),
        "values": _inputs(values if isinstance(values, Mapping) else {}),
        "user": user,
    }
    return Heard("submit", f"view:{view.get('id')}", ("user", user), data)


def _inputs(values: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for block in values.values():
        for name, given in block.items() if isinstance(block, Mapping) else ():
            if isinstance(given, Mapping):
                found[str(name)] = str(given.get("value") or _selected(given) or "")
    return found


def _command(body: Mapping[str, Any]) -> Heard | None:
    user, channel = body.get("user_id"), body.get("channel_id")
    if not isinstance(user, str) or not isinstance(channel, str):
        return None
    data = {
        "text": str(body.get("text") or "")[:TEXT_MAX],
        "user": user,
        "channel": channel,
        "response_url": str(body.get("response_url") or ""),
    }
    return Heard("command", f"trigger:{body.get('trigger_id')}", ("user", user), data)


def _id(thing: object) -> str:
    return str(thing.get("id") or "") if isinstance(thing, Mapping) else ""


# --- words


def addressed(text: str, bot: str) -> str | None:
    """What follows our mention at the very beginning of a message; None when it is not addressed to us."""
    found = _MENTION.match(text)
    return text[found.end() :] if found and found[1] == bot else None


def spoken(text: str, bot: str) -> Spoken | None:
    """The command that a message gives us."""
    rest = addressed(text, bot)
    return read(rest) if rest is not None else None


def explicit_reply(text: str, bot: str) -> str | None:
    """What the message says to the customer: the one way out of a thread. None for everything else."""
    said = spoken(text, bot)
    return said.rest if said is not None and said.name == "reply" else None


def as_written(text: str, names: Mapping[str, str]) -> str:
    """What the person typed: links as text, people by `names`, entities undone. For the CRM and customers."""

    def plain(found: re.Match[str]) -> str:
        target, label = found[1], found[2]
        if target.startswith("@"):
            return f"@{names.get(target[1:]) or label or '…'}"
        if target.startswith("#"):
            return f"#{label}" if label else "#…"
        if target.startswith("!"):
            return f"@{(label or target[1:].split('^')[0]).lstrip('@')}"
        if target.startswith(("mailto:", "tel:")):
            return label or target.split(":", 1)[1]
        return target if not label or label == target else f"{label} ({target})"

    return unescape(_LINK.sub(plain, text)).strip()


def people(text: str) -> list[str]:
    """The users that a text mentions, each once."""
    return list(dict.fromkeys(re.findall(r"<@([A-Z0-9]+)(?:\|[^<>]*)?>", text)))


def with_emoji(text: str, blocks: object) -> str:
    """Emoji as characters where Slack says which they are: an event's text only names them."""
    known = dict(_emoji(blocks, 0))
    return _EMOJI.sub(lambda found: known.get(found[1], found[0]), text) if known else text


def _emoji(node: object, depth: int) -> list[tuple[str, str]]:
    if depth > 8:
        return []
    if isinstance(node, Mapping):
        if node.get("type") == "emoji" and isinstance(node.get("unicode"), str):
            try:
                return [(str(node.get("name")), "".join(chr(int(c, 16)) for c in node["unicode"].split("-")))]
            except (ValueError, OverflowError):
                return []
        return [pair for value in node.values() for pair in _emoji(value, depth + 1)]
    if isinstance(node, Sequence) and not isinstance(node, str | bytes):
        return [pair for value in node for pair in _emoji(value, depth + 1)]
    return []
