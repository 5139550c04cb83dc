"""SMS and LMS: short texts of 90 bytes, long ones of 2,000, in cp949 (see cp949_text.py).

Whoever provides them is behind `phone_provider.Provider`. Delivery reports come in at `/reports/sms`, also
those of AlimTalk, and messages to us at `/channels/sms`.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from aiohttp import web

from bots.channels import cp949_text
from bots.channels.base import Caps, Outbound, Ports, Receive, Undeliverable, Wire
from bots.channels.cp949_text import LMS_MAX, kind_of
from bots.channels.message_parts import parts
from bots.channels.phone_hooks import hook
from bots.channels.phone_provider import Parcel, Provider, choose
from bots.web import i18n
from crm.formats import normalise_phone
from crm.inbox import Inbound

CAPS = Caps(text_max=LMS_MAX, measure=cp949_text.measure)


class SmsChannel:
    """One sender number."""

    name: ClassVar[str] = "sms"
    caps: ClassVar[Caps] = CAPS
    exclusive = False

    def __init__(self, account: str, provider: Provider, ports: Ports) -> None:
        self.account = account
        self._provider = provider
        self._ports = ports

    # --- in

    def parse(self, payload: Mapping[str, Any]) -> Inbound | None:
        """A message as the provider's file read it (`phone_provider.Received`); None without a phone."""
        sender = normalise_phone(str(payload.get("sender", "")))
        if sender is None:
            return None
        return Inbound(
            channel=self.name,
            channel_account=self.account,
            external_user=sender,
            external_id=str(payload["id"]),
            text=str(payload["text"]),
            received_at=payload.get("at") or datetime.now(UTC),
        )

    async def run(self, receive: Receive) -> None:
        """The provider calls us; there is nothing to listen to."""
        await asyncio.Event().wait()

    def routes(self, app: web.Application, receive: Receive) -> None:
        end = f"/{self.account}" if self.account else ""

        async def reports(body: Any) -> None:
            for report in self._provider.reports(body):
                await self._ports.reported(report)

        async def messages(body: Any) -> None:
            for one in self._provider.received(body):
                if inbound := self.parse(asdict(one)):
                    await receive(inbound)

        app.router.add_post(f"/reports/sms{end}", hook(self._provider, reports))
        app.router.add_post(f"/channels/sms{end}", hook(self._provider, messages))

    # --- out

    def render(self, message: Outbound) -> list[Wire]:
        """Texts within LMS, each SMS if it is short enough. What cp949 cannot write stands behind
        `more_url`; raises `Undeliverable("not_in_cp949")` when there is none."""
        cut = [part for part in parts(_readable(message), self.caps) if cp949_text.written(part.text).strip()]
        return [
            Wire(
                key=message.key if len(cut) == 1 else f"{message.key}.{number}",
                to=message.external_user,
                payload=_payload(part.text),
            )
            for number, part in enumerate(cut, 1)
        ]

    async def send(self, message: Wire) -> str:
        parcel = Parcel(message.key, message.to, message.payload["kind"], message.payload["text"])
        return await self._provider.send(parcel)

    # --- set-up

    async def check(self) -> str:
        return await self._provider.check()

    async def close(self) -> None:
        await self._provider.close()


def _payload(text: str) -> dict[str, str]:
    said = cp949_text.written(text)
    return {"kind": kind_of(said), "text": said}


def _readable(message: Outbound) -> Outbound:
    if not cp949_text.foreign(message.text):
        return message
    if not message.more_url:
        raise Undeliverable("not_in_cp949")
    lang = message.lang if message.lang in i18n.LANGUAGES else "ko"
    return replace(message, text=i18n.t(lang, "channels.read_there", url=message.more_url))


def make(account: str, values: Mapping[str, str], ports: Ports) -> SmsChannel:
    """The sender number of one account's settings."""
    return SmsChannel(account, choose(values), ports)
