"""Does what staff did in Slack, once: in one transaction the act, what is answered, and the event's end.

What needs Slack itself (who somebody is, a file, what a place is) is asked before the transaction begins.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from bots.channels.base import Undeliverable
from bots.lane_runner import LaneRunner
from bots.staff.slack import hearing
from bots.staff.slack.acting import Acting
from bots.staff.slack.cards import Look
from bots.staff.slack.client import Place, Slack
from bots.staff.slack.ready import Ready
from bots.staff.slack.workspaces import Workspaces, removed
from bots.worker import utc_now
from crm import db, files, lanes, processes, slack, slack_cards, slack_workspaces, staff_inbox
from crm.errors import CrmError
from crm.models import SlackUser
from crm.staff_inbox import Claim, Event

log = structlog.get_logger()

QUEUES = 4  # worked on at once
TRUSTED_FOR = timedelta(hours=12)  # how long Slack's word on a user's e-mail is believed
PLACE_FOR = timedelta(minutes=5)


class Handler:
    """Works until cancelled. `looks` gives the words of a language."""

    def __init__(
        self,
        workspaces: Workspaces,
        looks: Callable[[str], Look],
        *,
        holder: str = "",
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._workspaces = workspaces
        self._acting = Acting(looks)
        self._now = now
        self._runner = LaneRunner(
            "staff",
            staff_inbox.claim,
            self._queue,
            at_once=QUEUES,
            holder=holder or processes.holder("staff"),
            now=now,
        )
        self._places: dict[tuple[str, str], tuple[datetime, Place]] = {}

    async def run(self) -> None:
        """Until cancelled."""
        await self._runner.run()

    async def drain(self) -> int:
        """Work until nothing is due; how many queues were taken: for tests and tools."""
        return await self._runner.drain()

    async def _queue(self, claim: Claim) -> None:
        claim.events.sort(key=_place_in_thread)
        for event in claim.events:
            if not await self._event(claim, event):
                return

    async def _event(self, claim: Claim, event: Event) -> bool:
        """Whether the next event's turn has come."""
        account = await self._workspaces.find(event.account)
        if account is None and event.kind == "gone":  # told twice: by its removal and by its token's
            async with db.transaction(first=lambda: lanes.fence(claim.lane, self._now())):
                await staff_inbox.finish(claim, event, self._now())
            return True
        if account is None or event.attempts > staff_inbox.MAX_ATTEMPTS:
            await self._park(claim, event, "account_off" if account is None else "attempts")
            return True
        try:
            ready = await self._ask(event, account)
            async with db.transaction(first=lambda: lanes.fence(claim.lane, self._now())):
                message_id = await self._acting.act(ready, self._now()) if ready else None
                await staff_inbox.finish(claim, event, self._now(), message_id=message_id)
        except lanes.LaneLost:
            raise
        except Exception as fault:
            log.warning(
                "staff.event_failed", event_id=event.id, fault=lanes.fault(fault), at=lanes.place(fault)
            )
            await staff_inbox.later(claim, event, self._now(), error=lanes.fault(fault))
            return False
        return True

    async def _park(self, claim: Claim, event: Event, error: str) -> None:
        """Set it aside after its attempts; whoever did it hears that it was not done."""
        log.error("staff.parked", event_id=event.id, kind=event.kind)
        async with db.transaction(first=lambda: lanes.fence(claim.lane, self._now())):
            await self._acting.apologise(event, self._now())
            await staff_inbox.finish(claim, event, self._now(), state="parked", error=error)

    # --- what Slack is asked

    async def _ask(self, event: Event, account: Slack) -> Ready | None:
        """All that the act needs from Slack; None when there is nothing to do."""
        data, user = event.data, str(event.data.get("user") or "")
        if event.kind == "place":
            await self._look_at(account, event)
            return None
        if event.kind == "person":
            await self._met(account, event.account, user)
            return None
        if event.kind == "gone":
            await self._gone(account, event.account)
            return None
        bot = await account.bot()
        ready = Ready(event, account, slack.Known("unknown"), bot)
        if event.kind in ("message", "edit") and not await self._concerns_us(event, bot):
            return None
        ready.known = await self._who(account, event.account, user)
        if (
            event.kind == "command"
            or (event.kind == "message" and not data.get("thread"))
            or (event.kind in ("message", "press") and data.get("channel"))
        ):
            ready.place = await self.place(event.account, account, str(data["channel"]))
        if event.kind in ("message", "edit") and ready.known.actor is not None:
            ready.names = {bot: "dangol", **await self._names(event.account, str(data["text"]))}
            if event.kind == "message":
                await self._fetch_files(ready)
        return ready

    async def _concerns_us(self, event: Event, bot: str) -> bool:
        """A message below a card of ours, one that begins with our mention, or one to us alone."""
        data = event.data
        if hearing.addressed(str(data["text"]), bot) is not None and event.kind == "message":
            return True
        if data.get("direct") and event.kind == "message":
            return True
        thread = str(data.get("thread") or "")
        return await slack_cards.at(event.account, str(data["channel"]), thread) is not None

    async def _who(self, account: Slack, name: str, user: str) -> slack.Known:
        known = await slack.who(name, user)
        if known.state != "unknown" and await slack.fresh(name, user, self._now() - TRUSTED_FOR):
            return known
        return await self._met(account, name, user)

    async def _met(self, account: Slack, name: str, user: str) -> slack.Known:
        """Ask Slack who this is. Guests, people of other companies and bots are nobody."""
        try:
            told = (await account.get("users.info", user=user))["user"]
        except Undeliverable as fault:
            if str(fault) in ("user_not_found", "user_not_visible"):
                await slack.forget(name, user)
                return slack.Known("unknown")
            raise
        outside = ("deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger")
        if any(told.get(flag) for flag in outside) or told.get("is_email_confirmed") is False:
            await slack.forget(name, user)
            return slack.Known("unknown")
        if account.team and told.get("team_id") not in (None, "", account.team):
            await slack.forget(name, user)
            return slack.Known("unknown")
        profile = told.get("profile") or {}
        called = str(profile.get("display_name") or told.get("real_name") or told.get("name") or "")
        email = str(profile.get("email") or "")
        return await slack.met(name, user, name=called, email=email, now=self._now())

    async def place(self, name: str, account: Slack, channel: str) -> Place:
        """What a place is, remembered for some minutes."""
        known = self._places.get((name, channel))
        if known is None or self._now() - known[0] > PLACE_FOR:
            if len(self._places) > 1000:
                self._places.clear()
            known = self._places[name, channel] = (self._now(), await account.place(channel))
        return known[1]

    async def _gone(self, account: Slack, name: str) -> None:
        """They say that the app was removed. It may be connected anew by now, so the token is tried."""
        if await removed(account):
            log.error("slack.uninstalled", account=name)
            await slack_workspaces.removed(name, now=self._now())

    async def _look_at(self, account: Slack, event: Event) -> None:
        """We were invited to a channel, left one, or one changed."""
        data, now = event.data, self._now()
        ours = await account.bot()
        if data["what"] in ("joined", "left") and data.get("user") != ours:
            return
        self._places.pop((event.account, str(data["channel"])), None)
        if data["what"] in ("left", "gone"):
            await slack.left_channel(event.account, data["channel"])
            return
        await keep_place(event.account, await account.place(str(data["channel"])), now)

    async def _names(self, account: str, text: str) -> dict[str, str]:
        users = hearing.people(text)
        if not users:
            return {}
        rows = await SlackUser.filter(account=account, slack_id__in=users[:20]).select_related("staff")
        return {row.slack_id: row.staff.name for row in rows}

    async def _fetch_files(self, ready: Ready) -> None:
        """Keep the files of a message; what cannot be taken is named in the answer."""
        actor = ready.known.actor
        for file in ready.data["files"]:
            try:
                content = await ready.slack.download(file["url"], files.max_bytes())
                kept = await files.store(
                    content, name=file["name"], owner=f"staff:{actor.id if actor else 0}", now=self._now()
                )
                ready.files.append(kept.token)
            except (Undeliverable, CrmError):
                ready.faults.append(file["name"])


async def keep_place(account: str, place: Place, now: datetime) -> None:
    """Write down what a channel is."""
    await slack.saw_channel(
        account,
        place.channel,
        name=place.name,
        private=place.private,
        shared=place.shared,
        member=place.member,
        now=now,
    )


def _place_in_thread(event: Event) -> tuple[str, bool, int]:
    """Messages of a thread in the order in which they were written, however they came; edits later."""
    return str(event.data.get("ts") or ""), event.kind == "edit", event.id
