"""Leases: one holder at a time."""

from datetime import UTC, datetime, timedelta

from crm import leases, processes

AT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)


async def test_only_one_holds_a_lease_until_it_ends(any_db):
    me, you = processes.holder("front"), processes.holder("front")
    assert await leases.hold("poller", me, AT, 30)
    assert not await leases.hold("poller", you, AT, 30)
    assert await leases.hold("poller", me, AT + timedelta(seconds=20), 30)
    assert not await leases.hold("poller", you, AT + timedelta(seconds=40), 30)
    assert await leases.hold("poller", you, AT + timedelta(seconds=51), 30)
    assert not await leases.hold("poller", me, AT + timedelta(seconds=52), 30)


async def test_a_dropped_lease_is_free_at_once(any_db):
    assert await leases.hold("poller", "me", AT)
    await leases.drop("poller", "you")
    assert not await leases.hold("poller", "you", AT)
    await leases.drop("poller", "me")
    assert await leases.hold("poller", "you", AT)


async def test_the_lease_of_a_dead_process_is_free_at_once(any_db):
    me = processes.holder("front")
    machine, pid, _, rest = me.rsplit("/", 3)
    assert await leases.hold("poller", f"{machine}/{pid}/1/{rest}", AT)
    assert await leases.hold("poller", me, AT)


async def test_live_processes_are_those_seen_lately(any_db):
    name = processes.holder("worker")
    await processes.heartbeat(name, "worker", now=AT, model="abc", metrics={"turns": 3})
    (running,) = await processes.live(AT + timedelta(seconds=10), "worker")
    assert (running.name, running.model, running.metrics) == (name, "abc", {"turns": 3})
    assert await processes.live(AT + timedelta(seconds=10), "front") == []
    assert await processes.live(AT + timedelta(seconds=processes.LIVE_SECONDS + 1)) == []
    assert await processes.forget_old(AT + timedelta(days=2)) == 1
