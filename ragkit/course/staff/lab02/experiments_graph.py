"""Measure what lab 02 quotes of HNSW: recall against flat search, at every size and beam width.

Keys, for each efSearch of a build in BUILDS:

    lab02.hnsw.<vectors>.ef<efSearch>.<recall@10 or compared>
    lab02.hnsw.100000.ef<efSearch>.lost
    lab02.hnsw.100000.careful.ef<efSearch>.recall@10
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ragkit.cache.indexes import IndexCache
from ragkit.course.staff.entries import Entries, number_entry
from ragkit.runtime import import_faiss
from ragkit.search.index import FlatIndex, HNSWIndex
from ragkit.vectors import Vectors, unit_rows

TOPICS, VECTORS, QUERIES = 100, (1_000, 10_000, 100_000), 200
LINKS, WIDTHS = 32, (16, 32, 64, 128, 256)
LOST = (16, 64, 128, 256)  # beam widths at which lost queries of the largest graph are counted
QUICK, CAREFUL = 40, 200  # efConstruction: FAISS's default, and ragkit's


def clustered(count: int, centres: Vectors, rng: np.random.Generator) -> Vectors:
    """Unit vectors around the centres, float32 [count, d]: a centre plus noise of equal length."""
    width = centres.shape[1]
    noise = rng.standard_normal((count, width), dtype=np.float32) / np.float32(np.sqrt(width))
    return unit_rows(centres[rng.integers(len(centres), size=count)] + noise)


class Build(NamedTuple):
    """A graph to measure: its name in the ledger, vectors, efConstruction, and each efSearch."""

    name: str
    size: int
    construction: int
    widths: tuple[int, ...]


BUILDS = [
    *(Build(f"{count}", count, QUICK, WIDTHS) for count in VECTORS),
    Build(f"{max(VECTORS)}.careful", max(VECTORS), CAREFUL, (16, 128)),
]
Curve = tuple[Build, int, NDArray[np.float64], float]


def graph_curves(cache: IndexCache) -> Iterator[Curve]:
    """(build, efSearch, recall@10 of each query, vectors compared per query) of every graph."""
    rng = np.random.default_rng(0)
    centres = unit_rows(rng.standard_normal((TOPICS, 384), dtype=np.float32))
    vectors, queries = clustered(max(VECTORS), centres, rng), clustered(QUERIES, centres, rng)
    truth = {count: _nearest(FlatIndex(384), vectors[:count], queries) for count in VECTORS}
    for build in BUILDS:
        empty = HNSWIndex(384, m=LINKS, ef_construction=build.construction)
        graph = cache.fill(empty, vectors[: build.size], _ids(build.size))
        for width, recalls, visited in _sweep(graph, build.widths, queries, truth[build.size]):
            yield build, width, recalls, visited


def _nearest(index: FlatIndex, vectors: Vectors, queries: Vectors) -> list[list[str]]:
    index.add(vectors, _ids(len(vectors)))
    found: list[list[str]] = index.search(queries, 10)[1].tolist()
    return found


def _ids(count: int) -> list[str]:
    return [str(row) for row in range(count)]


def _sweep(
    graph: HNSWIndex, widths: tuple[int, ...], queries: Vectors, truth: list[list[str]]
) -> Iterator[tuple[int, NDArray[np.float64], float]]:
    """Recall@10 of each query, and the vectors compared per query, at every beam width."""
    statistics = import_faiss().cvar.hnsw_stats
    for width in widths:
        graph.ef_search = width
        statistics.reset()
        found = graph.search(queries, 10)[1].tolist()
        shared = [len(set(a) & set(b)) for a, b in zip(found, truth, strict=True)]
        yield width, np.array(shared) / 10, statistics.ndis / QUERIES


def measure(cache: IndexCache) -> Entries:
    """Measure recall and comparisons at every size and beam; lost queries of the largest graph."""
    for build, width, recalls, visited in graph_curves(cache):
        how = f"HNSW over clustered vectors, M = {LINKS}, efConstruction = {build.construction}"
        key = f"lab02.hnsw.{build.name}.ef{width}"
        recall = number_entry(
            float(recalls.mean()), f"recall@10 against flat; {how}", tolerance=0.03
        )
        yield f"{key}.recall@10", recall
        if build.construction == CAREFUL:
            continue
        cost = number_entry(
            visited, f"vectors compared for one query; {how}", tolerance=0.1 * visited
        )
        yield f"{key}.compared", cost
        if build.size == max(VECTORS) and width in LOST:
            share = float((recalls == 0).mean())
            lost = number_entry(share, f"share of queries that find no true neighbour; {how}", 0.03)
            yield f"{key}.lost", lost
