"""Run a notebook's answers in a fresh kernel, as the grader will, and look at what they leave.

Only the cells that the grader would run are run (`cells.make_plan`), then the public checks.
Nothing is written: neither the notebook nor the student's progress.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ragkit.course.work import progress
from ragkit.course.work.cells import Plan
from ragkit.course.work.items import Item

_MIME = "application/vnd.ragkit+json"
_HERE = f"__import__({__name__!r}, fromlist=['look'])"
_PREPARE = f"{_HERE}.prepare(globals())"


@dataclass(frozen=True, slots=True)
class Look:
    """One item after the run: whether its name exists, what a check says, how long its texts are.

    `complaints` say of a drill's free texts why they are too little to be read.
    """

    exists: bool = False
    callable: bool = False
    empty: bool = False
    verdict: str = ""
    complaints: tuple[str, ...] = ()


@dataclass
class Rehearsal:
    """How a run went: errors by code cell, what each item came to, seconds, where it stopped."""

    errors: dict[int, str] = field(default_factory=dict)
    looks: dict[str, Look] = field(default_factory=dict)
    seconds: float = 0.0
    stopped: str = ""


def rehearse(plan: Plan, items: Sequence[Item], folder: Path, limit: float) -> Rehearsal:
    """Run the units of a plan in a kernel in `folder`, then look at the items.

    All of it is stopped after `limit` seconds. Errors of cells do not stop the later ones.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    result, steps = Rehearsal(), list(_steps(plan, items))
    started = time.monotonic()
    new: Any = nbformat.v4  # typed in part
    notebook = new.new_notebook(cells=[new.new_code_cell(code) for _, code in steps])
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        allow_errors=True,
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(folder)}},
        timeout_func=lambda _: max(0.1, limit - (time.monotonic() - started)),
    )
    where: int | str = ""
    with client.setup_kernel(env={**os.environ, "RAGKIT_QUIET": "1"}):
        started = time.monotonic()
        try:
            for place, (where, _) in enumerate(steps):
                _take(client.execute_cell(notebook.cells[place], place), where, result)
        except CellTimeoutError:
            result.stopped = f"{_called(where)} was still running after {limit:g} s."
        except DeadKernelError:
            result.stopped = f"{_called(where)} ended the Python process."
        result.seconds = time.monotonic() - started
    return result


class NoShell:
    """Takes the place of IPython's shell: magics and shell escapes do nothing, as in the grader."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


def prepare(namespace: dict[str, Any]) -> None:
    """Make the kernel record no progress and run no magics; `rehearse` calls it there."""
    progress.pause()
    namespace["get_ipython"] = NoShell


def look(item: Mapping[str, str], namespace: Mapping[str, Any]) -> None:
    """Send a `Look` at one item from the kernel; `rehearse` calls it there."""
    from IPython.display import display

    name, variable = item["name"], item["variable"]
    seen: dict[str, Any] = {"exists": variable in namespace}
    if seen["exists"]:
        value = namespace[variable]
        seen["callable"] = callable(value)
        seen |= _checked_drill(name, value) if item["kind"] == "drill" else _checked(name, value)
    display({_MIME: seen}, raw=True)  # type: ignore[no-untyped-call]  # as upstream


def _checked(name: str, function: Any) -> dict[str, Any]:
    from ragkit.course import check

    with contextlib.redirect_stdout(io.StringIO()):
        return {"verdict": str(getattr(check, name)(function))}


def _checked_drill(name: str, answer: Any) -> dict[str, Any]:
    from ragkit.course import drills
    from ragkit.course.drills.asking import unanswered
    from ragkit.course.drills.base import Text
    from ragkit.course.drills.texts import complaint, question_words

    with contextlib.redirect_stdout(io.StringIO()):
        verdict = str(drills.check(name, answer))
    complaints: list[str] = []
    with contextlib.suppress(Exception):  # an answer of another form, of which the verdict tells
        drill = drills._drills()[name]
        for part, entries in zip(drill.parts, drill.split(answer), strict=True):
            if isinstance(part, Text):
                said = (complaint(entry, question_words(name)) for entry in entries)
                complaints += filter(None, said)
    return {"verdict": verdict, "empty": unanswered(answer), "complaints": complaints}


def _steps(plan: Plan, items: Sequence[Item]) -> Iterator[tuple[int | str, str]]:
    """What is run in turn: the number of a code cell, or the name of an item, and the code."""
    yield "", _PREPARE
    for unit in plan.units:
        yield unit.cell, "\n".join(map(ast.unparse, unit.statements))
    for item in items:
        told = {"kind": item.kind, "name": item.name, "variable": item.variable}
        yield item.name, f"{_HERE}.look({told!r}, globals())"


def _take(cell: Any, where: int | str, result: Rehearsal) -> None:
    """Read what a step put out: an error, or a look."""
    for output in cell.outputs:
        if output.output_type == "error" and isinstance(where, int):
            result.errors.setdefault(where, f"{output.ename}: {output.evalue}"[:300])
        elif output.output_type == "display_data" and _MIME in output.data:
            seen = output.data[_MIME]
            complaints = tuple(seen.get("complaints", ()))
            result.looks[str(where)] = Look(**{**seen, "complaints": complaints})


def _called(where: int | str) -> str:
    return f"Code cell {where}" if isinstance(where, int) else f"The check of {where}"
