"""Bring a stub back into the student's copy of a lab, and keep what was there beside it."""

from __future__ import annotations

import ast
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ragkit.course.layout import work_folder
from ragkit.course.work import items, notebooks, progress
from ragkit.course.work.cells import bound, is_stub, parse
from ragkit.course.work.items import Item, LabItems
from ragkit.course.work.notebooks import Cell, Notebook
from ragkit.errors import DataError

_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")


@dataclass(frozen=True, slots=True)
class Reset:
    """What was done: to which item in which file, and how many cells were kept as Markdown."""

    item: Item
    path: Path
    kept: int
    changed: bool


def reset(name: str, root: Path | None = None) -> Reset:
    """Bring back the stub of `1.4`, `hit_rate` or `01_4` in the student's copy of its lab.

    Each cell that defines the name loses the definition, and a Markdown cell below it keeps the
    whole cell as it was; the first gets the stub. All other cells stay as they are, byte for byte.
    Raises `DataError` for an unknown name and for a copy that is missing or no notebook.
    """
    lab, item = items.find(name, items.all_labs(root))
    path = work_folder(root) / lab.file
    if not path.exists():
        raise DataError(f"{path}: no such file. `ragkit work` copies the labs into work/.")
    notebook, stub = notebooks.read(path), _stub(lab, item)
    defining = [
        place
        for place, cell in enumerate(notebook.cells)
        if cell.kind == "code" and _defines(cell.source, item.variable)
    ]
    written = [p for p in defining if not _is_stub(notebook.cells[p].source, item.variable)]
    if defining and not written:
        return Reset(item, path, 0, changed=False)
    first = written[0] if written and written == defining else None  # one stub is enough
    new: dict[int, list[Any]] = {
        place: _replaced(notebook.cells[place], item, stub.source if place == first else "")
        for place in written
    }
    notebooks.write(path, notebook.with_cells(new or _inserted(notebook, lab, stub)))
    if item.name in progress.load(path.parent):
        progress.store(item.name, "not attempted", path.parent)
    return Reset(item, path, len(written), changed=True)


def _stub(lab: LabItems, item: Item) -> Cell:
    """The cell of the stub as it was handed out."""
    for cell in lab.notebook.cells:
        if cell.kind == "code" and _is_stub(cell.source, item.variable):
            return cell
    raise DataError(
        f"{lab.notebook.path}: the stub of {item.label} is not in it, so it cannot be brought "
        "back. Restore this file first, from the repository (git checkout) or from the bundle."
    )


def _statements(source: str, name: str) -> list[ast.stmt]:
    """The top-level statements of a cell that bind a name; SyntaxError if Python cannot read it."""
    return [statement for statement in parse(source)[1] if name in bound(statement)]


def _defines(source: str, name: str) -> bool:
    """True if a cell binds a name, or begins to in code that Python cannot read."""
    try:
        return bool(_statements(source, name))
    except Exception:  # whatever a parser makes of such a text
        return re.search(rf"^(?:def {name}\b|{name}\b\s*=)", source, re.MULTILINE) is not None


def _is_stub(source: str, name: str) -> bool:
    try:
        found = _statements(source, name)
    except Exception:
        return False
    return bool(found) and all(map(is_stub, found))


def _replaced(cell: Cell, item: Item, stub: str) -> list[dict[str, Any]]:
    """The cell with the stub in place of the definition, or without any, and a copy as Markdown."""
    source = _without_definition(cell.source, item.variable, stub)
    code = {**cell.content, "source": source.splitlines(keepends=True)}
    code |= {"outputs": [], "execution_count": None}
    kept = _markdown(cell, f"your {item.label}", with_id=bool(cell.id))
    return [code, kept] if source.strip() else [kept]


def _without_definition(source: str, name: str, stub: str) -> str:
    """The source with the stub's definition, if there is one, in place of all its own.

    Where a cell cannot be taken apart, since Python cannot read it, the stub's cell alone.
    """
    try:
        code, body = parse(source)
        old = [statement for statement in body if name in bound(statement)]
        new = [_lines_of(stub, statement) for statement in _statements(stub, name)]
        offset = source.rstrip().count("\n") - code.rstrip().count("\n")  # a line such as %%time
        lines = _LINES.findall(source)
        for statement in reversed(old):
            first, last = _range(statement, offset)
            if not _statements("".join(lines[first:last]), name):
                return stub
            while last < len(lines) and re.match(r"[ \t]+#", lines[last]):
                last += 1  # a comment that ends the function's body
            lines[first:last] = [f"{new[0]}\n"] if new and statement is old[0] else []
    except Exception:
        return stub
    return "".join(lines).rstrip("\r\n")


def _lines_of(source: str, statement: ast.stmt) -> str:
    first, last = _range(statement, 0)
    return "".join(_LINES.findall(source)[first:last]).rstrip("\r\n")


def _range(statement: ast.stmt, offset: int) -> tuple[int, int]:
    """The lines of a statement with its decorators, as a slice."""
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(d.lineno for d in decorators)])
    return first - 1 + offset, (statement.end_lineno or statement.lineno) + offset


def _inserted(notebook: Notebook, lab: LabItems, stub: Cell) -> dict[int, list[Any]]:
    """The stub as a new cell, after what stands before it in the lab, else at the end."""
    if not notebook.cells:
        raise DataError(f"{notebook.path}: it has no cells. Move it away, then: ragkit work")
    code = {**stub.content, "outputs": [], "execution_count": None}
    if any(cell.id == stub.id for cell in notebook.cells):
        code["id"] = _new_id()
    places = {cell.source: place for place, cell in enumerate(notebook.cells)}
    before = lab.notebook.cells[: lab.notebook.cells.index(stub)]
    kept = [places[cell.source] for cell in reversed(before) if cell.source in places]
    place = kept[0] if kept else len(notebook.cells) - 1
    return {place: [notebook.raw(place), code]}


def _markdown(cell: Cell, what: str, with_id: bool) -> dict[str, Any]:
    """A Markdown cell that shows the code of another."""
    fence = "```"
    while fence in cell.source:
        fence += "`"
    when = datetime.now().strftime("%Y-%m-%d %H:%M")
    text = f"**Kept on {when}: {what}**\n\n{fence}python\n{cell.source.rstrip()}\n{fence}"
    made = {"id": _new_id()} if with_id else {}
    return {
        "cell_type": "markdown",
        **made,
        "metadata": {},
        "source": text.splitlines(keepends=True),
    }


def _new_id() -> str:
    return secrets.token_hex(5)
