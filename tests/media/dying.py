"""A media process that can be killed: the same house, kept in files that the next process reads.

`python -m tests.media.dying FOLDER` serves until it is killed; its address is the first line it prints.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from media.ports import Segment
from tests.media.house import House, Recordings, process, seat

ROOT = Path(__file__).parents[2]


@dataclass
class KeptRecordings(Recordings):
    """Keys and files that outlive a process."""

    async def open(self, room: str, now: datetime) -> tuple[int, bytes]:
        number, key = await super().open(room, now)
        notes = self.house.folder / "keys.json"
        notes.write_text(json.dumps({**_read(notes), str(number): [room, key.hex()]}))
        return number, key

    async def keep(self, segment: Segment) -> None:
        await super().keep(segment)
        told = {"name": segment.path.name, "participant": segment.participant, "repaired": segment.repaired}
        told |= {"sha256": segment.sha256, "bytes": segment.bytes, "plain_bytes": segment.plain_bytes}
        told |= {"duration_ms": segment.duration_ms, "started_at": segment.started_at.isoformat()}
        with (self.house.folder / "kept.jsonl").open("a") as notes:
            notes.write(json.dumps(told) + "\n")


def _read(path: Path) -> dict[str, list[str]]:
    return dict(json.loads(path.read_text())) if path.exists() else {}


async def main(folder: Path) -> None:
    """Serve a room for two who agree to be recorded."""
    house = House(folder, recordings=KeptRecordings)
    house.seats = {"c": seat("r1", "c"), "s": seat("r1", "s", "staff")}
    for number, (room, key) in _read(folder / "keys.json").items():
        house.keys[int(number)], house.rooms[int(number)] = bytes.fromhex(key), room
        house.agreed |= {(room, "c"): True, (room, "s"): True}  # consents are kept by the CRM
    async with process(house, name=f"p{os.getpid()}") as made:
        print(made.address, flush=True)
        await asyncio.Event().wait()


@asynccontextmanager
async def mortal(folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A process as `main`, and its address."""
    command = ["-W", "ignore", "-m", "tests.media.dying", str(folder)]
    made = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert made.stdout
    address = (await made.stdout.readline()).decode().strip()
    try:
        yield made, address
    finally:
        if made.returncode is None:
            made.kill()
        await made.wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
