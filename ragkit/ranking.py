"""The tie rule, in one place: score descending, then doc_id ascending. And what a hit is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

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
    return sorted(scored, key=lambda pair: (-pair[1], pair[0]))[:k]


def hits(scored: Iterable[tuple[str, float]], k: int | None = None) -> list[Hit]:
    """The first `k` of `(doc_id, score)` pairs as `Hit`s, ranked by the tie rule."""
    return [Hit(i, float(s), rank) for rank, (i, s) in enumerate(ranked(scored, k), start=1)]


def ranked_ids(scores: Mapping[str, float], k: int | None = None) -> list[str]:
    """The document ids of one query's run, best first, ties by doc_id ascending."""
    return [doc_id for doc_id, _ in ranked(scores.items(), k)]


def as_scores(ranking: Sequence[Hit]) -> dict[str, float]:
    """A hit list as one query's entry of a run: `{doc_id: score}`."""
    return {hit.doc_id: hit.score for hit in ranking}


def check_k(k: object, name: str = "k") -> int:
    """`k` as an int of at least 1, or a `DataError` that says what was passed."""
    if isinstance(k, bool) or not hasattr(k, "__index__"):
        raise DataError(f"{name} must be a whole number from 1 up; got {k!r}.")
    number: int = k.__index__()
    if number < 1:
        raise DataError(f"{name} must be at least 1; got {number}.")
    return number
