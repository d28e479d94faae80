"""The exercises of lab 02 on search: a batch of queries, recall, storage."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from ragkit.course.staff.exercise import Array, Case, Exercise, Mistake, unit


def _batch_cases(rng: Generator) -> list[Case]:
    count, asked, k = (int(number) for number in rng.integers([8, 4, 2], [13, 7, 4]))
    documents = unit(rng.normal(size=(count, 6)))
    queries = unit(rng.normal(size=(asked, 6)))
    detail = f"{asked} queries, {count} documents, k={k}"
    return [
        Case((queries, documents, k), "several queries", detail, weight=2),
        Case((queries[:1], documents, 1), "a single query and k=1", f"{count} documents"),
        Case((documents, documents, 2), "the documents as their own queries", "k=2"),
    ]


def _order(queries: Array, documents: Array) -> Array:
    """Row numbers of all documents for each query, best first: int [q, n]."""
    return np.array(
        [sorted(range(len(documents)), key=lambda row: -float(documents[row] @ q)) for q in queries]
    )


nearest = Exercise(
    name="nearest",
    cases=_batch_cases,
    # queries float [q, d], documents float [n, d] -> int [q, k]
    expected=lambda queries, documents, k: _order(queries, documents)[:, :k],
    mistakes=[
        Mistake(
            "these are the least similar documents: argsort is ascending. Sort the negated scores.",
            lambda queries, documents, k: _order(queries, documents)[:, ::-1][:, :k],
        ),
        Mistake(
            "the right documents, but worst first: reverse each row.",
            lambda queries, documents, k: _order(queries, documents)[:, :k][:, ::-1],
        ),
        Mistake(
            "these are the scores; return the row numbers of the documents.",
            lambda queries, documents, k: -np.sort(-(queries @ documents.T), axis=1)[:, :k],
        ),
        Mistake(
            "this ranks the queries for each document; sort along the documents (axis 1 of "
            "queries @ documents.T).",
            lambda queries, documents, k: _order(documents, queries)[:, :k],
        ),
        Mistake(
            "the values are right but transposed: return one row per query, [q, k].",
            lambda queries, documents, k: _order(queries, documents)[:, :k].T,
        ),
        Mistake(
            "this is the first k queries with all documents: slice the second axis, [:, :k].",
            lambda queries, documents, k: _order(queries, documents)[:k],
        ),
        Mistake(
            "only the first query is answered; return one row per query.",
            lambda queries, documents, k: _order(queries, documents)[0, :k],
        ),
        Mistake(
            "the best document is skipped: ranks start at 0 in Python.",
            lambda queries, documents, k: _order(queries, documents)[:, 1 : k + 1],
        ),
    ],
)


def _found(rng: Generator, exact: Array) -> Array:
    """What an approximate index might return, int [q, k]: some in another order, then -1."""
    found = np.full_like(exact, -1)
    for row, true in zip(found, exact, strict=True):
        right = int(rng.integers(1, len(true)))
        row[:right] = np.roll(true[:right], 1)
        if right < len(true) - 1:
            row[right] = 99
    return found


def _recall_cases(rng: Generator) -> list[Case]:
    asked, k = (int(number) for number in rng.integers([3, 4], [6, 6]))
    exact = np.array([rng.permutation(12)[:k] for _ in range(asked)])
    detail = f"{asked} queries, k={k}"
    partly = _found(rng, exact)
    return [
        Case((partly, exact), "lists with gaps, where -1 means nothing found", detail, weight=2),
        Case((exact, exact), "an index that finds everything", detail),
        Case((np.roll(exact, 1, axis=0), exact), "lists that answer the wrong queries", detail),
    ]


def _both(found: Array, exact: Array) -> Array:
    """How many of each query's exact neighbours were found, int [q]."""
    rows = zip(found.tolist(), exact.tolist(), strict=True)
    return np.array([len(set(mine) & set(true)) for mine, true in rows])


recall_at_k = Exercise(
    name="recall_at_k",
    cases=_recall_cases,
    # found and exact int [q, k] -> a number
    expected=lambda found, exact: _both(found, exact).sum() / exact.size,
    mistakes=[
        Mistake(
            "rank is compared with rank; a true neighbour found at another rank counts too.",
            lambda found, exact: (found == exact).mean(),
        ),
        Mistake(
            "the lists of all queries are mixed; compare each query's list with its own.",
            lambda found, exact: np.isin(found, exact).mean(),
        ),
        Mistake(
            "this divides by the number found, without the -1: that is precision. Divide by k.",
            lambda found, exact: _both(found, exact).sum() / (found >= 0).sum(),
        ),
        Mistake(
            "a query counts fully as soon as one neighbour was found: that is a hit-rate.",
            lambda found, exact: (_both(found, exact) > 0).mean(),
        ),
        Mistake(
            "only rank 1 is compared: that is recall@1.",
            lambda found, exact: (found[:, 0] == exact[:, 0]).mean(),
        ),
        Mistake(
            "this is the number of neighbours found; divide by the number looked for.",
            lambda found, exact: _both(found, exact).sum(),
        ),
        Mistake(
            "this is one number per query; return their mean.",
            lambda found, exact: _both(found, exact) / exact.shape[1],
        ),
        Mistake(
            "this is the share that was missed; recall is the share that was found.",
            lambda found, exact: 1 - _both(found, exact).sum() / exact.size,
        ),
    ],
)


def _storage_cases(rng: Generator) -> list[Case]:
    few, some, many = (int(number) for number in rng.integers([20, 200, 10**6], [200, 2000, 10**8]))
    dimension, links = int(rng.choice([64, 96, 384, 768])), int(rng.choice([8, 16, 24, 48]))
    return [
        Case((few, dimension), "a flat index", f"{few} vectors of {dimension} dimensions"),
        Case((some, dimension, links), "an HNSW index", f"{some} vectors, {links} links", weight=2),
        Case((many, 384, 16), "millions of vectors under HNSW", f"{many} vectors, 16 links"),
    ]


def _storage(n: int, dimension: int, links: int | None) -> int:
    """The expected bytes, from the arrays that would hold one vector."""
    vector = np.zeros(dimension, dtype=np.float32).nbytes
    neighbours = np.zeros(2 * (links or 0), dtype=np.int32).nbytes
    return n * (vector + neighbours)


def _bytes(formula: Callable[[int, int, int], float]) -> Callable[..., float]:
    """A function of (n, dimension, links=None) that sees 0 links for a flat index."""
    return lambda n, dimension, links=None: formula(n, dimension, links or 0)


storage_bytes = Exercise(
    name="storage_bytes",
    cases=_storage_cases,
    expected=lambda n, dimension, links=None: _storage(n, dimension, links),
    mistakes=[
        Mistake("a float32 takes 4 bytes, not 1.", _bytes(lambda n, d, m: n * (d + 2 * m))),
        Mistake(
            "a float32 takes 4 bytes, not 8: that is float64.",
            _bytes(lambda n, d, m: n * (8 * d + 8 * m)),
        ),
        Mistake("this is in bits; return bytes.", _bytes(lambda n, d, m: 8 * n * (4 * d + 8 * m))),
        Mistake(
            "this is in MiB; return bytes.", _bytes(lambda n, d, m: n * (4 * d + 8 * m) / 2**20)
        ),
        Mistake(
            "the links are left out: HNSW stores the vectors and the graph.",
            _bytes(lambda n, d, m: 4 * n * d),
        ),
        Mistake(
            "the bottom layer has 2M links per vector, 4 bytes each: 8M, not 4M.",
            _bytes(lambda n, d, m: n * (4 * d + 4 * m)),
        ),
        Mistake(
            "the links are counted once; every vector has its own.",
            _bytes(lambda n, d, m: 4 * n * d + 8 * m),
        ),
        Mistake(
            "only the links are counted; HNSW stores the vectors too.",
            _bytes(lambda n, d, m: n * 8 * m if m else 4 * n * d),
        ),
    ],
)
