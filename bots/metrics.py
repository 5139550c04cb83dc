"""Figures for operators. Workers report theirs as rows; the front turns all into Prometheus text."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from crm import watch

# Upper edges in seconds of the turn's latency, prepare to commit.
EDGES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Timings:
    """Latencies and bands of one worker since it started."""

    def __init__(self) -> None:
        self._buckets = [0] * (len(EDGES) + 1)
        self._sum = 0.0
        self._bands: Counter[str] = Counter()

    def turn(self, seconds: float, band: str) -> None:
        """Count one turn."""
        self._buckets[next((i for i, edge in enumerate(EDGES) if seconds <= edge), len(EDGES))] += 1
        self._sum += seconds
        self._bands[band] += 1

    def export(self) -> dict[str, Any]:
        """As a heartbeat row carries it."""
        return {"latency": self._buckets, "latency_sum": self._sum, "bands": dict(self._bands)}


async def exposition(now: datetime) -> bytes:
    """All figures in Prometheus' text format."""
    figures = await watch.figures(now)
    registry = CollectorRegistry()
    registry.register(_Figures(figures))
    return generate_latest(registry)


class _Figures:
    """One scrape's worth of figures, as a Prometheus collector."""

    def __init__(self, figures: watch.Figures) -> None:
        self._figures = figures

    def collect(self) -> Sequence[Any]:
        workers = [p.metrics for p in self._figures.processes if p.kind == "worker"]
        media = [p.metrics for p in self._figures.processes if p.kind == "media"]
        return [*self._queues(), *self._workers(workers), *self._media(media), *self._processes()]

    def _queues(self) -> list[Any]:
        depth = GaugeMetricFamily("dangol_queue_depth", "Rows that wait, by queue.", labels=["queue"])
        age = GaugeMetricFamily("dangol_queue_age_seconds", "Age of the oldest due row.", labels=["queue"])
        for name, queue in self._figures.queues.items():
            depth.add_metric([name], queue.depth)
            age.add_metric([name], queue.age_seconds)
        sent = GaugeMetricFamily("dangol_outbox_messages", "Outgoing messages by state.", labels=["state"])
        for state, count in self._figures.outbox.items():
            sent.add_metric([state], count)
        parked = GaugeMetricFamily("dangol_parked_messages", "Messages set aside.", self._figures.parked)
        return [depth, age, sent, parked]

    def _workers(self, workers: Sequence[Mapping[str, Any]]) -> list[Any]:
        latency = HistogramMetricFamily("dangol_turn_seconds", "A turn from claim to commit.")
        counts = [
            sum(w.get("latency", [0] * (len(EDGES) + 1))[i] for w in workers) for i in range(len(EDGES) + 1)
        ]
        running, buckets = 0, []
        for edge, count in zip((*map(str, EDGES), "+Inf"), counts, strict=True):
            running += count
            buckets.append((edge, running))
        latency.add_metric([], buckets, sum(float(w.get("latency_sum", 0)) for w in workers))
        bands = CounterMetricFamily("dangol_nlu_bands", "Messages by band of understanding.", labels=["band"])
        for band in sorted({b for w in workers for b in w.get("bands", {})}):
            bands.add_metric([band], sum(w.get("bands", {}).get(band, 0) for w in workers))
        failed = CounterMetricFamily("dangol_turn_failures", "Turns that failed and were repeated.")
        failed.add_metric([], sum(int(w.get("failures", 0)) for w in workers))
        return [latency, bands, failed]

    def _media(self, processes: Sequence[Mapping[str, Any]]) -> list[Any]:
        rooms = sum(int(told.get("rooms", 0)) for told in processes)
        load = max((float(told.get("load", 0.0)) for told in processes), default=0.0)
        return [
            GaugeMetricFamily("dangol_media_rooms", "Rooms of live support.", rooms),
            GaugeMetricFamily("dangol_media_load", "Share of a core the busiest media process uses.", load),
        ]

    def _processes(self) -> list[Any]:
        live = GaugeMetricFamily("dangol_processes", "Live processes by kind.", labels=["kind"])
        for kind, count in Counter(p.kind for p in self._figures.processes).items():
            live.add_metric([kind], count)
        return [live]
