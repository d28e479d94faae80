"""What an entry of the ledger is, and how the experiments of every lab write one.

An entry is `{"value", "how", "tolerance"}` with, if they apply, `interval`, `n`, `p` and
`detectable`; a whole text is `{"text", "how"}`. `tolerance` is how far a fresh value may be from
the stored one, in the unit of the value, before the ledger's test fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Any

from ragkit.scoring.evaluation import Comparison, Report

# An int8 model's scores differ between processors, now and then by a few hundredths of a logit even
# if only rounding differs (tools/emulate_int8.py): what ranks by them may gain or lose questions.
INT8_FLIPS = 3.5

Entry = dict[str, Any]
Entries = Iterator[tuple[str, Entry]]


def mean_entry(report: Report, metric: str, how: str, flips: float = 1.5) -> Entry:
    """The entry of a mean over queries, with its interval; `flips` as in `flip_tolerance`."""
    queries = len(report.query_ids)
    return {
        "value": report.mean[metric],
        "interval": report.interval(metric),
        "n": queries,
        "tolerance": flip_tolerance(queries, flips),
        "how": how,
    }


def number_entry(value: float, how: str, tolerance: float = 0.01) -> Entry:
    """The entry of a single number; a `tolerance` of 1 lets a count be off by 1."""
    return {"value": value, "tolerance": tolerance, "how": how}


def range_entry(values: Sequence[float], how: str, tolerance: float = 0.01) -> Entry:
    """The entry of a mean over seeds, with the range over them as its interval."""
    entry = number_entry(fmean(values), how, tolerance)
    return {**entry, "interval": (min(values), max(values)), "n": len(values)}


def difference_entry(comparison: Comparison, how: str, flips: float = 1.5) -> Entry:
    """A paired difference's entry, with its interval and p; `flips` as in `flip_tolerance`."""
    return {
        "value": comparison.difference,
        "interval": comparison.interval,
        "p": comparison.p_value,
        "detectable": comparison.detectable,
        "n": comparison.queries,
        "tolerance": flip_tolerance(comparison.queries, flips),
        "how": how,
    }


def mean_report(reports: Sequence[Report]) -> Report:
    """Each question's mean score over several runs, such as those of several seeds."""
    scores = [report.per_query for report in reports]
    return Report(
        {
            metric: {query: fmean(one[metric][query] for one in scores) for query in by_query}
            for metric, by_query in scores[0].items()
        }
    )


def flip_tolerance(queries: int, flips: float = 1.5) -> float:
    """The change of a mean over `queries` if `flips` of them go from 0 to 1.

    One query's rank may flip on another processor: 1.5 lets that pass, and fails at the second.
    """
    return flips / queries
