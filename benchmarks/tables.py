"""Tables of the report: rows found by a path in the stored results, numbers with their units."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Spread = Mapping[str, Any]


def render(spec: str, record: Any) -> str:
    """The Markdown table that a specification asks for; what was not measured is a dash.

    Its first line is a path such as `throughput/*/sides/*`, each match of which is a row, and after
    `as` the titles of the columns that name the stars' keys. Each other line is a further column:
    title, `=`, one of `FORMATS`, and a path within the row.
    """
    opening, *lines = spec.strip().splitlines()
    rows, _, names = opening.partition(" as ")
    parts = [line.split(" = ") for line in lines]
    columns = [(title, *rule.partition(" ")[::2]) for title, rule in parts]
    cells = [
        [*keys, *(_cell(row, form, path) for _, form, path in columns)]
        for keys, row in find(record, rows)
    ]
    titles = names.split(", ") if names else []
    return table([*titles, *(title for title, _, _ in columns)], cells)


def _cell(row: Any, form: str, path: str) -> str:
    found = find(row, path)
    return FORMATS[form](found[0][1]) if found else "–"


def find(record: Any, path: str) -> list[tuple[list[str], Any]]:
    """Every value at a path, with the keys that its patterns stand for; none if there is no such.

    A step with a star is a pattern, as of file names: `*` is any key, `0[1-3]*` some of them.
    """
    found: list[tuple[list[str], Any]] = [([], record)]
    for step in path.split("/") if path else []:
        found = [
            ([*names, key] if "*" in step else names, value[key])
            for names, value in found
            if isinstance(value, Mapping)
            for key in (fnmatch.filter(value, step) if "*" in step else [step])
            if key in value
        ]
    return found


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
    """A time in the unit that suits it, from µs to minutes."""
    units = (("µs", 1e-6, 1e-3), ("ms", 1e-3, 1.0), ("s", 1.0, 120.0))
    for unit, size, most in units:
        if abs(value) < most:
            return f"{number(value / size)} {unit}"
    return f"{number(value / 60)} min"


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


def points(found: Mapping[str, Any]) -> str:
    """A paired comparison in points of a hundred, with its 95% interval."""
    low, high = (100 * bound for bound in found["interval"])
    return f"{100 * found['difference']:+.1f} points [{low:+.1f}, {high:+.1f}]"


FORMATS: Mapping[str, Callable[[Any], str]] = {
    **{form.__name__: form for form in (number, seconds, size, times, timed, points, str)},
    "score": "{:.3f}".format,
    "cosine": "{:.5f}".format,
}
