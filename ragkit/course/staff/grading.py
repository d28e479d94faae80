"""What grading costs: a class of solved labs, two submissions at a time. Timings, all of it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from time import perf_counter

import nbformat
import numpy as np

from ragkit.course.layout import labs
from ragkit.course.staff.editions import build
from ragkit.course.staff.entries import Entries, Entry
from ragkit.course.staff.grade.batch import Job, grade
from ragkit.course.staff.grade.report import write_report

STUDENTS = 10
JOBS = 2


def measure() -> Entries:
    """Seconds a submission, seconds before and after, and the most memory of a submission."""
    started = perf_counter()
    reached: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        handed_in, out = Path(folder) / "in", Path(folder) / "out"
        count = _hand_in(handed_in)
        job = Job(handed_in, out, jobs=JOBS)
        result = grade(job, lambda _: reached.append(perf_counter()), lambda *_: None)
        graded = perf_counter()
        write_report(result, out)
        reported = perf_counter()
    spent = (graded - reached[0]) / count
    yield "time.grade.submission", _entry(spent, count, "seconds of wall time a submission")
    yield "time.grade.before", _entry(reached[0] - started, 1, "seconds: imports, models, canary")
    yield "time.grade.report", _entry(reported - graded, 1, "seconds to write the report")
    peaks = np.array([one.peak_memory for one in result.graded]) / 2**20
    yield "time.grade.memory", _entry(float(peaks.max()), count, "MiB, the most of a submission")


def _hand_in(folder: Path) -> int:
    """Every solved lab for each student, with a cell of the student's own; how many they are."""
    for lab in labs():
        for number in range(STUDENTS):
            notebook = build(lab.source, solved=True)
            notebook.cells.append(nbformat.v4.new_code_cell(f"student = {number}"))
            path = folder / f"student-{number}" / f"{lab.source.stem}.ipynb"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(nbformat.writes(notebook), encoding="utf-8")
    return STUDENTS * len(labs())


def _entry(value: float, n: int, how: str) -> Entry:
    return {"value": value, "interval": (value, value), "n": n, "tolerance": None, "how": how}
