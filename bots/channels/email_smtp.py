"""Handing mails to an SMTP server, and what its answers mean for them (RFC 5321, RFC 3463)."""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator

import aiosmtplib
import structlog

from bots.channels.base import Blocked, RetryLater, Undeliverable
from bots.channels.email_server import Server

log = structlog.get_logger()

CONNECTIONS = 3  # at once; providers close the door at about ten
IDLE_SECONDS = 20.0  # a connection not used for longer is asked whether it still lives
TIMEOUT_SECONDS = 50.0
LOGIN_PAUSE_SECONDS = 300.0
PAUSES = {421: 60.0, 450: 120.0, 451: 120.0, 452: 300.0}  # 450 and 451 are mostly greylisting
OTHER_PAUSE_SECONDS = 120.0
# Nobody is behind the address: RFC 3463 sections 3.2 (X.1.1, X.1.2, X.1.3, X.1.6, X.1.10) and 3.3 (X.2.1)
_NOBODY = re.compile(r"5\.(1\.(1|2|3|6|10)|2\.1)\b")
_STATUS = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")


class Postman:
    """A few connections to one server, kept between mails."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._free: list[tuple[aiosmtplib.SMTP, float]] = []
        self._room = asyncio.Semaphore(CONNECTIONS)

    async def send(self, sender: str, to: str, mail: bytes) -> None:
        """Hand over one mail. Raises what `Channel.send` may raise."""
        try:
            async with self._connection() as smtp:
                await smtp.sendmail(sender, [to], mail)
        except aiosmtplib.SMTPAuthenticationError as fault:
            log.error("mail.login_refused", host=self.server.host, code=fault.code)
            raise RetryLater(LOGIN_PAUSE_SECONDS) from fault
        except aiosmtplib.SMTPSenderRefused as fault:
            if fault.code < 500:
                raise RetryLater(_pause(fault.code)) from fault
            log.error("mail.sender_refused", host=self.server.host, code=fault.code)
            raise RetryLater(LOGIN_PAUSE_SECONDS) from fault
        except aiosmtplib.SMTPRecipientsRefused as fault:
            raise _of_recipient(fault.recipients[0]) from fault
        except aiosmtplib.SMTPResponseException as fault:
            raise _of_answer(fault) from fault

    async def check(self, sender: str) -> None:
        """Log in and begin a mail as `sender`, which is sent to nobody. Raises with what is wrong."""
        async with self._connection() as smtp:
            await smtp.mail(sender)
            await smtp.rset()

    async def close(self) -> None:
        """Say goodbye on every connection."""
        while self._free:
            smtp, _ = self._free.pop()
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await smtp.quit(timeout=2)

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[aiosmtplib.SMTP]:
        """A connection that is logged in; kept afterwards unless something went wrong on it."""
        async with self._room:
            smtp = await self._taken() or await self._made()
            try:
                yield smtp
            except aiosmtplib.SMTPResponseException as fault:
                self._keep(smtp) if fault.code != 421 and smtp.is_connected else smtp.close()
                raise
            except aiosmtplib.SMTPRecipientsRefused:
                self._keep(smtp)
                raise
            except BaseException:
                smtp.close()
                raise
            self._keep(smtp)

    async def _taken(self) -> aiosmtplib.SMTP | None:
        """A connection of before that still lives."""
        while self._free:
            smtp, since = self._free.pop()
            if smtp.is_connected and time.monotonic() - since < IDLE_SECONDS:
                with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                    await smtp.rset()
                    return smtp
            smtp.close()
        return None

    async def _made(self) -> aiosmtplib.SMTP:
        server = self.server
        smtp = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user or None,
            password=server.password or None,
            use_tls=server.tls,
            start_tls=server.starttls,
            tls_context=server.context() if server.tls or server.starttls else None,
            timeout=TIMEOUT_SECONDS,
        )
        try:
            await smtp.connect()
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _keep(self, smtp: aiosmtplib.SMTP) -> None:
        if smtp.is_connected:
            self._free.append((smtp, time.monotonic()))


def _pause(code: int) -> float:
    return PAUSES.get(code, OTHER_PAUSE_SECONDS)


def _of_recipient(fault: aiosmtplib.SMTPRecipientRefused) -> Exception:
    """A recipient refused for good is either nobody, or does not take mail of ours."""
    if fault.code < 500:
        return RetryLater(_pause(fault.code))
    status = _STATUS.search(fault.message)
    if _NOBODY.search(fault.message) or (status is None and fault.code in (550, 551, 553)):
        return Blocked()
    return Undeliverable(_reason(fault.code, fault.message))


def _of_answer(fault: aiosmtplib.SMTPResponseException) -> Exception:
    if fault.code < 500:
        return RetryLater(_pause(fault.code))
    return Undeliverable(_reason(fault.code, fault.message))


def _reason(code: int, message: str) -> str:
    """Codes alone: servers repeat addresses in their words."""
    status = _STATUS.search(message)
    return f"smtp {code} {status[0] if status else ''}".strip()
