"""Find who handed in what: `<student>/01-….ipynb` or `<student>.ipynb` in one folder."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ragkit.course.work.delivery import lab_of, problem_with
from ragkit.errors import DataError


@dataclass(frozen=True, slots=True)
class Submission:
    """One notebook of one student; with a problem it is not run, and `delivery` says what it is."""

    student: str
    lab: str
    path: Path | None
    problem: str = ""
    delivery: Literal["missing", "duplicate notebook", "crash"] = "crash"

    def read(self) -> HandedIn:
        """Read the file, once: what is hashed is what is run."""
        if self.path is None or self.problem:
            return HandedIn(b"", self.problem)
        try:
            return HandedIn(self.path.read_bytes())
        except OSError as error:
            return HandedIn(b"", f"The notebook cannot be read ({error.strerror}).")


@dataclass(frozen=True, slots=True)
class HandedIn:
    """The content of a submission's file; empty, with the reason, if there is nothing to run."""

    content: bytes
    problem: str = ""

    @property
    def digest(self) -> str:
        """A hash of the content and the problem, under which the result is stored."""
        return hashlib.sha256(f"{self.problem}\n".encode() + self.content).hexdigest()


def find_submissions(
    folder: Path, known: Mapping[str, str], lab: str | None = None
) -> list[Submission]:
    """Every submission to `lab`, or to each lab that anybody handed in, sorted by student.

    `known` maps the number of each lab to the name of its notebook without the ending.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder. Give the folder that holds the notebooks.")
    students = _by_student(folder)
    if not students:
        raise DataError(
            f"{folder}: no notebooks. Expected <student>/01-….ipynb or <student>.ipynb."
        )
    labelled = {path: lab_of(path, known) for paths in students.values() for path in paths}
    counted = Counter(number for number in labelled.values() if number)
    if lab is None and not counted:
        raise DataError(f"{folder}: no notebook shows which lab it belongs to. Add --lab 01.")
    usual = lab or counted.most_common(1)[0][0]
    labs = [lab] if lab else sorted(counted)
    found = []
    for student, paths in sorted(students.items()):
        for number in labs:
            own = [path for path in paths if (labelled[path] or usual) == number]
            found.append(_choose(student, number, known[number], own))
    return found


def _by_student(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.suffix == ".ipynb" and not entry.is_dir():
            found.setdefault(entry.stem, []).append(entry)
        elif entry.is_dir() and not entry.is_symlink():
            notebooks = sorted(path for path in entry.glob("*.ipynb") if not path.is_dir())
            found.setdefault(entry.name, []).extend(notebooks)
    return found


def _choose(student: str, lab: str, stem: str, paths: Sequence[Path]) -> Submission:
    """The notebook under the lab's own name, or the only one there is."""
    if not paths:
        return Submission(student, lab, None, "No notebook was handed in for this lab.", "missing")
    paths = [path for path in paths if path.stem == stem] or paths
    if len(paths) > 1:
        problem = f"There are {len(paths)} notebooks: {', '.join(path.name for path in paths)}."
        return Submission(student, lab, paths[0], problem, "duplicate notebook")
    return Submission(student, lab, paths[0], problem_with(paths[0]))
