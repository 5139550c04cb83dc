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
    client: Any = None  # Tortoise's, outside transactions
    memory: dict[int, int] = field(default_factory=dict)


@dataclass
class Open:
    """A transaction in progress."""

    first: First | None = None
    topics: set[str] = field(default_factory=set)
    done: bool = False
    client: Any = None  # Tortoise's of this transaction


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


def asked() -> Any:
    """What raw statements ask here: `connection` for them, without a look through Tortoise's contexts; in a
    savepoint that of its transaction, which is the same session. Raises as `connection` does."""
    current = opened.get()
    if current is None:
        return connected().client
    if current.done:
        raise Escaped
    return current.client


def client() -> Any:
    """`connection`, for Tortoise's own tools."""
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
