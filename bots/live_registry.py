"""Which media process holds which room: leases and heartbeat rows, which any front may read."""

from collections.abc import Sequence
from datetime import datetime

from crm import db, leases, processes
from media.ports import Place

KIND = "media"
LEASE_SECONDS = 30.0  # of a room; another machine's process may take it this long after a death


def _lease(room: str) -> str:
    return f"room:{room}"


class LeaseRegistry:
    """Rooms as leases, media processes as rows of `process`."""

    async def heartbeat(self, place: Place, now: datetime) -> None:
        told = {
            "address": place.address,
            "rooms": place.rooms,
            "load": round(place.load, 3),
            "accepts": place.accepts,
        }
        await processes.heartbeat(place.process, KIND, now=now, metrics=told)

    async def gone(self, process: str) -> None:
        await db.execute("DELETE FROM lease WHERE holder = ?", process)
        await processes.gone(process)

    async def places(self, now: datetime) -> Sequence[Place]:
        found = [_place(row) for row in await processes.live(now, KIND)]
        return sorted(found, key=lambda place: place.load)

    async def hold(self, room: str, process: str, now: datetime) -> str:
        for _ in range(3):
            if await leases.hold(_lease(room), process, now, LEASE_SECONDS):
                return process
            other = await self._lessee(room, now)
            if other is not None:
                return other
        raise TimeoutError("the room's lease changes hands too fast")

    async def release(self, room: str, process: str) -> None:
        await leases.drop(_lease(room), process)

    async def holder(self, room: str, now: datetime) -> str | None:
        name = await self._lessee(room, now)
        return None if name is None or processes.is_dead(name) else name

    async def _lessee(self, room: str, now: datetime) -> str | None:
        rows = await db.fetch(
            "SELECT holder FROM lease WHERE name = ? AND until >= ?", _lease(room), db.stamp(now)
        )
        return str(rows[0]["holder"]) if rows else None


def _place(row: processes.Running) -> Place:
    told = row.metrics
    return Place(
        process=row.name,
        address=str(told.get("address", "")),
        rooms=int(told.get("rooms", 0)),
        load=float(told.get("load", 1.0)),
        accepts=bool(told.get("accepts", False)),
    )
