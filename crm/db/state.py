"""The one database of this process, and the transaction that is open here."""

import contextvars
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tortoise.context import TortoiseContext

from crm.wake import NotifyWakes, SocketWakes, Wakes

First = Callable[[], Awaitable[None]]


class NotConnected(RuntimeError):
    """The database is not connected: call `connect` first."""


class Escaped(RuntimeError):
    """A task outlived the transaction it was started in: start background tasks with `spawn`."""


@dataclass
class Database:
    """What this process is connected to, and how it is woken."""

    url: str
    dialect: str
    context: TortoiseContext
    wakes: Wakes
    post: SocketWakes | NotifyWakes
    memory: dict[int, int] = field(default_factory=dict)


@dataclass
class Open:
    """A transaction in progress."""

    first: First | None = None
    topics: set[str] = field(default_factory=set)
    done: bool = False


database: Database | None = None
opened: contextvars.ContextVar[Open | None] = contextvars.ContextVar("transaction", default=None)


def connected() -> Database:
    """The database of this process. Raises `NotConnected`."""
    if database is None:
        raise NotConnected
    return database


def dialect() -> str:
    """`sqlite` or `postgres`."""
    return connected().dialect


def connection() -> Any:
    """Tortoise's connection in force here. Raises `NotConnected`, and `Escaped` after its transaction."""
    known = connected()
    current = opened.get()
    if current is not None and current.done:
        raise Escaped
    return known.context.connections.get(known.dialect)


def client() -> Any:
    """The same, for Tortoise's own tools."""
    return connection()


def apps() -> Any:
    """Tortoise's registry of the models."""
    return connected().context.apps


def in_transaction() -> bool:
    """Whether a transaction is open here."""
    current = opened.get()
    return current is not None and not current.done


async def run_first() -> None:
    """Run the open transaction's `first` now, if it still waits; a lane calls this before saving."""
    current = opened.get()
    if current is not None and current.first is not None:
        first, current.first = current.first, None
        await first()
