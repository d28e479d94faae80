"""Write a report folder, when a class was graded or marks are read back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from ragkit.course.staff.grade import html as pages
from ragkit.course.staff.grade import manual
from ragkit.course.staff.grade import tables as reports
from ragkit.course.staff.grade.state import ClassResult, Graded, State


@dataclass(frozen=True)
class Written:
    """What was written: the results with the marks of people, and how many texts are unread."""

    graded: Sequence[Graded]
    unread: int
    unknown: int = 0


def write_report(result: ClassResult, out: Path, marked: Path | None = None) -> Written:
    """Write every file of the report, with the marks in `marked`, by default its `manual.csv`.

    Earlier marks of people stay, so grading again loses none.
    """
    state, own_file = State(out / ".state"), out / "manual.csv"
    file = marked or own_file
    waiting = manual.readings(result.graded, result.sheets)
    most_of = {reading.answer_id: reading.item.points for reading in waiting}
    found = manual.read(file, most_of) if marked or file.is_file() else {}
    marks = manual.updated(state.hand_marks(), found)
    state.save_hand_marks(marks)
    manual.write(waiting, marks, own_file)
    graded = manual.with_hand_marks(result.graded, marks)
    reports.write_grades(graded, out / "grades.csv")
    reports.write_timings(graded, out / "timings.csv")
    pages.write_class(graded, result.sheets, contained(result), out / "class.html")
    for student, results in groupby(graded, key=lambda one: one.student):
        own = list(results)
        pages.write_feedback(student, own, result.sheets, out / "feedback" / f"{student}.html")
        reports.write_gradescope(own, out / "gradescope" / f"{student}.json")
    known = {reading.answer_id for reading in waiting}
    return Written(graded, len(known - set(marks)), len(set(found) - known))


def contained(result: ClassResult) -> str:
    """One sentence on how submissions were contained."""
    if result.isolated:
        return (
            "Each submission ran in namespaces of its own: without a network, and able to write "
            "only to its own temporary folder."
        )
    reason = f" ({result.reason.rstrip('.')})" if result.reason else ""
    return (
        f"This system has no namespaces to use{reason}: submissions ran with limits on time and "
        "memory, but could read and write what you can. Run strangers' code in a container."
    )
