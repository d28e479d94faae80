"""Make two editions of each lab from one source.

`solutions/NN-….py` (jupytext percent format) is the only file edited by hand. In a code cell, the
lines from `# BEGIN SOLUTION` to `# END SOLUTION` are the answer: the solved edition keeps them, the
student edition gets a stub instead (`raise NotImplementedError`, or what follows
`# BEGIN SOLUTION:`). Cells tagged `solution` exist in the solved edition only.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import nbformat

from ragkit.course.layout import labs
from ragkit.course.running import LabRun, execute
from ragkit.course.staff.own_work import find_own_work, text_id
from ragkit.errors import DataError
from ragkit.files import write_atomically

_MARK = re.compile(
    r"""
    ^(?P<indent>[ ]*)\#[ ]BEGIN[ ]SOLUTION(?::[ ](?P<stub>[^\n]*))?\n
    (?P<body>.*?)
    ^[ ]*\#[ ]END[ ]SOLUTION\n?
    """,
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)
_STUB = 'raise NotImplementedError("your turn")'
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def build(source: Path, solved: bool) -> Any:
    """Make one edition, as a notebook node without outputs.

    Raises `DataError` for a solution mark without its partner.
    """
    notebook = jupytext.read(source, fmt="py:percent")
    cells = [c for c in notebook.cells if solved or "solution" not in _tags(c)]
    for cell in cells:
        if cell.cell_type == "code":
            cell.source = _apply_marks(cell.source, solved)
            cell.outputs, cell.execution_count = [], None
        cell.metadata = {"tags": tags} if (tags := _tags(cell)) else {}
    _name_cells(cells)
    return nbformat.v4.new_notebook(cells=cells, metadata=_METADATA)


def drift(root: Path | None = None) -> list[str]:
    """One sentence per committed notebook or cell that differs from its source.

    A notebook of labs/ with work of somebody's own has the sentence that says what to do with it.
    """
    own = {found.lab.student: str(found) for found in find_own_work(root)}
    return [
        complaint
        for lab in labs(root)
        for path, solved in ((lab.student, False), (lab.solved, True))
        for complaint in ([own[path]] if path in own else _compare(path, build(lab.source, solved)))
    ]


def write_all(root: Path | None = None) -> Iterator[LabRun]:
    """Execute both editions of every lab and write them with their outputs.

    Raises `DataError`, before anything is run, if a notebook of labs/ has work of somebody's own.
    """
    if own := find_own_work(root):
        raise DataError(" ".join(map(str, own)))
    for lab in labs(root):
        for path, solved in ((lab.student, False), (lab.solved, True)):
            notebook = build(lab.source, solved)
            path.parent.mkdir(exist_ok=True)
            run = execute(notebook, path)
            write_atomically(path, (nbformat.writes(notebook) + "\n").encode())
            yield run


def _apply_marks(code: str, solved: bool) -> str:
    def replace(match: re.Match[str]) -> str:
        if solved:
            return match["body"]
        return f"{match['indent']}{match['stub'] or _STUB}\n"

    text = _MARK.sub(replace, code + "\n").rstrip("\n")
    if "BEGIN SOLUTION" in text or "END SOLUTION" in text:
        raise DataError(f"A solution mark has no partner in the cell that begins {code[:60]!r}.")
    return text


def _tags(cell: Any) -> list[str]:
    return list(cell.metadata.get("tags", []))


def _name_cells(cells: list[Any]) -> None:
    """Give each cell an id that depends on its text alone, so an edit changes no other id."""
    seen: Counter[str] = Counter()
    for cell in cells:
        digest = text_id(cell.cell_type, cell.source)
        seen[digest] += 1
        cell.id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"


def _compare(path: Path, fresh: Any) -> list[str]:
    if not path.is_file():
        return [f"{path}: missing."]
    committed = nbformat.read(path, as_version=4)
    if len(committed.cells) != len(fresh.cells):
        return [f"{path}: {len(committed.cells)} cells, but the source makes {len(fresh.cells)}."]
    return [
        f"{path}: cell {number} differs from its source."
        for number, (old, new) in enumerate(zip(committed.cells, fresh.cells, strict=True), 1)
        if (old.cell_type, old.source, _tags(old)) != (new.cell_type, new.source, _tags(new))
    ]
