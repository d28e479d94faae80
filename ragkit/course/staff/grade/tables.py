"""Write what programs read: `grades.csv`, and one `gradescope/<student>.json` per student."""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from ragkit.course.staff.grade.scoring import Mark
from ragkit.course.staff.grade.state import Graded
from ragkit.files import write_atomically

COLUMNS = ("student", "lab", "item", "score", "max_score", "status", "delivery", "feedback")
# A spreadsheet takes a cell that begins so for a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@")
_BREAKS = ("\t", "\r", "\n")
_NEW_CELL = re.compile(r"([;\t]\s*)(?=[=+\-@])")  # where a spreadsheet may split a cell in two


def safe_cell(text: str) -> str:
    """A text that no spreadsheet computes: one that looks like a formula gets an apostrophe."""
    clean = "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cf") or c in "\n\t\r")
    inside = _NEW_CELL.sub(r"\1'", clean)
    first = unicodedata.normalize("NFKC", clean.lstrip()[:1])
    return f"'{inside}" if clean[:1] in _BREAKS or first in _FORMULA else inside


def write_table(
    path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]], encoding: str = "utf-8"
) -> None:
    """Write a CSV file, whole or not at all; texts in it have gone through `safe_cell`."""
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    write_atomically(path, text.getvalue().encode(encoding, "backslashreplace"))


def words(mark: Mark) -> str:
    """How good an answer is and, if anything is wrong with it, how it was handed in."""
    return mark.status if mark.delivery == "complete" else f"{mark.status} ({mark.delivery})"


def write_grades(graded: Sequence[Graded], path: Path) -> None:
    """Write one row per student and item; an item that nobody has read yet has a blank score."""
    write_table(path, COLUMNS, (_grade(one, mark) for one in graded for mark in one.marks))


def _grade(one: Graded, mark: Mark) -> list[str]:
    return [
        safe_cell(one.student),
        one.lab,
        mark.item,
        "" if mark.score is None else f"{mark.score:g}",
        f"{mark.max_score:g}",
        mark.status,
        mark.delivery,
        safe_cell(mark.feedback),
    ]


def write_timings(graded: Sequence[Graded], path: Path) -> None:
    """Write what grading took, in seconds and memory: one row per student and lab."""
    rows = (
        [safe_cell(one.student), one.lab, f"{one.seconds:.2f}", round(one.peak_memory / 2**20)]
        for one in graded
    )
    write_table(path, ("student", "lab", "seconds", "peak_mib"), rows)


def write_gradescope(results: Sequence[Graded], path: Path) -> None:
    """Write Gradescope's results.json: one test per item, without a score until a person read it.

    The format is that of gradescope-autograders.readthedocs.io, "Autograder Specifications".
    """
    tests = [_test(one, mark) for one in results for mark in one.marks]
    content = {
        "output": "Graded by ragkit. Items without a score are read by a person.",
        "output_format": "text",
        "visibility": "visible",
        "score": round(sum(mark.score or 0 for one in results for mark in one.marks), 2),
        "tests": tests,
    }
    write_atomically(path, (json.dumps(content, indent=1, ensure_ascii=True) + "\n").encode())


def _test(one: Graded, mark: Mark) -> dict[str, Any]:
    test: dict[str, Any] = {
        "name": f"{one.lab} {mark.item}",
        "max_score": mark.max_score,
        "output": f"{words(mark)}. {mark.feedback}".strip(),
        "output_format": "text",
        "visibility": "visible",
    }
    if mark.score is not None:
        full = mark.score == mark.max_score
        test |= {"score": mark.score, "status": "passed" if full else "failed"}
    return test
