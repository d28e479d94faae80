"""Score a run against qrels, with intervals, and compare two runs fairly.

The mean is over all judged queries: one that the run misses scores 0. The numbers are trec_eval's;
ties in a run are broken by the tie rule of `ragkit.ranking`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.checks import are_finite, is_finite, items_of
from ragkit.errors import EvaluationError
from ragkit.ranking import ranked_ids
from ragkit.scoring.metrics import parse_metric
from ragkit.scoring.proportions import (
    are_hits,
    mcnemar_p_value,
    paired_interval,
    wilson_interval,
)
from ragkit.scoring.stats import (
    Interval,
    bootstrap_interval,
    detectable_difference,
    paired_p_value,
)


@dataclass(frozen=True)
class Report:
    """Scores by metric and query. `mean[metric]`, `per_query[metric][query_id]`."""

    per_query: dict[str, dict[str, float]]

    @cached_property
    def mean(self) -> dict[str, float]:
        """Mean of each metric over all judged queries."""
        return {metric: float(self.values(metric).mean()) for metric in self.per_query}

    @property
    def query_ids(self) -> list[str]:
        """The judged queries."""
        return list(next(iter(self.per_query.values())))

    def values(self, metric: str) -> NDArray[np.float64]:
        """Per-query scores of a metric, float64 [n], in the order of `query_ids`.

        Raises `EvaluationError` for a metric that the report lacks.
        """
        if metric not in self.per_query:
            known = ", ".join(self.per_query)
            raise EvaluationError(f"This report has no {metric!r}; it has {known}.")
        return np.fromiter(self.per_query[metric].values(), dtype=np.float64)

    def interval(self, metric: str, confidence: float = 0.95, seed: int = 0) -> Interval:
        """Interval of the mean, `(low, high)`: Wilson's if all scores are 0 or 1, as a hit rate's.

        For other scores it is the percentile bootstrap, from 10,000 resamples of the queries.
        Raises `EvaluationError` for a metric the report lacks or a confidence outside 0 to 1.
        """
        values = self.values(metric)
        if are_hits(values):
            return wilson_interval(int(values.sum()), len(values), confidence)
        return bootstrap_interval(values, confidence=confidence, seed=seed)

    def only(self, query_ids: Iterable[str]) -> Report:
        """The report of some of the queries, for example those of one kind.

        Raises `EvaluationError` for a query that the report lacks, or for none at all.
        """
        wanted = list(query_ids)
        unknown = set(wanted) - set(self.query_ids)
        if unknown or not wanted:
            raise EvaluationError(f"No such queries in this report: {sorted(unknown)[:3]}.")
        return Report({m: {q: scores[q] for q in wanted} for m, scores in self.per_query.items()})


@dataclass(frozen=True, slots=True)
class Comparison:
    """Mean of a minus b on one metric, its 95% interval, and the paired two-sided p-value.

    `detectable` is the true difference that so many queries show with 80% power: a difference that
    is not shown may still be as large.
    """

    metric: str
    difference: float
    interval: Interval
    p_value: float
    queries: int
    detectable: float


def evaluate(
    qrels: Mapping[str, Mapping[str, int]],
    run: Mapping[str, Mapping[str, float]],
    metrics: Sequence[str] | str,
) -> Report:
    """Score `run` ({query_id: {doc_id: score}}) against `qrels` ({query_id: {doc_id: relevance}}).

    Raises `EvaluationError` for an unknown metric, a query of the run that is not judged, a score
    that is not a finite number, a relevance that is not a whole number, empty qrels, or a run or
    qrels that are no such maps.
    """
    _check_qrels(qrels)
    parsed = [parse_metric(metric) for metric in _listed(metrics)]
    judged = {query_id: judgements for query_id, judgements in qrels.items() if judgements}
    if not parsed or not judged:
        raise EvaluationError("Nothing to evaluate: give at least one metric and one judged query.")
    _check_run(judged, run)
    deepest = _deepest([metric.k for metric in parsed])
    per_query: dict[str, dict[str, float]] = {metric.name: {} for metric in parsed}
    for query_id, judgements in judged.items():
        ranking = ranked_ids(run.get(query_id, {}), deepest)
        for metric in parsed:
            per_query[metric.name][query_id] = metric(ranking, judgements)
    return Report(per_query)


def compare(report_a: Report, report_b: Report, metric: str, seed: int = 0) -> Comparison:
    """Is a better than b? Difference a - b, its 95% interval and paired two-sided p.

    Scores that are all 0 or 1 have Newcombe's interval and the exact McNemar test, others the
    percentile bootstrap of the differences and the randomisation test. Both reports must judge the
    same queries; anything else is an `EvaluationError`.
    """
    if not isinstance(report_a, Report) or not isinstance(report_b, Report):
        raise EvaluationError(
            "Call compare(report_a, report_b, metric) with two reports that evaluate returned."
        )
    a, b = report_a.per_query.get(metric), report_b.per_query.get(metric)
    if a is None or b is None:
        raise EvaluationError(f"Both reports must contain {metric!r}; evaluate it for each.")
    if a.keys() != b.keys():
        odd = sorted(a.keys() ^ b.keys())
        raise EvaluationError(
            f"The reports judge different queries ({len(odd)} differ, for example {odd[0]!r}). "
            "Compare runs on the same qrels."
        )
    ones, others = (np.array([scores[query_id] for query_id in a]) for scores in (a, b))
    differences = ones - others
    if are_hits(ones, others):
        interval, p_value = paired_interval(ones, others), mcnemar_p_value(ones, others)
    else:
        interval = bootstrap_interval(differences, seed=seed)
        p_value = paired_p_value(differences, seed=seed)
    return Comparison(
        metric=metric,
        difference=float(differences.mean()),
        interval=interval,
        p_value=p_value,
        queries=len(differences),
        detectable=detectable_difference(differences),
    )


def _listed(metrics: Any) -> list[Any]:
    """One metric or several, as a list; what each of them is, its reader checks."""
    several = isinstance(metrics, Iterable) and not isinstance(metrics, str)
    return list(metrics) if several else [metrics]


def _check_qrels(qrels: Mapping[str, Mapping[str, int]]) -> None:
    for query_id, judgements in _queries(qrels, "qrels"):
        for doc_id, relevance in _pairs(judgements, f"qrels[{query_id!r}]"):
            if not isinstance(relevance, Integral):
                raise EvaluationError(
                    f"The relevance of {doc_id!r} for {query_id!r} is {relevance!r:.60}, which is "
                    "not a whole number. Call evaluate(qrels, run, metrics), in this order."
                )


def _check_run(
    judged: Mapping[str, Mapping[str, int]], run: Mapping[str, Mapping[str, float]]
) -> None:
    answered = dict(_queries(run, "run"))
    unknown = sorted(answered.keys() - judged.keys())
    if unknown:
        raise EvaluationError(
            f"The run answers {len(unknown)} queries that the qrels do not judge, for example "
            f"{unknown[0]!r}. Run and qrels must be of the same split."
        )
    for query_id, scores in answered.items():
        pairs = _pairs(scores, f"run[{query_id!r}]")
        if not are_finite(scores.values()):
            doc_id, score = next(pair for pair in pairs if not is_finite(pair[1]))
            raise EvaluationError(
                f"The run's score of {doc_id!r} for {query_id!r} is {score!r:.60}. "
                "Give every document a finite number."
            )


def _queries(numbers: Any, place: str) -> Iterable[tuple[str, Any]]:
    """The items of a whole run or of whole qrels."""
    return items_of(numbers, place, "{query_id: {doc_id: number}}", EvaluationError)


def _pairs(numbers: Any, place: str) -> Iterable[tuple[str, Any]]:
    """The items of one query's `{doc_id: number}`."""
    return items_of(numbers, place, "{doc_id: number}", EvaluationError)


def _deepest(cut_offs: list[int | None]) -> int | None:
    """The largest cut-off, or None if some metric reads the whole ranking."""
    return None if None in cut_offs else max(k for k in cut_offs if k is not None)
