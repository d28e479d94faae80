"""Say before a notebook is handed in what the grader will not find in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ragkit.course.work import items, notebooks
from ragkit.course.work.cells import Plan, bound, is_stub, make_plan, parse
from ragkit.course.work.delivery import SECONDS, lab_by_name, lab_of, problem_with
from ragkit.course.work.items import Item, LabItems
from ragkit.course.work.rehearsing import Look, Rehearsal, rehearse
from ragkit.errors import DataError


@dataclass(frozen=True, slots=True)
class Found:
    """What the grader will find of an item: a problem, a note, or neither; and the check's word."""

    item: Item
    problem: str = ""
    note: str = ""
    verdict: str = ""


@dataclass
class Report:
    """A notebook as the grader will see it; `complete` if nothing would be missing."""

    path: Path
    lab: LabItems
    found: list[Found] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def complete(self) -> bool:
        """True if there is no problem, in the file or with any item."""
        return not self.problems and not any(one.problem for one in self.found)


def validate(path: Path, root: Path | None = None, limit: float = SECONDS) -> Report:
    """Look at a notebook with the grader's eyes, and run what the grader would run.

    Nothing is said about hidden cases, and nothing is written. Raises `DataError` for a file that
    is no notebook, and for one that belongs to no lab.
    """
    notebook = notebooks.read(path)
    lab = _lab_of(path, items.all_labs(root))
    cells = notebook.code
    wanted = [item.variable for item in lab.items]
    plan = make_plan(cells, lab.notebook.code, wanted)
    rehearsal = rehearse(plan, lab.items, path.resolve().parent, limit)
    report = Report(path, lab, seconds=rehearsal.seconds)
    report.found = [_found(item, cells, plan, rehearsal) for item in lab.items]
    report.problems = list(_problems(path, cells, plan, rehearsal))
    report.notes = list(_notes(path, lab, cells, plan, rehearsal))
    return report


def _lab_of(path: Path, labs: Sequence[LabItems]) -> LabItems:
    number = lab_of(path, [lab.number for lab in labs])
    for lab in labs:
        if lab.number == number:
            return lab
    names = ", ".join(lab.file for lab in labs) or "labs/ is empty"
    raise DataError(
        f"{path}: the grader would not know which lab this is: neither the file's name nor a "
        f"drill_… in it says so. Give it the name with which it was handed out: {names}."
    )


def _found(item: Item, cells: Sequence[str], plan: Plan, rehearsal: Rehearsal) -> Found:
    seen = rehearsal.looks.get(item.name)
    answered = plan.answered[item.variable]
    note = ""
    if len(set(answered)) > 1:
        places = " and ".join(str(number) for number in dict.fromkeys(answered))
        note = f"answered in code cells {places}; the last one counts"
    problem = _problem_of(item, cells, plan, seen)
    return Found(item, problem, note, seen.verdict if seen and not problem else "")


def _problem_of(item: Item, cells: Sequence[str], plan: Plan, seen: Look | None) -> str:
    """Why this item would be missing, or ""."""
    answered = plan.answered[item.variable]
    if not answered and item.variable in plan.stubs:
        return "not answered: it is as it was handed out"
    if answered and _still_raises(cells[answered[-1] - 1], item.variable):
        return "raise NotImplementedError is still under your code: delete that line"
    if seen is None:
        return "" if answered else "not there: the run did not get so far"
    if not seen.exists:
        return "not there after the notebook ran" if answered else "not there: no cell defines it"
    if item.kind == "exercise":
        return "" if seen.callable else "this is not a function"
    if seen.empty:
        return "not answered"
    return next(iter(seen.complaints), "")


def _still_raises(source: str, name: str) -> bool:
    """True if the function in this cell ends in the stub's `raise`, under code of its own."""
    for statement in reversed(parse(source)[1]):
        if name in bound(statement) and isinstance(statement, ast.FunctionDef):
            bare = ast.FunctionDef(name, statement.args, statement.body[-1:], [])
            return is_stub(bare)
    return False


def _problems(path: Path, cells: Sequence[str], plan: Plan, rehearsal: Rehearsal) -> Iterator[str]:
    if words := problem_with(path):
        yield words
    for number, words in plan.broken.items():
        yield f"Python cannot read {_cell(number, cells)}: {words}"
    if rehearsal.stopped:
        yield f"{rehearsal.stopped} The grader stops a submission after {SECONDS:g} s."


def _notes(
    path: Path, lab: LabItems, cells: Sequence[str], plan: Plan, rehearsal: Rehearsal
) -> Iterator[str]:
    if not lab_by_name(path, [lab.number]):
        yield (
            f"The file's name does not begin with {lab.number}-; the grader knows the lab by its "
            f"drill_… names alone. Better: {lab.file}"
        )
    elif path.name != lab.file:
        yield f"The lab was handed out as {lab.file}; keep that name if you hand in one notebook."
    for number, words in rehearsal.errors.items():
        yield f"{_cell(number, cells)} fails: {words}"


def _cell(number: int, cells: Sequence[str]) -> str:
    first = next((line for line in cells[number - 1].splitlines() if line.strip()), "")
    return f"code cell {number} ({first.strip()[:50]})"
