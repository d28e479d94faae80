"""The pictures of the report, drawn from the stored results alone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.indexes import FLAT, HNSW, NUMPY, RAW_FLAT, RAW_HNSW, RECALL
from benchmarks.projections import FAR, Projection, projections
from benchmarks.targets import LEAST_RECALL
from ragkit.course.plots.base import COLOURS, panels, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Part = Mapping[str, Any]
DPI = 160


def draw(parts: Mapping[str, Part], folder: Path) -> None:
    """Write one PNG a picture whose part was measured."""
    folder.mkdir(parents=True, exist_ok=True)
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # no font need be found
    for name, (part, picture) in PICTURES.items():
        if part in parts:
            picture(parts[part]).savefig(folder / f"{name}.png", dpi=DPI)


def ask(part: Part) -> Figure:
    """Wall time and peak memory of a cold question."""
    figure, (left, right) = panels(2, width=4.6, height=2.4)
    sides = part["sides"]
    names = [name.replace(", vectors", ",\nvectors").replace(" + ", "\n+ ", 1) for name in sides]
    _bars(left, names, [side["seconds"] for side in sides.values()], 1)
    left.set_xlabel("seconds, fresh process")
    _bars(right, [""] * len(names), [side["peak_bytes"] for side in sides.values()], 1e-6)
    right.set_xlabel("peak memory (MB)")
    return figure


def encoding(part: Part) -> Figure:
    """Speed over sentence-transformers by kind of text, and GFLOP/s against the limit."""
    figure, (left, right) = panels(2, width=5.0, height=4.0)
    kinds = part["throughput"]
    sides = list(next(iter(kinds.values()))["sides"])
    places = np.arange(len(kinds))
    for number, name in enumerate(sides):
        rows = [kind["sides"][name] for kind in kinds.values()]
        at = places + (number - (len(sides) - 1) / 2) * 0.2
        colour = COLOURS[number]
        speeds = [row["speedup"]["median"] for row in rows]
        left.bar(at, speeds, 0.18, color=colour, label=name)
        right.bar(at, [row["gflops"] for row in rows], 0.18, color=colour)
    left.axhline(1, color="0.4", ls=":")
    left.set_ylabel("speed over sentence-transformers (times)")
    right.axhline(part["matrices"]["best"], color="0.2", ls="--", label="fastest fp32 product")
    right.set_ylabel("useful arithmetic (GFLOP/s)")
    for axis in (left, right):
        axis.set_xticks(
            places, [kind.replace(" (", "\n(").replace(" of", "\nof") for kind in kinds]
        )
        axis.margins(y=0.2)
    figure.legend(loc="outside upper center", ncols=5, frameon=False)
    return figure


def latency(part: Part) -> Figure:
    """Latency of a query by number of vectors, with curves and bands to ten million."""
    figure, (axis,) = panels(1, width=7.4, height=4.6)
    for number, name in enumerate((FLAT, RAW_FLAT, NUMPY, HNSW, RAW_HNSW)):
        sizes = [int(size) for size in part["sizes"]]
        rows = [row["latency"][name]["seconds"]["median"] for row in part["sizes"].values()]
        axis.plot(sizes, 1000 * np.array(rows), ls="", ms=6, **style(number), label=name)
    for found in projections(part):
        if found.quantity == "latency":
            _curve(axis, found, COLOURS[0 if found.index == FLAT else 3], 1000)
    _log_axes(axis, "latency of one query (ms)")
    return figure


def building(part: Part) -> Figure:
    """Seconds to build and bytes by number of vectors, with curves and bands."""
    figure, (left, right) = panels(2, width=5.0, height=4.0)
    for axis, quantity, scale, label in (
        (left, "build", 1, "seconds to build"),
        (right, "bytes", 1e-6, "size (MB)"),
    ):
        for found in projections(part):
            if found.quantity == quantity:
                look = style(0 if found.index == FLAT else 3)
                values = scale * np.array(found.values)
                axis.plot(found.sizes, values, ls="", ms=6, **look, label=found.index)
                _curve(axis, found, look["color"], scale)
        _log_axes(axis, label)
    return figure


def widths(part: Part) -> Figure:
    """Recall against latency by beam width, at the size of the curve."""
    figure, (axis,) = panels(1, width=6.8, height=3.8)
    curve = part["curve"]
    names = list(curve["recall"])
    cost = [1000 * curve["latency"][name]["seconds"]["median"] for name in names]
    recalls = [curve["recall"][name] for name in names]
    axis.plot(cost, recalls, **style(0), label=HNSW)
    for name, x, y in zip(names, cost, recalls, strict=True):
        axis.annotate(name, (x, y), (4, -11), textcoords="offset points", size=9)
    exact = 1000 * curve["latency"][FLAT]["seconds"]["median"]
    axis.plot([exact], [1], ls="", ms=8, **style(1), label=f"{FLAT}, exact")
    axis.axhline(LEAST_RECALL, color="0.4", ls=":", label=f"{RECALL} = {LEAST_RECALL}")
    axis.set_xscale("log")
    for formatter in (axis.xaxis.set_major_formatter, axis.xaxis.set_minor_formatter):
        formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "125" else "")
    axis.margins(x=0.12, y=0.12)
    axis.set_xlabel(f"latency of one query (ms), {curve['size']:,} vectors; labels: ef_search")
    axis.set_ylabel(f"{RECALL} against exact search")
    axis.legend(frameon=False, loc="lower right")
    return figure


def evaluating(part: Part) -> Figure:
    """Seconds to score a run, without and with intervals."""
    figure, axes = panels(2, width=4.8, height=2.4)
    names = list(part["scores"])
    for axis, key, title in zip(
        axes, ("scores", "intervals"), ("scores only", "scores and intervals"), strict=True
    ):
        labels = [name.replace(", ", ",\n") for name in names] if key == "scores" else [""] * 4
        _bars(axis, labels, [part[key][name]["seconds"] for name in names], 1)
        axis.set_xlabel(f"seconds, {part['queries']:,} queries")
        axis.set_title(title, size=10)
    return figure


def suite(part: Part) -> Figure:
    """Seconds of each lab, with nothing cached and again."""
    figure, (axis,) = panels(1, width=7.0, height=2.8)
    places = np.arange(len(part["labs"]))[::-1]
    for number, when in enumerate(("cold", "warm")):
        values = [lab[when] for lab in part["labs"].values()]
        drawn = axis.barh(places - 0.36 * number + 0.18, values, 0.33, color=COLOURS[number])
        drawn.set_label(when)
    axis.set_yticks(places, list(part["labs"]))
    axis.set_xlabel("seconds")
    axis.legend(frameon=False)
    return figure


def _bars(axis: Axes, names: list[str], found: list[Mapping[str, float]], scale: float) -> None:
    """Horizontal bars of medians with quartile whiskers, first on top."""
    places = np.arange(len(names))[::-1]
    medians = scale * np.array([one["median"] for one in found])
    low = medians - scale * np.array([one["low"] for one in found])
    high = scale * np.array([one["high"] for one in found]) - medians
    colours = [COLOURS[number % 8] for number in range(len(names))]
    axis.barh(places, medians, 0.6, xerr=[low, high], color=colours, capsize=3)
    axis.set_yticks(places, names)
    axis.margins(x=0.1)


def _curve(axis: Axes, found: Projection, colour: str, scale: float) -> None:
    """The fitted curve from its smallest size to ten million, with its band."""
    sizes = np.geomspace(min(found.sizes), FAR, 60)
    middle, low, high = scale * np.array([found.fit.predict(size) for size in sizes]).T
    axis.plot(sizes, middle, color=colour, ls="--", lw=1.2)
    floor = middle / 1000  # a straight line's interval may reach below zero, which no log axis has
    axis.fill_between(sizes, np.maximum(low, floor), high, color=colour, alpha=0.15)


def _log_axes(axis: Axes, label: str) -> None:
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("vectors in the index (dashed: fit; band: 95%)")
    axis.set_ylabel(label)
    axis.legend(frameon=False, loc="upper left")


PICTURES: Mapping[str, tuple[str, Callable[[Part], Figure]]] = {
    "ask": ("ask", ask),
    "encoding": ("encoding", encoding),
    "latency": ("indexes", latency),
    "building": ("indexes", building),
    "widths": ("indexes", widths),
    "evaluating": ("evaluating", evaluating),
    "suite": ("suite", suite),
}
