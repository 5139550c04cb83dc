"""One connection to an IMAP folder (RFC 3501): what is new, one mail, waiting for the next (RFC 2177).

The library leaves what is pending hanging when a connection breaks: every wait here ends then. And it drops
what a server says of new mail between two commands: `_Hearing` notes it.
"""

import asyncio
import contextlib
import re
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

import aioimaplib

from bots.channels.email_server import Server

T = TypeVar("T")

ANSWER_SECONDS = 30.0
FETCH_SECONDS = 180.0  # for one mail
IDLE_SECONDS = 120.0  # then asked anew: below what providers and routers cut off (Gmail: about ten minutes)
LOOKED_BACK = 50  # mails at the first opening
POLL_SECONDS = 15.0  # where the server has no IDLE
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Refused(Exception):
    """The server answered a command with NO or BAD; which, without our words."""

    def __init__(self, command: str, answer: str) -> None:
        super().__init__(f"{command}: {answer}")
        self.command = command


_EXISTS = re.compile(rb"\* \d+ EXISTS\r\n")
_SHORTER = 24  # bytes: a line that tells of new mail is no longer


class _Hearing(aioimaplib.IMAP4ClientProtocol):  # type: ignore[misc]
    """The library's protocol; `told` is set whenever the server says how many mails there are."""

    told = False
    _tail = b""

    def data_received(self, data: bytes) -> None:
        heard = self._tail + data
        self.told = self.told or bool(_EXISTS.search(heard))
        self._tail = heard[-_SHORTER:] if not _EXISTS.search(heard[-_SHORTER:]) else b""
        super().data_received(data)


class _Client(aioimaplib.IMAP4):  # type: ignore[misc]
    """The library's client with our protocol."""

    def create_client(
        self, host: str, port: int, loop: Any, conn_lost_cb: Any = None, ssl_context: Any = None
    ) -> None:
        running = loop or asyncio.get_running_loop()
        self.protocol = _Hearing(running, conn_lost_cb)
        connecting = running.create_connection(lambda: self.protocol, host, port, ssl=ssl_context)
        self._client_task = running.create_task(connecting)


@dataclass(frozen=True)
class Fetched:
    """A mail as it lies on the server. `whole` is False when only its beginning was taken."""

    data: bytes
    at: datetime | None
    whole: bool


class Folder:
    """An open folder. Use it as `async with Folder(server) as folder`."""

    def __init__(self, server: Server, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._server = server
        self._poll_seconds = poll_seconds
        self._lost = asyncio.Event()
        self._client: Any = None
        self.validity = 0
        self.next_uid = 1

    async def __aenter__(self) -> "Folder":
        try:
            await self._open()
        except BaseException:
            self._cut()
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        if error[0] is None and not self._lost.is_set():
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._client.logout(), 2.0)
        self._cut()

    async def _open(self) -> None:
        server = self._server
        self._client = _Client(
            server.host,
            server.port,
            timeout=ANSWER_SECONDS,
            conn_lost_cb=lambda _fault: self._lost.set(),
            ssl_context=server.context() if server.tls else None,
        )
        await self._client.wait_hello_from_server()
        _checked("LOGIN", await self._alive(self._client.login(server.user, server.password)))
        folder = server.folder if server.folder.isalnum() else f'"{server.folder}"'
        answer = _checked("SELECT", await self._alive(self._client.select(folder)))
        told = b" ".join(bytes(line) for line in answer.lines)
        self.validity = _number(rb"UIDVALIDITY (\d+)", told)
        self.next_uid = _number(rb"UIDNEXT (\d+)", told) or max([*await self._search("ALL"), 0]) + 1

    def _cut(self) -> None:
        transport = self._client.protocol.transport if self._client else None
        if transport is not None:
            transport.close()

    @property
    def pushes(self) -> bool:
        """Whether the server tells of new mail by itself."""
        return bool(self._client.has_capability("IDLE"))

    async def _alive(self, answer: Awaitable[T]) -> T:
        """An answer of the server. Raises `ConnectionError` as soon as the connection is gone."""
        asked = asyncio.ensure_future(answer)
        lost = asyncio.ensure_future(self._lost.wait())
        try:
            await asyncio.wait({asked, lost}, return_when=asyncio.FIRST_COMPLETED)
            if not asked.done():
                raise ConnectionError("the mail server closed the connection")
            return asked.result()
        finally:
            for task in (asked, lost):
                task.cancel()
            await asyncio.gather(asked, lost, return_exceptions=True)

    async def newer(self, uid: int) -> list[int]:
        """The UIDs above this one, rising. (`n:*` names the last mail even below `n`.)"""
        self._client.protocol.told = False
        return [one for one in await self._search(f"UID {uid + 1}:*") if one > uid]

    async def since(self, day: date) -> list[int]:
        """The UIDs of what reached the server on this day or later, rising."""
        return await self._search(f"SINCE {day.day}-{_MONTHS[day.month - 1]}-{day.year}")

    async def before(self, moment: datetime) -> int:
        """The last UID that the server got before `moment`, looking back over the newest mails; 0: none."""
        day = (moment - timedelta(days=1)).date()  # servers count days in a zone of their own
        uids = (await self.since(day))[-LOOKED_BACK:]
        for uid in reversed(uids):
            told = b" ".join(await self._told(uid, "(UID INTERNALDATE)"))
            found = re.search(rb'INTERNALDATE "([^"]+)"', told)
            at = _moment(found[1]) if found else None
            if at is None or at < moment.replace(microsecond=0):  # servers tell whole seconds
                return uid
        return (uids[0] if uids else self.next_uid) - 1

    async def _search(self, criteria: str) -> list[int]:
        answer = _checked("SEARCH", await self._alive(self._client.uid_search(criteria, charset=None)))
        found: set[int] = set()
        for line in answer.lines[:-1]:
            if bytes(line).endswith((b"EXISTS", b"RECENT", b"EXPUNGE")):
                continue  # said in between
            found |= {int(word) for word in bytes(line).split() if word.isdigit()}
        return sorted(found)

    async def fetch(self, uid: int, *, largest: int) -> Fetched | None:
        """A mail without marking it; of one larger than `largest` bytes its beginning. None: it is gone."""
        told = await self._told(uid, "(UID RFC822.SIZE INTERNALDATE)")
        size = _number(rb"RFC822\.SIZE (\d+)", b" ".join(told))
        if not size:
            return None
        whole = size <= largest
        part = "BODY.PEEK[]" if whole else f"BODY.PEEK[]<0.{largest}>"
        lines = await self._told(uid, f"(UID {part})")
        data = max(lines, key=len, default=b"")
        found = re.search(rb'INTERNALDATE "([^"]+)"', b" ".join(told))
        return Fetched(data, _moment(found[1]) if found else None, whole)

    async def _told(self, uid: int, parts: str) -> list[bytes]:
        asked = self._client.protocol.fetch(str(uid), parts, by_uid=True, timeout=FETCH_SECONDS)
        return [bytes(line) for line in _checked("FETCH", await self._alive(asked)).lines[:-1]]

    async def mark_seen(self, uid: int) -> None:
        """Show colleagues who look into the mailbox that this one is taken."""
        await self._alive(self._client.uid("store", str(uid), "+FLAGS.SILENT", r"(\Seen)"))

    async def wait(self) -> None:
        """Until something may be new. Raises `ConnectionError` when the connection is gone."""
        if not self.pushes:
            await self._alive(asyncio.sleep(self._poll_seconds))
            await self._alive(self._client.noop())
            return
        if self._client.protocol.told:
            return  # it came while we looked, and is told of once only
        idle = await self._alive(self._client.idle_start(IDLE_SECONDS + ANSWER_SECONDS))
        with contextlib.suppress(TimeoutError):
            await self._alive(self._client.wait_server_push(IDLE_SECONDS))
        self._client.idle_done()
        await self._alive(asyncio.wait_for(idle, ANSWER_SECONDS))
        queue = self._client.protocol.idle_queue
        while not queue.empty():
            queue.get_nowait()


def _checked(command: str, answer: Any) -> Any:
    if answer.result != "OK":
        raise Refused(command, str(answer.result))
    return answer


def _number(pattern: bytes, told: bytes) -> int:
    found = re.search(pattern, told)
    return int(found[1]) if found else 0


def _moment(told: bytes) -> datetime | None:
    """An INTERNALDATE such as ` 3-Nov-2026 15:12:00 +0900`."""
    try:
        return datetime.strptime(told.decode("ascii").strip(), "%d-%b-%Y %H:%M:%S %z").astimezone(UTC)
    except (ValueError, UnicodeError):
        return None
