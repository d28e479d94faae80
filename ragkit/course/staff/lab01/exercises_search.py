"""The exercises of lab 01 on search: the k nearest, and the hit rate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.random import Generator

from ragkit.course.staff.exercise import Array, Case, Exercise, Mistake
from ragkit.course.staff.lab01.drawing import until

Search = tuple[Array, Array, int]  # a query float [d], documents float [n, d], k


def _order(scores: Array) -> Array:
    """Row numbers int [n] of float [n], the largest first, the lower row first if equal."""
    order: Array = np.lexsort((np.arange(len(scores)), -scores))
    return order


def _dots(query: Array, documents: Array) -> Array:
    dots: Array = documents @ query
    return dots


def _cosines(query: Array, documents: Array) -> Array:
    """Cosines float [n]; those of a row of zeros are 0."""
    cosines: Array = documents @ query / np.maximum(np.linalg.norm(documents, axis=1), 1e-9)
    return cosines


def _nearness(query: Array, documents: Array) -> Array:
    """The negated squared distance of each document, float [n]."""
    nearness: Array = -((documents - query) ** 2).sum(axis=1)
    return nearness


_CONFUSED: tuple[Callable[[Array, Array], Array], ...] = (
    _cosines,
    _nearness,
    lambda query, documents: np.abs(documents @ query),
    lambda query, documents: np.linalg.norm(documents, axis=1),
    lambda query, documents: -np.arange(len(documents)),
)

# All numbers are multiples of 1/2, so that every product is exact: what ties, ties everywhere.


def _scores_below_zero(rng: Generator) -> Search:
    query = rng.integers(1, 4, size=3) / 2
    return query, -rng.integers(1, 9, size=(5, 3)) / 2, 1


def _with_itself(rng: Generator) -> Search:
    documents = rng.integers(-6, 7, size=(int(rng.integers(8, 11)), 3)) / 2
    return documents[rng.integers(len(documents))], documents, int(rng.integers(3, 5))


def _all_of(search: Search) -> Search:
    query, documents, _ = search
    return query, documents, len(documents)


def _distinct(search: Search) -> bool:
    """No two scores are equal, and the best are not the first rows in their order."""
    query, documents, k = search
    dots = _dots(query, documents)
    return len(set(dots)) == len(dots) and _order(dots)[:k].tolist() != list(range(k))


def _unlike(search: Search) -> bool:
    """Also none of the other ways to score finds the same documents, in any order."""
    query, documents, k = search
    best = set(_order(_dots(query, documents))[:k])
    others = [set(_order(score(query, documents))[:k]) for score in _CONFUSED]
    return _distinct(search) and best not in others


def _tied(rng: Generator, top: Sequence[int], below: int, k: int) -> Search:
    """Documents of which `top[i]` share the i-th best score, and `below` others have their own."""
    best = [score for score, count in enumerate(top[::-1], start=1) for _ in range(count)]
    scores = rng.permutation([*best, *(-score for score in range(1, below + 1))])
    query = np.array([1.0, int(rng.integers(1, 4))])
    second = rng.permutation(np.arange(len(scores)) - len(scores) // 2) / 2
    return query, np.stack([scores - second * query[1], second], axis=1), k


def _orders_of_ties_show(search: Search) -> bool:
    """The tied rows at the top, and those at the cut, are found in another order from below."""
    query, documents, k = search
    dots = _dots(query, documents)
    rows = _order(dots)[: k + 1]
    upwards = np.lexsort((-np.arange(len(dots)), -dots))[:k]
    best_pair = any(dots[a] == dots[b] for a, b in pairwise(rows[:k]))
    return best_pair and set(upwards) != set(rows[:k]) and set(rows[:k]) != set(range(k))


def _search_cases(rng: Generator) -> list[Case]:
    negative = until(lambda: _scores_below_zero(rng), _distinct)
    lengths = until(lambda: _with_itself(rng), _unlike)
    pairs = until(lambda: _tied(rng, (2, 3), 3, 3), _orders_of_ties_show)
    many = until(
        lambda: _tied(rng, (10, 11, 11), 20, int(rng.integers(14, 19))), _orders_of_ties_show
    )
    whole = until(lambda: _all_of(_with_itself(rng)), _distinct)
    return [
        Case(negative, "k=1 and scores below zero", "5 documents"),
        Case(
            lengths,
            "documents of different lengths, one of them the query itself",
            f"{len(lengths[1])} documents, k={lengths[2]}",
            weight=2,
        ),
        Case(pairs, "a few equal scores", "8 documents, k=3"),
        Case(many, "many equal scores", f"52 documents, k={many[2]}"),
        Case(whole, "k equal to the number of documents", f"{whole[2]} documents"),
    ]


Slip = Callable[[Array, int], Array]  # what is wrongly made of an order int [n] and k


def _slipped(slip: Slip, order: Callable[[Array], Array]) -> Callable[..., Array]:
    return lambda query, documents, k: slip(order(_dots(query, documents)), k)


def _as_numpy_sorts(scores: Array) -> Array:
    """As `_order`, but equal scores come as numpy's fastest sort leaves them."""
    order: Array = np.argsort(-scores)
    return order


_SLIPS: dict[str, Slip] = {
    "one document too few: an off-by-one in the slice.": lambda order, k: order[: k - 1],
    "one document too many: an off-by-one in the slice.": lambda order, k: order[: k + 1],
    "the best document is skipped: places start at 0 in Python.": (
        lambda order, k: order[1 : k + 1]
    ),
    "the rows are numbered from 1; NumPy's first row is row 0.": lambda order, k: order[:k] + 1,
    "k is not used: these are all documents.": lambda order, k: order,
}
_UNSTABLE = "equal scores are not in the order of their rows: not every sort keeps it."

top_k = Exercise(
    name="top_k",
    cases=_search_cases,
    expected=lambda query, documents, k: sorted(
        range(len(documents)), key=lambda row: (-float(documents[row] @ query), row)
    )[:k],
    mistakes=[
        Mistake(
            "these are the least similar documents: the sort is ascending.",
            lambda query, documents, k: np.argsort(_dots(query, documents), kind="stable")[:k],
        ),
        Mistake(
            "the right documents, but worst first.",
            lambda query, documents, k: _order(_dots(query, documents))[:k][::-1],
        ),
        Mistake(
            f"the best documents come last: the sort is ascending. Besides, {_UNSTABLE}",
            lambda query, documents, k: np.argsort(_dots(query, documents))[-k:],
        ),
        Mistake(
            "these are the scores; return the row numbers of the documents.",
            lambda query, documents, k: np.sort(_dots(query, documents))[::-1][:k],
        ),
        Mistake(
            "of equal scores the higher row comes first; asked is the lower one.",
            lambda query, documents, k: np.lexsort(
                (-np.arange(len(documents)), -_dots(query, documents))
            )[:k],
        ),
        Mistake(
            _UNSTABLE,
            lambda query, documents, k: _as_numpy_sorts(_dots(query, documents))[:k],
        ),
        Mistake(
            "these are the largest cosines; asked is the dot product of the vectors as they are.",
            lambda query, documents, k: _order(_cosines(query, documents))[:k],
        ),
        Mistake(
            "these are the smallest distances; asked is the largest dot product.",
            lambda query, documents, k: _order(_nearness(query, documents))[:k],
        ),
        Mistake(
            "these are the largest absolute values; a negative dot product means less similar.",
            lambda query, documents, k: _order(np.abs(_dots(query, documents)))[:k],
        ),
        Mistake(
            "these are the first k rows; nothing is compared.",
            lambda query, documents, k: np.arange(k),
            trivial=True,
        ),
        *(Mistake(sentence, _slipped(slip, _order)) for sentence, slip in _SLIPS.items()),
        *(
            Mistake(f"{sentence} Besides, {_UNSTABLE}", _slipped(slip, _as_numpy_sorts))
            for sentence, slip in _SLIPS.items()
        ),
    ],
)


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
    ]
    return (*_ranked(rng, asked + _extra(rng, 1), k + 3), k)


def _unanswered(rng: Generator) -> Run:
    k = int(rng.integers(2, 4))
    asked: list[Asked] = [[(1, 1)], [(2, 1)], [(k + 1, 1)], [(1, 0)], [(1, 1)], [(1, 1)]]
    rankings, qrels = _ranked(rng, asked + _extra(rng, 1), k + 2)
    first = [name for name, judged in qrels.items() if judged.get(rankings[name][0], 0) > 0]
    gone, empty, short = rng.permutation(first)[:3].tolist()
    shown = {name: ranking for name, ranking in rankings.items() if name != gone}
    return shown | {empty: [], short: rankings[short][:1]}, qrels, k


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
    everything = {d: grade for judged in qrels.values() for d, grade in judged.items() if grade}
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
        "judgements from 0 to 3": _graded,
        "queries without an answer, and one without a right document": _unanswered,
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
            "only answered queries are averaged; a judged query without an answer counts as 0.",
            lambda rankings, qrels, k: _rate(rankings, {q: qrels[q] for q in rankings}, k),
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
                lambda first, judged: {d for d, grade in judged.items() if grade} <= {*first},
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
            "this is a percentage; asked is a share, from 0 to 1.",
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
