"""Run notebooks from the command line, with a progress bar over their cells."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from ragkit.course.layout import course_root, student_labs
from ragkit.errors import DataError
from ragkit.files import write_atomically
from ragkit.runtime import data_dir, quiet


@dataclass(frozen=True, slots=True)
class LabRun:
    """One notebook that was run: its number of code cells and the seconds they took."""

    name: str
    cells: int
    seconds: float
    skipped: bool = False


def run_all(root: Path | None = None) -> Iterator[LabRun]:
    """Execute every committed student lab as it is; skip those that ran since the last change."""
    for lab in student_labs(root):
        done = (root or course_root()) / ".build" / f"{lab.stem}.done"
        stamp = _stamp(lab)
        if done.is_file() and done.read_text() == stamp:
            yield LabRun(lab.name, 0, 0.0, skipped=True)
            continue
        yield execute(nbformat.read(lab, as_version=4), lab)
        write_atomically(done, stamp.encode())


def execute(notebook: Any, path: Path) -> LabRun:
    """Run a notebook in a fresh kernel, in its own folder; `DataError` if a cell fails."""
    from tqdm.auto import tqdm

    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    started = time.perf_counter()
    with tqdm(total=len(code), desc=path.stem, unit="cell", leave=False, disable=quiet()) as bar:
        client = NotebookClient(
            notebook,
            timeout=600,
            kernel_name="python3",
            record_timing=False,
            extra_arguments=["--log-level=ERROR"],  # no warning about the kernel's local TCP port
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
