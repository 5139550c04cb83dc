"""The results of the understanding benchmark as a picture: accuracy and training time of both sides."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

Figures = Mapping[str, Mapping[str, Mapping[str, float]]]
_COLOURS = ("#2f6f5e", "#c9a227")


def plot(found: Figures, path: Path) -> None:
    """Draw the figures of each set (set, side, figure) into a PNG; a side that was not run is absent."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4))
    left, right = figure.subplots(1, 2)
    for axes, name, title in ((left, "accuracy", "accuracy"), (right, "train_cpu_s", "training, CPU s")):
        _bars(axes, found, name, title)
    left.set_ylim(0.5, 1)
    right.set_yscale("log")
    figure.legend(*left.get_legend_handles_labels(), loc="upper center", ncols=2, fontsize=8)
    figure.savefig(path, dpi=120, bbox_inches="tight")


def _bars(axes: Any, found: Figures, name: str, title: str) -> None:
    sides = list(dict.fromkeys(side for one in found.values() for side in one))
    width = 0.8 / len(sides)
    for place, side in enumerate(sides):
        drawn = [(i + place * width, one[side][name]) for i, one in enumerate(found.values()) if side in one]
        bars = axes.bar(*zip(*drawn, strict=True), width, label=side, color=_COLOURS[place])
        axes.bar_label(bars, fmt="%.3g", fontsize=6)
    axes.set_xticks([i + width / 2 for i in range(len(found))], list(found), rotation=20, fontsize=8)
    axes.set_title(title)
