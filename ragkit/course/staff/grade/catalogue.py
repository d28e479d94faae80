"""List the items of a lab: its exercises, and each drill split into computed parts and texts.

The catalogue is made from the lab and the declarations in `staff/labNN`, so that a new exercise,
drill or rubric is graded as soon as it is declared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np

from ragkit.course import plain
from ragkit.course.drills.base import Drill, Sealed, Text
from ragkit.course.judging import Key
from ragkit.course.layout import Lab, labs
from ragkit.course.staff import registry
from ragkit.course.staff.editions import build
from ragkit.course.staff.exercise import Exercise
from ragkit.course.work.items import CHECK
from ragkit.errors import DataError

_STUB = re.compile(r"^def (\w+)\(", re.MULTILINE)
_DRILL = re.compile(r"^drill_(\d\d_\d+) = ", re.MULTILINE)
_HINT = re.compile(r"<details>.*?</details>", re.DOTALL)


@dataclass(frozen=True)
class Item:
    """One row of a student's grades."""

    lab: str
    name: str
    kind: Literal["exercise", "drill", "text"]
    points: float
    question: str
    source: Exercise | Drill
    variable: str = ""

    @property
    def rubric(self) -> Sequence[str]:
        """The key points of a text."""
        if self.kind != "text" or isinstance(self.source, Exercise):
            return ()
        return next((part.rubric for part in self.source.parts if isinstance(part, Text)), ())


@dataclass(frozen=True)
class LabSheet:
    """One lab as the grader sees it: its items, and the code cells that were handed out."""

    number: str
    lab: Lab
    items: Sequence[Item]
    handed_out: Sequence[str]

    @property
    def exercises(self) -> list[Exercise]:
        """The exercises in the order of the lab."""
        return [item.source for item in self.items if isinstance(item.source, Exercise)]

    @property
    def drills(self) -> list[str]:
        """The names of the drills' variables."""
        return list(dict.fromkeys(item.variable for item in self.items if item.variable))

    def keys(self, seed: int) -> dict[str, list[Key]]:
        """The hidden cases of each exercise with their answers, drawn from `seed`."""
        return {
            exercise.name: exercise.keys(np.random.default_rng([seed, place]))
            for place, exercise in enumerate(self.exercises)
        }


def inputs_of(keys: Mapping[str, Sequence[Key]]) -> dict[str, list[Any]]:
    """The arguments alone, as plain data: nothing else leaves the grader."""
    return {
        name: [plain.encode(key.case.arguments) for key in cases] for name, cases in keys.items()
    }


def sheets() -> dict[str, LabSheet]:
    """Every lab of the checkout by its number: "01", "02", …"""
    return {lab.source.stem[:2]: _sheet(lab) for lab in labs()}


def sheet(number: str) -> LabSheet:
    """One lab by its number; `DataError` if there is none."""
    found = sheets()
    if number not in found:
        raise DataError(f"There is no lab {number!r}; the labs are {', '.join(found)}.")
    return found[number]


@cache
def _sheet(lab: Lab) -> LabSheet:
    number = lab.source.stem[:2]
    items: list[Item] = []
    exercises, drills = registry.exercises(), registry.drills()
    cells = build(lab.source, solved=False).cells
    question, stubs = "", dict[str, str]()
    for cell in cells:
        if cell.cell_type == "markdown":
            question = _question(cell.source) or question
            continue
        for name in _STUB.findall(cell.source):
            stubs[name] = cell.source
        for name in CHECK.findall(cell.source):
            exercise = exercises[name]
            stated = f"{question}\n\n```python\n{stubs.get(name, '')}\n```"
            items += [Item(number, name, "exercise", exercise.points, stated, exercise)]
        for name in _DRILL.findall(cell.source):
            items += _drill(number, name, drills[name], question)
    handed_out = [cell.source for cell in cells if cell.cell_type == "code"]
    return LabSheet(number, lab, items, handed_out)


def _question(markdown: str) -> str:
    """The question of the exercise or drill in a Markdown cell, without its hint, or ""."""
    start = max(markdown.find("### Exercise"), markdown.find("**Drill "))
    return _HINT.sub("", markdown[start:]).strip() if start >= 0 else ""


def _drill(lab: str, name: str, drill: Drill, question: str) -> list[Item]:
    """One item for the computed parts, if there are any, and one for the text, if there is one."""
    variable = f"drill_{name}"
    texts = [part for part in drill.parts if isinstance(part, Text)]
    computed = [part.points for part in drill.parts if not isinstance(part, Text | Sealed)]
    items = []
    if computed:
        items.append(Item(lab, variable, "drill", sum(computed), question, drill, variable))
    if texts:
        own = f"{variable}_reason" if computed else variable
        items.append(Item(lab, own, "text", texts[0].points, question, drill, variable))
    return items
