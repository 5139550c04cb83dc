"""What every page needs, under typed keys of the aiohttp application."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from aiohttp import web

from bots.demo.standins import Window

HERE = Path(__file__).parent


@dataclass(frozen=True)
class WebConfig:
    """The settings that concern pages, filled by the composition root."""

    secret_key: bytes
    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Seoul"))
    locale: str = "ko"
    public_url: str = ""  # "" = the address the browser used
    upload_max_mb: int = 20
    chat_origins: Sequence[str] = ()  # sites that may embed the chat, e.g. https://shop.example
    chat_visitor_secret: str = field(default="", repr=False)
    trusted_proxies: Sequence[str] = ()  # addresses or networks whose X-Forwarded-* is believed
    demo: bool = False
    demo_password: str = ""  # shown on the demo page
    demo_windows: Sequence[Window] = ()  # phones and windows of stand-ins, shown there
    assist_dir: Path = Path("var/assist")  # where the built desktop agent lies
    slack_apps: Sequence[str] = ()  # through which workspaces can be connected; "" is the first
    media_url: str = ""  # where pages reach media processes; "" = the front relays
    transcribes: bool = False  # whether recordings of calls are written down
    telegram: bool = False  # whether customers can go on there
    notice_channels: Sequence[str] = ("web",)  # on which messages that start with us may go out
    loopback_only: bool = True  # the server listens on loopback alone

    @property
    def secure(self) -> bool:
        """Whether browsers reach us by HTTPS, so that cookies may be marked Secure."""
        return self.public_url.startswith("https://")

    @property
    def upload_max_bytes(self) -> int:
        return self.upload_max_mb * 1024 * 1024


CONFIG = web.AppKey("config", WebConfig)
# Where a customer opens our Telegram bot with a token (crm/linking.py); "" while it does not answer.
OPENING: web.AppKey[Callable[[str], Awaitable[str]]] = web.AppKey("opening")


def assets_version() -> str:
    """A short hash of everything under static/, so that a new release is fetched at once."""
    digest = hashlib.sha256()
    for path in sorted((HERE / "static").rglob("*")):
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:10]
