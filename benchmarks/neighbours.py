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

    def query(self, number: int) -> Vectors:
        """One query as a row of its own, float32 [1, d]; after the last comes the first."""
        at = number % len(self.queries)
        return self.queries[at : at + 1]

    def asking(
        self, index: FlatIndex | HNSWIndex, k: int, width: int | None = None
    ) -> Callable[[int], Any]:
        """A side that asks an index of ragkit, with a beam width if one is given."""

        def ask(number: int) -> Any:
            if width is not None and isinstance(index, HNSWIndex):
                index.ef_search = width
            return index.search(self.query(number), k)

        return ask

    def asking_raw(self, index: Any, k: int) -> Callable[[int], Any]:
        """A side that asks FAISS."""
        return lambda number: index.search(self.query(number), k)

    def asking_numpy(self, k: int) -> Callable[[int], Any]:
        """A side that asks NumPy: one matrix product, then the k best of it, sorted."""

        def ask(number: int) -> tuple[Any, Any]:
            scores = self.rows @ self.query(number)[0]
            best = np.argpartition(-scores, k - 1)[:k]
            best = best[np.argsort(-scores[best])]
            return scores[best], best

        return ask

    def ours(self, index: FlatIndex | HNSWIndex, k: int) -> list[list[str]]:
        """The ids that an index of ragkit finds for each query."""
        found: list[list[str]] = index.search(self.queries, k)[1].tolist()
        return found

    def raw(self, index: Any, k: int) -> list[list[str]]:
        """The ids that FAISS finds for each query."""
        return self._named(self.asking_raw(index, k))

    def numpy(self, k: int) -> list[list[str]]:
        """The ids that NumPy finds for each query."""
        return self._named(self.asking_numpy(k))

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

    def _named(self, ask: Callable[[int], Any]) -> list[list[str]]:
        answers = [ask(number)[1].ravel() for number in range(len(self.queries))]
        return [[self.ids[row] for row in rows] for rows in answers]
