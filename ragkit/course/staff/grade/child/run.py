"""Run a submission and send values to the grader.

Protocol (`records`): `broken`, `error` and `drill` while and after the cells run, `functions` and
`ready`, then, once the grader has sent its inputs, `answer` and `end`. Before `ready` the inputs
are not here, so no cell can copy them.
"""

from __future__ import annotations

import ast
import json
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from ragkit.course import plain
from ragkit.course.work.cells import Plan, Unit, make_plan, read_cells

from . import records
from .calls import answer
from .records import Record, Send

MAX_SOURCE = 4_000
MAX_ERRORS = 50


def run(request: dict[str, Any], notebook: bytes) -> None:
    """Execute the notebook's cells, then call its functions; ends the process."""
    os.chdir(request["work"])
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    send = _sender(request["results"])
    try:
        cells = read_cells(notebook)
    except ValueError as error:
        send(records.unreadable(str(error)))
        os._exit(0)
    plan = make_plan(cells, request["handed_out"], request["functions"] + request["drills"])
    del notebook, cells
    for number, words in plan.broken.items():
        send(records.broken(number, words[:300]))
    namespace = _execute(plan, send)
    _send_drills(plan, namespace, request["drills"], send)
    functions = {name: namespace[name] for name in request["functions"] if name in namespace}
    send(_functions_record(plan, functions, request["functions"]))
    send(records.ready())
    _answer_all(functions, request, send)
    send(records.finished())
    os._exit(0)


def _sender(handle: int) -> Send:
    """A function that writes one record; it holds what it needs, whatever a submission patches."""
    dumps, write = json.JSONEncoder(ensure_ascii=True).encode, os.write

    def send(record: Record) -> None:
        line = (dumps(record) + "\n").encode()
        while line:
            line = line[write(handle, line) :]

    return send


def _execute(plan: Plan, send: Send) -> dict[str, Any]:
    """Run what the plan says; a cell that raises, even SystemExit, does not stop the others."""
    module = ModuleType("__main__")
    sys.modules["__main__"] = module
    namespace = module.__dict__
    namespace["get_ipython"] = lambda: _NoShell()
    errors = 0
    for unit in plan.units:
        message = _run_unit(unit, namespace)
        if message and errors < MAX_ERRORS:
            errors += 1
            send(records.error(unit.cell, message))
    return namespace


class _NoShell:
    """Takes the place of IPython: magics and shell escapes do nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


def _run_unit(unit: Unit, namespace: dict[str, Any]) -> str:
    """Run one unit; what it raised, in words, or nothing."""
    try:
        tree = ast.Module(unit.statements, type_ignores=[])
        exec(compile(tree, f"<cell {unit.cell}>", "exec"), namespace)  # noqa: S102  # its purpose
    except BaseException as error:
        return _described(error)
    return ""


def _described(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:300]
    except BaseException:  # the exception's own __str__ may raise anything
        return type(error).__name__[:60]


def _send_drills(plan: Plan, namespace: dict[str, Any], names: list[str], send: Send) -> None:
    for name in names:
        record = records.drill(name, _place(plan, name))
        if name in namespace:
            record = records.with_value(record, _encoded(namespace[name]))
        send(record)


def _encoded(value: Any) -> Any:
    try:
        return plain.encode(value)
    except BaseException:
        return {"opaque": "object", "shown": "<object>"}


def _functions_record(plan: Plan, functions: dict[str, Any], names: list[str]) -> Record:
    places = {name: _place(plan, name) for name in names}
    callables = sorted(name for name, f in functions.items() if callable(f))
    return records.functions(places, sorted(functions), callables)


def _place(plan: Plan, name: str) -> Record:
    source = plan.sources.get(name, "")[:MAX_SOURCE]
    return records.place(plan.answered[name][:20], name in plan.stubs, source)


def _answer_all(functions: dict[str, Any], request: dict[str, Any], send: Send) -> None:
    with os.fdopen(request["inputs"], "rb") as pipe:
        inputs = json.loads(pipe.read())
    for name, cases in inputs.items():
        if callable(functions.get(name)):
            answer(name, functions[name], cases, request["call_seconds"], send)
