"""The tie rule, in one place: score descending, then doc_id ascending. And what a hit is.

Also the two checks that every ranking needs: of a count such as k, and of a score.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ragkit.errors import DataError


@dataclass(frozen=True, slots=True)
class Hit:
    """One retrieved document; `rank` starts at 1."""

    doc_id: str
    score: float
    rank: int


def ranked(scored: Iterable[tuple[str, float]], k: int | None = None) -> list[tuple[str, float]]:
    """Order `(doc_id, score)` pairs by the tie rule and keep the first `k` (all when None).

    >>> ranked([("b", 1.0), ("c", 2.0), ("a", 1.0)])
    [('c', 2.0), ('a', 1.0), ('b', 1.0)]
    """
    by_id = sorted(scored, key=lambda pair: pair[0])
    # a second, stable sort: negating the score would turn NumPy's unsigned numbers upside down
    return sorted(by_id, key=lambda pair: pair[1], reverse=True)[:k]


def hits(scored: Iterable[tuple[str, float]], k: int | None = None) -> list[Hit]:
    """The first `k` of `(doc_id, score)` pairs as `Hit`s, ranked by the tie rule."""
    return [Hit(i, float(s), rank) for rank, (i, s) in enumerate(ranked(scored, k), start=1)]


def ranked_ids(scores: Mapping[str, float], k: int | None = None) -> list[str]:
    """The document ids of one query's run, best first, ties by doc_id ascending."""
    # the two sorts of `ranked` on the ids alone: runs are long, and pairs take a third longer
    return sorted(sorted(scores), key=scores.__getitem__, reverse=True)[:k]


def as_scores(ranking: Sequence[Hit]) -> dict[str, float]:
    """A hit list as one query's entry of a run: `{doc_id: score}`."""
    return {hit.doc_id: hit.score for hit in ranking}


def check_k(k: Any, name: str = "k", *, least: int = 1, most: int | None = None) -> int:
    """`k` as an int from `least` to `most`, or a `DataError` that says what was passed."""
    try:
        number = None if isinstance(k, bool) else operator.index(k)
    except TypeError:
        number = None
    if number is None:
        raise DataError(f"{name} must be a whole number from {least} up; got {k!r:.60}.")
    if number < least:
        raise DataError(f"{name} must be at least {least}; got {number}.")
    if most is not None and number > most:
        raise DataError(f"{name} must be at most {most}; got {number}.")
    return number


def is_finite(score: Any) -> bool:
    """True for a number that can be ranked: neither NaN nor infinite, and not a string or None."""
    try:
        return math.isfinite(score)
    except (TypeError, OverflowError):
        return False


def are_finite(scores: Iterable[Any]) -> bool:
    """`is_finite` of every one of the scores, at half the cost of asking one by one."""
    try:
        return all(map(math.isfinite, scores))
    except (TypeError, OverflowError):
        return False
