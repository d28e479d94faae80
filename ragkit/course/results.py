"""The ledger: every number that prose quotes, measured into data/results.json and checked there.

A quote reads `<!--r:lab01.minilm.hit_rate@5-->0.93<!--/r-->`; the part after a second colon picks
`low`, `high`, `n` or `points` (a hundred times the value). `<!--t:NAME-->` … `<!--/t-->` holds a
whole table. `update` rewrites quotes and tables; `stale_quotes` reports what differs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ragkit.course.editions import course_root
from ragkit.errors import DataError
from ragkit.evaluation import Report, compare
from ragkit.indexfile import write_atomically
from ragkit.kb import KnowledgeBase, load_kb
from ragkit.systems import METRICS, Result, build_system, compare_systems, separation
from ragkit.tables import markdown_table

Ledger = dict[str, dict[str, Any]]

_QUOTE = re.compile(
    r"<!--r:(?P<key>[^:>]+?)(?::(?P<part>low|high|n|points))?-->(?P<shown>[^<]*)<!--/r-->"
)
_TABLE = re.compile(r"<!--t:(?P<key>[\w.]+)-->\n(?P<shown>.*?)\n<!--/t-->", re.DOTALL)
_DIFFERENCES = (
    ("minilm", "minigpt-table"),
    ("minilm", "bm25"),
    ("minigpt-table", "untrained"),
    ("minigpt-hidden", "minigpt-table"),
    ("minilm-rerank", "minilm"),
)


def path() -> Path:
    """Where the ledger lies."""
    return course_root() / "data" / "results.json"


def load() -> Ledger:
    """Read the ledger; `DataError` if it is missing or not JSON."""
    try:
        ledger: Ledger = json.loads(path().read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path()}: not readable ({error}). Run: ragkit results") from None
    return ledger


def measure_all() -> Ledger:
    """Measure every number of the ledger from the models and the data, with no cache."""
    kb = load_kb()
    results = list(compare_systems(kb))
    ledger = dict(_system_entries(results, kb))
    ledger |= dict(_difference_entries({r.name: r.report for r in results}))
    ledger["lab01.table"] = {
        "text": markdown_table(results, METRICS),
        "how": "ragkit evaluate",
    }
    for name in ("bm25", "minilm"):
        ledger[f"lab01.{name}.out_of_scope_auc"] = {
            "value": separation(build_system(name, kb), kb.queries, kb.unjudged),
            "n": len(kb.unjudged),
            "how": "ROC area of the top score, test against out-of-scope queries",
        }
    return ledger


def _system_entries(results: list[Result], kb: KnowledgeBase) -> Iterator[tuple[str, Any]]:
    how = "ragkit evaluate, test split, bootstrap 95% interval"
    for result in results:
        for metric in METRICS:
            yield f"lab01.{result.name}.{metric}", _entry(result.report, metric, how)
        for kind, ids in kb.kinds.items():
            key = f"lab01.{result.name}.{kind}.hit_rate@1"
            yield key, _entry(result.report.only(ids), "hit_rate@1", how)
            key = f"lab01.{result.name}.{kind}.hit_rate@5"
            yield key, _entry(result.report.only(ids), "hit_rate@5", how)


def _entry(report: Report, metric: str, how: str) -> dict[str, Any]:
    return {
        "value": report.mean[metric],
        "interval": report.interval(metric),
        "n": len(report.query_ids),
        "how": how,
    }


def _difference_entries(reports: dict[str, Report]) -> Iterator[tuple[str, Any]]:
    for better, worse in _DIFFERENCES:
        for metric in METRICS:
            found = compare(reports[better], reports[worse], metric)
            yield (
                f"lab01.{better}-{worse}.{metric}",
                {
                    "value": found.difference,
                    "interval": found.interval,
                    "p": found.p_value,
                    "n": found.queries,
                    "how": "paired difference, bootstrap interval, randomisation test",
                },
            )


def update(measured: Ledger) -> list[Path]:
    """Write the ledger and rewrite every quote; the changed pages are returned."""
    text = json.dumps(measured, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    write_atomically(path(), text.encode())
    ledger, changed = load(), []
    for page in pages():
        before = page.read_text(encoding="utf-8")
        after = _QUOTE.sub(partial(_requote, ledger, page), before)
        after = _TABLE.sub(partial(_retable, ledger, page), after)
        if after != before:
            write_atomically(page, after.encode())
            changed.append(page)
    return changed


def stale_quotes() -> list[str]:
    """One sentence for each quote or table that differs from the ledger."""
    ledger = load()
    return [complaint for page in pages() for complaint in _stale_in(page, ledger)]


def pages(root: Path | None = None) -> Iterable[Path]:
    """Every file whose prose may quote a number."""
    root = root or course_root()
    for pattern in ("*.md", "theory/*.md", "solutions/*.md", "solutions/*.py", "data/**/*.md"):
        yield from sorted(root.glob(pattern))


def _stale_in(page: Path, ledger: Ledger) -> Iterator[str]:
    text = page.read_text(encoding="utf-8")
    for match in _QUOTE.finditer(text):
        if match[0] != (wanted := _requote(ledger, page, match)):
            yield f"{page.name}: quotes {match[0]}, measured {wanted}."
    for match in _TABLE.finditer(text):
        if match[0] != _retable(ledger, page, match):
            yield f"{page.name}: the table {match['key']} is not the measured one."


def _requote(ledger: Ledger, page: Path, quote: re.Match[str]) -> str:
    """The quote with today's value, in as many decimals as the prose has."""
    entry = _lookup(ledger, quote["key"], page)
    match quote["part"]:
        case "low":
            value = entry["interval"][0]
        case "high":
            value = entry["interval"][1]
        case "n":
            value = entry["n"]
        case "points":
            value = 100 * entry["value"]
        case _:
            value = entry["value"]
    decimals = len(quote["shown"].partition(".")[2])
    opening = quote[0][: quote[0].index("-->") + 3]
    return f"{opening}{value:.{decimals}f}<!--/r-->"


def _retable(ledger: Ledger, page: Path, match: re.Match[str]) -> str:
    return f"<!--t:{match['key']}-->\n{_lookup(ledger, match['key'], page)['text']}\n<!--/t-->"


def _lookup(ledger: Ledger, key: str, page: Path) -> dict[str, Any]:
    if key not in ledger:
        raise DataError(f"{page}: quotes {key!r}, which data/results.json does not hold.")
    return ledger[key]
