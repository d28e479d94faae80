"""Answering a student's `drills.check`: which drill, was it attempted, has the answer the form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ragkit.course.drills.base import Drill
from ragkit.course.verdict import Verdict


def ask(drills: Mapping[str, Drill], name: str, answer: Any) -> Verdict:
    """Print and return the verdict on the answer to one of `drills`; nothing is raised."""
    if name not in drills:
        known = ", ".join(drills)
        return Verdict("incorrect", f"there is no drill {name!r}; there is {known}.").say()
    if unanswered(answer):
        return Verdict("not attempted", f"put your answer in drill_{name}.").say()
    try:
        return drills[name].judge(answer).say()
    except Exception as error:
        return Verdict("incorrect", f"the answer has another form than asked ({error}).").say()


def unanswered(answer: Any) -> bool:
    """True for what the lab hands out: None, or a text without a word."""
    return answer is None or (isinstance(answer, str) and not answer.strip())
