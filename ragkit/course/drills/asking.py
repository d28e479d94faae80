"""Answer a student's `drills.check`: find the drill, see if it was attempted, judge the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ragkit.course.drills.base import Drill
from ragkit.course.verdict import Verdict


def ask(drills: Mapping[str, Drill], name: Any, answer: Any) -> Verdict:
    """Print and return the verdict on the answer to one of `drills`; nothing is raised."""
    if not isinstance(name, str) or name not in drills:  # an answer in its place has no hash
        known = ", ".join(drills)
        words = f"there is no drill {name!r:.60}; the drills are {known}."
        return Verdict("incorrect", words).say()
    if unanswered(answer):
        return Verdict("not attempted", f"put your answer in drill_{name}.").say()
    try:
        return drills[name].judge(answer).say()
    except Exception as error:
        words = f"the answer does not have the form that was asked for ({error})."
        return Verdict("incorrect", words).say()


def unanswered(answer: Any) -> bool:
    """True for an answer as it is handed out: None, or a text without a word."""
    return answer is None or (isinstance(answer, str) and not answer.strip())
