"""The exercises of lab 03 that measure: MRR, nDCG, rank correlation."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from math import log2

import numpy as np
from numpy.random import Generator

from ragkit.course.staff.exercise import Array, Case, Exercise, Mistake


def _relevance_cases(rng: Generator) -> list[Case]:
    plain = _some(rng, [[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 1]])
    missed = _some(rng, [[0, 1, 0, 0], [0, 0, 0, 0], [1, 1, 0, 0]])
    deep = _some(rng, [[0, 0, 0, 2], [2, 0, 1, 0], [0, 0, 1, 0]])
    return [
        Case((plain, 4), "several queries", f"{len(plain)} queries, k=4"),
        Case((missed, 4), "queries, some without a relevant document", "k=4"),
        Case((deep, 3), "graded relevance, and a first hit below rank k", "k=3"),
    ]


def _some(rng: Generator, rows: list[list[int]]) -> Array:
    """Each of the rows one to three times, in random order: int [q, n]."""
    return rng.permutation(np.repeat(rows, rng.integers(1, 4, size=len(rows)), axis=0))


def _reciprocals(relevance: Array, k: int) -> list[float]:
    """1 / rank of the first relevant document of each query, from int [q, n]."""
    return [
        next((1 / rank for rank, rel in enumerate(row[:k], start=1) if rel > 0), 0.0)
        for row in relevance
    ]


def _found_only(relevance: Array, k: int) -> float:
    found = [value for value in _reciprocals(relevance, k) if value > 0]
    return sum(found) / len(found) if found else 0.0


mrr_at_k = Exercise(
    name="mrr_at_k",
    cases=_relevance_cases,
    expected=lambda relevance, k: np.mean(_reciprocals(relevance, k)),
    mistakes=[
        Mistake(
            "a query without a relevant document is left out of the mean; it counts as 0.",
            _found_only,
        ),
        Mistake(
            "the cut-off is ignored: a first hit below rank k counts as 0.",
            lambda relevance, k: np.mean(_reciprocals(relevance, relevance.shape[1])),
        ),
        Mistake(
            "all relevant documents are added up; only the first one counts.",
            lambda relevance, k: np.mean(
                [sum(1 / r for r, rel in enumerate(row[:k], 1) if rel > 0) for row in relevance]
            ),
        ),
        Mistake(
            "the best rank is taken as 2; ranks start at 1.",
            lambda relevance, k: np.mean(
                [1 / (1 + 1 / v) if v else 0.0 for v in _reciprocals(relevance, k)]
            ),
        ),
        Mistake(
            "the last relevant document is counted; take the first one.",
            lambda relevance, k: np.mean(
                [
                    1 / max((r for r, rel in enumerate(row[:k], 1) if rel > 0), default=np.inf)
                    for row in relevance
                ]
            ),
        ),
        Mistake(
            "this is the sum over the queries; return the mean.",
            lambda relevance, k: np.sum(_reciprocals(relevance, k)),
        ),
        Mistake(
            "this is the hit rate; a hit is worth 1 / rank.",
            lambda relevance, k: np.mean([value > 0 for value in _reciprocals(relevance, k)]),
        ),
    ],
)


def _gain_cases(rng: Generator) -> list[Case]:
    count, k = (int(number) for number in rng.integers([5, 2], [8, 4]))
    two, graded, none = np.zeros((3, count), dtype=int)
    two[rng.choice(np.arange(1, count), size=2, replace=False)] = 1
    graded[rng.choice(np.arange(1, count), size=2, replace=False)] = 2, 1
    many = np.r_[1, rng.permutation([0, 2])[: k - 1], rng.permutation([0, 1])]
    judged = np.ones(k + 1, dtype=int) + np.eye(k + 1, dtype=int)[0]
    return [
        Case((two, np.array([1, 1, 0]), count), "two relevant documents", f"k={count}"),
        Case((graded, np.array([2, 1, 1]), count), "graded relevance, one not found", f"k={count}"),
        Case((many, judged, k), "more relevant documents than k", f"k={k}"),
        Case((none, np.array([0, 0]), count), "a query with no relevant document", f"k={count}"),
    ]


def _dcg(gains: Iterable[float], first: int = 2) -> float:
    """Discounted gain whose first place is divided by log2(first)."""
    return sum(float(gain) / log2(place) for place, gain in enumerate(gains, start=first))


def _ratio(found: float, ideal: float) -> float:
    return found / ideal if ideal else 0.0


def _ideal(judged: Array) -> list[float]:
    return sorted(judged, reverse=True)


def _ndcg(relevance: Array, judged: Array, k: int) -> float:
    """nDCG of one query from its ranking's gains, int [n], and all judged gains, int [m]."""
    return _ratio(_dcg(relevance[:k]), _dcg(_ideal(judged)[:k]))


ndcg_at_k = Exercise(
    name="ndcg_at_k",
    cases=_gain_cases,
    expected=_ndcg,
    mistakes=[
        Mistake(
            "the ideal is built from what was retrieved; build it from all judged documents.",
            lambda relevance, judged, k: _ndcg(relevance, relevance, k),
        ),
        Mistake(
            "the gain is exponential (2^rel - 1); here it is linear, as in trec_eval.",
            lambda relevance, judged, k: _ndcg(2**relevance - 1, 2**judged - 1, k),
        ),
        Mistake(
            "the ideal is not cut at k, so a perfect top k would not reach 1.",
            lambda relevance, judged, k: _ratio(_dcg(relevance[:k]), _dcg(_ideal(judged))),
        ),
        Mistake(
            "this is DCG; divide it by the DCG of the ideal order.",
            lambda relevance, judged, k: _dcg(relevance[:k]),
        ),
        Mistake(
            "the discount is one place off: rank 1 is divided by log2(2) = 1.",
            lambda relevance, judged, k: _ratio(
                _dcg(relevance[:k], first=3), _dcg(_ideal(judged)[:k], first=3)
            ),
        ),
        Mistake(
            "the cut-off is ignored: only the first k places count.",
            lambda relevance, judged, k: _ndcg(relevance, judged, len(relevance)),
        ),
        Mistake(
            "gains are divided by the rank; the discount is log2(1 + rank).",
            lambda relevance, judged, k: _ratio(
                sum(gain / rank for rank, gain in enumerate(relevance[:k], 1)),
                sum(gain / rank for rank, gain in enumerate(_ideal(judged)[:k], 1)),
            ),
        ),
    ],
)


def _order_cases(rng: Generator) -> list[Case]:
    few, more = (int(number) for number in rng.integers([4, 7], [6, 10]))
    falling = np.sort(rng.normal(size=few))[::-1].copy()
    return [
        Case((rng.normal(size=few), rng.normal(size=few)), "few documents", f"{few} of them"),
        Case((rng.normal(size=more), rng.normal(size=more)), "more documents", f"{more} of them"),
        Case((np.arange(float(few)), falling), "two opposite orders", f"{few} documents"),
    ]


def _agreements(a: Array, b: Array) -> list[float]:
    """+1 for each pair of documents that both scores order alike, -1 for each other pair."""
    pairs = combinations(range(len(a)), 2)
    return [float(np.sign(a[i] - a[j]) * np.sign(b[i] - b[j])) for i, j in pairs]


def _ranks(scores: Array) -> Array:
    return np.argsort(np.argsort(scores))


kendall = Exercise(
    name="kendall",
    cases=_order_cases,
    expected=lambda a, b: np.mean(_agreements(a, b)),
    mistakes=[
        Mistake(
            "this is the share of pairs in the same order; subtract that in the opposite order.",
            lambda a, b: np.mean([value > 0 for value in _agreements(a, b)]),
        ),
        Mistake(
            "each document is paired with itself too; divide by the pairs of different documents.",
            lambda a, b: 2 * sum(_agreements(a, b)) / len(a) ** 2,
        ),
        Mistake(
            "this is the correlation of the scores (Pearson); only their order counts.",
            lambda a, b: np.corrcoef(a, b)[0, 1],
        ),
        Mistake(
            "this is the correlation of the ranks (Spearman); count pairs of documents.",
            lambda a, b: np.corrcoef(_ranks(a), _ranks(b))[0, 1],
        ),
        Mistake(
            "the sign is wrong: two equal orders give +1.",
            lambda a, b: -np.mean(_agreements(a, b)),
        ),
        Mistake(
            "this is the sum over the pairs; divide by their number.",
            lambda a, b: np.sum(_agreements(a, b)),
        ),
    ],
)
