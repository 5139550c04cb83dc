"""`dangol check` tells whether calls could be made."""

from pathlib import Path

import pytest

from media import probing
from media.turn import Turn
from media.udp import UdpPort, local_addresses
from tests.media.house import clock
from tests.media.turning import coturn


async def test_our_port_answers_a_check() -> None:
    assert await probing.binding(local_addresses(loopback=True), range(43000, 43100)) in range(43000, 43100)


async def test_a_taken_range_of_ports_is_said() -> None:
    addresses = local_addresses(loopback=True)
    taken = UdpPort(addresses, range(43100, 43200))
    try:
        with pytest.raises(OSError, match="MEDIA_PORTS"):
            await probing.binding(addresses, [taken.port])
    finally:
        taken.close()


async def test_a_relay_without_anybody_there_is_said() -> None:
    with pytest.raises(probing.Unreachable):
        await probing.allocation(Turn("turn:127.0.0.1:9?transport=tcp", "a secret of a server"), clock())


@pytest.mark.full
async def test_a_relay_gives_addresses_by_udp_and_tcp_but_not_with_a_wrong_secret(tmp_path: Path) -> None:
    async with coturn(tmp_path) as turn:
        found = await probing.allocation(turn, clock())
        assert [one.rpartition(" ")[2] for one in found] == ["udp", "tcp"]
        with pytest.raises(probing.Unreachable):
            await probing.allocation(Turn(turn.url, "not the secret that it has"), clock())
