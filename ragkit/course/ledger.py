"""The ledger of measured numbers, and the prose that quotes them.

What must come out the same on every machine is in data/results.json, written by `ragkit results`.
What depends on the machine is in benchmarks/results.json under "quoted", written by `make bench`.
Both are read as one; the students' bundle has them in one file.

A quote reads `<!--r:lab01.minilm.hit_rate@5-->0.93<!--/r-->`. After the key, `:low`, `:high`, `:p`,
`:detectable` or `:n` picks another part of the entry, and `:points` multiplies by a hundred. A
whole table or a printed output is put between two marks, each a link definition with a blank line
around it, since a comment alone on its line opens an HTML block:

    [//]: # (t:lab01.table)

    | system | hit_rate@1 |

    [//]: # (/t)

`update` rewrites quotes and tables; `stale_quotes` reports what differs. `staff.registry` finds the
experiments that measure.
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
    r"<!--r:(?P<key>[^:>]+?)(?::(?P<part>low|high|p|n|detectable))?(?P<points>:points)?-->"
    r"(?P<shown>[^<]*)<!--/r-->"
)
TABLE = re.compile(
    r"^\[//\]: # \(t:(?P<key>[\w.]+)\)\n\n(?P<shown>(?:(?!\[//\]: # ).)*?)\n?\n?\[//\]: # \(/t\)$",
    re.DOTALL | re.MULTILINE,
)


def path() -> Path:
    """The file of what must come out the same on every machine."""
    return course_root() / "data" / "results.json"


def benched_path() -> Path:
    """The file of what depends on the machine."""
    return course_root() / "benchmarks" / "results.json"


def load() -> Ledger:
    """Read both files as one; `DataError` if one is not JSON or a key is in both."""
    measured: Ledger = _read(path(), "ragkit results")
    benched: Ledger = {}
    if benched_path().exists():
        benched = _read(benched_path(), "make bench").get("quoted", {})
    if twice := sorted(measured.keys() & benched.keys()):
        raise DataError(
            f"{twice[0]!r} is in {path()} and in {benched_path()}. Remove it from one of them."
        )
    return measured | benched


def update(measured: Ledger) -> list[Path]:
    """Write data/results.json and rewrite every quote; return the changed pages."""
    write(measured, path())
    return requote()


def write(ledger: Ledger, file: Path) -> None:
    """Write entries as JSON, sorted by key."""
    text = json.dumps(ledger, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    write_atomically(file, text.encode())


def requote() -> list[Path]:
    """Write the measured values into every page that quotes them; return the changed pages.

    Raises `DataError` for a quote of a key that is not in the ledger.
    """
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
    """One sentence per quote or table that differs from the ledger."""
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
    """The quote with the ledger's value, in as many decimals as the prose has."""
    entry = _lookup(ledger, quote["key"], page)
    match quote["part"]:
        case "low":
            value = entry["interval"][0]
        case "high":
            value = entry["interval"][1]
        case "n" | "p" | "detectable" as part:
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
        raise DataError(
            f"{page}: quotes {key!r}, which neither ragkit results nor make bench wrote."
        )
    return ledger[key]


def _read(file: Path, command: str) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{file}: not readable ({error}). Run: {command}") from None
