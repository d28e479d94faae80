"""The student's own copies of the labs, in work/, and JupyterLab opened on them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ragkit.course.layout import course_root, student_labs, work_folder
from ragkit.course.work import notebooks
from ragkit.errors import DataError

_SETTINGS = Path(__file__).with_name("jupyterlab")  # of JupyterLab: `overrides.json`


@dataclass(frozen=True, slots=True)
class Copy:
    """One lab's notebook in work/: copied just now, or kept as the student left it."""

    path: Path
    new: bool


def copy_labs(root: Path | None = None) -> Iterator[Copy]:
    """Copy each lab into work/, without outputs, unless something of that name is there.

    Raises `DataError` if labs/ has no notebook, and `OSError` if work/ cannot be written.
    """
    found = student_labs(root)
    if not found:
        raise DataError(
            f"{(root or course_root()) / 'labs'}: no notebooks to copy. Restore the folder: from "
            "the repository (git checkout labs), or from the bundle."
        )
    for lab in found:
        target = work_folder(root) / lab.name
        new = not os.path.lexists(target)
        if new:
            notebooks.write(target, _without_outputs(notebooks.read(lab)))
        yield Copy(target, new)


def jupyter_command(place: str, options: Sequence[str] = (), root: Path | None = None) -> list[str]:
    """The command that opens JupyterLab on the course's root, at `place`, a path below it.

    It does not ask whether to fetch news, which would need a network.
    """
    return [
        *(sys.executable, "-m", "jupyterlab"),
        f"--ServerApp.root_dir={root or course_root()}",
        f"--LabApp.default_url=/lab/tree/{place}",
        f"--LabApp.app_settings_dir={_SETTINGS}",
        *options,
    ]


def open_jupyter(place: str, options: Sequence[str] = ()) -> int:
    """Run JupyterLab until it is closed; return its exit status (on POSIX, never return)."""
    if find_spec("jupyterlab") is None:
        raise DataError("JupyterLab is not installed. Install what the labs need: '.[labs]'.")
    command = jupyter_command(place, options)
    if os.name == "posix":
        os.execv(command[0], command)  # so that Ctrl-C reaches JupyterLab alone
    return subprocess.run(command, check=False).returncode


def _without_outputs(notebook: notebooks.Notebook) -> str:
    """The notebook's text without what its cells have printed."""
    return notebook.with_cells(
        {
            place: [_cleared(cell.content)]
            for place, cell in enumerate(notebook.cells)
            if cell.kind == "code"
        }
    )


def _cleared(cell: Mapping[str, Any]) -> dict[str, Any]:
    return {**cell, "outputs": [], "execution_count": None}
