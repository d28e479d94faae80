"""Ranking metrics, each on one query: its ranked ids and its judgements in, a number out.

Definitions are trec_eval's: relevance above 0 is relevant, nDCG has linear gain. Metric strings are
ranx's: `hit_rate@5`, `mrr@10`; without a cut-off the whole ranking counts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ragkit.errors import EvaluationError

Judgements = Mapping[str, int]


def hit_rate(ranking: Sequence[str], judged: Judgements) -> float:
    """1 if any document of the ranking is relevant, else 0 (trec_eval's success)."""
    return float(any(judged.get(doc_id, 0) > 0 for doc_id in ranking))


def recall(ranking: Sequence[str], judged: Judgements) -> float:
    """The share of the relevant documents that the ranking holds."""
    relevant = {doc_id for doc_id, relevance in judged.items() if relevance > 0}
    return len(relevant.intersection(ranking)) / len(relevant) if relevant else 0.0


def precision(ranking: Sequence[str], judged: Judgements, k: int | None = None) -> float:
    """The share of the first `k` places (of the ranking, if None) that hold a relevant document."""
    places = k or len(ranking)
    found = sum(judged.get(doc_id, 0) > 0 for doc_id in ranking)
    return found / places if places else 0.0


def mrr(ranking: Sequence[str], judged: Judgements) -> float:
    """1 / rank of the first relevant document, 0 if there is none (Voorhees, TREC-8 1999)."""
    ranks = (rank for rank, i in enumerate(ranking, start=1) if judged.get(i, 0) > 0)
    return 1.0 / next(ranks, math.inf)


def ndcg(ranking: Sequence[str], judged: Judgements, k: int | None = None) -> float:
    """Discounted gain over the best possible: sum of rel / log2(1 + rank), linear gain.

    Järvelin & Kekäläinen, TOIS 2002, as trec_eval computes it. The ideal is cut at `k` too.
    """
    ideal = _dcg(sorted(judged.values(), reverse=True)[:k])
    return _dcg([judged.get(doc_id, 0) for doc_id in ranking]) / ideal if ideal else 0.0


def _dcg(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(1 + rank) for rank, gain in enumerate(gains, start=1) if gain > 0)


@dataclass(frozen=True, slots=True)
class Metric:
    """A named metric with its cut-off; `metric(ranking, judged)` scores one query."""

    name: str
    k: int | None
    score: Callable[[Sequence[str], Judgements], float]

    def __call__(self, ranking: Sequence[str], judged: Judgements) -> float:
        """Score ranked ids, best first, against `{doc_id: relevance}`."""
        return self.score(ranking[: self.k], judged)


NAMES = ("hit_rate", "mrr", "ndcg", "precision", "recall")
_PATTERN = re.compile(r"(?P<name>[a-z_]+)(?:@(?P<k>[1-9][0-9]*))?")


def parse_metric(text: str) -> Metric:
    """Read a metric string such as `ndcg@10`; unknown names raise `EvaluationError`.

    >>> parse_metric("mrr@10")(["d3", "d1"], {"d1": 1})
    0.5
    """
    match = _PATTERN.fullmatch(text) if isinstance(text, str) else None
    if match is None or match["name"] not in NAMES:
        raise EvaluationError(
            f"Unknown metric {text!r}. Use {', '.join(NAMES)} with a cut-off from 1 up, "
            "for example hit_rate@5."
        )
    k = int(match["k"]) if match["k"] else None
    match match["name"]:
        case "hit_rate":
            return Metric(text, k, hit_rate)
        case "recall":
            return Metric(text, k, recall)
        case "mrr":
            return Metric(text, k, mrr)
        case "precision":
            return Metric(text, k, lambda ranking, judged: precision(ranking, judged, k))
        case _:
            return Metric(text, k, lambda ranking, judged: ndcg(ranking, judged, k))
