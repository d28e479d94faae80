"""What there is to do: the exercises and drills of every lab, as the labs' notebooks state them.

An exercise is a heading such as `### Exercise 1.4 · Hit rate` and the next `check.hit_rate(…)`; a
drill is a paragraph that begins `**Drill 1.**` and the next `drills.check("01_1", …)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ragkit.course.layout import student_labs
from ragkit.course.work import notebooks
from ragkit.errors import DataError

CHECK = re.compile(r"^check\.(\w+)\(", re.MULTILINE)
DRILL = re.compile(r'^drills\.check\("(\d\d_\d+)"', re.MULTILINE)
_HEADING = re.compile(r"^### Exercise (\d+\.\d+) · (.+)$", re.MULTILINE)
_QUESTION = re.compile(r"^\*\*Drill \d+\.\*\* +(.+(?:\n(?! *\n).+)*)", re.MULTILINE)
_TITLE = re.compile(r"^# Lab \d+ · (.+)$", re.MULTILINE)
_LONGEST = 60  # characters of a drill's question that stand for it in a table


@dataclass(frozen=True, slots=True)
class Item:
    """One exercise, or one drill.

    `name` is what its check is called with, `hit_rate` or `01_4`; `number` is `1.4` or `01_4`.
    """

    kind: Literal["exercise", "drill"]
    name: str
    number: str
    title: str

    @property
    def variable(self) -> str:
        """The name that the student binds: the function's, or `drill_01_4`."""
        return self.name if self.kind == "exercise" else f"drill_{self.name}"

    @property
    def label(self) -> str:
        """How messages call it: `1.4 hit_rate`, or `drill_01_4`."""
        return f"{self.number} {self.name}" if self.kind == "exercise" else self.variable


@dataclass(frozen=True, slots=True)
class LabItems:
    """One lab as it was handed out: its number, title, notebook and items."""

    number: str
    title: str
    notebook: notebooks.Notebook
    items: tuple[Item, ...]

    @property
    def file(self) -> str:
        """The name of the notebook's file."""
        return self.notebook.path.name


def all_labs(root: Path | None = None) -> list[LabItems]:
    """Every lab in labs/, in order; none in a folder without labs."""
    return [_lab(path) for path in student_labs(root)]


def find(name: str, labs: Iterable[LabItems]) -> tuple[LabItems, Item]:
    """The item that a student calls `1.4`, `hit_rate`, `01_4` or `drill_01_4`, with its lab.

    Raises `DataError`, with the list of all, if there is none.
    """
    labs = list(labs)
    for lab in labs:
        for item in lab.items:
            if name in (item.name, item.number, item.variable):
                return lab, item
    known = ", ".join(item.label for lab in labs for item in lab.items)
    raise DataError(f"There is no exercise or drill {name!r}. There are: {known or 'none'}.")


def items_of(cells: Iterable[notebooks.Cell]) -> Iterator[Item]:
    """The items of a lab in the order of its cells; each once."""
    number, title, question, seen = "", "", "", set()
    for cell in cells:
        if cell.kind == "markdown":
            [(number, title)] = _HEADING.findall(cell.source)[-1:] or [(number, title)]
            [question] = _QUESTION.findall(cell.source)[-1:] or [question]
            continue
        for name in CHECK.findall(cell.source):
            if name not in seen:
                yield Item("exercise", name, number or name, title)
        for name in DRILL.findall(cell.source):
            if name not in seen:
                yield Item("drill", name, name, _shortened(question))
        seen |= {*CHECK.findall(cell.source), *DRILL.findall(cell.source)}


def _lab(path: Path) -> LabItems:
    notebook = notebooks.read(path)
    titles = [title for cell in notebook.cells for title in _TITLE.findall(cell.source)]
    title = titles[0] if titles else path.stem
    return LabItems(path.name[:2], title, notebook, tuple(items_of(notebook.cells)))


def _shortened(question: str) -> str:
    words = " ".join(question.split())
    if len(words) <= _LONGEST:
        return words
    return words[:_LONGEST].rpartition(" ")[0] + " …"
