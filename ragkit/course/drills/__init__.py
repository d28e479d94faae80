"""Checks of the drills: numbers and choices at once, constructions by property, text by a person.

`drills.check("01_1", drill_01_1)` prints a line for each part and never raises. Of free text only
the words are counted: a person decides whether it is right, and who learns alone may compare it
with `drills.key_points("01_2")`. A checkout takes the drills from their declarations; the students'
bundle, which has none, reads `drills.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ragkit.course.drills import keypoints
from ragkit.course.drills.asking import ask, no_drill
from ragkit.course.drills.base import Drill
from ragkit.course.drills.properties import word_overlap
from ragkit.course.verdict import Verdict

__all__ = ["check", "key_points", "word_overlap"]

SEALED = Path(__file__).with_name("drills.json")


def check(drill: str, answer: Any) -> Verdict:
    """Print and return the verdict on one drill's answer; `drill` is its number, such as `01_1`.

    Where it is accepted, a notebook shows the key points of its text, folded.
    """
    verdict = ask(_drills(), drill, answer)
    if verdict.status in ("correct", "recorded"):
        keypoints.offer(drill, _drills()[drill])
    return verdict


def key_points(drill: str) -> None:
    """Print the key points of a drill's text, once `check` has accepted what was written."""
    known = _drills()
    found = isinstance(drill, str) and drill in known
    print(keypoints.told(drill, known[drill]) if found else no_drill(known, drill))


@cache
def _drills() -> Mapping[str, Drill]:
    if SEALED.is_file():
        from ragkit.course.sealed import read_drills

        return read_drills(SEALED)
    from ragkit.course.staff import registry

    return registry.drills()
