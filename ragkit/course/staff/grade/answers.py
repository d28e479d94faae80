"""Read what the sandbox sent: names, places and values, each checked for its form, and no score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ragkit.course import plain
from ragkit.course.staff.grade.child import records
from ragkit.course.staff.grade.sandbox import Collected

MAX_CELLS = 20


@dataclass(frozen=True, slots=True)
class Raised:
    """Takes the place of an answer: the name of the exception that a function raised."""

    name: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a name is answered: numbers of code cells, the source, and whether a stub is left."""

    cells: tuple[int, ...] = ()
    stub: bool = False
    source: str = ""


@dataclass
class Answers:
    """All that one submission answered.

    `ready` is true once every cell ran, `ended` says how the whole run ended. Drill values and cell
    errors are used only if they were sent before the inputs were handed over, so that no text can
    carry inputs into a report.
    """

    ready: bool = False
    ended: str = "finished"
    places: dict[str, Place] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    found: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    returned: dict[str, dict[int, Any]] = field(default_factory=dict)
    ends: dict[str, str] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)


def read(collected: Collected) -> Answers:
    """Read the records of a run; one of another form is skipped."""
    answers = Answers(ended=collected.ended)
    for record in collected.records:
        try:
            _read(record, answers)
        except Exception:  # a record may be anything
            continue
    return answers


def _read(record: Mapping[str, Any], answers: Answers) -> None:
    kind, name = record[records.KIND], record.get(records.NAME, "")
    if not isinstance(name, str):
        raise ValueError("a name is a text")
    if kind == records.READY:
        answers.ready = True
    elif kind == records.ANSWER and answers.ready:
        cases = answers.returned.setdefault(name, {})
        cases.setdefault(int(record[records.CASE]), _returned(record))
    elif kind == records.END and answers.ready:
        answers.ends.setdefault(name, str(record[records.HOW]))
    elif not answers.ready:
        _read_early(record, kind, name, answers)


def _read_early(record: Mapping[str, Any], kind: str, name: str, answers: Answers) -> None:
    if kind in (records.BROKEN, records.ERROR):
        message = plain.clean(str(record[records.MESSAGE]))[:300]
        answers.errors.setdefault(int(record[records.CELL]), message)
    elif kind == records.DRILL:
        answers.places[name] = _place(record)
        if records.VALUE in record:
            answers.values[name] = plain.decode(record[records.VALUE])
    elif kind == records.FUNCTIONS:
        answers.found = _names(record[records.FOUND])
        answers.functions = _names(record[records.CALLABLE])
        answers.places |= {str(n): _place(where) for n, where in record[records.PLACES].items()}


def _returned(record: Mapping[str, Any]) -> Any:
    if records.RAISED in record:
        return Raised(str(record[records.RAISED])[:60])
    return plain.decode(record[records.VALUE])


def _place(record: Mapping[str, Any]) -> Place:
    cells = tuple(int(number) for number in record[records.CELLS][:MAX_CELLS])
    source = plain.clean(str(record[records.SOURCE]))
    return Place(cells, bool(record[records.STUB]), source)


def _names(found: Iterable[Any]) -> set[str]:
    return {str(name) for name in found}
