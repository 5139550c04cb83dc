"""A mail provider: SMTP (aiosmtpd) and IMAP (pymap), a company's mailbox, and its customers' mailboxes.

Strict: it encrypts and asks for a login, lets nobody write under another's address, and refuses mails that
break RFC 5322. `/standin/…` moves it; `/` is a customer's mailbox to look at and to write from.
"""

import argparse
import asyncio
import base64
import json
import tempfile
import warnings
from argparse import Namespace
from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.utils import getaddresses, parseaddr
from pathlib import Path
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from proxyprotocol.reader import ProxyProtocolReader
from pymap.backend.dict import Config, DictBackend, FilterSet, Login, MailboxSet
from pymap.config import BackendCapability
from pymap.imap import IMAPServer
from pymap.parsing.message import AppendMessage
from pymap.user import Passwords, UserMetadata

from tests.standins import mail_page
from tests.standins.mail_certificate import Certificate
from tests.standins.mail_writing import shown, written

LINE_MAX = 998  # RFC 5322 section 2.1.1
SIZE_MAX = 25 * 1024 * 1024


class Provider:
    """Everybody's mailboxes, and the faults that are asked for."""

    def __init__(self, logins: dict[str, str]) -> None:
        self.logins = logins
        self.boxes: dict[str, list[bytes]] = {}  # what customers received
        self.sent: dict[str, list[bytes]] = {}  # what customers wrote
        self.received: dict[str, list[tuple[bytes, datetime]]] = {login: [] for login in logins}
        self.refused: list[str] = []
        self.faults: list[dict[str, Any]] = []
        self.slow_seconds = 0.0
        self.push = True
        self.imap: Imap | None = None

    def fault(self, where: str) -> dict[str, Any] | None:
        """The next fault that is due at `where`, which counts as having happened."""
        for fault in self.faults:
            if fault["where"] == where and fault["times"] > 0:
                fault["times"] -= 1
                return fault
        return None

    async def deliver(self, to: str, mail: bytes, at: datetime | None = None) -> None:
        """Put a mail into a mailbox, the company's or a customer's; `at`: when it says that it came."""
        if to.lower() in self.received and self.imap is not None:
            await self.imap.append(to.lower(), mail, at)
        else:
            self.boxes.setdefault(to.lower(), []).append(mail)


# --- SMTP


class Door:
    """What the SMTP server answers (aiosmtpd's handler)."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def authenticate(
        self, server: SMTP, session: Any, envelope: Any, mechanism: str, data: Any
    ) -> AuthResult:
        fault = self._provider.fault("auth")
        known = (
            isinstance(data, LoginPassword)
            and self._provider.logins.get(data.login.decode()) == data.password.decode()
        )
        if fault or not known:
            return AuthResult(success=False, handled=False)
        session.login = data.login.decode()
        return AuthResult(success=True)

    async def handle_MAIL(
        self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if address.lower() != getattr(session, "login", "").lower():
            return self._refuse(f"553 5.7.1 {address} is not yours")
        if fault := self._provider.fault("mail"):
            return str(fault["answer"])
        envelope.mail_from = address
        return "250 2.1.0 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if fault := self._provider.fault("rcpt"):
            return str(fault["answer"])
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("fussy@"):
            return "550 5.7.1 we do not take mail of yours"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        await asyncio.sleep(self._provider.slow_seconds)
        if fault := self._provider.fault("data"):
            return str(fault["answer"])
        mail: bytes = envelope.content
        if wrong := faults_of(mail, envelope.mail_from):
            return self._refuse(f"554 5.6.0 {wrong}")
        for to in envelope.rcpt_tos:
            await self._provider.deliver(to, mail)
        if self._provider.fault("after_data"):  # taken, but the sender never hears so
            server.transport.abort()
        return "250 2.0.0 taken"

    def _refuse(self, answer: str) -> str:
        self._provider.refused.append(answer)
        return answer


def faults_of(mail: bytes, sender: str) -> str:
    """What of a mail breaks RFC 5322, 2045 or 2047; '' when nothing does."""
    head, _, body = mail.partition(b"\r\n\r\n")
    lines = mail.split(b"\r\n")
    if b"\n" in mail.replace(b"\r\n", b"") or b"\r" in mail.replace(b"\r\n", b""):
        return "a bare CR or LF"
    if any(len(line) > LINE_MAX for line in lines):
        return "a line is too long"
    if not head.isascii() or not body.isascii():
        return "bytes beyond ASCII without 8BITMIME"
    read = message_from_bytes(mail, policy=policy.default)
    if found := next((part.defects for part in read.walk() if part.defects), None):
        return f"defect {type(found[0]).__name__}"
    names = [name.lower() for name in read]
    for name in ("from", "to", "subject", "date", "message-id"):
        if names.count(name) != 1:
            return f"{names.count(name)} times {name}"
    if any(value.defects for value in read.values() if hasattr(value, "defects")):
        return "a field that cannot be read"
    if [one for _, one in getaddresses([str(read["From"])])] != [sender]:
        return "From is not who sends"
    if str(read["Subject"]).startswith("(광고)") and not _refusable(read):
        return "an advertisement without one-click List-Unsubscribe"
    return ""


def _refusable(mail: Any) -> bool:
    """RFC 8058, which large providers ask of bulk mail (https://support.google.com/a/answer/81126)."""
    one_click = str(mail.get("List-Unsubscribe-Post", "")) == "List-Unsubscribe=One-Click"
    return one_click and "<http" in str(mail.get("List-Unsubscribe", ""))


# --- IMAP


class ImapConfig(Config):
    """pymap's settings, whose IDLE can be switched off."""

    provider: Provider

    @property
    def backend_capability(self) -> BackendCapability:
        return BackendCapability(idle=self.provider.push, object_id=True, multi_append=True)


def _tell_at_once(inbox: Any) -> None:
    """Make IDLE tell what came before it began as well (RFC 2177): pymap waits for the next mail first."""
    update = inbox.update_selected

    async def updated(selected: Any, *, wait_on: Any = None) -> Any:
        known = selected.mod_sequence
        behind = known is not None and known < inbox._mod_sequences.highest
        return await update(selected, wait_on=None if behind else wait_on)

    inbox.update_selected = updated


class Imap:
    """The company's mailboxes on pymap's in-memory backend."""

    def __init__(self, provider: Provider, certificate: Certificate | None) -> None:
        self._provider, self._certificate = provider, certificate
        self._writers: set[asyncio.StreamWriter] = set()
        self._validity = 0

    async def start(self, host: str, port: int) -> int:
        given = {"host": host, "port": port, "debug": False, "cert": None, "key": None, "tls": False}
        demo = {"demo_data": False, "demo_user": "", "demo_password": ""}
        arguments = Namespace(passlib_cfg=None, proxy_protocol=None, **given, **demo)
        self._config = ImapConfig.from_args(arguments, invalid_user_sleep=0.0, reject_dnsbl=False)
        self._config.provider = self._provider
        self._config.apply_context()
        login = Login(self._config)
        passwords = Passwords(self._config)
        for name, password in self._provider.logins.items():
            hashed = await passwords.hash_password(password)
            login.users_dict[name] = UserMetadata(self._config, name, password=hashed)
            self._config.set_cache[name] = self._boxes()
        backend = DictBackend(login, self._config)
        talk = ProxyProtocolReader(self._config.proxy_protocol).get_callback(
            IMAPServer(backend.login, self._config)
        )

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._writers.add(writer)
            await talk(reader, writer)  # it goes on in a task of its own

        encrypted = self._certificate.server if self._certificate else None
        server = await asyncio.start_server(connected, host, port, ssl=encrypted)
        bound: int = server.sockets[0].getsockname()[1]
        return bound

    def _boxes(self) -> tuple[MailboxSet, FilterSet]:
        made = MailboxSet()
        self._validity += 1
        made._inbox._uid_validity = self._validity
        _tell_at_once(made._inbox)
        return made, FilterSet()

    async def append(self, login: str, mail: bytes, at: datetime | None = None) -> None:
        at = at or datetime.now(UTC)
        self._provider.received[login].append((mail, at))
        await self._put(login, mail, at)

    async def _put(self, login: str, mail: bytes, at: datetime) -> None:
        inbox = await self._config.set_cache[login][0].get_mailbox("INBOX")
        await inbox.append(AppendMessage(mail, at), recent=True)

    async def renumber(self) -> None:
        """Every mail gets another UID, lower than before, under another UIDVALIDITY; all are cut off."""
        for login, mails in self._provider.received.items():
            self._config.set_cache[login] = self._boxes()
            self._config.set_cache[login][0]._inbox._max_uid = 3
            for mail, at in mails:
                await self._put(login, mail, at)
        self.cut()

    def empty(self) -> None:
        """All mailboxes are as on their first day; all are cut off."""
        for login in self._provider.received:
            self._provider.received[login] = []
            self._config.set_cache[login] = self._boxes()
        self.cut()

    def cut(self) -> None:
        while self._writers:
            self._writers.pop().transport.abort()

    def flags(self, login: str) -> list[str]:
        inbox = self._config.set_cache[login][0]._inbox
        return [" ".join(sorted(map(str, one.permanent_flags))) for one in inbox._messages.values()]


# --- moving it


PROVIDER = web.AppKey("provider", Provider)


async def write(request: web.Request) -> web.Response:
    """`POST /standin/mail`: a customer writes; `raw` (base64) for a mail as it is, `at` for when it came."""
    provider, body = request.app[PROVIDER], await request.json()
    mail = base64.b64decode(body["raw"]) if "raw" in body else written(body)
    people = [address.lower() for _, address in getaddresses([body.get("to", ""), body.get("cc", "")])]
    provider.sent.setdefault(parseaddr(body.get("from", ""))[1].lower(), []).append(mail)
    for to in [body["deliver_to"]] if "deliver_to" in body else people:
        await provider.deliver(to, mail, datetime.fromisoformat(body["at"]) if "at" in body else None)
    identifier = message_from_bytes(mail).get("Message-ID")
    return web.json_response({"message_id": str(identifier)})


async def box(request: web.Request) -> web.Response:
    mails = request.app[PROVIDER].boxes.get(request.match_info["address"].lower(), [])
    return web.json_response([shown(mail) for mail in mails])


async def raw(request: web.Request) -> web.Response:
    mails = request.app[PROVIDER].boxes.get(request.match_info["address"].lower(), [])
    return web.json_response([base64.b64encode(mail).decode() for mail in mails])


async def fault(request: web.Request) -> web.Response:
    """`POST /standin/faults`: `{"where","answer","times"}` or `clear`, `slow_seconds`, `push`."""
    provider, body = request.app[PROVIDER], await request.json()
    if body.get("clear"):
        provider.faults.clear()
        provider.slow_seconds, provider.push = 0.0, True
        provider.refused.clear()
    if "where" in body:
        provider.faults.append({"answer": "", "times": 1, **body})
    provider.slow_seconds = body.get("slow_seconds", provider.slow_seconds)
    provider.push = body.get("push", provider.push)
    return web.json_response({})


async def renumber(request: web.Request) -> web.Response:
    imap = request.app[PROVIDER].imap
    assert imap
    await imap.renumber()
    return web.json_response({})


async def empty(request: web.Request) -> web.Response:
    imap = request.app[PROVIDER].imap
    assert imap
    imap.empty()
    return web.json_response({})


async def cut(request: web.Request) -> web.Response:
    imap = request.app[PROVIDER].imap
    assert imap
    imap.cut()
    return web.json_response({})


async def state(request: web.Request) -> web.Response:
    provider = request.app[PROVIDER]
    assert provider.imap
    flags = {login: provider.imap.flags(login) for login in provider.logins}
    return web.json_response({"refused": provider.refused, "flags": flags})


def build(provider: Provider) -> web.Application:
    app = web.Application(client_max_size=SIZE_MAX * 2)
    app[PROVIDER] = provider
    app.router.add_post("/standin/mail", write)
    app.router.add_get("/standin/box/{address}", box)
    app.router.add_get("/standin/raw/{address}", raw)
    app.router.add_post("/standin/faults", fault)
    app.router.add_post("/standin/renumber", renumber)
    app.router.add_post("/standin/cut", cut)
    app.router.add_post("/standin/empty", empty)
    app.router.add_get("/standin/state", state)
    mail_page.routes(app, provider)
    return app


async def smtp(provider: Provider, certificate: Certificate | None, given: Namespace, how: str) -> int:
    """An SMTP port: encrypted from the start (`smtps`), or by STARTTLS before anything else (`starttls`); for
    the demo not at all."""
    door = Door(provider)
    implicit = certificate.server if certificate and how == "smtps" else None
    encrypted: dict[str, Any] = {"auth_require_tls": False}
    if certificate and not implicit:
        encrypted = {"tls_context": certificate.server, "require_starttls": True}

    def made() -> SMTP:
        auth = {"authenticator": door.authenticate, "auth_required": True}
        return SMTP(door, data_size_limit=SIZE_MAX, **auth, **encrypted)

    port = given.smtp_port if how == "smtps" else 0
    listen: Callable[..., Any] = asyncio.get_running_loop().create_server
    server = await listen(made, given.host, port, ssl=implicit)
    bound: int = server.sockets[0].getsockname()[1]
    return bound


async def serve(given: Namespace) -> None:
    warnings.simplefilter("ignore")  # that a login needs no TLS of the library's own
    folder = Path(given.folder or ("" if given.plain else tempfile.mkdtemp(prefix="dangol-mail-")))
    certificate = None if given.plain else Certificate.make(folder)
    provider = Provider(dict(login.split(":", 1) for login in given.login))
    provider.imap = Imap(provider, certificate)
    told: dict[str, Any] = {"imaps": await provider.imap.start(given.host, given.imap_port)}
    told |= {how: await smtp(provider, certificate, given, how) for how in ("smtps", "starttls")}
    told["ca"] = str(certificate.authority) if certificate else ""
    runner = web.AppRunner(build(provider), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, given.host, given.port).start()
    bound = runner.addresses[0]
    print(json.dumps(told), f"http://{bound[0]}:{bound[1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8084)
    parser.add_argument("--imap-port", type=int, default=0)
    parser.add_argument("--smtp-port", type=int, default=0)
    parser.add_argument("--folder", default="", help="for the certificate; a temporary one when not given")
    parser.add_argument("--plain", action="store_true", help="without encryption, for the demo")
    parser.add_argument("--login", action="append", required=True, help="address:password of a mailbox")
    asyncio.run(serve(parser.parse_args()))
