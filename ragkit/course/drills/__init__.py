"""Checks of the drills: numbers and choices at once, sentences by property, text by a person.

`drills.check("01_1", drill_01_1)` prints one line and never raises. Free text is only looked at for
length: whether it is right is for a reader to say.
"""

from __future__ import annotations

from typing import Any

from ragkit.course.drills import lab01, lab02, lab03
from ragkit.course.drills.base import word_overlap
from ragkit.course.verdict import Verdict

__all__ = ["check", "word_overlap"]

_CHECKS = {**lab01.CHECKS, **lab02.CHECKS, **lab03.CHECKS}


def check(drill: str, answer: Any) -> Verdict:
    """Print and return the verdict on one drill's answer; `drill` reads `01_1`."""
    if drill not in _CHECKS:
        known = ", ".join(_CHECKS)
        return Verdict("incorrect", f"there is no drill {drill!r}; there is {known}.").say()
    if answer is None or answer == "":
        return Verdict("not attempted", f"put your answer in drill_{drill}.").say()
    try:
        return _CHECKS[drill](answer).say()
    except Exception as error:
        return Verdict("incorrect", f"the answer has another form than asked ({error}).").say()
