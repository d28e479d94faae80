"""The checks that a lab calls: `check.mean_pool(mean_pool)` prints a verdict and never raises.

`check.mean_pool.case(2)` hands out an input with what is expected of it; `check.mean_pool.choose(
mean_pool, library)` returns the student's function where it is right. A checkout makes the checks
from the exercises; the students' bundle, which has none, reads `checks.json`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragkit.course.judging import Check

SEALED = Path(__file__).with_name("checks.json")


def __getattr__(name: str) -> Check:
    if name.startswith("__"):
        raise AttributeError(name)
    if name not in _makers():
        raise AttributeError(f"there is no check {name!r}; the checks are {', '.join(_makers())}.")
    return _check(name)


def __dir__() -> list[str]:
    return list(_makers())


@cache
def _check(name: str) -> Check:
    return _makers()[name]()


@cache
def _makers() -> Mapping[str, Callable[[], Check]]:
    if SEALED.is_file():
        from ragkit.course.sealed import read_checks

        return {name: partial(replace, check) for name, check in read_checks(SEALED).items()}
    from ragkit.course.staff import registry

    return {name: exercise.check for name, exercise in registry.exercises().items()}
