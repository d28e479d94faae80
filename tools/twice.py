"""Write each solved lab with its code cells once more, last to first, into .build/twice.

A notebook that runs to its end proves that its cells run in order, once. Students run a cell again
when they have read on: in these notebooks each cell runs a second time in the state that the end
has left, and a cell that is tagged `nbval-check-output` must print the same.
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat

from ragkit.course.layout import course_root, labs
from ragkit.files import write_atomically


def twice(notebook: Any) -> Any:
    """A copy of a notebook, its code cells in reverse order at its end."""
    longer = deepcopy(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in reversed(deepcopy(code)):
        cell.id = f"{cell.id}-again"
        longer.cells.append(cell)
    return longer


def write(folder: Path) -> list[Path]:
    """Write the notebooks of every lab into a folder."""
    written = []
    for lab in labs():
        longer = twice(nbformat.read(lab.solved, as_version=4))
        written.append(folder / lab.solved.name)
        write_atomically(written[-1], (nbformat.writes(longer) + "\n").encode())
    return written


if __name__ == "__main__":
    write(course_root() / ".build" / "twice")
