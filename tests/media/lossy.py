"""A network that loses packets: a UDP relay between browsers and the media process, with its own dice."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from typing import Any


class Lossy(asyncio.DatagramProtocol):
    """Passes datagrams to `target`, a share of the media lost each way, the same ones at each run."""

    def __init__(self, target: tuple[str, int], share: float) -> None:
        self._target, self.share, self._dice = target, share, random.Random(5)
        self._back: dict[Any, asyncio.DatagramTransport] = {}
        self._opening: list[asyncio.Future[None]] = []
        self._closed = False
        self.passed = self.lost = 0

    def connection_made(self, transport: Any) -> None:
        self.transport: asyncio.DatagramTransport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        if self.drops(data):
            return
        known = self._back.get(address)
        if known is not None:
            known.sendto(data)
        else:
            self._opening.append(asyncio.ensure_future(self._open(data, address)))

    def drops(self, data: bytes) -> bool:
        """Whether this one is lost. Checks of ICE and handshakes pass: the loss begins with the media."""
        lose = data[0] > 127 and self._dice.random() < self.share
        self.lost += lose
        self.passed += not lose
        return lose

    async def _open(self, data: bytes, address: Any) -> None:
        if address not in self._back:
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: _Back(self, address), remote_addr=self._target
            )
            if self._closed or address in self._back:  # another packet of the same address was faster
                transport.close()
            else:
                self._back[address] = transport
        if address in self._back:
            self._back[address].sendto(data)

    def move(self) -> None:
        """Come from other ports from now on, as behind another router; the old ones lead nowhere."""
        for transport in self._back.values():
            transport.close()
        self._back.clear()

    def close(self) -> None:
        self._closed = True
        self.transport.close()
        for transport in self._back.values():
            transport.close()


class _Back(asyncio.DatagramProtocol):
    def __init__(self, net: Lossy, address: Any) -> None:
        self._net, self._address = net, address

    def datagram_received(self, data: bytes, address: Any) -> None:
        if not self._net.drops(data):
            self._net.transport.sendto(data, self._address)


@contextlib.asynccontextmanager
async def lossy(address: str, port: int, share: float) -> AsyncIterator[tuple[int, Lossy]]:
    """The port to send to instead of `port`, and the network's counts."""
    transport, net = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Lossy((address, port), share), local_addr=(address, 0)
    )
    try:
        yield transport.get_extra_info("sockname")[1], net
    finally:
        net.close()
