"""Plausible wrong answers to each exercise, beside `solvers`: every check must refuse each of them.

One module per lab with `WRONG`: the name of an exercise, and its wrong functions. A docstring says
what is wrong where the name does not.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

WRONG: dict[str, tuple[Callable[..., Any], ...]] = {
    name: functions
    for path in sorted(Path(__file__).parent.glob("lab*.py"))
    for name, functions in import_module(f"{__name__}.{path.stem}").WRONG.items()
}
