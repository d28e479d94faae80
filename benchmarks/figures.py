"""The pictures of the report, drawn from the stored results alone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.encoding import PEER
from benchmarks.indexes import FLAT, HNSW, NUMPY, RAW_FLAT, RAW_HNSW, K
from ragkit.course.plots.base import COLOURS, panels, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Part = Mapping[str, Any]
DPI = 160
INDEXES = (FLAT, RAW_FLAT, NUMPY, HNSW, RAW_HNSW)
LABELS = {RAW_FLAT: f"FAISS {RAW_FLAT}", RAW_HNSW: f"FAISS {RAW_HNSW}"}


def draw(parts: Mapping[str, Part], folder: Path) -> None:
    """Write each PNG whose part was measured."""
    folder.mkdir(parents=True, exist_ok=True)
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # no font need be found
    for name, (part, picture) in PICTURES.items():
        if part in parts:
            picture(parts[part]).savefig(folder / f"{name}.png", dpi=DPI)


def encoding(part: Part) -> Figure:
    """Speed over sentence-transformers by kind of text, with quartiles."""
    figure, (axis,) = panels(1, width=7.4, height=3.6)
    kinds = part["throughput"]
    sides = [name for name in next(iter(kinds.values()))["sides"] if name != PEER]
    places = np.arange(len(kinds))
    for number, name in enumerate(sides):
        found = [kind["sides"][name]["speedup"] for kind in kinds.values()]
        medians = np.array([one["median"] for one in found])
        errors = np.abs([[one[end] for one in found] - medians for end in ("low", "high")])
        at = places + (number - (len(sides) - 1) / 2) * 0.27
        bars = axis.bar(at, medians, 0.24, yerr=errors, capsize=3, color=COLOURS[number])
        bars.set_label(name)
        axis.bar_label(bars, [f"{value:.2f}" for value in medians], padding=3, size=9)
    axis.axhline(1, color="0.3", ls=":", label=f"{PEER} (1)")
    axis.set_ylabel("texts per second (multiple)")
    axis.set_xticks(places, [kind.replace(" (", "\n(").replace(" of", "\nof") for kind in kinds])
    axis.margins(y=0.12)
    figure.legend(loc="outside upper center", ncols=4, frameon=False)
    return figure


def latency(part: Part) -> Figure:
    """Latency of a query by number of vectors, on log axes."""
    figure, (axis,) = panels(1, width=7.4, height=4.2)
    sizes = [int(size) for size in part["sizes"]]
    for number, name in enumerate(INDEXES):
        seconds = [row["latency"][name]["seconds"]["median"] for row in part["sizes"].values()]
        axis.plot(
            sizes,
            1000 * np.array(seconds),
            ms=6,
            lw=1.2,
            **style(number),
            label=LABELS.get(name, name),
        )
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_xlabel("vectors in the index")
    axis.set_ylabel("median time of one query (ms)")
    axis.legend(frameon=False, loc="upper left")
    return figure


def widths(part: Part) -> Figure:
    """Recall against latency by beam width, at the largest size."""
    figure, (axis,) = panels(1, width=7.4, height=3.8)
    rows = {name: row for name, row in part["widths"].items() if name != FLAT}
    exact = part["widths"][FLAT]
    cost = [1000 * row["seconds"]["median"] for row in rows.values()]
    recalls = [row["recall"] for row in rows.values()]
    axis.plot(cost, recalls, **style(0), label=f"{HNSW}, by ef_search")
    for name, x, y in zip(rows, cost, recalls, strict=True):
        axis.annotate(name, (x, y), (4, -13), textcoords="offset points", size=9)
    at = 1000 * exact["seconds"]["median"]
    axis.plot([at], [1], ls="", ms=8, **style(1), label=f"{FLAT}, exact")
    axis.set_xscale("log")
    for formatter in (axis.xaxis.set_major_formatter, axis.xaxis.set_minor_formatter):
        formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "125" else "")
    axis.tick_params(axis="x", which="both", pad=4)
    axis.margins(x=0.1, y=0.15)
    axis.set_xlabel(f"median time of one query (ms), {int(list(part['sizes'])[-1]):,} vectors")
    axis.set_ylabel(f"recall@{K} against exact search")
    axis.legend(frameon=False, loc="lower right")
    return figure


PICTURES: Mapping[str, tuple[str, Callable[[Part], Figure]]] = {
    "encoding": ("encoding", encoding),
    "latency": ("indexes", latency),
    "widths": ("indexes", widths),
}
