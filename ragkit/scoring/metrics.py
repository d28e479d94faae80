"""Ranking metrics, each on one query: its ranked ids and its judgements in, a number out.

Definitions are trec_eval's: relevance above 0 is relevant, nDCG has linear gain. Every metric looks
at the first `k` places, or at the whole ranking if `k` is None; a document that a ranking repeats
counts once, at its first place. A `k` that is not a whole number from 1 up is an `EvaluationError`.
Metric strings are ranx's: `hit_rate@5`, `mrr@10`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ragkit.checks import check_count
from ragkit.errors import DataError, EvaluationError

Judgements = Mapping[str, int]


def hit_rate(ranking: Sequence[str], judged: Judgements, k: int | None = None) -> float:
    """1 if any document of the ranking is relevant, else 0 (trec_eval's success)."""
    return float(max(_gains(ranking, judged, k), default=0) > 0)


def mrr(ranking: Sequence[str], judged: Judgements, k: int | None = None) -> float:
    """1 / rank of the first relevant document, 0 if there is none (Voorhees, TREC-8 1999)."""
    ranks = (rank for rank, gain in enumerate(_gains(ranking, judged, k), start=1) if gain > 0)
    return 1.0 / next(ranks, math.inf)


def ndcg(ranking: Sequence[str], judged: Judgements, k: int | None = None) -> float:
    """Discounted gain over the best possible: sum of rel / log2(1 + rank), linear gain.

    Järvelin & Kekäläinen, TOIS 2002, as trec_eval computes it. The ideal is cut at `k` too.
    """
    gains = _gains(ranking, judged, k)
    ideal = _dcg(sorted(judged.values(), reverse=True)[:k])
    return _dcg(gains) / ideal if ideal else 0.0


def precision(ranking: Sequence[str], judged: Judgements, k: int | None = None) -> float:
    """The share of the first `k` places with a relevant document.

    A ranking shorter than `k` leaves places empty, and they count. Without `k` the places are those
    of the ranking.
    """
    gains = _gains(ranking, judged, k)
    places = len(gains) if k is None else k
    return sum(gain > 0 for gain in gains) / places if places else 0.0


def recall(ranking: Sequence[str], judged: Judgements, k: int | None = None) -> float:
    """The share of the relevant documents that are in the ranking."""
    retrieved = sum(gain > 0 for gain in _gains(ranking, judged, k))
    relevant = sum(relevance > 0 for relevance in judged.values())
    return retrieved / relevant if relevant else 0.0


# A new metric is a function above and its name here.
METRICS = {score.__name__: score for score in (hit_rate, mrr, ndcg, precision, recall)}


def _gains(ranking: Sequence[str], judged: Judgements, k: int | None) -> list[int]:
    """The relevance at each of the first `k` places, 0 for none; a repeated document gains once."""
    first = ranking[: _check_cut_off(k)]
    gains = [judged.get(doc_id, 0) for doc_id in first]
    if len(set(first)) < len(first):
        seen: set[str] = set()
        for place, doc_id in enumerate(first):
            gains[place] *= doc_id not in seen
            seen.add(doc_id)
    return gains


def _check_cut_off(k: int | None) -> int | None:
    try:
        return None if k is None else check_count(k)
    except DataError as error:
        raise EvaluationError(f"The cut-off {error} None takes the whole ranking.") from None


def _dcg(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(1 + rank) for rank, gain in enumerate(gains, start=1) if gain > 0)


@dataclass(frozen=True, slots=True)
class Metric:
    """A named metric with its cut-off; `metric(ranking, judged)` scores one query."""

    name: str
    k: int | None
    score: Callable[[Sequence[str], Judgements, int | None], float]

    def __call__(self, ranking: Sequence[str], judged: Judgements) -> float:
        """Score ranked ids, best first, against `{doc_id: relevance}`."""
        return self.score(ranking, judged, self.k)


_PATTERN = re.compile(r"(?P<name>[a-z_]+)(?:@(?P<k>[1-9][0-9]{0,9}))?")


def parse_metric(text: str) -> Metric:
    """Read a metric string such as `ndcg@10`; unknown names raise `EvaluationError`.

    >>> parse_metric("mrr@10")(["d3", "d1"], {"d1": 1})
    0.5
    """
    match = _PATTERN.fullmatch(text) if isinstance(text, str) else None
    if match is None or match["name"] not in METRICS:
        raise EvaluationError(
            f"Unknown metric {text!r:.60}. Use {', '.join(METRICS)} with a cut-off from 1 up, "
            "for example hit_rate@5."
        )
    k = int(match["k"]) if match["k"] else None
    return Metric(text, k, METRICS[match["name"]])
