"""What a provider of SMS and AlimTalk is: one file each, chosen by the settings that are there.

A second one is a file `phone_<name>.py` with `make(values)` and a line in `PROVIDERS`.
"""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from crm.deliveries import Report

# The setting whose presence chooses a provider, and its file.
PROVIDERS: Final[Mapping[str, str]] = {"solapi_key": "bots.channels.phone_solapi"}


@dataclass(frozen=True)
class Template:
    """An approved AlimTalk template with its variables, named as in the text: `#{회사}` is '회사'."""

    profile: str
    code: str
    variables: Mapping[str, str]


@dataclass(frozen=True)
class Parcel:
    """One message to one phone. `kind`: SMS, LMS or ATA (AlimTalk, with `template`). `key` comes back in
    the delivery report."""

    key: str
    to: str  # E.164
    kind: str
    text: str = ""
    template: Template | None = None


@dataclass(frozen=True)
class Received:
    """An SMS that somebody sent to us. Numbers as the provider writes them."""

    id: str
    sender: str
    text: str
    at: datetime | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


class Provider(Protocol):
    """One account at a provider."""

    name: str

    async def send(self, parcel: Parcel) -> str:
        """The provider's id of the message. Raises `RetryLater` and `Undeliverable` of bots/channels/base.py;
        any other fault is tried again."""

    def vouched(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Does this request of a web hook come from the provider?"""

    def reports(self, body: Any) -> Sequence[Report]:
        """What became of messages; those still under way are left out. Raises `ValueError`."""

    def received(self, body: Any) -> Sequence[Received]:
        """Messages to us. Raises `ValueError`."""

    async def check(self, *, profile: str = "") -> str:
        """Prove key, sender number and (for AlimTalk) profile, and say what there is. Raises with what is
        wrong."""

    async def close(self) -> None:
        """End its threads."""


def choose(values: Mapping[str, str]) -> Provider:
    """The provider whose settings are there. Raises `ValueError` when none is."""
    for setting, module in PROVIDERS.items():
        if values.get(setting):
            made: Provider = importlib.import_module(module).make(values)
            return made
    raise ValueError("missing: " + " or ".join(f"DANGOL_{setting.upper()}" for setting in PROVIDERS))
