"""Curves through the measured sizes of the indexes, carried on to ten million vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.fits import Fit, best_fit, fit
from benchmarks.indexes import FLAT, HNSW

FAR = 10_000_000
# A graph skips nothing while its beam holds every vector. A scan runs at the speed of the nearest
# cache while that holds the vectors, and then at one that says nothing of ten million.
FITTED_FROM = {FLAT: 2000, HNSW: 500}
Part = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Projection:
    """A measured quantity of an index by size, in seconds or bytes, and the curve through it."""

    index: str
    quantity: str
    sizes: list[int]
    values: list[float]
    fit: Fit


def projections(part: Part) -> list[Projection]:
    """Seconds a query, seconds to build and bytes of both indexes."""
    return [
        _project(part, FLAT, "latency", _latency, ("linear",)),
        _project(part, HNSW, "latency", _latency, ("logarithmic", "power")),
        _project(part, FLAT, "build", _build, ("linear",)),
        _project(part, HNSW, "build", _build, ("power",)),
        _project(part, FLAT, "bytes", _bytes, ("linear",)),
        _project(part, HNSW, "bytes", _bytes, ("linear",)),
    ]


def _project(
    part: Part,
    index: str,
    quantity: str,
    read: Callable[[Part, str], float],
    shapes: tuple[str, ...],
) -> Projection:
    kept = {int(size): row for size, row in part["sizes"].items()}
    sizes = [size for size in kept if size >= FITTED_FROM[index]]
    values = [read(kept[size], index) for size in sizes]
    chosen = best_fit(shapes, sizes, values) if len(shapes) > 1 else fit(shapes[0], sizes, values)
    return Projection(index, quantity, sizes, values, chosen)


def _latency(row: Part, index: str) -> float:
    return float(row["latency"][index]["seconds"]["median"])


def _build(row: Part, index: str) -> float:
    return float(row["build"][index]["median"])


def _bytes(row: Part, index: str) -> float:
    return float(row["bytes"][index])
