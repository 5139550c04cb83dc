"""Whether calls could be made: our UDP port answers, and the TURN server gives a relay address."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from aioice import Candidate, Connection, TransportPolicy

from media.turn import Turn
from media.udp import Line, UdpPort

SECONDS: Final = 6.0


class Unreachable(Exception):
    """What could not be reached, and how it was tried."""


async def binding(addresses: Sequence[str], ports: Sequence[int]) -> int:
    """Bind a UDP port as a media process does and have a client's connectivity check answered; the port.

    Raises `OSError` when no port is free and `Unreachable` without an answer.
    """
    udp = UdpPort(addresses, ports)
    line = Line(lambda datagram: None)
    udp.add(line)
    client = Connection(ice_controlling=True)
    client.remote_is_lite = True
    client.remote_username, client.remote_password = line.username, line.password
    try:
        await client.gather_candidates()
        for host, port in udp.candidates:
            await client.add_remote_candidate(Candidate("1", 1, "udp", 1, host, port, "host"))
        await client.add_remote_candidate(None)
        await asyncio.wait_for(client.connect(), SECONDS)
    except (TimeoutError, ConnectionError):
        raise Unreachable(f"UDP port {udp.port} gives no answer: is there a firewall?") from None
    finally:
        await client.close()
        udp.close()
    return udp.port


async def allocation(turn: Turn, now: datetime) -> list[str]:
    """Ask the TURN server for a relay address by each transport; the addresses. Raises `Unreachable`."""
    return [await _allocate(url, *turn.credentials("check", now)) for url in turn.urls]


async def _allocate(url: str, username: str, password: str) -> str:
    found = re.fullmatch(r"(turns?):(\[[^\]]+\]|[^:?]+)(?::(\d+))?\?transport=(udp|tcp)", url)
    if found is None:
        raise Unreachable(f"{url} is no address of a TURN server")
    secure, transport = found[1] == "turns", found[4]
    client = Connection(
        ice_controlling=True,
        turn_server=(found[2].strip("[]"), int(found[3] or (5349 if secure else 3478))),
        turn_username=username,
        turn_password=password,
        turn_ssl=secure,
        turn_transport=transport,
        transport_policy=TransportPolicy.RELAY,
    )
    try:
        await asyncio.wait_for(client.gather_candidates(), SECONDS)
        if not client.local_candidates:
            doubt = "does it answer there, and is TURN_SECRET the server's?"
            raise Unreachable(f"TURN by {transport}: no relay address; {doubt}")
        return f"{client.local_candidates[0].host} by {transport}"
    except (TimeoutError, OSError) as fault:
        raise Unreachable(f"TURN by {transport}: {fault or 'no answer'}") from None
    finally:
        await client.close()
