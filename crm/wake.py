"""Wake-ups: a process that has committed work tells those that wait for it, so that nobody polls.

SQLite: one Unix datagram socket a process in a shared folder. PostgreSQL: LISTEN/NOTIFY. A lost wake-up
costs no more than the waiting side's time-out, which is why every wait has one.
"""

import asyncio
import contextlib
import os
import socket
import time
import weakref
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

TOPICS = ("inbox", "outbox", "jobs", "happenings", "done", "staff", "slack")


class Wakes:
    """The topics of this process: how often each was woken, and who waits."""

    def __init__(self) -> None:
        self.woken = dict.fromkeys(TOPICS, 0)
        self._waiters: dict[str, set[asyncio.Future[None]]] = {topic: set() for topic in TOPICS}
        self._seen: weakref.WeakKeyDictionary[Any, dict[str, int]] = weakref.WeakKeyDictionary()

    def wake(self, topic: str) -> None:
        """Wake every waiter of `topic` in this process."""
        if topic not in self.woken:
            return
        self.woken[topic] += 1
        for waiter in self._waiters[topic]:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self, topic: str, timeout: float) -> bool:  # noqa: ASYNC109  (part of the meaning)
        """True when woken, False after `timeout` seconds.

        A task that waits again gets at once what happened since its last wait, so nothing falls between
        looking for work and waiting for it.
        """
        task = asyncio.current_task()
        seen = self._seen.setdefault(task, {})
        if seen.get(topic, self.woken[topic]) == self.woken[topic]:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters[topic].add(waiter)
            try:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(timeout):
                        await waiter
            finally:
                self._waiters[topic].discard(waiter)
            woken = waiter.done() and not waiter.cancelled()
        else:
            woken = True
        seen[topic] = self.woken[topic]
        return woken


class SocketWakes:
    """Datagrams between the processes that share one SQLite file."""

    def __init__(self, folder: Path, wake: Callable[[str], None]) -> None:
        self._folder = folder
        self._wake = wake
        self._name = f"{os.getpid()}-{os.urandom(4).hex()}"
        self._peers: list[str] = []
        self._listed_ns = -1

    async def start(self) -> None:
        """Open this process's socket. Raises `OSError` when the folder cannot be used."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # addressed through the folder's descriptor: a socket's address has 108 bytes at most
        self._fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(self._address(self._name))
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def _address(self, name: str) -> str:
        return f"/proc/self/fd/{self._fd}/{name}"

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self._wake(self._socket.recv(32).decode("ascii", "replace"))

    def send(self, topic: str) -> None:
        """Tell every other process. A full buffer means it is about to be woken anyway."""
        for name in self._others():
            try:
                self._socket.sendto(topic.encode(), self._address(name))
            except BlockingIOError:
                continue
            except (ConnectionRefusedError, FileNotFoundError):  # its process died
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=self._fd)
                self._listed_ns = -1

    def _others(self) -> list[str]:
        changed = os.stat(self._fd).st_mtime_ns
        if changed != self._listed_ns:
            self._peers = [name for name in os.listdir(self._fd) if name != self._name]
            # one that came within the same tick of the file system's clock must not be overlooked
            settled = time.time_ns() - changed > 1_000_000_000
            self._listed_ns = changed if settled else -1
        return self._peers

    async def stop(self) -> None:
        """Close and remove this process's socket."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._name, dir_fd=self._fd)
        os.close(self._fd)


class NotifyWakes:
    """LISTEN/NOTIFY between the processes that share one PostgreSQL database."""

    CHANNEL = "dangol"
    RECONNECT_SECONDS = 2.0
    GAP_SECONDS = 0.005  # between two notices: PostgreSQL lets one transaction with a notice commit at a time

    def __init__(self, connect: Callable[[], Awaitable[Any]], wake: Callable[[str], None]) -> None:
        self._connect = connect
        self._wake = wake
        self._me = os.urandom(6).hex()
        self._pending: set[str] = set()
        self._due = asyncio.Event()

    async def start(self) -> None:
        """Listen and begin to send. Raises what connecting raises."""
        self._listener = await self._listening()
        self._tasks = [asyncio.create_task(self._sending()), asyncio.create_task(self._keeping())]

    async def _listening(self) -> Any:
        listener = await self._connect()
        await listener.add_listener(self.CHANNEL, self._heard)
        return listener

    def _heard(self, connection: Any, pid: int, channel: str, payload: str) -> None:
        topics, _, sender = payload.partition(":")
        if sender != self._me:
            for topic in topics.split():
                self._wake(topic)

    def send(self, topic: str) -> None:
        """Tell every other process soon: at once, and what comes within `GAP_SECONDS` of it in one notice."""
        self._pending.add(topic)
        self._due.set()

    async def _sending(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            with contextlib.suppress(Exception):  # the waiting side's time-out covers it
                await self._say()
            await asyncio.sleep(self.GAP_SECONDS)

    async def _say(self) -> None:
        """By the connection that listens: its own notices come back with the answer, where for those of
        another the server would wake the process that listens."""
        topics, self._pending = self._pending, set()
        if topics:
            said = f"{' '.join(sorted(topics))}:{self._me}"
            await self._listener.fetch("SELECT pg_notify($1, $2)", self.CHANNEL, said)

    async def _keeping(self) -> None:
        while True:
            await asyncio.sleep(self.RECONNECT_SECONDS)
            if self._listener.is_closed():
                with contextlib.suppress(Exception):
                    self._listener = await self._listening()
                    for topic in TOPICS:  # what was said meanwhile is unknown
                        self._wake(topic)

    async def stop(self) -> None:
        """Say what is still to be said and close the listening connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(Exception):
            await self._say()
        await self._listener.close(timeout=5)
