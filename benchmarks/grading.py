"""What grading costs: a class of solved labs, two submissions at a time."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import nbformat

from benchmarks.harness import Plan, Record, say
from ragkit.course.layout import labs
from ragkit.course.staff.editions import build
from ragkit.course.staff.grade.batch import Job, grade
from ragkit.course.staff.grade.report import write_report

JOBS = 2


def measure(plan: Plan) -> Record:
    """Seconds before the first submission, per submission, of the report; bytes per submission."""
    handed_in, out = plan.scratch / "handed-in", plan.scratch / "graded"
    count = _hand_in(handed_in, plan.pick(10, 1))
    started = perf_counter()
    reached: list[float] = []
    job = Job(handed_in, out, jobs=JOBS)
    result = grade(job, lambda _: reached.append(perf_counter()), lambda *_: None)
    graded = perf_counter()
    write_report(result, out)
    reported = perf_counter()
    each = (graded - reached[0]) / count
    say(f"grading: {count} submissions, {each:.2f} s each")
    return {
        "submissions": count,
        "class": {
            "submission": each,
            "before": reached[0] - started,
            "report": reported - graded,
            "peak_bytes": max(one.peak_memory for one in result.graded),
        },
    }


def _hand_in(folder: Path, students: int) -> int:
    """Every solved lab for each student, with a cell of the student's own; how many they are."""
    for lab in labs():
        for number in range(students):
            notebook = build(lab.source, solved=True)
            notebook.cells.append(nbformat.v4.new_code_cell(f"student = {number}"))
            path = folder / f"student-{number}" / f"{lab.source.stem}.ipynb"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(nbformat.writes(notebook), encoding="utf-8")
    return students * len(labs())
