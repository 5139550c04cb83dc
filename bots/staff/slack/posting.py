"""Shows what waits for Slack: cards drawn from what is so now, posts in order, at least once.

Every message carries its key as metadata. After an attempt of which nobody knows whether Slack took it, the
key is looked for before the message is sent again.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from bots.channels.base import RetryLater, Undeliverable
from bots.lane_runner import LaneRunner
from bots.limits import Limiter
from bots.sender import GIVE_UP_AFTER, pause
from bots.staff.slack import cards
from bots.staff.slack.blocks import escape
from bots.staff.slack.cards import Look
from bots.staff.slack.client import Slack
from bots.staff.slack.shutting import shut_out
from bots.staff.slack.withdrawing import withdraw
from bots.staff.slack.workspaces import Workspaces
from bots.worker import utc_now
from crm import files, lanes, live_links, processes, slack_cards, slack_views, staff_inbox
from crm.errors import NotFound
from crm.slack import mentions
from crm.slack_cards import Card, Claim, Post

log = structlog.get_logger()

IN_FLIGHT = 8
MAX_ATTEMPTS = 12
SHORT_WAIT_SECONDS = 1.5
METADATA = "dangol_post"
LOOKED_AT = 100  # messages of a thread or channel that are searched for a key
VIEW_ATTEMPTS = 6  # of filling a modal that may still be opening
# Slack's answers that say the place is gone for us: what waits for it is set aside.
GONE = frozenset(
    {"channel_not_found", "not_in_channel", "is_archived", "message_not_found", "thread_not_found"}
)


class Poster:
    """Posts until stopped."""

    def __init__(
        self,
        workspaces: Workspaces,
        look: Look,
        *,
        limiter: Limiter | None = None,
        holder: str = "",
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._workspaces = workspaces
        self._look = look
        self._limiter = limiter or Limiter()
        self._now = now
        self._runner = LaneRunner(
            "slack",
            slack_cards.claim,
            self._queue,
            at_once=IN_FLIGHT,
            holder=holder or processes.holder("slack"),
            now=now,
        )
        self._paused: dict[str, datetime] = {}  # by account: until when Slack asked us to wait

    async def run(self) -> None:
        """Until cancelled."""
        await self._runner.run()

    async def drain(self) -> int:
        """Post until nothing is due; how many queues were taken: for tests and tools."""
        return await self._runner.drain()

    async def _queue(self, claim: Claim) -> None:
        """A card, then its posts, in order, until all is shown or something must wait."""
        await shut_out(claim, self._now())
        if await self._card(claim):
            for post in claim.posts:
                if not await self._post(claim, post):
                    return
            await slack_cards.ended(claim, self._now())

    # --- cards

    async def _card(self, claim: Claim) -> bool:
        """Whether the posts' turn has come."""
        card = claim.card
        if card is None or not card.due:
            return True
        slack = await self._workspaces.find(card.account)
        if slack is None:
            await slack_cards.drawn(claim, card, card.ts, self._now(), error="account_off")
            return bool(card.ts)
        if wait := await self._wait(card.account, card.channel, update=bool(card.ts)):
            await lanes.release(claim.lane, due_at=self._now() + timedelta(seconds=wait), attempts=0)
            return False
        try:
            drawing = await self._draw(card)
            ts = await self._show(slack, card, drawing, claim.lane.attempts) if drawing else card.ts
        except Exception as fault:
            return await self._card_failed(claim, card, fault)
        await slack_cards.drawn(claim, card, ts, self._now())
        return True

    async def _draw(self, card: Card) -> dict[str, Any] | None:
        if card.subject == "request":
            row = await slack_views.request(card.subject_id)
            return cards.request(self._look, row, self._now(), current=card.current) if row else None
        row = await slack_views.conversation(card.subject_id)
        return cards.conversation(self._look, row, current=card.current) if row else None

    async def _show(self, slack: Slack, card: Card, drawing: Mapping[str, Any], attempts: int) -> str:
        if card.ts:
            await slack.call("chat.update", channel=card.channel, ts=card.ts, **drawing)
            return card.ts
        key = f"card:{card.id}"
        uncertain = card.attempts or attempts > 1
        if uncertain and (found := await self._find(slack, card.channel, "", key)):
            await slack.call("chat.update", channel=card.channel, ts=found, **drawing)
            return found
        return await self._say(slack, key, channel=card.channel, **drawing)

    async def _card_failed(self, claim: Claim, card: Card, fault: Exception) -> bool:
        if isinstance(fault, Undeliverable):
            log.warning("slack.card_refused", card=card.id, reason=str(fault))
            await slack_cards.drawn(claim, card, card.ts, self._now(), error=str(fault))
            if card.ts:
                return True
            await self._all_dead(claim, str(fault))
            return False
        return await self._later(claim, None, card.account, card.attempts, fault)

    async def _all_dead(self, claim: Claim, reason: str) -> None:
        """Nothing can stand below a card that could not be posted."""
        for post in claim.posts:
            await slack_cards.dead(claim, post, reason, self._now())
        await slack_cards.ended(claim, self._now())

    # --- posts

    async def _post(self, claim: Claim, post: Post) -> bool:
        """Whether the next post's turn has come."""
        card = await slack_cards.get(claim.card.id) if claim.card else None
        slack = await self._workspaces.find(post.account)
        if slack is None or (claim.card is not None and (card is None or not card.ts)):
            await slack_cards.dead(claim, post, "account_off" if slack is None else "no_card", self._now())
            return True
        place = card.channel if card else str(post.data.get("channel", ""))
        if wait := await self._wait(post.account, place, update=post.kind in ("react", "view")):
            await lanes.release(claim.lane, due_at=self._now() + timedelta(seconds=wait), attempts=0)
            return False
        try:
            uncertain = bool(post.attempts) or claim.lane.attempts > 1
            ts = await self._send(slack, post, card, uncertain)
        except Exception as fault:
            return await self._post_failed(claim, post, fault)
        await slack_cards.sent(claim, post, ts, self._now())
        return True

    async def _send(self, slack: Slack, post: Post, card: Card | None, uncertain: bool) -> str:
        data = post.data
        match post.kind:
            case "message":
                return await self._message(slack, post, card, uncertain)
            case "word":
                assert card is not None
                said = {"text": self._look.t(str(data["key"]), **data.get("values", {}))}
                return await self._keyed(slack, post.key, card.channel, card.ts, said, uncertain)
            case "call":
                return await self._call(slack, post, card, uncertain)
            case "ephemeral":
                told = await slack.call("chat.postEphemeral", **data)
                return str(told.get("message_ts", ""))
            case "respond":
                body = {key: value for key, value in data.items() if key not in ("url", "channel")}
                await slack.respond(str(data["url"]), body)
            case "view":
                await slack.call("views.update", external_id=data["external_id"], view=data["view"])
            case "react":
                await self._react(slack, data)
            case "withdraw":
                assert card is not None
                await withdraw(slack, card)
            case _:
                raise Undeliverable("unknown_kind")
        return ""

    async def _call(self, slack: Slack, post: Post, card: Card | None, uncertain: bool) -> str:
        """A customer waits to be let into a call: seen in the channel too. Nothing once somebody came."""
        row = await slack_views.call(int(post.data["live"]))
        if row is None or card is None or row["status"] != "waiting":
            return ""
        staff = [row["staff_id"]] if row["staff_id"] else []
        known = await mentions(post.account, staff)
        said = cards.waiting_call(self._look, row, " ".join(f"<@{user}>" for user in known.values()))
        said["reply_broadcast"] = True
        return await self._keyed(slack, post.key, card.channel, card.ts, said, uncertain)

    async def _react(self, slack: Slack, data: Mapping[str, Any]) -> None:
        try:
            await slack.call(
                "reactions.add", channel=data["channel"], timestamp=data["ts"], name=data["name"]
            )
        except Undeliverable as fault:
            if str(fault) != "already_reacted":
                raise

    async def _message(self, slack: Slack, post: Post, card: Card | None, uncertain: bool) -> str:
        """What somebody said, and their files."""
        row = await slack_views.message(post.message_id or 0)
        if row is None or card is None:
            raise Undeliverable("erased")
        row["text"] = await live_links.for_staff(row["text"], self._look.url)
        first = ""
        for at, said in enumerate(cards.message(self._look, row)):
            key = f"{post.key}.{at}" if at else post.key
            if at:
                await self._patient(post.account, card.channel)
            ts = await self._keyed(slack, key, card.channel, card.ts, said, uncertain)
            first = first or ts
        for file in row["files"]:
            await self._file(slack, file, row, card)
        return first

    async def _file(self, slack: Slack, file: Mapping[str, Any], row: Mapping[str, Any], card: Card) -> None:
        try:
            _, content = await files.read(str(file["token"]))
        except NotFound:
            return
        await self._patient(card.account, card.channel)
        who = cards.customer(self._look, row) if row["direction"] == "in" else self._look.named(row, "staff")
        await slack.upload(
            content,
            name=str(file["name"]),
            channel=card.channel,
            thread=card.ts,
            comment=self._look.t("said.file", name=escape(who)),
            alt=str(file["description"]),
        )

    async def _keyed(
        self, slack: Slack, key: str, channel: str, thread: str, said: Mapping[str, Any], uncertain: bool
    ) -> str:
        if uncertain and (found := await self._find(slack, channel, thread, key)):
            return found
        return await self._say(slack, key, channel=channel, thread_ts=thread, **said)

    async def _say(self, slack: Slack, key: str, **values: Any) -> str:
        metadata = {"event_type": METADATA, "event_payload": {"key": key}}
        told = await slack.call(
            "chat.postMessage", metadata=metadata, unfurl_links=False, unfurl_media=False, **values
        )
        return str(told["ts"])

    async def _find(self, slack: Slack, channel: str, thread: str, key: str) -> str:
        """The message that carries `key`, among the newest of its place; "" when it is not there."""
        method, where = ("conversations.replies", {"ts": thread}) if thread else ("conversations.history", {})
        told = await slack.get(method, channel=channel, limit=LOOKED_AT, include_all_metadata="true", **where)
        for message in told.get("messages", []):
            about = message.get("metadata") or {}
            if about.get("event_type") == METADATA and about.get("event_payload", {}).get("key") == key:
                return str(message["ts"])
        return ""

    async def _post_failed(self, claim: Claim, post: Post, fault: Exception) -> bool:
        opening = post.kind == "view" and str(fault) == "not_found" and post.attempts < VIEW_ATTEMPTS
        if isinstance(fault, Undeliverable) and not opening:
            log.warning("slack.post_refused", post=post.id, kind=post.kind, reason=str(fault))
            await slack_cards.dead(claim, post, str(fault), self._now())
            return True
        if opening:
            due = self._now() + timedelta(seconds=0.5)
            await slack_cards.later(claim, due, self._now(), post=post, error="view_opening", counted=True)
            return False
        return await self._later(claim, post, post.account, post.attempts, fault)

    async def _later(
        self, claim: Claim, post: Post | None, account: str, attempts: int, fault: Exception
    ) -> bool:
        now = self._now()
        if isinstance(fault, RetryLater):
            due = now + timedelta(seconds=max(0.1, min(fault.seconds, 3600.0)))
            self._paused[account] = max(due, self._paused.get(account, due))
        else:
            due = now + pause(attempts + 1)
        old = post is not None and now - post.created_at > GIVE_UP_AFTER
        if old or (attempts + 1 >= MAX_ATTEMPTS and not isinstance(fault, RetryLater)):
            reason = lanes.fault(fault)
            if post is not None:
                await slack_cards.dead(claim, post, reason, now)
                return True
            if claim.card is not None:
                await slack_cards.drawn(claim, claim.card, claim.card.ts, now, error=reason)
                await self._all_dead(claim, reason)
            return False
        counted = not isinstance(fault, RetryLater)
        log.info("slack.later", reason=type(fault).__name__)
        await slack_cards.later(claim, due, now, post=post, error=lanes.fault(fault), counted=counted)
        return False

    # --- limits

    async def _wait(self, account: str, channel: str, *, update: bool) -> float:
        """0 when the request may go out now, after a short wait in place; else the seconds to wait."""
        now = self._now()
        if (until := self._paused.get(account)) and until > now:
            return (until - now).total_seconds()
        name = "slack_update" if update else "slack"
        recipient = staff_inbox.queue_of(channel)
        while seconds := self._limiter.take(name, account, recipient, self._now()):
            if seconds > SHORT_WAIT_SECONDS:
                return seconds
            await asyncio.sleep(seconds)
        return 0.0

    async def _patient(self, account: str, channel: str) -> None:
        """Wait for the bucket before a further message of one post."""
        while seconds := await self._wait(account, channel, update=False):
            if seconds > 10 * SHORT_WAIT_SECONDS:
                raise RetryLater(seconds)
            await asyncio.sleep(seconds)
