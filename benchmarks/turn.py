"""What a turn costs: the same model and words through stock Rasa and through our worker.

    python -m benchmarks.turn [--quick]

Stock: `rasa run` (SQL tracker store on SQLite) and `rasa run actions --actions bots.rasa_actions`, spoken to
by REST. Ours: stored in the inbox, answered by the worker (SQLite, synchronous=FULL). CPU of all that works,
not of what asks; the sides take turns within one run.
"""

import argparse
import asyncio
import json
import logging
import os
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ.setdefault("RASA_TELEMETRY_ENABLED", "false")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from benchmarks.turn_sides import Customer, Ours, Side, Stock, company, engine_of, meet
    from bots import logs, settings, training, wiring
    from crm import db
    from nlu import train
    from nlu.engine import Engine

from benchmarks import common
from benchmarks.common import RESULTS, ROOT

SCRIPTS = {
    "ko": [
        "안녕하세요",
        "세탁기에서 물이 새요",
        "다음주 화요일 오후 3시",
        "영업시간이 어떻게 돼요?",
        "네 좋아요",
        "주소는 서울 마포구 월드컵로 12, 104동 301호예요",
        "제 번호는 010-1234-5678이에요",
        "아니 냉장고요",
        "!접수하기",
        "고마워요",
        "접수 현황 알려주세요",
        "수리비가 얼마예요?",
    ],
    "en": [
        "hello",
        "my washing machine is leaking",
        "next tuesday at 3 pm",
        "what are your opening hours?",
        "yes please",
        "my address is 12 World Cup-ro, Mapo-gu, Seoul",
        "my number is 010-1234-5678",
        "not the washer, my fridge is broken",
        "!Send it",
        "thank you",
        "what is the status of my request?",
        "how much does a repair cost?",
    ],
}
# What leaves nothing behind in the CRM, so that only the length of the dialogue differs.
ENDLESS = [
    "안녕하세요",
    "영업시간이 어떻게 돼요?",
    "세탁기에서 물이 새요",
    "다음주 화요일 오후 3시",
    "수리비가 얼마예요?",
    "네 좋아요",
    "그만할래요",
    "고마워요",
    "위치가 어디예요?",
    "접수 현황 알려주세요",
]
TAGS = ("with the parse", "without")
WINDOW = 30  # turns averaged around "the 10th" and "the 1,000th"


@dataclass
class Measured:
    """One side under one load."""

    turns: int = 0
    cpu: float = 0.0
    wall: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def cpu_ms(self) -> float:
        return 1000 * self.cpu / self.turns

    def row(self) -> list[Any]:
        at = [1000 * common.percentile(self.latencies, share) for share in (0.5, 0.99)]
        return [self.turns, self.cpu_ms, self.turns / self.cpu, self.turns / self.wall, *at]


@dataclass(frozen=True)
class Plan:
    """How much is measured: customers at once -> how often; turns of the long dialogue on each side."""

    loads: dict[int, int]
    long_ours: int
    long_stock: int


FULL = Plan({1: 4, 8: 1, 32: 1}, 1000, 150)
QUICK = Plan({2: 1}, 40, 36)


def cast(tag: str, plan: Plan) -> Iterator[Customer]:
    """Everybody who will speak, Korean and English in turn."""
    for load, times in plan.loads.items():
        for which in range(load * times):
            yield Customer(f"{tag[-4:]}-{load}-{which}", ("ko", "en")[which % 2])
    for language in ("ko", "en"):
        yield Customer(f"{tag[-4:]}-first-{language}", language)
    yield Customer(f"{tag[-4:]}-long", "ko")


async def talk(side: Side, customers: Sequence[Customer], into: Measured) -> None:
    """The whole script, in step."""
    side.latencies.clear()
    cpu, began = side.cpu(), time.perf_counter()
    for step in range(len(SCRIPTS["ko"])):
        await side.say([(customer, SCRIPTS[customer.language][step]) for customer in customers])
        into.turns += len(customers)
    into.cpu += side.cpu() - cpu
    into.wall += time.perf_counter() - began
    into.latencies += side.latencies


async def endless(side: Side, customer: Customer, turns: int) -> tuple[float, float]:
    """CPU-ms a turn early and late in one long dialogue."""
    used = [side.cpu()]
    for at in range(turns):
        await side.say([(customer, ENDLESS[at % len(ENDLESS)])])
        used.append(side.cpu())
    early, late = used[WINDOW + 5] - used[5], used[turns] - used[turns - WINDOW]
    return 1000 * early / WINDOW, 1000 * late / WINDOW


def same(ours: Sequence[Customer], stock: Sequence[Customer]) -> float:
    """The share of turns in which both sides said the same (but for the request's number)."""
    pairs = [
        (_plain(a), _plain(b))
        for one, other in zip(ours, stock, strict=True)
        for a, b in zip(one.said, other.said, strict=True)
    ]
    return sum(a == b for a, b in pairs) / len(pairs)


def _plain(texts: list[str]) -> str:
    words = " ".join(texts).split()
    return " ".join(word for word in words if not any(c.isdigit() for c in word) or "SR-" not in word)


async def known_model(engine: Engine, store: Path) -> Path:
    """The same domain and rules with a look-up in place of the pipeline."""
    root = store / "known"
    (root / "nlu").mkdir(parents=True, exist_ok=True)
    for name in ("data", "domain"):
        if not (root / "nlu" / name).exists():
            (root / "nlu" / name).symlink_to(ROOT / "nlu" / name)
    words = {w for script in (*SCRIPTS.values(), ENDLESS) for w in script if not w.startswith("!")}
    parsed = {text: await engine.parse(text, at=datetime.now(UTC)) for text in sorted(words)}
    for text, data in parsed.items():
        for ours in ("text", "text_tokens"):  # Rasa makes these itself
            data.pop(ours, None)
        if data.get("band") != "act":
            print(f"  not sure of {text!r}: {data['intent']}")
    (root / "known.json").write_text(json.dumps(parsed, ensure_ascii=False, default=float))
    rest = (ROOT / "config.yml").read_text().partition("policies:")
    head = rest[0].partition("pipeline:")[0]
    pipeline = f"pipeline:\n  - name: benchmarks.known_parse.KnownParse\n    table: {root / 'known.json'}\n\n"
    (root / "config.yml").write_text(head + pipeline + rest[1] + rest[2])
    return train.ensure_model(store, root=root, progress=print)


async def measure(plan: Plan, folder: Path) -> dict[str, Any]:
    """Both sides with the full model, then with the look-up in place of the parse."""
    mine = settings.Settings(data_dir=folder / "ours", sqlite_synchronous="FULL")
    full = training.present(settings.load(), root=ROOT).resolve()  # Rasa runs in another folder
    people = {(tag, side): list(cast(tag, plan)) for tag in TAGS for side in ("stock", "ours")}
    await company(mine)
    for tag in TAGS:
        for one, other in zip(people[tag, "ours"], people[tag, "stock"], strict=True):
            await meet(one)
            other.conversation_id, other.contact_id = one.conversation_id, one.contact_id
    engine = await engine_of(full)
    models = {"with the parse": full, "without": await known_model(engine, RESULTS / "models")}
    await db.close()
    for tag in TAGS:  # the actions of the stock side work on a copy of the same company
        shutil.copytree(folder / "ours", folder / tag.replace(" ", "_") / "var")
    found: dict[str, Any] = {}
    async with wiring.connected(mine):
        for tag, model in models.items():
            stock = Stock(model, folder / tag.replace(" ", "_"))
            ours = Ours(engine if model == full else await engine_of(model), mine)
            try:
                await stock.start()
                found[tag] = await compare(ours, stock, people[tag, "ours"], people[tag, "stock"], plan)
            finally:
                await stock.stop()
    return found


async def compare(
    ours: Ours, stock: Stock, mine: list[Customer], theirs: list[Customer], plan: Plan
) -> dict[str, Any]:
    """All loads in turn on both sides; then the long dialogue."""
    loads: dict[str, dict[str, Measured]] = {}
    at = 0
    for side, people in ((stock, theirs), (ours, mine)):  # what is slow the first time is not measured
        await talk(side, people[-3:-1], Measured())
    for load, times in plan.loads.items():
        both = loads.setdefault(str(load), {"stock": Measured(), "worker": Measured()})
        for _ in range(times):
            await talk(stock, theirs[at : at + load], both["stock"])
            await talk(ours, mine[at : at + load], both["worker"])
            at += load
    alike = same(mine[:at], theirs[:at])
    long = {
        "stock": await endless(stock, theirs[-1], plan.long_stock),
        "worker": await endless(ours, mine[-1], plan.long_ours),
    }
    return {"loads": loads, "alike": alike, "long": long}


def report(found: dict[str, Any], plan: Plan) -> bool:
    head = ["side", "customers", "turns", "CPU-ms/turn", "turns/CPU-s", "turns/s", "p50 ms", "p99 ms"]
    for tag, result in found.items():
        rows = [
            [side, load, *measured.row()]
            for load, both in result["loads"].items()
            for side, measured in both.items()
        ]
        common.table(f"Turns {tag} (the same words from both sides: {result['alike']:.0%})", head, rows)
    rows = [
        [side, tag, turns, *result["long"][side], result["long"][side][1] / result["long"][side][0]]
        for tag, result in found.items()
        for side, turns in (("stock", plan.long_stock), ("worker", plan.long_ours))
    ]
    common.table("One long dialogue, CPU-ms a turn", ["side", "", "turns", "10th", "last", "last/10th"], rows)
    return common.judged(
        {
            "stock/worker CPU without the parse": (ratio(found["without"]), ">=", 6),
            "stock/worker CPU with the parse": (ratio(found["with the parse"]), ">=", 3),
            "turns a core-second without the parse": (1000 / mean(found["without"], "worker"), ">=", 100),
            "last/10th turn of a dialogue": (
                found["without"]["long"]["worker"][1] / found["without"]["long"]["worker"][0], "<=", 1.2,
            ),
        }
    )  # fmt: skip


def mean(result: dict[str, Any], side: str) -> float:
    """CPU-ms a turn over all loads."""
    measured = [both[side] for both in result["loads"].values()]
    return 1000 * sum(one.cpu for one in measured) / sum(one.turns for one in measured)


def ratio(result: dict[str, Any]) -> float:
    return mean(result, "stock") / mean(result, "worker")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few turns only: does it run?")
    plan = QUICK if parser.parse_args().quick else FULL
    logs.configure("benchmark", level=logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="dangol-bench-") as folder:
        found = asyncio.run(measure(plan, Path(folder)))
    met = report(found, plan)
    common.save("turn", json.loads(json.dumps(found, default=vars)))
    return 0 if met or plan is QUICK else 1


if __name__ == "__main__":
    sys.exit(main())
