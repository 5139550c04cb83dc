"""Rooms of live support are pinned to one media process, by leases that any front reads."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from bots.live_registry import LEASE_SECONDS, LeaseRegistry
from crm import processes
from media.ports import Place

ADDRESS = "http://127.0.0.1:4000"


@pytest.fixture
def registry(any_db: Any) -> LeaseRegistry:
    return LeaseRegistry()


async def beat(registry: LeaseRegistry, name: str, now: datetime, load: float = 0.1) -> None:
    await registry.heartbeat(Place(name, ADDRESS, 1, load, True), now)


async def test_of_many_that_want_a_room_at_once_one_gets_it(registry: LeaseRegistry, now: datetime) -> None:
    names = [processes.holder("media") for _ in range(6)]
    holders = await asyncio.gather(*(registry.hold("r1", name, now) for name in names))
    assert len(set(holders)) == 1
    assert holders[0] in names
    assert await registry.holder("r1", now) == holders[0]


async def test_a_room_is_free_when_its_process_of_this_machine_died(
    registry: LeaseRegistry, now: datetime
) -> None:
    ours = processes.holder("media")
    other = await asyncio.create_subprocess_exec("sleep", "60")
    machine, _, _, kind = ours.rsplit("/", 3)
    dying = f"{machine}/{other.pid}/{processes._started(other.pid)}/{kind}"
    assert await registry.hold("r1", dying, now) == dying
    assert await registry.hold("r1", ours, now) == dying
    other.kill()
    await other.wait()
    assert await registry.holder("r1", now) is None
    assert await registry.hold("r1", ours, now) == ours


async def test_another_machines_room_is_free_when_its_lease_ran_out(
    registry: LeaseRegistry, now: datetime
) -> None:
    ours, far = processes.holder("media"), "elsewhere/boot/1/7/1/media-1"
    assert await registry.hold("r1", far, now) == far
    late = now + timedelta(seconds=LEASE_SECONDS - 1)
    assert await registry.hold("r1", ours, late) == far
    assert await registry.hold("r1", ours, late + timedelta(seconds=2)) == ours


async def test_places_are_the_live_processes_the_least_loaded_first(
    registry: LeaseRegistry, now: datetime
) -> None:
    busy, idle, old = "m/b/1/7/1/media-b", "m/b/1/8/1/media-i", "m/b/1/9/1/media-o"
    await beat(registry, busy, now, load=0.6)
    await beat(registry, idle, now, load=0.2)
    await beat(registry, old, now - timedelta(seconds=60))
    places = await registry.places(now)
    assert [place.process for place in places] == [idle, busy]
    assert places[0].address == ADDRESS


async def test_a_process_that_ends_in_order_frees_its_rooms(registry: LeaseRegistry, now: datetime) -> None:
    ours, next_one = processes.holder("media"), processes.holder("media")
    await beat(registry, ours, now)
    await registry.hold("r1", ours, now)
    await registry.gone(ours)
    assert await registry.places(now) == []
    assert await registry.hold("r1", next_one, now) == next_one
