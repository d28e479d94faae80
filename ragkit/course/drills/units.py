"""Numbers with a unit.

>>> to_unit("75 KiB", "bytes"), to_unit("76,800", "bytes"), to_unit("0,073 MiB", "MiB")
(76800.0, 76800.0, 0.073)
"""

from __future__ import annotations

import re
from typing import Any

_BYTES = {
    **dict.fromkeys(("b", "byte", "bytes"), 1.0),
    **{f"{prefix}b": 1000.0**power for power, prefix in enumerate("kmgt", start=1)},
    **{f"{prefix}ib": 1024.0**power for power, prefix in enumerate("kmgt", start=1)},
}
_SECONDS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "µs"), 1e-6),
    **dict.fromkeys(("min", "minute", "minutes"), 60.0),
}
_THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d,])")
_WRITTEN = re.compile(r"\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*([^\W\d]+)\s*")


def to_unit(entry: Any, unit: str) -> float:
    """Convert a number, or a text such as "75 KiB", to `unit`.

    ValueError if it is not a number, or is one of another kind of unit.
    """
    if not isinstance(entry, str):
        return float(entry)
    text = _without_comma(entry)
    if not (written := _WRITTEN.fullmatch(text)):
        return float(text)
    number, name = written.groups()
    for table in (_BYTES, _SECONDS):
        if name.lower() in table and unit.lower() in table:
            return float(number) * table[name.lower()] / table[unit.lower()]
    raise ValueError(f"{text!r} is not in {unit or 'plain numbers'}")


def _without_comma(text: str) -> str:
    """A number as Python writes it: 76,800 has thousands, and 0,073 is Spanish for 0.073."""
    if _THOUSANDS.search(text):
        return text.replace(",", "")
    return text.replace(",", ".") if text.count(",") == 1 and "." not in text else text
