"""The exercise of lab 01 on measuring a search: the hit rate."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.random import Generator

from ragkit.course.staff.drawing import until
from ragkit.course.staff.exercise import Case, Exercise, Mistake

Rankings = dict[str, list[str]]  # query id -> document ids, best first
Qrels = dict[str, dict[str, int]]  # query id -> document id -> judgement
Asked = list[tuple[int | None, int]]  # the ranks of a query's judged documents, None if not found


def _ranked(rng: Generator, asked: list[Asked], depth: int) -> tuple[Rankings, Qrels]:
    """Rankings of `depth` documents, in which the judged ones have their ranks.

    The queries come in another order in the qrels than in the rankings, and all rank the same
    documents, so that what is right for one query is found for others too.
    """
    names = [f"q{number}" for number in range(1, len(asked) + 1)]
    drawn = dict(zip(names, (asked[i] for i in rng.permutation(len(asked))), strict=True))
    rankings: Rankings = {}
    qrels: Qrels = {}
    for name in rng.permutation(names).tolist():
        documents = rng.permutation([f"d{number}" for number in range(depth + 4)]).tolist()
        rankings[name] = documents[:depth]
        absent = iter(documents[depth:])
        qrels[name] = {
            next(absent) if rank is None else documents[rank - 1]: grade
            for rank, grade in drawn[name]
        }
    return {name: rankings[name] for name in names}, qrels


def _extra(rng: Generator, most: int) -> list[Asked]:
    """Up to `most` queries with one right document at the top, and as many that find none."""
    top, none = rng.integers(0, most + 1, size=2).tolist()
    found: Asked = [(1, 1)]
    missed: Asked = [(None, 1)]
    return [found] * top + [missed] * none


Run = tuple[Rankings, Qrels, int]


def _single(rng: Generator) -> Run:
    k = int(rng.integers(2, 4))
    asked: list[Asked] = [[(1, 1)], [(1, 1)], [(k, 1)], [(k + 1, 1)], [(k + 3, 1)], [(None, 1)]]
    return (*_ranked(rng, asked + _extra(rng, 2), k + 3), k)


def _several(rng: Generator) -> Run:
    k = int(rng.integers(3, 5))
    asked: list[Asked] = [
        [(1, 1), (k + 1, 1)],
        [(2, 1), (3, 1)],
        [(k, 1), (None, 1)],
        [(None, 1), (2, 1)],
        [(k + 2, 1), (None, 1), (k + 1, 1)],
        [(None, 1), (1, 1), (2, 1)],
    ]
    return (*_ranked(rng, asked + _extra(rng, 1), k + 2), k)


def _graded(rng: Generator) -> Run:
    k = int(rng.integers(1, 3))
    asked: list[Asked] = [
        [(k, 2)],
        [(1, 1), (k + 1, 2)],
        [(1, 0), (k + 1, 1)],
        [(1, 0), (None, 2)],
        [(1, 0), (None, 1)],
        [(1, 3)],
        [(k + 2, 2)],
        [(1, -1), (k + 1, 1)],
        [(1, 0), (k + 2, 0), (k + 3, 1)],
    ]
    return (*_ranked(rng, asked + _extra(rng, 1), k + 3), k)


def _unanswered(rng: Generator) -> Run:
    k = int(rng.integers(2, 4))
    asked: list[Asked] = [[(1, 1)], [(2, 1)], [(k + 1, 1)], [(1, 0)], [(1, 1)], [(1, 1)]]
    asked += [[(2, 0)]]
    rankings, qrels = _ranked(rng, asked + _extra(rng, 1), k + 2)
    first = [name for name, judged in qrels.items() if judged.get(rankings[name][0], 0) > 0]
    gone, (empty, short) = first[0], rng.permutation(first[1:])[:2].tolist()
    shown = {name: ranking for name, ranking in rankings.items() if name != gone}
    shown |= {
        empty: [],
        short: rankings[short][:1],
    }
    unjudged = dict.fromkeys(("q0", "q00"), rankings[gone])
    return shown | unjudged, qrels, k


Found = Callable[[list[str], dict[str, int]], Any]  # what the first k documents are worth


def _mean(found: Found, rankings: Rankings, qrels: Qrels, k: int) -> float:
    """The mean over the judged queries of what is found in their first k documents."""
    return float(np.mean([found(rankings.get(q, [])[:k], qrels[q]) for q in qrels]))


def _grades(first: list[str], judged: dict[str, int]) -> list[int]:
    return [judged.get(doc_id, 0) for doc_id in first]


def _found(first: list[str], judged: dict[str, int]) -> int:
    """The number of relevant documents among the first."""
    return sum(grade > 0 for grade in _grades(first, judged))


def _hit(first: list[str], judged: dict[str, int]) -> bool:
    """Whether a relevant document is among the first."""
    return not {d for d, relevance in judged.items() if relevance > 0}.isdisjoint(first)


def _rate(rankings: Rankings, qrels: Qrels, k: int) -> float:
    return _mean(_hit, rankings, qrels, k)


def _by_place(rankings: Rankings, qrels: Qrels, k: int) -> float:
    """The first ranking with the first qrels, the second with the second, and so on."""
    pairs = zip(rankings.values(), qrels.values(), strict=False)
    return float(np.mean([_hit(ranking[:k], judged) for ranking, judged in pairs]))


def _thrown_together(rankings: Rankings, qrels: Qrels, k: int) -> float:
    """A document that is right for any query counts for all."""
    everything = {d: grade for judged in qrels.values() for d, grade in judged.items() if grade > 0}
    return _mean(lambda first, judged: _hit(first, everything), rankings, qrels, k)


def _by_name(rankings: Rankings, qrels: Qrels, k: int) -> float:
    """The order of the ranking is lost."""
    return _rate({q: sorted(ranking) for q, ranking in rankings.items()}, qrels, k)


def _tell_apart(runs: list[Run]) -> bool:
    """Every run has its own rate, and no two ways to go wrong have the same rates."""
    wrong = [*(mistake.wrong for mistake in hit_rate.mistakes), _thrown_together, _by_name]
    rates = [[float(f(*run)) for run in runs] for f in (_rate, *wrong)]
    apart = min(abs(a - b) for a, b in pairwise(sorted([*rates[0], 0, 0.5, 1])))
    return apart > 0.01 and len({tuple(np.round(row, 6)) for row in rates}) == len(rates)


def _ranking_cases(rng: Generator) -> list[Case]:
    kinds = {
        "one right document for each query": _single,
        "several right documents for a query": _several,
        "judgements from -1 to 3": _graded,
        "queries without a ranking, without judgements, or without a right document": _unanswered,
    }
    runs = until(lambda: [draw(rng) for draw in kinds.values()], _tell_apart)
    return [
        Case(run, kind, f"{len(run[1])} queries, k={run[2]}")
        for kind, run in zip(kinds, runs, strict=True)
    ]


hit_rate = Exercise(
    name="hit_rate",
    cases=_ranking_cases,
    expected=_rate,
    mistakes=[
        Mistake(
            "only queries with a ranking are averaged; a judged query without one counts as 0.",
            lambda rankings, qrels, k: _rate(
                rankings, {q: qrels[q] for q in qrels if q in rankings}, k
            ),
        ),
        Mistake(
            "the cut-off is one too small: an off-by-one in the slice.",
            lambda rankings, qrels, k: _rate(rankings, qrels, k - 1),
        ),
        Mistake(
            "the cut-off is one too large: an off-by-one in the slice.",
            lambda rankings, qrels, k: _rate(rankings, qrels, k + 1),
        ),
        Mistake(
            "k is not used: the whole ranking is searched.",
            lambda rankings, qrels, k: _rate(rankings, qrels, 99),
        ),
        Mistake(
            "only the first place is looked at, whatever k is.",
            lambda rankings, qrels, k: _rate(rankings, qrels, 1),
        ),
        Mistake(
            "a document judged 0 is counted as relevant; relevant means a judgement above 0.",
            lambda *run: _mean(lambda first, judged: not set(judged).isdisjoint(first), *run),
        ),
        Mistake(
            "only a judgement of 1 is taken for relevant; 2 is relevant too.",
            lambda *run: _mean(lambda first, judged: 1 in _grades(first, judged), *run),
        ),
        Mistake(
            "a judgement of 1 is not taken for relevant; relevant means above 0.",
            lambda *run: _mean(
                lambda first, judged: max(_grades(first, judged), default=0) > 1, *run
            ),
        ),
        Mistake(
            "this is the number of hits; divide by the number of judged queries.",
            lambda rankings, qrels, k: len(qrels) * _rate(rankings, qrels, k),
        ),
        Mistake(
            "this is precision: a query is a hit or not, however many relevant documents it has.",
            lambda rankings, qrels, k: _mean(_found, rankings, qrels, k) / k,
        ),
        Mistake(
            "this is recall: one right document is enough for a hit, however many there are.",
            lambda *run: _mean(
                lambda first, judged: _found(first, judged) / max(_found([*judged], judged), 1),
                *run,
            ),
        ),
        Mistake(
            "all right documents must be found here; one is enough.",
            lambda *run: _mean(
                lambda first, judged: {d for d, grade in judged.items() if grade > 0} <= {*first},
                *run,
            ),
        ),
        Mistake(
            "each right document counts; a query is a hit once, however many it finds.",
            lambda *run: _mean(_found, *run),
        ),
        Mistake(
            "this is the share of misses; the share of hits is asked for.",
            lambda rankings, qrels, k: 1 - _rate(rankings, qrels, k),
        ),
        Mistake(
            "this is a percentage; return a share, from 0 to 1.",
            lambda rankings, qrels, k: 100 * _rate(rankings, qrels, k),
        ),
        Mistake(
            "this is the mean of 1 / rank; for a hit the rank within the first k does not matter.",
            lambda *run: _mean(
                lambda first, judged: max(
                    ((g > 0) / rank for rank, g in enumerate(_grades(first, judged), start=1)),
                    default=0,
                ),
                *run,
            ),
        ),
        Mistake(
            "rankings and judgements are paired by their places; pair them by query id.",
            _by_place,
        ),
    ],
)
