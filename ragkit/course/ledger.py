"""The ledger, data/results.json, and the prose that quotes it.

A quote reads `<!--r:lab01.minilm.hit_rate@5-->0.93<!--/r-->`. After the key, `:low`, `:high`, `:p`
or `:n` picks another part of the entry, and `:points` multiplies by a hundred. A whole table or a
printed output stands between two marks, each a link definition with a blank line around it, since a
comment alone on its line opens an HTML block:

    [//]: # (t:lab01.table)

    | system | hit_rate@1 |

    [//]: # (/t)

`update` rewrites quotes and tables; `stale_quotes` reports what differs. What is measured stands in
`ragkit.course.measures`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ragkit.course.layout import course_root
from ragkit.errors import DataError
from ragkit.files import write_atomically

Ledger = dict[str, dict[str, Any]]

QUOTE = re.compile(
    r"<!--r:(?P<key>[^:>]+?)(?::(?P<part>low|high|p|n))?(?P<points>:points)?-->"
    r"(?P<shown>[^<]*)<!--/r-->"
)
TABLE = re.compile(
    r"^\[//\]: # \(t:(?P<key>[\w.]+)\)\n\n(?P<shown>.*?)\n\n\[//\]: # \(/t\)$",
    re.DOTALL | re.MULTILINE,
)


BENCHED = "bench."  # how the keys begin that `make bench` writes, and `ragkit results` leaves alone


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


def update(measured: Ledger) -> list[Path]:
    """Write the ledger and rewrite every quote; the changed pages are returned."""
    text = json.dumps(measured, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    write_atomically(path(), text.encode())
    ledger, changed = load(), []
    for page in pages():
        before = page.read_text(encoding="utf-8")
        after = QUOTE.sub(partial(_requote, ledger, page), before)
        after = TABLE.sub(partial(_retable, ledger, page), after)
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
    for pattern in (
        "*.md",
        "theory/*.md",
        "docs/*.md",
        "solutions/*.md",
        "solutions/*.py",
        "data/**/*.md",
    ):
        yield from sorted(root.glob(pattern))


def _stale_in(page: Path, ledger: Ledger) -> Iterator[str]:
    text = page.read_text(encoding="utf-8")
    for match in QUOTE.finditer(text):
        if match[0] != (wanted := _requote(ledger, page, match)):
            yield f"{page.name}: quotes {match[0]}, measured {wanted}."
    for match in TABLE.finditer(text):
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
        case "n" | "p" as part:
            value = entry[part]
        case _:
            value = entry["value"]
    if quote["points"]:
        value *= 100
    decimals = len(quote["shown"].partition(".")[2])
    opening = quote[0][: quote[0].index("-->") + 3]
    rounded = round(value, decimals) + 0.0  # no minus zero
    return f"{opening}{rounded:.{decimals}f}<!--/r-->"


def _retable(ledger: Ledger, page: Path, match: re.Match[str]) -> str:
    text = _lookup(ledger, match["key"], page)["text"]
    return f"[//]: # (t:{match['key']})\n\n{text}\n\n[//]: # (/t)"


def _lookup(ledger: Ledger, key: str, page: Path) -> dict[str, Any]:
    if key not in ledger:
        raise DataError(f"{page}: quotes {key!r}, which data/results.json does not hold.")
    return ledger[key]
