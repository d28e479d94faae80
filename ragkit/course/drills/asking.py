"""Answer a student's `drills.check`: find the drill, see if it was attempted, judge the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ragkit.course.drills.base import Drill
from ragkit.course.drills.reading import missing
from ragkit.course.drills.texts import question_words
from ragkit.course.verdict import Verdict
from ragkit.course.work import progress


def ask(drills: Mapping[str, Drill], name: Any, answer: Any) -> Verdict:
    """Print and return the verdict on the answer to one of `drills`; nothing is raised."""
    if not isinstance(name, str) or name not in drills:  # an answer in its place has no hash
        return Verdict("incorrect", no_drill(drills, name)).say()
    return progress.record(name, _verdict(drills[name], name, answer).say())


def _verdict(drill: Drill, name: str, answer: Any) -> Verdict:
    if unanswered(answer):
        return Verdict("not attempted", f"put your answer in drill_{name}.")
    try:
        return drill.judge(answer, question_words(name))
    except Exception as error:
        words = f"answer with {drill.form}; this raised {type(error).__name__}."
        return Verdict("incorrect", words)


def no_drill(drills: Mapping[str, Drill], name: Any) -> str:
    """The sentence for a number that no drill has."""
    return f"there is no drill {name!r:.60}; the drills are {', '.join(drills)}."


def unanswered(answer: Any) -> bool:
    """True for an answer as it is handed out, or a tuple in which nothing was put yet."""
    entries = answer if isinstance(answer, list | tuple) else (answer,)
    return all(map(missing, entries))
