"""The exercise of lab 01 on search: the k nearest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.random import Generator

from ragkit.course.staff.drawing import until
from ragkit.course.staff.exercise import Array, Case, Exercise, Mistake

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

# All numbers are multiples of a power of 1/2, so that every product is exact: what ties, ties
# everywhere.


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


def _close(rng: Generator) -> Search:
    """Scores so close together that a rounding, or a float of 16 bits, makes them equal."""
    scores, second = 1 + rng.permutation(9) / 2**16, rng.permutation(9) / 2
    query = np.array([1.0, int(rng.integers(1, 4))])
    return query, np.stack([scores - second * query[1], second], axis=1), 4


def _search_cases(rng: Generator) -> list[Case]:
    negative = until(lambda: _scores_below_zero(rng), _distinct)
    lengths = until(lambda: _with_itself(rng), _unlike)
    pairs = until(lambda: _tied(rng, (2, 3), 3, 3), _orders_of_ties_show)
    many = until(
        lambda: _tied(rng, (10, 60, 40), 42, int(rng.integers(36, 41))), _orders_of_ties_show
    )
    close = until(lambda: _close(rng), _distinct)
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
        Case(many, "many equal scores", f"152 documents, k={many[2]}"),
        Case(close, "scores that differ by little", "9 documents, k=4"),
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
            "these are the least similar documents: the sort is ascending, so this is argmin.",
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
            "of equal scores the higher row comes first; the lower one should.",
            lambda query, documents, k: np.lexsort(
                (-np.arange(len(documents)), -_dots(query, documents))
            )[:k],
        ),
        Mistake(
            _UNSTABLE,
            lambda query, documents, k: _as_numpy_sorts(_dots(query, documents))[:k],
        ),
        Mistake(
            "these are the largest cosines; take the dot product of the vectors as they are.",
            lambda query, documents, k: _order(_cosines(query, documents))[:k],
        ),
        Mistake(
            "these are the smallest distances; take the largest dot products.",
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
