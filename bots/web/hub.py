"""One tail of happenings a process: it wakes the sockets of conversations in which something happened.

Sockets never poll. The hub reads happenings above the last it knows, tells the followers of each conversation
touched, looks which awaited inbox rows are finished, and hands the happenings on to watchers (the desk).
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from typing import Protocol

import structlog
from aiohttp import web

from crm import customer_view, db, happenings, inbox
from crm.customer_view import View
from crm.happenings import Happened

# how often we look although nothing woke us: a lost wake-up, on PostgreSQL a rolled-back number
FOLLOWED_SECONDS = 2.0
AWAITED_SECONDS = 2.0
BATCH = 200
WATCHER_BACKLOG = 1000

log = structlog.get_logger(__name__)


class Follower(Protocol):
    """A socket that follows one conversation."""

    def changed(self, view: View) -> None:
        """Something was said, or somebody else speaks."""

    def finished(self, frame: str) -> None:
        """Nothing more will be said to this frame of theirs."""

    def typing(self) -> None:
        """A staff member is writing."""


class Hub:
    """See the module. Use `follow`, `expect`, `watch`; `run` is its task."""

    def __init__(self) -> None:
        self._followers: dict[int, set[Follower]] = defaultdict(set)
        self._awaited: dict[int, list[tuple[Follower, str]]] = defaultdict(list)
        self._watchers: set[asyncio.Queue[Happened | None]] = set()
        self._last = 0
        self._looking = asyncio.Lock()

    def follow(self, conversation_id: int, follower: Follower) -> None:
        self._followers[conversation_id].add(follower)

    def unfollow(self, conversation_id: int | None, follower: Follower) -> None:
        if conversation_id is not None and conversation_id in self._followers:
            self._followers[conversation_id].discard(follower)
            if not self._followers[conversation_id]:
                del self._followers[conversation_id]

    def leave(self, conversation_id: int | None, follower: Follower) -> None:
        """Forget the follower and whatever it awaited."""
        self.unfollow(conversation_id, follower)
        for inbox_id, waiting in list(self._awaited.items()):
            left = [awaited for awaited in waiting if awaited[0] is not follower]
            if left:
                self._awaited[inbox_id] = left
            else:
                del self._awaited[inbox_id]

    async def expect(self, inbox_id: int, follower: Follower, frame: str) -> None:
        """Tell `follower` once the inbox row is finished; at once when it is already, earlier ones first."""
        self._awaited[inbox_id].append((follower, frame))
        of_theirs = [key for key, waiting in self._awaited.items() if any(f is follower for f, _ in waiting)]
        for done in sorted(await inbox.is_done(of_theirs)):
            self._finish(done)

    def _finish(self, inbox_id: int) -> None:
        for follower, frame in self._awaited.pop(inbox_id, ()):
            follower.finished(frame)

    @contextlib.contextmanager
    def watch(self) -> Iterator[asyncio.Queue[Happened | None]]:
        """Every happening from now on. None: the watcher was too slow, some are lost; read anew."""
        queue: asyncio.Queue[Happened | None] = asyncio.Queue(WATCHER_BACKLOG)
        self._watchers.add(queue)
        try:
            yield queue
        finally:
            self._watchers.discard(queue)

    # -- the tail ----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Follow until cancelled. A fault of the database is logged and tried again."""
        self._last = await self._start()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tail("happenings", FOLLOWED_SECONDS))
            group.create_task(self._tail("done", AWAITED_SECONDS))

    async def _start(self) -> int:
        while True:
            try:
                return await happenings.latest()
            except Exception as error:
                log.warning("hub_failed", error=type(error).__name__)
                await asyncio.sleep(1.0)

    async def _tail(self, topic: str, longest: float) -> None:
        while True:
            await db.wait(topic, longest)
            try:
                async with self._looking:
                    await self.look()
            except Exception as error:
                log.warning("hub_failed", error=type(error).__name__)
                await asyncio.sleep(1.0)

    async def look(self) -> None:
        """Read what is new and tell those concerned. Finished rows are read before conversations, so every
        answer to a finished row is visible to whoever is told."""
        done = await inbox.is_done(list(self._awaited))
        happened = await self._happened()
        touched = {h.conversation_id for h in happened if h.conversation_id in self._followers}
        views = await customer_view.views([key for key in touched if key is not None])
        for inbox_id in sorted(done):
            self._finish(inbox_id)
        for view in views:
            for follower in list(self._followers.get(view.conversation_id, ())):
                follower.changed(view)
        for happening in happened:
            self._hand_on(happening)

    async def _happened(self) -> list[Happened]:
        found: list[Happened] = []
        while batch := await happenings.since(self._last, BATCH):
            found += batch
            self._last = batch[-1].id
            if len(batch) < BATCH:
                break
        return found

    def _hand_on(self, happening: Happened) -> None:
        if happening.kind == "message.typing" and happening.staff_id is not None:
            for follower in list(self._followers.get(happening.conversation_id or 0, ())):
                follower.typing()
        for queue in list(self._watchers):
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(None)
            else:
                queue.put_nowait(happening)


HUB = web.AppKey("hub", Hub)


async def lifespan(app: web.Application) -> AsyncIterator[None]:
    """Run the hub as long as the application; add to `app.cleanup_ctx` after the database."""
    app[HUB] = Hub()
    task = db.spawn(app[HUB].run(), name="hub")
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
