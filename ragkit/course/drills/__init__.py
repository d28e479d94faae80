"""Checks of the drills: numbers and choices at once, sentences by property, text by a person.

`drills.check("01_1", drill_01_1)` prints one line and never raises. Of free text only the length is
checked: a person decides whether it is right. A checkout takes the drills from their declarations;
the students' bundle, which has none, reads `drills.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ragkit.course.drills.asking import ask
from ragkit.course.drills.base import Drill
from ragkit.course.drills.properties import word_overlap
from ragkit.course.verdict import Verdict

__all__ = ["check", "word_overlap"]

SEALED = Path(__file__).with_name("drills.json")


def check(drill: str, answer: Any) -> Verdict:
    """Print and return the verdict on one drill's answer; `drill` is its number, such as `01_1`."""
    return ask(_drills(), drill, answer)


@cache
def _drills() -> Mapping[str, Drill]:
    if SEALED.is_file():
        from ragkit.course.sealed import read_drills

        return read_drills(SEALED)
    from ragkit.course.staff import registry

    return registry.drills()
