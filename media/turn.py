"""Time-limited credentials of a TURN server that shares a secret with us (coturn: use-auth-secret).

draft-uberti-behave-turn-rest-00: the user name is `expiry:name`, the password an HMAC-SHA1 over it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

LIFETIME: Final = timedelta(hours=2)  # an allocation lives on; only new ones need a fresh password


@dataclass(frozen=True)
class Turn:
    """A TURN server, as the settings name it; an empty address means there is none."""

    url: str = ""
    secret: str = ""

    @property
    def urls(self) -> list[str]:
        """The address for each transport; without one in the setting, UDP and TCP."""
        if not self.url or "?" in self.url:
            return [self.url] if self.url else []
        kinds = ("tcp",) if self.url.startswith("turns:") else ("udp", "tcp")
        return [f"{self.url}?transport={kind}" for kind in kinds]

    def ice(self, name: str, now: datetime) -> list[Mapping[str, Any]]:
        """The list of ICE servers for one participant, as RTCPeerConnection takes it."""
        if not self.url or not self.secret:
            return []
        username, password = self.credentials(name, now)
        return [{"urls": self.urls, "username": username, "credential": password}]

    def credentials(self, name: str, now: datetime) -> tuple[str, str]:
        """User name and password, good for `LIFETIME` from `now` (aware)."""
        username = f"{int((now + LIFETIME).timestamp())}:{name}"
        digest = hmac.new(self.secret.encode(), username.encode(), hashlib.sha1).digest()
        return username, base64.b64encode(digest).decode()
