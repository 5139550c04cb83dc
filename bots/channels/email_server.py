"""Mail servers from their addresses in the settings: host, login, and the encryption that is asked for."""

import ssl
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_PORTS = {"smtps": 465, "smtp": 587, "starttls": 587, "imaps": 993, "imap": 143}


@dataclass(frozen=True)
class Server:
    """A mail server as a setting names it. A certificate authority of one's own is `?ca=/path/to.pem`."""

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    folder: str = "INBOX"
    authority: str = ""

    @property
    def tls(self) -> bool:
        """Encrypted from the first byte (RFC 8314)."""
        return self.scheme in ("smtps", "imaps")

    @property
    def starttls(self) -> bool:
        """Encrypted before the login: always, but on this machine."""
        return self.scheme == "starttls" or (self.scheme == "smtp" and self.host not in LOOPBACK)

    def context(self) -> ssl.SSLContext:
        """What certificates are believed."""
        return ssl.create_default_context(cafile=self.authority or None)


def read(url: str) -> Server:
    """The server at an address such as `smtps://user:password@host:465`."""
    parts = urlsplit(url)
    return Server(
        scheme=parts.scheme,
        host=parts.hostname or "",
        port=parts.port or _PORTS.get(parts.scheme, 0),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        folder=unquote(parts.path.strip("/")) or "INBOX",
        authority=parse_qs(parts.query).get("ca", [""])[0],
    )
