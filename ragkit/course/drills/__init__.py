"""Checks of the drills: numbers and choices at once, sentences by property, text by a person.

`drills.check("01_1", drill_01_1)` prints one line and never raises. Free text is only looked at for
length: whether it is right is for a reader to say.
"""

from __future__ import annotations

from typing import Any

from ragkit.course.drills import lab01, lab02, lab03
from ragkit.course.drills.asking import ask
from ragkit.course.drills.properties import word_overlap
from ragkit.course.verdict import Verdict

__all__ = ["DRILLS", "check", "word_overlap"]

DRILLS = {**lab01.DRILLS, **lab02.DRILLS, **lab03.DRILLS}


def check(drill: str, answer: Any) -> Verdict:
    """Print and return the verdict on one drill's answer; `drill` reads `01_1`."""
    return ask(DRILLS, drill, answer)
