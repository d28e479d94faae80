"""The exercises of lab 03 that measure: MRR, nDCG, rank correlation."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from math import log2

import numpy as np
from numpy.random import Generator

from ragkit.course.staff.drawing import draw_apart
from ragkit.course.staff.exercise import Array, Case, Exercise, Mistake


def _reciprocals(relevance: Array, k: int) -> list[float]:
    """1 / rank of the first relevant document of each query, from int [q, n]."""
    return [
        next((1 / rank for rank, rel in enumerate(row[:k], start=1) if rel > 0), 0.0)
        for row in relevance
    ]


def _mrr(relevance: Array, k: int) -> float:
    """Mean reciprocal rank of int [q, n], cut at k."""
    return float(np.mean(_reciprocals(relevance, k)))


def _found_only(relevance: Array, k: int) -> float:
    found = [value for value in _reciprocals(relevance, k) if value > 0]
    return sum(found) / len(found) if found else 0.0


def _first_place(table: Array) -> Array:
    """1 / rank of the first largest entry of each row, as argmax finds it."""
    reciprocals: Array = 1 / (1 + np.argmax(table, axis=1))
    return reciprocals


_MRR = [
    Mistake(
        "a query without a relevant document is left out of the mean; it counts as 0.",
        _found_only,
    ),
    Mistake(
        "a query without a hit counts as a hit at rank 1: the argmax of a row without any is 0.",
        lambda relevance, k: _first_place(relevance[:, :k] > 0).mean(),
    ),
    Mistake(
        "the document of the highest grade is taken; the first relevant one counts.",
        lambda relevance, k: (
            _first_place(relevance[:, :k]) * (relevance[:, :k] > 0).any(axis=1)
        ).mean(),
    ),
    Mistake(
        "only grade 1 counts as relevant; any grade above 0 does.",
        lambda relevance, k: np.mean(_reciprocals(relevance == 1, k)),
    ),
    Mistake(
        "grade 1 does not count as relevant; any grade above 0 does.",
        lambda relevance, k: np.mean(_reciprocals(relevance > 1, k)),
    ),
    Mistake(
        "the cut-off is ignored: a first hit below rank k counts as 0.",
        lambda relevance, k: np.mean(_reciprocals(relevance, relevance.shape[1])),
    ),
    Mistake(
        "the cut-off is one place too early: rank k still counts.",
        lambda relevance, k: np.mean(_reciprocals(relevance, k - 1)),
    ),
    Mistake(
        "the cut-off is one place too late: rank k is the last that counts.",
        lambda relevance, k: np.mean(_reciprocals(relevance, k + 1)),
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
        "only the first query with a hit is scored: does a return stand inside the loop?",
        lambda relevance, k: next((v for v in _reciprocals(relevance, k) if v), 0.0),
    ),
    Mistake(
        "this is the sum over the queries; return the mean.",
        lambda relevance, k: np.sum(_reciprocals(relevance, k)),
    ),
    Mistake(
        "this is the hit rate; a hit is worth 1 / rank.",
        lambda relevance, k: np.mean([value > 0 for value in _reciprocals(relevance, k)]),
    ),
]
_ROWS = [  # for the richest case, which is cut at 3
    [0, 0, 0, 0, 0, 0],  # nothing relevant
    [0, 0, 0, 1, 0, 0],  # hits below rank 3 alone
    [0, 0, 0, 0, 0, 1],
    [0, 0, 1, 0, 0, 0],  # a first hit at rank 3
    [0, 0, 2, 0, 0, 1],
    [1, 0, 2, 0, 0, 0],  # the highest grade after the first hit
    [0, 2, 1, 0, 0, 0],
    [0, 1, 0, 0, 2, 0],
]


def _some(rng: Generator, rows: list[list[int]]) -> Array:
    """Each of the rows one to three times, in random order: int [q, n]."""
    return rng.permutation(np.repeat(rows, rng.integers(1, 4, size=len(rows)), axis=0))


def _relevance_cases(rng: Generator) -> list[Case]:
    single = _some(rng, [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    missed = _some(rng, [[0, 1, 0, 0], [0, 0, 0, 0], [0, 1, 1, 0]])
    graded = _some(rng, [[1, 0, 2, 0], [2, 0, 0, 1], [0, 2, 0, 3], [0, 1, 0, 1]])
    deep = draw_apart(lambda: (_some(rng, _ROWS), 3), _mrr, _MRR)
    return [
        Case((single, 4), "queries with one relevant document", "k=4"),
        Case((missed, 4), "queries, some without a relevant document", "k=4"),
        Case((graded, 4), "relevance in grades", "k=4"),
        Case((deep[0][:, :4], 10), "a k above the number of places", "4 places, k=10"),
        Case(deep, "all of this, and hits on both sides of k", "6 places, k=3", weight=2),
    ]


mrr_at_k = Exercise(name="mrr_at_k", cases=_relevance_cases, expected=_mrr, mistakes=_MRR)


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


_GRADES = [
    Mistake(
        "the ideal is built from what was retrieved; build it from all judged documents.",
        lambda relevance, judged, k: _ndcg(relevance, relevance, k),
    ),
    Mistake(
        "the judged documents are taken as they come; the ideal order is from high to low.",
        lambda relevance, judged, k: _ratio(_dcg(relevance[:k]), _dcg(judged[:k])),
    ),
    Mistake(
        "the ideal order is from low to high; the best come first.",
        lambda relevance, judged, k: _ratio(_dcg(relevance[:k]), _dcg(sorted(judged)[:k])),
    ),
    Mistake(
        "every relevant document gains 1; it gains its grade.",
        lambda relevance, judged, k: _ndcg(relevance > 0, judged > 0, k),
    ),
    Mistake(
        "the gain is exponential (2^rel - 1); here it is linear, as in trec_eval.",
        lambda relevance, judged, k: _ndcg(2**relevance - 1, 2**judged - 1, k),
    ),
    Mistake(
        "this is DCG; divide it by the DCG of the ideal order.",
        lambda relevance, judged, k: _dcg(relevance[:k]),
    ),
    Mistake(
        "the discount is one place off: rank 1 is divided by 1.",
        lambda relevance, judged, k: _ratio(
            _dcg(relevance[:k], first=3), _dcg(_ideal(judged)[:k], first=3)
        ),
    ),
    Mistake(
        "gains are divided by the rank; the discount is a logarithm.",
        lambda relevance, judged, k: _ratio(
            sum(gain / rank for rank, gain in enumerate(relevance[:k], 1)),
            sum(gain / rank for rank, gain in enumerate(_ideal(judged)[:k], 1)),
        ),
    ),
    Mistake(
        "nothing is discounted: a gain is worth less the lower its place.",
        lambda relevance, judged, k: _ratio(sum(relevance[:k]), sum(_ideal(judged)[:k])),
    ),
    Mistake("this is always 0.", lambda relevance, judged, k: 0.0, trivial=True),
]
_CUT_OFFS = [
    Mistake(
        "the judged documents are cut at k before they are sorted; the best may be further down.",
        lambda relevance, judged, k: _ndcg(relevance, judged[:k], k),
    ),
    Mistake(
        "the ideal is not cut at k, so a perfect top k would not reach 1.",
        lambda relevance, judged, k: _ratio(_dcg(relevance[:k]), _dcg(_ideal(judged))),
    ),
    Mistake(
        "the cut-off is ignored: only the first k places count.",
        lambda relevance, judged, k: _ndcg(relevance, judged, len(relevance) + len(judged)),
    ),
]
_NONE = Mistake(
    "a query for which nothing is relevant scores 0, not 1.",
    lambda relevance, judged, k: _ndcg(relevance, judged, k) if judged.any() else 1.0,
)


def _gain_cases(rng: Generator) -> list[Case]:
    count, k = (int(number) for number in rng.integers([5, 3], [8, 5]))

    def draw(grades: list[int], wrong: int, cut: int) -> tuple[Array, Array, int]:
        """A ranking of all but one of the grades above 0 and so many wrong documents."""
        judged = rng.permutation(grades)
        found = rng.permutation(judged[judged > 0])[1:]
        return rng.permutation(np.r_[found, np.zeros(wrong, dtype=int)]), judged, cut

    two = np.zeros(count, dtype=int)
    two[[int(rng.integers(1, count - 1)), count - 1]] = 1  # one below the number of those judged
    few = draw_apart(lambda: draw([0, 0, 1, 2, 3], 0, 10), _ndcg, _GRADES)
    deep = draw_apart(lambda: draw([0, 0, 1, 1, 2, 2, 3], 3, k), _ndcg, _GRADES + _CUT_OFFS)
    none = np.zeros(count, dtype=int)
    late = rng.permutation([1, 0, 2]), np.r_[0, 0, rng.permutation([1, 2, 1])]
    return [
        Case((two, np.array([0, 1, 1, 1]), count), "two of three found", f"k={count}"),
        Case(few, "relevance in grades, a ranking shorter than k", "2 places, k=10"),
        Case(deep, "more relevant documents than k", f"k={k}", weight=2),
        Case((*late, 2), "judged documents that begin with wrong ones", "k=2"),
        Case((none, np.array([0, 0]), count), "a query with no relevant document", f"k={count}"),
    ]


ndcg_at_k = Exercise(
    name="ndcg_at_k", cases=_gain_cases, expected=_ndcg, mistakes=[*_GRADES, *_CUT_OFFS, _NONE]
)


def _agreements(a: Array, b: Array) -> list[float]:
    """+1 for each pair of documents that both scores order alike, -1 for each other pair."""
    pairs = combinations(range(len(a)), 2)
    return [float(np.sign(a[i] - a[j]) * np.sign(b[i] - b[j])) for i, j in pairs]


def _tau(a: Array, b: Array) -> float:
    """Kendall's tau of float [n] and [n] without ties."""
    return float(np.mean(_agreements(a, b)))


def _ranks(scores: Array) -> Array:
    return np.argsort(np.argsort(scores))


def _scipys_pair(a: Array, b: Array) -> tuple[float, float]:
    from scipy.stats import kendalltau  # type: ignore[import-untyped]

    found = kendalltau(a, b)
    return float(found.statistic), float(found.pvalue)


_TAU = [
    Mistake(
        "this is the share of pairs in the same order; subtract that in the opposite order.",
        lambda a, b: np.mean([value > 0 for value in _agreements(a, b)]),
    ),
    Mistake(
        "this is the share of pairs in the opposite order; subtract it from that in the same one.",
        lambda a, b: np.mean([value < 0 for value in _agreements(a, b)]),
    ),
    Mistake(
        "each document is paired with itself too; divide by the pairs of different documents.",
        lambda a, b: 2 * sum(_agreements(a, b)) / len(a) ** 2,
    ),
    Mistake(
        "each pair is counted once but divided by twice the number of pairs.",
        lambda a, b: np.mean(_agreements(a, b)) / 2,
    ),
    Mistake(
        "each pair is counted twice but divided by the number of pairs.",
        lambda a, b: 2 * np.mean(_agreements(a, b)),
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
        "argsort gives the documents in order, not the rank of each; compare the scores.",
        lambda a, b: np.mean(_agreements(np.argsort(a), np.argsort(b))),
    ),
    Mistake(
        "the sign is wrong: two equal orders give +1.",
        lambda a, b: -np.mean(_agreements(a, b)),
    ),
    Mistake(
        "this is the sum over the pairs; divide by their number.",
        lambda a, b: np.sum(_agreements(a, b)),
    ),
    Mistake(
        "these are two numbers, the correlation and its p-value; return the correlation.",
        _scipys_pair,
    ),
]


_SLIPS = [  # too rare to be named
    Mistake("", lambda a, b: np.mean(_agreements(np.argsort(a), b))),
    Mistake("", lambda a, b: np.round(_tau(a, b), 2)),
    Mistake("", lambda a, b: _tau(np.asarray(a).round(3), b)),
]


def _order_cases(rng: Generator) -> list[Case]:
    few, more = (int(number) for number in rng.integers([4, 7], [6, 10]))
    falling = np.arange(float(few))[::-1].copy()
    falling[:2] = falling[1::-1]

    def draw(count: int) -> tuple[Array, Array]:
        """Cosines and logits: numbers of different sizes, in orders that agree in part."""
        return 0.5 + rng.permutation(count) / 2**12, np.round(1.4 ** rng.permutation(count) - 3, 2)

    return [
        Case((np.arange(float(few)), falling), "orders that agree on one pair", f"{few} documents"),
        Case(draw_apart(lambda: draw(few), _tau, _TAU), "few documents", f"{few} of them"),
        Case(
            draw_apart(lambda: draw(more), _tau, _TAU + _SLIPS), "more documents", f"{more} of them"
        ),
    ]


kendall = Exercise(name="kendall", cases=_order_cases, expected=_tau, mistakes=_TAU)
