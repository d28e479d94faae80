"""Scores of a large run and their intervals: `ragkit.evaluate`, ranx and pytrec_eval.

The same dictionaries go in and the same means come out. The peers give no intervals; where these
are timed too, plain NumPy resampling stands beside them: 10,000 times n random positions, one mean
each, for one metric after the other, as `Report.interval` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Plan, Record, Work, check_close, comparison
from ragkit.runtime import threads
from ragkit.scoring.evaluation import Report, evaluate
from ragkit.scoring.stats import RESAMPLES, Interval

OURS, RANX, TREC = "ragkit", "ranx", "pytrec_eval"
READY = "ranx, Qrels and Run built before"
TREC_NAMES = {
    "hit_rate@5": "success_5",
    "mrr@10": "recip_rank",
    "ndcg@10": "ndcg_cut_10",
    "recall@100": "recall_100",
}
METRICS = tuple(TREC_NAMES)
DEPTH = 100
Qrels = dict[str, dict[str, int]]
Run = dict[str, dict[str, float]]
Values = NDArray[np.float64]
Scorer = Callable[[], Mapping[str, Values]]


def measure(plan: Plan) -> Record:
    """Seconds to score a run, and to score it and give each metric an interval."""
    queries = plan.pick(10_000, 1000)
    qrels, run = draw(queries)
    values = scorers(qrels, run)
    check(values, qrels, run)
    only: dict[str, Work] = {name: _scoring(score) for name, score in values.items()}
    full: dict[str, Work] = {name: _resampling(score) for name, score in values.items()}
    full[OURS] = lambda _: intervals(evaluate(qrels, run, METRICS))
    return {
        "queries": queries,
        "depth": DEPTH,
        "resamples": RESAMPLES,
        "scores": comparison("evaluating", only, OURS, plan.pick(7, 3), kind="speedup"),
        "intervals": comparison(
            "evaluating, with intervals", full, OURS, plan.pick(5, 3), kind="speedup"
        ),
    }


def _scoring(score: Scorer) -> Work:
    return lambda _: score()


def _resampling(score: Scorer) -> Work:
    return lambda _: [naive_interval(values) for values in score().values()]


def draw(queries: int, seed: int = 0) -> tuple[Qrels, Run]:
    """Judgements of ten documents per query, graded 0 to 2, and a run of 100 without ties.

    A third of the judged documents is found, the others stand outside the run.
    """
    rng = np.random.default_rng(seed)
    qrels: Qrels = {}
    run: Run = {}
    for number in range(queries):
        ids = [f"d{i:05d}" for i in rng.choice(50_000, DEPTH + 7, replace=False)]
        scores = rng.permutation(DEPTH) / DEPTH + rng.uniform(0, 0.5 / DEPTH)
        grades = [1, *rng.integers(0, 3, 9).tolist()]  # at least one is relevant
        judged = [*rng.permutation(ids[:DEPTH])[:3].tolist(), *ids[DEPTH:]]
        qrels[f"q{number:05d}"] = dict(zip(judged, grades, strict=True))
        run[f"q{number:05d}"] = dict(zip(ids[:DEPTH], scores.tolist(), strict=True))
    return qrels, run


def scorers(qrels: Qrels, run: Run) -> dict[str, Scorer]:
    """For each side a function from nothing to the per-query scores of each metric, float64 [q]."""
    import numba
    import ranx

    numba.set_num_threads(threads())
    ready = ranx.Qrels(qrels), ranx.Run(run)
    return {
        OURS: lambda: scored(evaluate(qrels, run, METRICS)),
        RANX: lambda: ranx_scores(ranx.Qrels(qrels), ranx.Run(run)),
        READY: lambda: ranx_scores(*ready),
        TREC: lambda: trec_scores(qrels, run),
    }


def scored(report: Report) -> dict[str, Values]:
    """The per-query scores of a report, float64 [q] each."""
    return {metric: report.values(metric) for metric in METRICS}


def ranx_scores(qrels: Any, run: Any) -> dict[str, Values]:
    """The per-query scores of ranx, float64 [q] each."""
    import ranx

    found = ranx.evaluate(qrels, run, list(METRICS), return_mean=False)
    return {metric: np.asarray(found[metric]) for metric in METRICS}


def trec_scores(qrels: Qrels, run: Run) -> dict[str, Values]:
    """The per-query scores of pytrec_eval, float64 [q] each.

    trec_eval has no cut-off for the reciprocal rank, so on a run deeper than ten its `recip_rank`
    is not mrr@10. It takes the same work, and is compared on a run cut at ten.
    """
    import pytrec_eval

    found = pytrec_eval.RelevanceEvaluator(qrels, set(TREC_NAMES.values())).evaluate(run)
    return {
        metric: np.array([row[name] for row in found.values()])
        for metric, name in TREC_NAMES.items()
    }


def intervals(report: Report) -> list[Interval]:
    """The interval of each metric of a report."""
    return [report.interval(metric) for metric in METRICS]


def naive_interval(values: Values, seed: int = 0) -> Interval:
    """The bootstrap interval of a mean as anyone writes it with NumPy, in blocks."""
    rng = np.random.default_rng(seed)
    n, rows = len(values), 500
    means = [
        values[rng.integers(0, n, size=(rows, n))].mean(axis=1) for _ in range(RESAMPLES // rows)
    ]
    low, high = np.quantile(np.concatenate(means), [0.025, 0.975])
    return float(low), float(high)


def check(sides: Mapping[str, Scorer], qrels: Qrels, run: Run) -> None:
    """Raise unless every side gives the same means to 1e-9; this also compiles ranx."""
    expected = sides[OURS]()
    for name, score in sides.items():
        found = dict(score())
        if name == TREC:
            found["mrr@10"] = trec_scores(qrels, cut(run, 10))["mrr@10"]
        for metric in METRICS:
            means = float(expected[metric].mean()), float(found[metric].mean())
            check_close(f"{metric} of {name}", *means)


def cut(run: Run, depth: int) -> Run:
    """The best documents of each query."""
    return {
        query: dict(sorted(scores.items(), key=lambda pair: -pair[1])[:depth])
        for query, scores in run.items()
    }
