"""What came out of the sandbox, read for its form: names, places, values. No score is among it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ragkit.course import plain
from ragkit.course.staff.grade.sandbox import Collected

MAX_CELLS = 20


@dataclass(frozen=True, slots=True)
class Raised:
    """Instead of an answer: the name of the exception that a function raised."""

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

    `ready` tells whether every cell ran, `ended` how the whole run did. What a drill or a cell
    says counts only from before the inputs were handed over, so that no text can carry them into a
    report.
    """

    ready: bool = False
    ended: str = "finished"
    places: dict[str, Place] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    found: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    returned: dict[str, dict[int, Any]] = field(default_factory=dict)
    ends: dict[str, str] = field(default_factory=dict)
    complaints: dict[int, str] = field(default_factory=dict)


def read(collected: Collected) -> Answers:
    """Read the records of a run; one of another form is passed over."""
    answers = Answers(ended=collected.ended)
    for record in collected.records:
        try:
            _read(record, answers)
        except Exception:  # a record may be anything
            continue
    return answers


def _read(record: Mapping[str, Any], answers: Answers) -> None:
    kind, name = record["record"], record.get("name", "")
    if not isinstance(name, str):
        raise ValueError("a name is a text")
    if kind == "ready":
        answers.ready = True
    elif kind == "answer" and answers.ready:
        cases = answers.returned.setdefault(name, {})
        cases.setdefault(int(record["case"]), _returned(record))
    elif kind == "end" and answers.ready:
        answers.ends.setdefault(name, str(record["how"]))
    elif not answers.ready:
        _read_early(record, kind, name, answers)


def _read_early(record: Mapping[str, Any], kind: str, name: str, answers: Answers) -> None:
    if kind in ("broken", "error"):
        answers.complaints.setdefault(int(record["cell"]), plain.clean(str(record["error"]))[:300])
    elif kind == "drill":
        answers.places[name] = _place(record)
        if "value" in record:
            answers.values[name] = plain.decode(record["value"])
    elif kind == "functions":
        answers.found = _names(record["found"])
        answers.functions = _names(record["callable"])
        answers.places |= {str(n): _place(place) for n, place in record["places"].items()}


def _returned(record: Mapping[str, Any]) -> Any:
    if "raised" in record:
        return Raised(str(record["raised"])[:60])
    return plain.decode(record["value"])


def _place(record: Mapping[str, Any]) -> Place:
    cells = tuple(int(number) for number in record["cells"][:MAX_CELLS])
    return Place(cells, bool(record["stub"]), plain.clean(str(record["source"])))


def _names(found: Iterable[Any]) -> set[str]:
    return {str(name) for name in found}
