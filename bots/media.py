"""The media process: rooms of live support, under uvloop, one a core."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import structlog
from aiohttp import web

from bots import live_ports, wiring
from bots.live_registry import KIND, LeaseRegistry
from bots.settings import Settings
from crm import processes
from media.ports import Ports
from media.server import Config, MediaProcess
from media.turn import Turn
from media.udp import local_addresses

log = structlog.get_logger()
_WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound


async def run(settings: Settings) -> None:
    """Hold rooms until SIGTERM or SIGINT."""
    async with wiring.connected(settings):
        registry = LeaseRegistry()
        tickets, journal, consents, recordings = live_ports.ports()
        ports = Ports(tickets, registry, journal, consents, recordings)
        process = MediaProcess(processes.holder(KIND), ports, config(settings), lambda: datetime.now(UTC))
        stopping = asyncio.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, stopping.set)
        async with listening(process, settings.host) as address:
            log.info("media ready", address=address, udp=process.udp_port)
            await stopping.wait()
            await process.stop()


def config(settings: Settings) -> Config:
    """What the settings say of media."""
    return Config(
        addresses=local_addresses(loopback=settings.loopback and not settings.media_public_ip),
        udp_ports=settings.udp_ports,
        public_ip=settings.media_public_ip,
        turn=Turn(settings.turn_url, settings.turn_secret),
        folder=settings.data_dir / "recordings",
    )


@contextlib.asynccontextmanager
async def listening(process: MediaProcess, host: str) -> AsyncIterator[str]:
    """Sockets of fronts and proxies, on the TCP port with the number of the UDP port, so that a proxy can be
    pointed at it (a free one where that is taken); gives the address announced to fronts."""
    app = web.Application()
    process.routes(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, process.udp_port).start()
        except OSError:
            await web.TCPSite(runner, host, 0).start()
        port = runner.addresses[0][1]
        shown = _own_address() if host in _WILDCARDS else host
        address = f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
        await process.start(address)
        yield address
    finally:
        await runner.cleanup()


def _own_address() -> str:
    """The address by which other machines reach this one: that of the route to the outside."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent; TEST-NET-1, RFC 5737
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
