"""What lab 02 quotes of HNSW: recall against flat search, at every size and beam."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ragkit.course.measures.base import Entries, plain
from ragkit.index import FlatIndex, HNSWIndex
from ragkit.runtime import import_faiss
from ragkit.vectors import Vectors, unit_rows

TOPICS, VECTORS, QUERIES = 100, (1_000, 10_000, 100_000), 200
LINKS, WIDTHS = 32, (16, 32, 64, 128, 256)
QUICK, CAREFUL = 40, 200  # efConstruction: what FAISS takes by itself, and ragkit's default


def clustered(count: int, centres: Vectors, rng: np.random.Generator) -> Vectors:
    """Unit vectors around the centres, float32 [count, d]: a centre plus noise as long as it."""
    width = centres.shape[1]
    noise = rng.standard_normal((count, width), dtype=np.float32) / np.float32(np.sqrt(width))
    return unit_rows(centres[rng.integers(len(centres), size=count)] + noise)


Curves = Iterator[tuple[int, int, NDArray[np.float64], float]]


def graph_curves(counts: tuple[int, ...], construction: int) -> Curves:
    """(vectors, efSearch, recall@10 of each query, vectors compared for one query) of HNSW."""
    rng = np.random.default_rng(0)
    centres = unit_rows(rng.standard_normal((TOPICS, 384), dtype=np.float32))
    vectors, queries = clustered(max(VECTORS), centres, rng), clustered(QUERIES, centres, rng)
    statistics = import_faiss().cvar.hnsw_stats
    for count in counts:
        ids = [str(row) for row in range(count)]
        exact = FlatIndex(384)
        exact.add(vectors[:count], ids)
        truth = exact.search(queries, 10)[1].tolist()
        graph = HNSWIndex(384, m=LINKS, ef_construction=construction)
        graph.add(vectors[:count], ids)
        for width in WIDTHS:
            graph.ef_search = width
            statistics.reset()
            found = graph.search(queries, 10)[1].tolist()
            shared = [len(set(a) & set(b)) for a, b in zip(found, truth, strict=True)]
            yield count, width, np.array(shared) / 10, statistics.ndis / QUERIES


def measure() -> Entries:
    """Recall, lost queries and comparisons of every size and beam."""
    yield from _measure("lab02.hnsw.{}", VECTORS, QUICK)
    yield from _measure("lab02.hnsw.{}.careful", VECTORS[-1:], CAREFUL)


def _measure(name: str, counts: tuple[int, ...], construction: int) -> Entries:
    how = f"HNSW over clustered vectors, M = {LINKS}, efConstruction = {construction}"
    for count, width, recalls, visited in graph_curves(counts, construction):
        key = f"{name.format(count)}.ef{width}"
        told = f"recall@10 against flat; {how}"
        yield f"{key}.recall@10", plain(float(recalls.mean()), told, tolerance=0.03)
        told = f"share of queries that find no true neighbour; {how}"
        yield f"{key}.lost", plain(float((recalls == 0).mean()), told, tolerance=0.03)
        told = f"vectors compared for one query; {how}"
        yield f"{key}.compared", plain(visited, told, tolerance=0.1 * visited)
