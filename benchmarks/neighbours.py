"""One set of vectors, and the ways to search it: ragkit's indexes, raw FAISS, and NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from benchmarks.harness import MeasurementError
from ragkit.runtime import import_faiss
from ragkit.search.index import FlatIndex, HNSWIndex
from ragkit.vectors import Vectors

Filled = TypeVar("Filled", FlatIndex, HNSWIndex)


def ids_of(count: int) -> list[str]:
    """Document ids that sort as their rows do."""
    return [f"d{row:08d}" for row in range(count)]


def faiss_flat(rows: Vectors) -> Any:
    """Raw FAISS, exact."""
    index = import_faiss().IndexFlatIP(rows.shape[1])
    index.add(rows)
    return index


def faiss_hnsw(rows: Vectors) -> Any:
    """Raw FAISS, a graph with the parameters that `HNSWIndex` has when none are given."""
    faiss = import_faiss()
    index = faiss.IndexHNSWFlat(rows.shape[1], 32, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 200
    index.hnsw.efSearch = 128
    index.add(rows)
    return index


@dataclass(frozen=True, slots=True)
class Contest:
    """Vectors to search, unit rows [n, d], their ids, and queries [q, d], asked one at a time."""

    rows: Vectors
    queries: Vectors
    ids: Sequence[str]

    def fill(self, index: Filled) -> Filled:
        """Add the vectors to an empty index of ragkit."""
        index.add(self.rows, self.ids)
        return index

    def asking(self, index: Any, k: int) -> Callable[[int], Any]:
        """A side that asks an index of ragkit or of FAISS one query, after the last the first."""
        return lambda number: index.search(self._query(number), k)

    def asking_numpy(self, k: int) -> Callable[[int], Any]:
        """A side that asks NumPy: one matrix product, then the k best of it, sorted."""

        def ask(number: int) -> tuple[Any, Any]:
            scores = self.rows @ self._query(number)[0]
            best = np.argpartition(-scores, k - 1)[:k]
            best = best[np.argsort(-scores[best])]
            return scores[best], best

        return ask

    def found(self, ask: Callable[[int], Any]) -> list[list[str]]:
        """The ids that a side finds for each query; FAISS and NumPy give rows."""
        answers = [ask(number)[1].ravel().tolist() for number in range(len(self.queries))]
        return [[x if isinstance(x, str) else self.ids[x] for x in answer] for answer in answers]

    def check(self, what: str, ours: list[list[str]], theirs: list[list[str]]) -> None:
        """Raise unless two answers agree, or differ only where scores are equal to a rounding."""
        for query, one, other in zip(self.queries, ours, theirs, strict=True):
            if one == other:
                continue
            first, second = (
                self.rows[[int(name[1:]) for name in ids]] @ query for ids in (one, other)
            )
            if len(one) != len(other) or not np.allclose(first, second, rtol=0, atol=1e-6):
                raise MeasurementError(f"{what}: found {other} where ragkit finds {one}.")

    def _query(self, number: int) -> Vectors:
        at = number % len(self.queries)
        return self.queries[at : at + 1]
