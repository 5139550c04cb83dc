"""What `dangol check` says of a mail server that does not do its part: setting, fault, what to do. Pure."""

import ssl

import aiosmtplib

from bots.channels.email_imap import Refused
from bots.channels.email_server import Server

LOGIN = "user or password is refused; use an application password, and write @ as %40"


def smtp(fault: Exception, server: Server, sender: str) -> str:
    """Of sending. Nothing of the address but host and port is told."""
    told = f"SMTP_URL: {_plain(fault)}"
    if isinstance(fault, aiosmtplib.SMTPAuthenticationError):
        return f"{told}: {LOGIN}"
    if isinstance(fault, aiosmtplib.SMTPSenderRefused):
        return (
            f"MAIL_FROM: {_plain(fault)}: the login may not write as {sender}; "
            "give its own address, or allow this one at the provider"
        )
    return f"{told}: {_way(fault, server)}"


def imap(fault: Exception, server: Server) -> str:
    """Of reading."""
    told = f"IMAP_URL: {_plain(fault)}"
    if isinstance(fault, Refused) and fault.command == "LOGIN":
        return f"{told}: {LOGIN}; IMAP must be on in the mailbox"
    if isinstance(fault, Refused) and fault.command == "SELECT":
        return f"{told}: there is no folder {server.folder}; it is the path of the address, mostly INBOX"
    return f"{told}: {_way(fault, server)}"


def _plain(fault: Exception) -> str:
    return f"{type(fault).__name__} {str(fault)[:120]}".strip()


def _way(fault: Exception, server: Server) -> str:
    """What may lie between us and the server."""
    where = f"{server.host}:{server.port}"
    if isinstance(fault, ssl.SSLCertVerificationError) or "certificate" in str(fault):
        return f"the certificate of {where} is not believed; give the right host name, or ?ca=/path/ca.pem"
    if isinstance(fault, ssl.SSLError) or "[SSL: " in str(fault):
        return f"{where} speaks no TLS from the first byte; smtps:// is port 465, smtp:// 587, imaps:// 993"
    return f"{where} does not do as asked; look at host, port, firewall"
