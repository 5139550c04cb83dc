"""Starts the mail provider as a process and moves its customers: for tests."""

import base64
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp

from tests.standins.starting import started, until

SHOP, PASSWORD = "help@shop.example", "pass word:1"
SALES = "sales@shop.example"


@dataclass(frozen=True)
class Addresses:
    """Where the running provider listens."""

    http: str
    imaps: int
    smtps: int
    starttls: int
    ca: str

    def imap_url(self, login: str = SHOP, password: str = PASSWORD) -> str:
        return f"imaps://{quote(login)}:{quote(password)}@127.0.0.1:{self.imaps}/INBOX?ca={self.ca}"

    def smtp_url(self, scheme: str = "smtps", login: str = SHOP, password: str = PASSWORD) -> str:
        port = self.starttls if scheme == "starttls" else self.smtps
        return f"{scheme}://{quote(login)}:{quote(password)}@127.0.0.1:{port}?ca={self.ca}"


class Customer:
    """One person's mailbox."""

    def __init__(self, provider: "Provider", address: str) -> None:
        self._provider, self.address = provider, address

    async def write(self, text: str, *, to: str = SHOP, name: str = "", **more: Any) -> str:
        """Write a mail; returns its Message-ID."""
        sender = f"{name} <{self.address}>" if name else self.address
        body = {"from": sender, "to": to, "text": text, "subject": "문의드려요", **more}
        return str((await self._provider.post("/standin/mail", body))["message_id"])

    async def answer(self, mail: dict[str, Any], text: str, **more: Any) -> str:
        """Reply to a received mail as mail programs do."""
        headers = mail["headers"]
        references = f"{headers.get('References', '')} {headers['Message-ID']}".strip()
        fields = {"In-Reply-To": headers["Message-ID"], "References": references, **more.pop("headers", {})}
        return await self.write(text, subject=headers["Subject"], headers=fields, **more)

    async def mails(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self._provider.get(f"/standin/box/{self.address}")
        return found

    async def raw(self) -> list[bytes]:
        return [base64.b64decode(one) for one in await self._provider.get(f"/standin/raw/{self.address}")]

    async def gets(self, count: int, seconds: float = 15.0) -> list[dict[str, Any]]:
        """Wait until so many mails have come."""

        async def enough() -> list[dict[str, Any]]:
            mails = await self.mails()
            return mails if len(mails) >= count else []

        found: list[dict[str, Any]] = await until(enough, seconds)
        return found


class Provider:
    """The running stand-in."""

    def __init__(self, addresses: Addresses, session: aiohttp.ClientSession) -> None:
        self.addresses, self._session = addresses, session

    async def post(self, path: str, body: Any) -> Any:
        async with self._session.post(self.addresses.http + path, json=body) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def get(self, path: str) -> Any:
        async with self._session.get(self.addresses.http + path) as answer:
            return await answer.json()

    async def fault(self, **fault: Any) -> None:
        await self.post("/standin/faults", fault)

    async def deliver(self, mail: bytes, to: str = SHOP) -> None:
        """Put a mail into the company's mailbox as it is."""
        await self.post("/standin/mail", {"raw": base64.b64encode(mail).decode(), "deliver_to": to})

    async def renumber(self) -> None:
        await self.post("/standin/renumber", {})

    async def empty(self) -> None:
        await self.post("/standin/empty", {})

    async def cut(self) -> None:
        await self.post("/standin/cut", {})

    async def refused(self) -> list[str]:
        found: list[str] = (await self.get("/standin/state"))["refused"]
        return found

    async def flags(self, login: str = SHOP) -> list[str]:
        found: list[str] = (await self.get("/standin/state"))["flags"][login]
        return found

    def customer(self, address: str) -> Customer:
        return Customer(self, address)


@contextmanager
def process() -> Iterator[Addresses]:
    """The provider as a process of its own, on free ports, until the block ends."""
    logins = [word for name in (SHOP, SALES) for word in ("--login", f"{name}:{PASSWORD}")]
    with started("mail_server", *logins) as line:
        ports, _, http = line.rpartition(" ")
        yield Addresses(http=http, **json.loads(ports))


@asynccontextmanager
async def reached(addresses: Addresses) -> AsyncIterator[Provider]:
    """The running provider."""
    async with aiohttp.ClientSession() as session:
        yield Provider(addresses, session)
