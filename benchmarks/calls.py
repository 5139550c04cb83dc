"""Calls through `dangol media`, through Janus and through aiortc's relay: share of a core a call.

    python -m benchmarks.calls [--calls 8] [--seconds 15] [--rounds 3] [--quick]

Each side is measured in turn on this machine, forwarding and recording: CPU time of the server process (with
its threads and children) over the time that all calls run, by /proc. Synthetic participants send 640x480
pictures at 30 a second, 800 kbit/s VP8, and 50 Opus packets a second; both ways.
"""

import argparse
import asyncio
from collections.abc import Sequence
from typing import Any

import aiohttp
import uvloop

from benchmarks.calls_client import FPS, Participant, pictures
from benchmarks.calls_sides import AiortcRelay, Janus, Ours
from benchmarks.common import cpu_of, judged, median, percentile, save, table

WARM_SECONDS = 3.0


async def measure(
    side: Any, calls: int, seconds: float, frames: Sequence[Sequence[bytes]]
) -> dict[str, float]:
    """Run calls through a side; CPU share a call in percent of a core, and how media came through."""
    loop = asyncio.get_running_loop()
    async with side.running() as pid, aiohttp.ClientSession() as http:
        people: list[Participant] = []
        joins: list[float] = []
        kept = []
        for number in range(calls):
            pair = [Participant(frames), Participant(frames)]
            began = loop.time()
            kept += await side.call(number, pair, http)
            people += pair
            await asyncio.wait_for(asyncio.gather(*(one.shown.wait() for one in pair)), 10)
            joins.append(max(one.first_picture_at for one in pair) - began)
        await asyncio.sleep(WARM_SECONDS)
        counted = [one.received for one in people]
        cpu, at = cpu_of(pid), loop.time()
        await asyncio.sleep(seconds)
        used, lasted = cpu_of(pid) - cpu, loop.time() - at
        came = [(one.received - before) / lasted for one, before in zip(people, counted, strict=True)]
        for one in people:
            await one.close()
        for connection in kept:
            await connection.close()
    return {
        "share": 100 * used / lasted / calls,
        "packets": min(came),
        "join_p50": percentile(joins, 0.5),
        "join_p95": percentile(joins, 0.95),
    }


async def run(calls: int, seconds: float, rounds: int, *, relay: bool) -> dict[str, dict[str, float]]:
    """All sides, `rounds` times in turn; the median of each figure."""
    frames = pictures()
    told = sum(len(part) for frame in frames for part in frame) * 8 / (len(frames) / FPS) / 1000
    print(f"{calls} calls, {told:.0f} kbit/s of pictures each way, {rounds} rounds of {seconds:.0f} s")
    sides: dict[str, tuple[Any, int]] = {}
    for record in (False, True):
        for made in (Ours(record), Janus(record)):
            sides[f"{made.name}, {'recorded' if record else 'forwarded'}"] = made, calls
    if relay:
        sides[AiortcRelay.name] = AiortcRelay(), 1
    found: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, (side, count) in sides.items():
            found[name].append(await measure(side, count, seconds, frames))
    return {name: {key: median([r[key] for r in rs]) for key in rs[0]} for name, rs in found.items()}


def main() -> None:
    """Measure, print, keep the result."""
    read = argparse.ArgumentParser(description=__doc__)
    read.add_argument("--calls", type=int, default=8)
    read.add_argument("--seconds", type=float, default=15.0)
    read.add_argument("--rounds", type=int, default=3)
    read.add_argument("--quick", action="store_true")
    given = read.parse_args()
    if given.quick:
        given.calls, given.seconds, given.rounds = 1, 3.0, 1
    result = uvloop.run(run(given.calls, given.seconds, given.rounds, relay=True))
    rows = [[n, r["share"], r["packets"], r["join_p50"], r["join_p95"]] for n, r in result.items()]
    table("Calls", ["side", "% of a core a call", "packets/s each", "first picture p50 s", "p95 s"], rows)
    ours, janus = "dangol media, {}", "janus, {}"
    share = {name: r["share"] for name, r in result.items()}
    judged(
        {
            "forwarded: ours / janus": (
                share[ours.format("forwarded")] / share[janus.format("forwarded")], "<=", 1.2),
            "recorded: ours / janus": (
                share[ours.format("recorded")] / share[janus.format("recorded")], "<=", 1.5),
            "aiortc relay / ours": (share[AiortcRelay.name] / share[ours.format("forwarded")], ">=", 15.0),
            "first picture p50 s": (result[ours.format("forwarded")]["join_p50"], "<=", 1.5),
            "first picture p95 s": (result[ours.format("forwarded")]["join_p95"], "<=", 3.0),
        }
    )  # fmt: skip
    print(save("calls", {"calls": given.calls, "seconds": given.seconds, "sides": result}))


if __name__ == "__main__":
    main()
