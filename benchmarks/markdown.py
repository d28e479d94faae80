"""Numbers and tables as the report prints them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Spread = Mapping[str, Any]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns after the first are aligned to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def number(value: float) -> str:
    """Three significant digits, thousands with commas."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    digits = f"{value:.3g}"
    return f"{value:.6f}".rstrip("0").rstrip(".") if "e" in digits else digits


def seconds(value: float) -> str:
    """A time in the unit that suits it, from µs to hours."""
    for unit, size, most in (
        ("µs", 1e-6, 1e-3),
        ("ms", 1e-3, 1.0),
        ("s", 1.0, 120.0),
        ("min", 60, 7200.0),
    ):
        if abs(value) < most:
            return f"{number(value / size)} {unit}"
    return f"{number(value / 3600)} h"


def size(count: float) -> str:
    """Bytes in kB, MB or GB, all decimal."""
    for unit, bytes_of_it in (("GB", 1e9), ("MB", 1e6)):
        if count >= bytes_of_it:
            return f"{number(count / bytes_of_it)} {unit}"
    return f"{number(count / 1e3)} kB"


def times(found: Spread) -> str:
    """A ratio with its quartiles."""
    return f"{number(found['median'])} × [{number(found['low'])}–{number(found['high'])}]"


def timed(found: Spread) -> str:
    """A time with its quartiles."""
    return f"{seconds(found['median'])} [{seconds(found['low'])}–{seconds(found['high'])}]"


def comparison(sides: Mapping[str, Any], base: str) -> str:
    """A table of one comparison: time, ratio to the base, and repeats."""
    rows = [
        [
            name,
            timed(side["seconds"]),
            "1" if name == base else times(side["ratio"]),
            str(side["seconds"]["n"]),
        ]
        for name, side in sides.items()
    ]
    return table(["", "time [quartiles]", f"over {base}", "repeats"], rows)


def faster(found: Spread) -> str:
    """A ratio of times in words: how many times as fast or slow as the other side."""
    value, low, high = (float(found[name]) for name in ("median", "low", "high"))
    if low <= 1 <= high:
        return "about as fast as"
    if value < 1:
        return f"{number(1 / value)} times as fast as"
    return f"{number(value)} times as slow as"


def share(value: float) -> str:
    """A share of one in percent."""
    return f"{number(100 * value)}%"


def profile(found: Mapping[str, Any]) -> str:
    """The table of a profile, by function or by imported package."""
    if found["kind"] == "imports":
        rows = [[row["name"], seconds(row["seconds"])] for row in found["rows"]]
        head = f"Imports take {seconds(found['imports'])} of {seconds(found['whole'])} (traced)"
        return f"{head}:\n\n" + table(["package", "own time of its modules"], rows)
    rows = [
        [f"`{row['name']}`", str(row["calls"]), seconds(row["own"]), seconds(row["seconds"])]
        for row in found["rows"]
    ]
    head = f"Where the time goes ({found['what']}; profiled, which slows Python down):"
    return f"{head}\n\n" + table(["function", "calls", "own", "with all it calls"], rows)
