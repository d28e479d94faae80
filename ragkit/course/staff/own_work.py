"""Notice a student's work in a notebook of labs/, which making the editions would overwrite.

Every cell of an edition has an id made from its text (`editions`). A cell that was changed or added
by hand has another, so it is known without its source, which may have moved on.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from ragkit.course.layout import Lab, labs, work_folder
from ragkit.course.staff import registry
from ragkit.course.work import notebooks
from ragkit.course.work.cells import make_plan


@dataclass(frozen=True, slots=True)
class OwnWork:
    """A notebook of labs/ with cells that were changed or added by hand.

    `names` are the exercises and drills answered in them; `str()` says what to do.
    """

    lab: Lab
    names: tuple[str, ...]
    cells: int

    def __str__(self) -> str:
        root = self.lab.source.parent.parent
        path = self.lab.student.relative_to(root).as_posix()
        target = _free(work_folder(root) / self.lab.student.name).relative_to(root).as_posix()
        cells = "1 cell" if self.cells == 1 else f"{self.cells} cells"
        answers = f", with answers to {', '.join(self.names)}" if self.names else ""
        return (
            f"{path}: {cells} changed or added by hand{answers}. Nothing overwrites them. The "
            f"place for work of your own is work/: move the notebook there (mkdir -p work; "
            f"mv {path} {target}), then bring back the original (git checkout {path}). "
            f"A change of the course itself belongs in solutions/{self.lab.source.name}."
        )


def find_own_work(root: Path | None = None) -> list[OwnWork]:
    """The notebooks of labs/ that hold work of somebody's own, in order."""
    return [found for lab in labs(root) if (found := _own_work(lab)) is not None]


def text_id(kind: str, text: str) -> str:
    """The id of a cell, made from its kind and text alone, so that an edit changes no other id."""
    return hashlib.sha256(f"{kind}\n{text}".encode()).hexdigest()[:10]


def _own_work(lab: Lab) -> OwnWork | None:
    if not lab.student.exists():
        return None
    cells = notebooks.read(lab.student).cells
    own = [c for c in cells if c.id.partition("-")[0] != text_id(c.kind, c.source)]
    if not own:
        return None
    names = [*registry.exercises(), *(f"drill_{name}" for name in registry.drills())]
    plan = make_plan([cell.source for cell in own if cell.kind == "code"], [], names)
    return OwnWork(lab, tuple(name for name in names if plan.answered[name]), len(own))


def _free(path: Path) -> Path:
    """The path, or one with a number if something is there."""
    free, number = path, 2
    while os.path.lexists(free):
        free, number = path.with_stem(f"{path.stem}-{number}"), number + 1
    return free
