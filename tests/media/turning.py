"""A coturn of this test, which relays to loopback: never do that in production."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from media.turn import Turn
from media.udp import local_addresses
from tests.browser.serving import free_port

SECRET = "a secret shared with the relay"


def own_address() -> str:
    """An IPv4 address of this machine that browsers use: not loopback, if there is another."""
    found = [address for address in local_addresses(loopback=True) if ":" not in address]
    return found[-1]


@contextlib.asynccontextmanager
async def coturn(folder: Path, transport: str = "") -> AsyncIterator[Turn]:
    """A running TURN server; `transport`: `udp` or `tcp` if only one shall be used."""
    if shutil.which("turnserver") is None:
        pytest.skip("needs coturn: apt-get install coturn")
    address, port = own_address(), free_port()
    server = await asyncio.create_subprocess_exec(
        "turnserver", "-n", "--no-cli", "--use-auth-secret", f"--static-auth-secret={SECRET}", "--realm=test",
        f"--listening-ip={address}", f"--relay-ip={address}", f"--listening-port={port}", "--no-tls",
        "--no-dtls",
        "--allow-loopback-peers", "--log-file=stdout", f"--pidfile={folder / 'turn.pid'}",
        f"--userdb={folder / 'turn.db'}", "--min-port=51000", "--max-port=51999",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await _until_open(address, port)
        yield Turn(f"turn:{address}:{port}" + (f"?transport={transport}" if transport else ""), SECRET)
    finally:
        server.terminate()
        await server.wait()


async def _until_open(address: str, port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(address, port)
            writer.close()
            return
        await asyncio.sleep(0.05)
    raise TimeoutError("coturn did not start")
