"""AlimTalk: notices by approved templates to a phone number, whether they are a friend of the channel or not.

What is said is the template's text: `crm/message_templates.py` has filled and checked it before it was put
into the outbox. Nobody can write back here. Reports come in with those of SMS.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

from aiohttp import web

from bots.channels.base import Caps, Outbound, Ports, Receive, Undeliverable, Wire
from bots.channels.phone_provider import Parcel, Provider, Template, choose
from crm.inbox import Inbound

# Characters and buttons of a whole message (https://kakaobusiness.gitbook.io/main/ad/bizmessage/notice-friend).
CAPS = Caps(text_max=1000, choices_max=5, label_max=14, links=True, messages_max=1)


class AlimTalkChannel:
    """One sender profile."""

    name: ClassVar[str] = "alimtalk"
    caps: ClassVar[Caps] = CAPS
    exclusive = False

    def __init__(self, account: str, profile: str, provider: Provider, ports: Ports) -> None:
        self.account = account
        self._profile = profile
        self._provider = provider
        self._ports = ports

    def parse(self, payload: Mapping[str, Any]) -> Inbound | None:
        """Never a message: customers answer in KakaoTalk's own chat, which is another channel."""
        return None

    async def run(self, receive: Receive) -> None:
        await asyncio.Event().wait()

    def routes(self, app: web.Application, receive: Receive) -> None:
        """None of its own: the provider reports SMS and AlimTalk to one address."""

    def render(self, message: Outbound) -> list[Wire]:
        """One wire of a template. Raises `Undeliverable`: `no_template`, `too_long`."""
        template = message.data.get("template") or {}
        if not template.get("code"):
            raise Undeliverable("no_template")
        if self.caps.measure(message.text) > self.caps.text_max:
            raise Undeliverable("too_long")
        payload = {"code": template["code"], "variables": dict(template.get("variables") or {})}
        return [Wire(key=message.key, to=message.external_user, payload=payload)]

    async def send(self, message: Wire) -> str:
        template = Template(self._profile, message.payload["code"], message.payload["variables"])
        return await self._provider.send(Parcel(message.key, message.to, "ATA", template=template))

    async def check(self) -> str:
        return await self._provider.check(profile=self._profile)

    async def close(self) -> None:
        await self._provider.close()


def make(account: str, values: Mapping[str, str], ports: Ports) -> AlimTalkChannel:
    """The sender profile of one account's settings."""
    return AlimTalkChannel(account, values["profile"], choose(values), ports)
