"""What an entry of the ledger is, and how the measures of every lab write one.

An entry is `{"value", "how"}` with, where they apply, `interval`, `n` and `p`; `tolerance` says how
far a fresh measurement may lie from the stored one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ragkit.scoring.evaluation import Comparison, Report

Entry = dict[str, Any]
Entries = Iterator[tuple[str, Entry]]


def scored(report: Report, metric: str, how: str) -> Entry:
    """The entry of a mean over queries."""
    queries = len(report.query_ids)
    return {
        "value": report.mean[metric],
        "interval": report.interval(metric),
        "n": queries,
        "tolerance": one_query(queries),
        "how": how,
    }


def plain(value: float, how: str, tolerance: float = 0.01) -> Entry:
    """The entry of a single number."""
    return {"value": value, "tolerance": tolerance, "how": how}


def one_query(queries: int) -> float:
    """One query's rank may flip on another processor; more than that is drift."""
    return 1.5 / queries


def compared(found: Comparison, how: str) -> Entry:
    """The entry of a paired comparison."""
    return {
        "value": found.difference,
        "interval": found.interval,
        "p": found.p_value,
        "n": found.queries,
        "tolerance": one_query(found.queries),
        "how": how,
    }
