"""The exercises of lab 03 that rank: two stages, rank fusion, MaxSim."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.random import Generator

from ragkit.course.staff.exercise import Array, Case, Exercise, Mistake, unit


def _best(rows: Iterable[int], scores: Array) -> list[int]:
    """Row numbers from the highest score down, the lower row first among equals."""
    return sorted((int(row) for row in rows), key=lambda row: (-float(scores[row]), row))


def _stage_cases(rng: Generator) -> list[Case]:
    count, depth, k = (int(number) for number in rng.integers([8, 4, 2], [12, 6, 4]))
    first, second = rng.uniform(-1, 1, size=count), rng.normal(scale=5, size=count)
    before = int(rng.integers(0, 5))  # rows that come last in both stages
    tied_first = np.r_[np.full(before, -1.0), 0.5, 0.9, 0.5, 0.7]
    tied_second = np.r_[np.full(before, 9.0), 1.0, -2.0, 5.0, 1.0]
    detail = f"{count} documents, depth={depth}"
    return [
        Case((first, second, depth, k), "k below the depth", f"{detail}, k={k}", weight=2),
        Case((first, second, depth, depth + 2), "k above the depth", f"{detail}, k={depth + 2}"),
        Case((tied_first, tied_second, 3, 3), "ties in both stages", "depth=3, k=3"),
    ]


def _two_stage(first: Array, second: Array, depth: int, k: int) -> list[int]:
    """Row numbers, best first, by the scores of two stages: float [n] and [n]."""
    return _best(_best(range(len(first)), first)[:depth], second)[:k]


def _appended(first: Array, second: Array, depth: int, k: int) -> list[int]:
    order = _best(range(len(first)), first)
    return (_best(order[:depth], second) + order[depth:])[:k]


def _positions(first: Array, second: Array, depth: int, k: int) -> list[int]:
    candidates = _best(range(len(first)), first)[:depth]
    return [candidates.index(row) for row in _best(candidates, second)[:k]]


def _stable(first: Array, second: Array, depth: int, k: int) -> list[int]:
    candidates = _best(range(len(first)), first)[:depth]
    return sorted(candidates, key=lambda row: -float(second[row]))[:k]


two_stage = Exercise(
    name="two_stage",
    cases=_stage_cases,
    expected=_two_stage,
    mistakes=[
        Mistake(
            "every document is reranked; rerank only the first `depth` of the first stage.",
            lambda first, second, depth, k: _best(range(len(first)), second)[:k],
        ),
        Mistake(
            "the documents below `depth` are appended; the second stage returns only candidates.",
            _appended,
        ),
        Mistake(
            "the candidates keep their first-stage order; sort them by the second stage's scores.",
            lambda first, second, depth, k: _best(range(len(first)), first)[:depth][:k],
        ),
        Mistake(
            "depth and k are mixed up: the first stage keeps `depth`, the second `k`.",
            lambda first, second, depth, k: _two_stage(first, second, k, depth),
        ),
        Mistake(
            "these are positions among the candidates; return row numbers of documents.",
            _positions,
        ),
        Mistake(
            "the worst candidate comes first: argsort is ascending, so negate the scores.",
            lambda first, second, depth, k: _two_stage(first, -second, depth, k),
        ),
        Mistake(
            "equal second-stage scores stay in first-stage order; the lower row comes first.",
            _stable,
        ),
    ],
)


def _fusion_cases(rng: Generator) -> list[Case]:
    count, k = (int(number) for number in rng.integers([4, 10], [8, 60]))
    both = np.stack([1 + rng.permutation(count) for _ in range(2)])
    partial = np.stack([1 + rng.permutation(count) for _ in range(3)])
    partial[partial > count - 2] = 0
    detail = f"{count} documents"
    return [
        Case((both[:1], 60), "one system, k=60", detail),
        Case((both, k), "two systems", f"{detail}, k={k}", weight=2),
        Case((partial, 60), "three systems that rank some of the documents", detail, weight=2),
    ]


def _fuse(ranks: Array, k: float) -> list[float]:
    """The fused score of each document from int [systems, n], 0 for not ranked."""
    return [sum(1 / (k + rank) for rank in column if rank) for column in np.asarray(ranks).T]


rrf = Exercise(
    name="rrf",
    cases=_fusion_cases,
    expected=_fuse,
    tolerance=1e-7,
    mistakes=[
        Mistake(
            "the best rank counts as 0; ranks start at 1: add 1 / (k + rank).",
            lambda ranks, k: _fuse(ranks, k - 1),
        ),
        Mistake(
            "the ranks themselves are summed; sum the reciprocals 1 / (k + rank).",
            lambda ranks, k: np.asarray(ranks).sum(axis=0),
        ),
        Mistake("the constant k is missing: 1 / (k + rank).", lambda ranks, k: _fuse(ranks, 0)),
        Mistake(
            "a document that a system did not rank gets 1 / k from it; it must get nothing.",
            lambda ranks, k: (1 / (k + np.asarray(ranks))).sum(axis=0),
        ),
        Mistake(
            "the sum runs over the documents; sum over the systems (axis 0).",
            lambda ranks, k: _fuse(np.asarray(ranks).T, k),
        ),
        Mistake(
            "this is the mean over the systems; rank fusion takes the sum.",
            lambda ranks, k: np.array(_fuse(ranks, k)) / len(ranks),
        ),
    ],
)


def _token_cases(rng: Generator) -> list[Case]:
    asked, read = (int(number) for number in rng.integers([3, 5], [5, 8]))
    query, document = unit(rng.normal(size=(asked, 6))), unit(rng.normal(size=(read, 6)))
    stretched = document * rng.uniform(1, 9, size=(read, 1))
    detail = f"{asked} query and {read} document tokens"
    return [
        Case((query, document), "token vectors of length 1", detail),
        Case((query * 2.0, stretched), "token vectors of other lengths", detail),
    ]


def _cosines(query: Array, document: Array) -> Array:
    """Cosines of query tokens float [q, d] and document tokens [t, d]: [q, t]."""
    cosines: Array = unit(query) @ unit(document).T
    return cosines


max_sim = Exercise(
    name="max_sim",
    cases=_token_cases,
    # query float [q, d], document float [t, d] -> a number
    expected=lambda query, document: sum(
        max(float(a @ b) for b in unit(document)) for a in unit(query)
    ),
    mistakes=[
        Mistake(
            "this takes the mean over the document's tokens; take the largest cosine.",
            lambda query, document: _cosines(query, document).mean(axis=1).sum(),
        ),
        Mistake(
            "the maximum runs over the query's tokens (axis 0): each query token looks for its "
            "best document token (axis 1).",
            lambda query, document: _cosines(query, document).max(axis=0).sum(),
        ),
        Mistake(
            "these are dot products of vectors that are not normalised; a cosine needs unit rows.",
            lambda query, document: (query @ document.T).max(axis=1).sum(),
        ),
        Mistake(
            "this is the mean over the query's tokens; sum over them.",
            lambda query, document: _cosines(query, document).max(axis=1).mean(),
        ),
        Mistake(
            "this is the single largest cosine; sum the largest one of each query token.",
            lambda query, document: _cosines(query, document).max(),
        ),
    ],
)
