"""From answers to marks: compare values with keys, case by case and part by part.

Feedback names the kind of input that went wrong and the mistake that was recognised, never an
input, an expected value or anything that a student's code sent while it knew the inputs.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ragkit.course.drills.asking import unanswered
from ragkit.course.drills.base import Drill, Part, Text
from ragkit.course.drills.reading import UnclearError, alone, missing
from ragkit.course.judging import Key, credit, explain, find
from ragkit.course.plain import MAX_TEXT, Opaque
from ragkit.course.staff.exercise import Exercise
from ragkit.course.staff.grade.answers import Answers, Place, Raised
from ragkit.course.staff.grade.catalogue import Item
from ragkit.course.verdict import Finding, Kind, Status

Delivery = Literal[
    "complete",
    "duplicate",
    "missing",
    "timeout",
    "crash",
    "duplicate notebook",
]
CREDIT: Mapping[Kind, float] = {"correct": 1.0, "named": 0.5, "incorrect": 0.0, "recorded": 0.0}


@dataclass(frozen=True)
class Mark:
    """What one item of one student is worth; `score` is None until a person has read it.

    `status` says how good the answer is, `delivery` how it was handed in.
    """

    item: str
    status: Status
    score: float | None
    max_score: float
    feedback: str = ""
    answer: str = ""
    mistake: str = ""
    delivery: Delivery = "complete"

    @property
    def outcome(self) -> str:
        """The one word for a summary: the delivery unless it is complete, then the status."""
        return self.status if self.delivery == "complete" else self.delivery


def unrun(items: Iterable[Item], delivery: Delivery, why: str) -> list[Mark]:
    """The marks of a submission that could not be run, or was not handed in."""
    status: Status = "not attempted" if delivery == "missing" else "incorrect"
    return [Mark(item.name, status, 0.0, item.points, why, delivery=delivery) for item in items]


def score(items: Iterable[Item], answers: Answers, keys: Mapping[str, Sequence[Key]]) -> list[Mark]:
    """The marks of a submission whose cells were run."""
    return [
        _score_exercise(item, item.source, answers, keys[item.name])
        if isinstance(item.source, Exercise)
        else _score_drill(item, item.source, answers)
        for item in items
    ]


def _score_exercise(item: Item, exercise: Exercise, answers: Answers, keys: Sequence[Key]) -> Mark:
    place = answers.places.get(item.name, Place())
    if item.name not in answers.found:
        return _absent(item, place, answers)
    if item.name not in answers.functions:
        return Mark(item.name, "incorrect", 0.0, item.points, "It is not a function.", place.source)
    returned = answers.returned.get(item.name, {})
    if returned and all(_is_stub(value) for value in returned.values()) and not place.cells:
        return Mark(item.name, "not attempted", 0.0, item.points, "", place.source)
    tolerance = exercise.tolerance
    findings = [_find(returned.get(n), n in returned, k, tolerance) for n, k in enumerate(keys)]
    earned, known = credit(keys, findings), explain(keys, findings)
    right = all(finding.kind == "correct" for finding in findings)
    mistake = known.sentence if known and not right else ""
    mark = Mark(
        item.name,
        "correct" if right else "incorrect",
        round(earned * item.points, 2),
        item.points,
        _case_feedback(keys, findings, mistake),
        place.source,
        mistake,
    )
    mark = _note_duplicate(mark, place)
    if len(returned) < len(keys):
        mark = replace(mark, delivery=_unfinished(answers.ends.get(item.name, answers.ended)))
    return mark


def _find(answer: Any, answered: bool, key: Key, tolerance: float) -> Finding:
    if not answered:
        return Finding("incorrect", "it did not return in time, or ended the whole process.")
    if _is_stub(answer):
        return Finding("incorrect", "`raise NotImplementedError` is still there.")
    if isinstance(answer, Raised):
        return Finding("incorrect", f"it raised {_exception(answer.name)}.")
    return find(answer, key, tolerance)


def _unfinished(how: str) -> Delivery:
    return "timeout" if how == "timeout" else "crash"


def _is_stub(answer: Any) -> bool:
    return isinstance(answer, Raised) and answer.name == "NotImplementedError"


def _exception(name: str) -> str:
    """The name of a built-in exception; any other could be made to say something."""
    known = getattr(builtins, name, None)
    is_exception = isinstance(known, type) and issubclass(known, BaseException)
    return name if is_exception else "an exception"


def _case_feedback(keys: Sequence[Key], findings: Sequence[Finding], mistake: str) -> str:
    """One sentence for each thing that went wrong, with the kinds of input it went wrong on."""
    kinds_of: dict[str, list[str]] = {}
    for key, finding in zip(keys, findings, strict=True):
        if finding.kind == "correct":
            continue
        kinds_of.setdefault(mistake or finding.sentence, []).append(key.case.kind)
    return " ".join(f"On {'; '.join(kinds)}: {sentence}" for sentence, kinds in kinds_of.items())


def _score_drill(item: Item, drill: Drill, answers: Answers) -> Mark:
    place = answers.places.get(item.variable, Place())
    if item.variable not in answers.values:
        return _absent(item, place, answers)
    value = answers.values[item.variable]
    if unanswered(value):
        return Mark(item.name, "not attempted", 0.0, item.points)
    try:
        pieces = drill.split(value)
    except UnclearError as unclear:
        return Mark(item.name, "incorrect", 0.0, item.points, _sentence(unclear), shown(value))
    parts = list(zip(drill.parts, pieces, strict=True))
    if item.kind == "text":
        text = next(entries[0] for part, entries in parts if isinstance(part, Text))
        return _note_duplicate(_read_by_a_person(item, text), place)
    computed = [(part, entries) for part, entries in parts if not isinstance(part, Text)]
    return _note_duplicate(_score_parts(item, computed), place)


def _score_parts(item: Item, parts: Sequence[tuple[Part, tuple[Any, ...]]]) -> Mark:
    findings = [_judge(part, entries) for part, entries in parts]
    answer = "; ".join(shown(entry) for _, entries in parts for entry in entries)
    if any(finding.kind == "recorded" for finding in findings):
        measured = " ".join(finding.sentence for finding in findings if finding.sentence)
        return Mark(item.name, "recorded", None, item.points, f"Measured: {measured}", answer)
    earned = sum(
        CREDIT[finding.kind] * getattr(part, "points", 1.0)
        for (part, _), finding in zip(parts, findings, strict=True)
    )
    status: Status = "correct" if earned == item.points else "incorrect"
    wrong = [
        f"{part.label}: {finding.sentence}"
        for (part, _), finding in zip(parts, findings, strict=True)
        if finding.kind != "correct"
    ]
    mistake = next((finding.sentence for finding in findings if finding.kind == "named"), "")
    return Mark(item.name, status, round(earned, 2), item.points, " ".join(wrong), answer, mistake)


def _judge(part: Part, entries: tuple[Any, ...]) -> Finding:
    if any(map(missing, entries)):
        return Finding("incorrect", "not answered.")
    try:
        return part.find(*entries)
    except Exception:
        return Finding("incorrect", "it does not have the form that was asked for.")


def _sentence(error: Exception) -> str:
    words = str(error)
    return words[:1].upper() + words[1:]


def _read_by_a_person(item: Item, text: Any) -> Mark:
    text = alone(text)
    if unanswered(text):
        return Mark(item.name, "not attempted", 0.0, item.points)
    if isinstance(text, Opaque):
        return Mark(item.name, "incorrect", 0.0, item.points, "It is not a text.", shown(text))
    return Mark(item.name, "recorded", None, item.points, "", shown(text).strip())


def _absent(item: Item, place: Place, answers: Answers) -> Mark:
    if place.stub and not place.cells:
        return Mark(item.name, "not attempted", 0.0, item.points)
    feedback = f"After the notebook ran, there was no {item.variable or item.name}."
    for cell in place.cells:
        if error := answers.errors.get(cell):
            feedback += f" Code cell {cell} raised {error}"
    broken = [n for n, error in answers.errors.items() if error.startswith("SyntaxError")]
    if not place.cells and broken:
        cells = ", ".join(map(str, broken[:5]))
        feedback += f" There is code that Python cannot read in code cell {cells}."
    status: Status = "incorrect" if place.cells or broken else "not attempted"
    return Mark(item.name, status, 0.0, item.points, feedback, place.source, delivery="missing")


def _note_duplicate(mark: Mark, place: Place) -> Mark:
    if len(place.cells) < 2 or mark.status == "not attempted":
        return mark
    cells = ", ".join(map(str, place.cells))
    note = f"It is answered in code cells {cells}; the last one counts."
    return replace(mark, delivery="duplicate", feedback=f"{note} {mark.feedback}".strip())


def shown(value: Any) -> str:
    """An answer as a reader sees it."""
    return value[:MAX_TEXT] if isinstance(value, str) else f"{value!r:.500}"
