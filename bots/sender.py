"""The sender: takes what waits in the outbox to its channel, each recipient in order, at least once.

The request goes out between two short transactions. A crash between them sends the message again, with the
same key, so that whoever looks at keys sees it once.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from bots.channels.base import Blocked, Moved, Outbound, RetryLater, Undeliverable, Wire
from bots.lane_runner import LaneRunner
from bots.limits import Limiter
from bots.pacing import Pacer
from bots.worker import utc_now
from crm import gate, identities, lanes, outbox, processes

IN_FLIGHT = 32  # recipients at once
MAX_ATTEMPTS = 12  # with the pauses below: about 40 minutes of trouble at the provider
LONGEST_PAUSE_SECONDS = 600.0
GIVE_UP_AFTER = timedelta(hours=24)  # however often the provider says 'later'
SEND_TIMEOUT_SECONDS = 60.0

log = structlog.get_logger()


class SendingChannel(Protocol):
    """The part of a channel that the sender needs."""

    def render(self, message: Outbound) -> Sequence[Wire]: ...

    async def send(self, message: Wire) -> str: ...


Merge = Callable[[Sequence[Outbound]], Outbound]  # several messages as one, each complete in it
Compose = Callable[[outbox.Item], Awaitable[Outbound]]
# What is done with messages of a channel that cannot begin; it must release the claim's lane.
Wait = Callable[[outbox.Claim], Awaitable[None]]


async def compose(item: outbox.Item) -> Outbound:
    """The message as it stands, without files: for channels that need no names and addresses."""
    return Outbound(
        key=item.key,
        channel_account=item.channel_account,
        external_user=item.external_user,
        text=item.text,
        author=item.author,
        seq=item.seq,
        in_reply_to=item.in_reply_to,
        lang=item.lang,
        purpose=item.purpose,
        choices=item.choices,
        cards=item.cards,
        at=item.created_at,
        data=item.data,
    )


def pause(attempts: int) -> timedelta:
    """The pause after a failed attempt: doubling from 1 s, at most ten minutes, with a quarter of jitter."""
    seconds = min(LONGEST_PAUSE_SECONDS, 2.0 ** (attempts - 1))
    return timedelta(seconds=seconds * random.uniform(0.75, 1.25))


class Sender:
    """Sends until stopped. `channels` by name, a further account as `name/account`; a message of a channel
    that is off becomes a dead letter. By the same names `waits`: channels that cannot begin, and `merges`:
    channels on which all that the bot says to one message goes as one."""

    def __init__(
        self,
        channels: Mapping[str, SendingChannel],
        *,
        compose: Compose = compose,
        limiter: Limiter | None = None,
        waits: Mapping[str, Wait] | None = None,
        merges: Mapping[str, Merge] | None = None,
        in_flight: int = IN_FLIGHT,
        holder: str = "",
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._channels = channels
        self._compose = compose
        self._pacer = Pacer(limiter or Limiter(), now)
        self._waits = waits or {}
        self._merges = merges or {}
        self._now = now
        self._runner = LaneRunner(
            "outbox",
            outbox.claim,
            self._recipient,
            at_once=in_flight,  # a kill -9 repeats at most this many messages, with their keys
            holder=holder or processes.holder("sender"),
            now=lambda: self._now(),
        )
        self.results: dict[str, int] = {"sent": 0, "later": 0, "dead": 0}

    async def run(self) -> None:
        """Until `stop`: then let the requests in flight end."""
        await self._runner.run()

    def shared_by(self, fronts: int) -> None:
        """So many fronts send by now: each takes its part of what providers allow."""
        self._pacer.limiter.shared_by(fronts)

    def stop(self) -> None:
        """Ask `run` to end soon."""
        self._runner.stop()

    async def drain(self) -> int:
        """Send until nothing is due and return the number of recipients taken: for tests and tools."""
        return await self._runner.drain()

    async def _recipient(self, claim: outbox.Claim) -> None:
        """What waits for one recipient, in order, until all is sent or something must wait."""
        own = next((item for item in claim.items if not item.aside), None)
        if own and (wait := self._waits.get(_address(own))):
            asides = [item for item in claim.items if item.aside]
            if not asides:
                await wait(claim)
                return
            claim = outbox.Claim(claim.lane, asides)  # they wait for nobody; then the lane comes again
        for items in self._mails(claim.items):
            if not await self._items(claim, items):
                return

    def _mails(self, items: Sequence[outbox.Item]) -> list[list[outbox.Item]]:
        """What goes out as one: the same however often it is sent, since a turn puts all it says at once."""
        groups: list[list[outbox.Item]] = []
        for item in items:
            if groups and _address(item) in self._merges and _goes_on(groups[-1][-1], item):
                groups[-1].append(item)
            else:
                groups.append([item])
        return groups

    async def _items(self, claim: outbox.Claim, items: Sequence[outbox.Item]) -> bool:
        """Send what goes as one; whether the next one's turn has come."""
        channel, first = self._channels.get(_address(items[0])), items[0]
        if channel is None:
            return await self._dead(claim, items, "channel_off")
        if not first.reachable:
            return await self._dead(claim, items, "blocked")
        if first is claim.items[0] and claim.lane.attempts > lanes.MAX_ATTEMPTS + 1:
            return await self._dead(claim, items, "process_died")
        if self._runner.stopping:
            await lanes.give_back([claim.lane])
            return False
        if seconds := await self._pacer.turn(first.channel, first.channel_account, first.identity_id):
            await lanes.release(claim.lane, due_at=self._now() + timedelta(seconds=seconds))
            return False
        if refused := await self._refused(items):
            return await self._kept_back(claim, items, refused)
        try:
            provider_id = await self._send(channel, claim, items)
        except (lanes.LaneLost, asyncio.CancelledError):
            raise
        except Exception as error:
            return await self._failed(claim, items, error)
        await outbox.sent(claim, items[-1], provider_id, self._now(), before=items[:-1])
        for item in items:
            self._told("message.sent", item)
        self.results["sent"] += len(items)
        return True

    def _told(self, event: str, item: outbox.Item, **facts: str) -> None:
        """A line of the log, by numbers: from `inbox_id` on, a message can be followed to its answers."""
        write = log.warning if event == "message.dead" else log.info
        write(event, inbox_id=item.inbox_id, outbox_id=item.outbox_id, channel=item.channel, **facts)

    async def _refused(self, items: Sequence[outbox.Item]) -> str:
        """Why the gate lets one not pass: what holds for an advertisement may have changed as it waited.

        No request will use the turn that was waited for then.
        """
        for item in items:
            now = self._now()
            verdict = await gate.at_sending(
                item.conversation_id, purpose=item.purpose, text=item.text, data=item.data, now=now
            )
            if not verdict.allowed:
                self._pacer.answered(item.channel, item.channel_account)
                return verdict.reason
        return ""

    async def _kept_back(self, claim: outbox.Claim, items: Sequence[outbox.Item], reason: str) -> bool:
        if reason != "night":
            return await self._dead(claim, items, reason)
        for item in items:  # one: an advertisement goes with nothing else
            await outbox.asleep(claim, item, self._now())
            self._told("message.later", item, reason=reason)
        self.results["later"] += len(items)
        return True

    async def _send(self, channel: SendingChannel, claim: outbox.Claim, items: Sequence[outbox.Item]) -> str:
        """Every request of the message that the provider has not taken yet; the id of the last."""
        item, said = items[-1], [await self._compose(one) for one in items]
        wires = channel.render(said[0] if len(said) == 1 else self._merges[_address(item)](said))
        provider_id = ""
        for number, wire in enumerate(wires, 1):
            if number <= item.wires:
                continue
            if number > item.wires + 1:  # the first one's turn has come already
                await self._next_wire(item)
            try:
                async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
                    provider_id = await channel.send(wire)
            finally:
                self._pacer.answered(item.channel, item.channel_account)
            if number < len(wires):
                await outbox.wire_taken(claim, item, number, self._now())
        return provider_id

    async def _next_wire(self, item: outbox.Item) -> None:
        """Wait for the buckets before a further request of a message; a long wait is for the lane."""
        if seconds := await self._pacer.turn(
            item.channel, item.channel_account, item.identity_id, stand=True
        ):
            raise RetryLater(seconds)

    async def _failed(self, claim: outbox.Claim, items: Sequence[outbox.Item], error: Exception) -> bool:
        item = items[0]
        match error:
            case Blocked():
                await identities.mark_unreachable(item.identity_id, now=self._now())
                return await self._dead(claim, items, "blocked")
            case Moved():
                await identities.rename(
                    item.channel, item.channel_account, item.external_user, error.external_user
                )
                return await self._later(claim, item, 0.0, "moved", counted=True)
            case Undeliverable():
                return await self._dead(claim, items, str(error) or "undeliverable")
            case RetryLater() if self._now() - item.created_at < GIVE_UP_AFTER:
                return await self._later(claim, item, error.seconds, "retry_later", counted=False)
        if item.attempts + 1 >= MAX_ATTEMPTS or isinstance(error, RetryLater):
            return await self._dead(claim, items, lanes.fault(error))
        seconds = pause(item.attempts + 1).total_seconds()
        return await self._later(claim, item, seconds, lanes.fault(error), counted=True)

    async def _later(
        self, claim: outbox.Claim, item: outbox.Item, seconds: float, reason: str, *, counted: bool
    ) -> bool:
        due = self._now() + timedelta(seconds=max(0.05, min(seconds, 3600.0)))
        await outbox.later(claim, item, due, self._now(), error=reason, counted=counted)
        self.results["later"] += 1
        self._told("message.later", item, reason=reason)
        return False

    async def _dead(self, claim: outbox.Claim, items: Sequence[outbox.Item], reason: str) -> bool:
        for item in items:
            await outbox.dead(claim, item, reason, self._now())
            self.results["dead"] += 1
            self._told("message.dead", item)
        return True


def _goes_on(before: outbox.Item, item: outbox.Item) -> bool:
    """Whether both are what the bot says to one message, and neither is more than a reply or a notice."""
    one = (before.inbox_id, before.conversation_id, before.external_user, before.author)
    return (
        item.inbox_id is not None
        and one == (item.inbox_id, item.conversation_id, item.external_user, item.author)
        and {before.purpose, item.purpose} <= {"reply", "info"}
    )


def _address(item: outbox.Item) -> str:
    return f"{item.channel}/{item.channel_account}" if item.channel_account else item.channel
