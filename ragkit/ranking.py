"""The tie rule, in one place: by score, descending, then by doc_id, ascending; and the `Hit`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Hit:
    """One retrieved document; `rank` starts at 1."""

    doc_id: str
    score: float
    rank: int


def ranked(scored: Iterable[tuple[str, float]], k: int | None = None) -> list[tuple[str, float]]:
    """Order `(doc_id, score)` pairs by the tie rule and keep the first `k` (all if None).

    >>> ranked([("b", 1.0), ("c", 2.0), ("a", 1.0)])
    [('c', 2.0), ('a', 1.0), ('b', 1.0)]
    """
    by_id = sorted(scored, key=lambda pair: pair[0])
    # a second, stable sort: negating the scores would wrap NumPy's unsigned numbers around
    return sorted(by_id, key=lambda pair: pair[1], reverse=True)[:k]


def hits(scored: Iterable[tuple[str, float]], k: int | None = None) -> list[Hit]:
    """The first `k` of `(doc_id, score)` pairs as `Hit`s, ranked by the tie rule."""
    return [Hit(i, float(s), rank) for rank, (i, s) in enumerate(ranked(scored, k), start=1)]


def hit_rows(scores: NDArray[np.float32], ids: NDArray[np.str_]) -> list[list[Hit]]:
    """One hit list per query from the scores and ids [q, k], best first, of `index.search`."""
    return [
        [Hit(doc_id, score, rank) for rank, (doc_id, score) in enumerate(row, start=1)]
        for row in map(zip, ids.tolist(), scores.tolist())
    ]


def ranked_ids(scores: Mapping[str, float], k: int | None = None) -> list[str]:
    """The document ids of one query's run, best first, ties by doc_id ascending."""
    # the two sorts of `ranked` on the ids alone: runs are long, and pairs take a third longer
    return sorted(sorted(scores), key=scores.__getitem__, reverse=True)[:k]


def as_scores(ranking: Sequence[Hit]) -> dict[str, float]:
    """A hit list as one query's entry of a run: `{doc_id: score}`."""
    return {hit.doc_id: hit.score for hit in ranking}
