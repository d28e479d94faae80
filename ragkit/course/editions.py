"""Two editions of each lab from one source, and running them without a screen.

`solutions/NN-….py` (jupytext percent format) is the only file edited by hand. In a code cell, the
lines from `# BEGIN SOLUTION` to `# END SOLUTION` are the answer: the solved edition keeps them, the
student edition gets a stub instead (`raise NotImplementedError`, or what follows
`# BEGIN SOLUTION:`). Cells tagged `solution` exist in the solved edition only.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from ragkit.course.layout import course_root, labs, student_labs
from ragkit.errors import DataError
from ragkit.indexfile import write_atomically
from ragkit.runtime import data_dir, quiet

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


@dataclass(frozen=True, slots=True)
class LabRun:
    """How one notebook went."""

    name: str
    cells: int
    seconds: float
    skipped: bool = False


def build(source: Path, solved: bool) -> Any:
    """Make one edition as a notebook node without outputs."""
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
    """What stands in the committed notebooks but not in their sources, one sentence each."""
    return [
        complaint
        for lab in labs(root)
        for path, solved in ((lab.student, False), (lab.solved, True))
        for complaint in _compare(path, build(lab.source, solved))
    ]


def write_all(root: Path | None = None) -> Iterator[LabRun]:
    """Execute both editions of every lab and write them with their outputs."""
    for lab in labs(root):
        for path, solved in ((lab.student, False), (lab.solved, True)):
            notebook = build(lab.source, solved)
            path.parent.mkdir(exist_ok=True)
            run = _execute(notebook, path)
            write_atomically(path, (nbformat.writes(notebook) + "\n").encode())
            yield run


def run_all(root: Path | None = None) -> Iterator[LabRun]:
    """Execute every committed student lab as it stands; skip those that ran since any change."""
    for lab in student_labs(root):
        done = (root or course_root()) / ".build" / f"{lab.stem}.done"
        stamp = _stamp(lab)
        if done.is_file() and done.read_text() == stamp:
            yield LabRun(lab.name, 0, 0.0, skipped=True)
            continue
        yield _execute(nbformat.read(lab, as_version=4), lab)
        write_atomically(done, stamp.encode())


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
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:10]
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


def _execute(notebook: Any, path: Path) -> LabRun:
    """Run a notebook in a fresh kernel, in its own folder, with a progress bar."""
    from tqdm.auto import tqdm

    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    started = time.perf_counter()
    with tqdm(total=len(code), desc=path.stem, unit="cell", leave=False, disable=quiet()) as bar:
        client = NotebookClient(
            notebook,
            timeout=600,
            kernel_name="python3",
            record_timing=False,
            extra_arguments=["--log-level=ERROR"],  # the kernel warns of its local TCP port
            resources={"metadata": {"path": str(path.parent)}},
            on_cell_executed=_ticker(bar),
        )
        try:
            client.execute(env={**os.environ, "RAGKIT_QUIET": "1"})
        except CellExecutionError as error:
            raise DataError(f"{path}: a cell failed. {str(error)[-1500:]}") from None
    return LabRun(f"{path.parent.name}/{path.name}", len(code), time.perf_counter() - started)


def _ticker(bar: Any) -> Callable[..., None]:
    def tick(cell: Any, **_: Any) -> None:
        if cell.cell_type == "code":
            bar.update()

    return tick


def _stamp(notebook: Path) -> str:
    """A hash of the notebook and of everything its outputs depend on."""
    package = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256(notebook.read_bytes())
    for path in sorted([*package.rglob("*.py"), *data_dir().rglob("*.*")]):
        if path.is_file():
            digest.update(str(path.name).encode() + path.read_bytes())
    return digest.hexdigest()
