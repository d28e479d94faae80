"""The exercises of lab 03 that rank: two stages, rank fusion, MaxSim."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
from numpy.random import Generator

from ragkit.course.staff.drawing import draw_apart
from ragkit.course.staff.exercise import Array, Case, Exercise, Mistake, unit


def _best(rows: Iterable[int], scores: Array) -> list[int]:
    """Row numbers from the highest score down, the lower row first among equals."""
    return sorted((int(row) for row in rows), key=lambda row: (-float(scores[row]), row))


def _candidates(first: Array, depth: int) -> list[int]:
    return _best(range(len(first)), first)[:depth]


def _two_stage(first: Array, second: Array, depth: int, k: int) -> list[int]:
    """Row numbers, best first, by the scores of two stages: float [n] and [n]."""
    return _best(_candidates(first, depth), second)[:k]


def _appended(first: Array, second: Array, depth: int, k: int) -> list[int]:
    order = _best(range(len(first)), first)
    return (_best(order[:depth], second) + order[depth:])[:k]


def _positions(first: Array, second: Array, depth: int, k: int) -> list[int]:
    candidates = _candidates(first, depth)
    return [candidates.index(row) for row in _best(candidates, second)[:k]]


def _stable(first: Array, second: Array, depth: int, k: int) -> list[int]:
    return sorted(_candidates(first, depth), key=lambda row: -float(second[row]))[:k]


def _unstable(first: Array, second: Array, depth: int, k: int) -> Array:
    candidates = np.sort(np.argsort(-first)[:depth])
    best: Array = candidates[np.argsort(-second[candidates])][:k]
    return best


def _turned_round(first: Array, second: Array, depth: int, k: int) -> Array:
    candidates = np.argsort(first)[::-1][:depth]
    best: Array = candidates[np.argsort(second[candidates])[::-1]][:k]
    return best


_STAGES = [
    Mistake(
        "every document is reranked; rerank only the first `depth` of the first stage.",
        lambda first, second, depth, k: _best(range(len(first)), second)[:k],
        trivial=True,
    ),
    Mistake(
        "the candidates keep their first-stage order; sort them by the second stage's scores.",
        lambda first, second, depth, k: _candidates(first, depth)[:k],
        trivial=True,
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
        "the worst candidate comes first: argsort is ascending.",
        lambda first, second, depth, k: _two_stage(first, -second, depth, k),
    ),
    Mistake(
        "the candidates are the worst of the first stage: argsort is ascending.",
        lambda first, second, depth, k: _two_stage(-first, second, depth, k),
    ),
    Mistake(
        "the candidates are the first `depth` rows; take the best by the first stage's scores.",
        lambda first, second, depth, k: _best(range(len(first))[:depth], second)[:k],
    ),
    Mistake(
        "the candidates are ordered by the sum of both scores; only the second one counts there.",
        lambda first, second, depth, k: _best(_candidates(first, depth), first + second)[:k],
    ),
]
_BEYOND_DEPTH = [
    Mistake(
        "the documents below `depth` are appended; the second stage returns only candidates.",
        _appended,
    ),
    Mistake(
        "these are the k best of the first stage; the second stage must order `depth` of them.",
        lambda first, second, depth, k: _best(range(len(first)), first)[:k],
        trivial=True,
    ),
]
_TIES = [
    Mistake(
        "equal second-stage scores stay in first-stage order; the lower row comes first.",
        _stable,
    ),
    Mistake(
        "equal scores come in any order: a sort keeps the lower row first only if it is stable.",
        _unstable,
    ),
    Mistake(
        "turning an ascending order round puts the higher row first among equal scores.",
        _turned_round,
    ),
]


def _stage_cases(rng: Generator) -> list[Case]:
    count, depth, k = (int(number) for number in rng.integers([8, 4, 2], [12, 6, 4]))

    def draw(count: int, depth: int, k: int) -> tuple[Array, Array, int, int]:
        """Scores without ties, of which the second ones are a little further apart."""
        first, second = rng.permutation(count) / 5 - 3, 0.23 * rng.permutation(count) - 1
        return first, np.round(second, 2), depth, k

    below = draw_apart(partial(draw, count, depth, k), _two_stage, _STAGES)
    above = draw_apart(partial(draw, count, depth, depth + 2), _two_stage, _STAGES + _BEYOND_DEPTH)
    close = np.roll(np.arange(4.0), int(rng.integers(1, 4)))  # never best first
    before = int(rng.integers(1, 5))  # rows that come last in the first stage, first in the second
    tied_first = np.r_[np.full(before, -1.0), 0.5, 0.9, 0.5, 0.7]
    tied_second = np.r_[np.full(before, 9.0), 1.0, -2.0, 5.0, 1.0]
    many_first, many_second = rng.permutation(60) % 4 / 4, rng.permutation(60) % 5 / 2 - 1
    return [
        Case(below, "k below the depth", _sizes(below), weight=2),
        Case(above, "k above the depth", _sizes(above)),
        Case(
            (close / 5, close / 1024, depth + 2, 3),
            "a depth above the number of documents",
            "4 of them",
        ),
        Case((tied_first, tied_second, 3, 3), "ties in both stages", "depth=3, k=3"),
        Case((many_first, many_second, 38, 30), "many ties in both stages", "60 documents"),
    ]


def _sizes(arguments: tuple[Any, ...]) -> str:
    first, _, depth, k = arguments
    return f"{len(first)} documents, depth={depth}, k={k}"


two_stage = Exercise(
    name="two_stage",
    cases=_stage_cases,
    expected=_two_stage,
    mistakes=_STAGES + _BEYOND_DEPTH + _TIES,
)


def _fuse(ranks: Any, k: float) -> list[float]:
    """The fused score of each document from int [systems, n], 0 for not ranked."""
    return [sum(1 / (k + rank) for rank in column if rank) for column in np.asarray(ranks).T]


def _mean_of_those_that_rank(ranks: Array, k: float) -> Array:
    systems = (np.asarray(ranks) > 0).sum(axis=0)
    means: Array = np.array(_fuse(ranks, k)) / np.maximum(systems, 1)
    return means


_FUSIONS = [
    Mistake(
        "the best rank counts as 0; ranks start at 1, and so they are given.",
        lambda ranks, k: _fuse(ranks, k - 1),
    ),
    Mistake(
        "the best rank counts as 2; ranks start at 1, and so they are given.",
        lambda ranks, k: _fuse(ranks, k + 1),
    ),
    Mistake(
        "the ranks themselves are summed; a system adds the more, the better the rank.",
        lambda ranks, k: np.asarray(ranks).sum(axis=0),
        trivial=True,
    ),
    Mistake(
        "the constant k is missing; it softens the lead of the first ranks.",
        lambda ranks, k: _fuse(ranks, 0),
    ),
    Mistake("k is always 60; use the argument.", lambda ranks, k: _fuse(ranks, 60)),
    Mistake(
        "a bracket is missing: the division comes before the addition.",
        lambda ranks, k: np.where(np.asarray(ranks) > 0, 1 / k + ranks, 0).sum(axis=0),
    ),
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
    Mistake(
        "each document gets the mean of the systems that rank it; rank fusion takes the sum.",
        _mean_of_those_that_rank,
    ),
    Mistake(
        "only the best rank of each document counts; sum over the systems.",
        lambda ranks, k: np.max([_fuse([row], k) for row in ranks], axis=0),
    ),
]


def _rankings(rng: Generator, count: int, lengths: Iterable[int]) -> Array:
    """Ranks of `count` documents by systems that stop after so many: int [systems, count]."""
    ranks = np.stack([1 + rng.permutation(count) for _ in lengths])
    return np.where(ranks <= np.array(list(lengths))[:, None], ranks, 0)


def _fusion_cases(rng: Generator) -> list[Case]:
    few, many, small, k = (int(n) for n in rng.integers([4, 5, 2, 10], [8, 8, 9, 50]))

    def draw() -> tuple[Array, int]:
        ranks = _rankings(rng, many, (many, many - 1, many - 3))
        return np.insert(ranks, int(rng.integers(many + 1)), 0, axis=1), k

    square = draw_apart(lambda: (_rankings(rng, 3, (3, 3, 2)), small), _fuse, _FUSIONS)
    some = draw_apart(draw, _fuse, _FUSIONS)
    return [
        Case((_rankings(rng, few, (few,)), 60), "one system, k=60", f"{few} documents"),
        Case((_rankings(rng, few, (few, few)), 1), "two systems", "k=1"),
        Case(square, "as many systems as documents", f"k={small}"),
        Case(some, "a document that no system ranks", f"3 systems, k={k}", weight=2),
    ]


rrf = Exercise(name="rrf", cases=_fusion_cases, expected=_fuse, tolerance=1e-7, mistakes=_FUSIONS)


def _cosines(query: Array, document: Array) -> Array:
    """Cosines of query tokens float [q, d] and document tokens [t, d]: [q, t]."""
    cosines: Array = unit(query) @ unit(document).T
    return cosines


def _max_sim(query: Array, document: Array) -> float:
    """MaxSim of query float [q, d] and document float [t, d]."""
    return sum(max(float(a @ b) for b in unit(document)) for a in unit(query))


_LATE = [
    Mistake(
        "this takes the mean over the document's tokens; take the largest cosine.",
        lambda query, document: _cosines(query, document).mean(axis=1).sum(),
    ),
    Mistake(
        "the maximum runs over the query's tokens: each token of the query looks for its best "
        "token of the document, not the reverse.",
        lambda query, document: _cosines(query, document).max(axis=0).sum(),
    ),
    Mistake(
        "these are dot products of vectors that are not normalised; a cosine needs unit rows.",
        lambda query, document: (query @ document.T).max(axis=1).sum(),
    ),
    Mistake(
        "only the query's rows have length 1; the document's count with their lengths.",
        lambda query, document: (unit(query) @ document.T).max(axis=1).sum(),
    ),
    Mistake(
        "only the document's rows have length 1; the query's count with their lengths.",
        lambda query, document: (query @ unit(document).T).max(axis=1).sum(),
    ),
    Mistake(
        "each array is divided by one length, that of all its numbers; each row has its own.",
        lambda query, document: (
            (query @ document.T).max(axis=1).sum()
            / (np.linalg.norm(query) * np.linalg.norm(document))
        ),
    ),
    Mistake(
        "the best token is chosen by the dot product, before the rows have length 1.",
        lambda query, document: sum(
            row[scores.argmax()]
            for row, scores in zip(_cosines(query, document), query @ document.T, strict=True)
        ),
    ),
    Mistake(
        "a maximum below 0 counts as 0; a cosine may be negative.",
        lambda query, document: _cosines(query, document).max(axis=1, initial=0).sum(),
    ),
    Mistake(
        "this is the mean over the query's tokens; sum over them.",
        lambda query, document: _cosines(query, document).max(axis=1).mean(),
    ),
    Mistake(
        "this is the single largest cosine; sum the largest one of each query token.",
        lambda query, document: _cosines(query, document).max(),
    ),
]


def _token_cases(rng: Generator) -> list[Case]:
    few, more = (int(n) for n in rng.integers([2, 4], [4, 6]))

    def draw(asked: int, read: int) -> tuple[Array, Array]:
        """Rows of different lengths; one query token points away from the whole document."""
        query, document = rng.normal(size=(asked, 4)), rng.normal(size=(read, 4))
        away = int(rng.integers(asked))
        document *= -np.sign(document @ query[away])[:, None]
        lengths = (rng.permutation(len(rows))[:, None] + 0.5 for rows in (query, document))
        return np.round(unit(query) * next(lengths), 1), np.round(unit(document) * next(lengths), 1)

    apart = [
        draw_apart(partial(draw, asked, read), _max_sim, _LATE)
        for asked, read in ((few, more), (more, few), (few, few))
    ]
    tokens = unit(rng.normal(size=(few, 4)))
    units = np.concatenate([tokens, tokens[:1]]), unit(rng.normal(size=(more, 4)))
    return [
        Case(
            units,
            "token vectors of length 1, and a query token that comes twice",
            f"{few + 1} query and {more} document tokens",
        ),
        Case(apart[0], "token vectors of other lengths", f"{few} query and {more} document tokens"),
        Case(
            apart[1], "more query than document tokens", f"{more} query and {few} document tokens"
        ),
        Case(apart[2], "as many query as document tokens", f"{few} of each"),
    ]


max_sim = Exercise(name="max_sim", cases=_token_cases, expected=_max_sim, mistakes=_LATE)
