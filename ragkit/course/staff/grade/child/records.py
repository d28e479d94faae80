"""The records that the child sends to the grader: one JSON object per line, built and named here.

A submission may forge any of them, so whoever reads one checks its form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Record = dict[str, Any]
Send = Callable[[Record], None]

# which kind of record it is: the value of the field KIND
KIND = "record"
UNREADABLE, BROKEN, ERROR = "unreadable", "broken", "error"
DRILL, FUNCTIONS, READY = "drill", "functions", "ready"
ANSWER, END, FINISHED = "answer", "end", "finished"

# the other fields
NAME, VALUE, RAISED, CASE, HOW, WHY = "name", "value", "raised", "case", "how", "why"
CELL, MESSAGE = "cell", "error"
PLACES, FOUND, CALLABLE = "places", "found", "callable"
CELLS, STUB, SOURCE = "cells", "stub", "source"


def unreadable(why: str) -> Record:
    """The file is not a notebook; nothing else follows."""
    return {KIND: UNREADABLE, WHY: why}


def broken(cell: int, message: str) -> Record:
    """A cell that Python cannot read."""
    return {KIND: BROKEN, CELL: cell, MESSAGE: message}


def error(cell: int, message: str) -> Record:
    """A cell that raised."""
    return {KIND: ERROR, CELL: cell, MESSAGE: message}


def place(cells: Sequence[int], stub: bool, source: str) -> Record:
    """Where a name is answered; part of `drill` and `functions`."""
    return {CELLS: list(cells), STUB: stub, SOURCE: source}


def drill(name: str, where: Record) -> Record:
    """A drill's variable without a value; see `with_value`."""
    return {KIND: DRILL, NAME: name, **where}


def functions(
    places: Mapping[str, Record], found: Iterable[str], callable_: Iterable[str]
) -> Record:
    """Which exercises are answered, where, and by what can be called."""
    return {KIND: FUNCTIONS, PLACES: dict(places), FOUND: list(found), CALLABLE: list(callable_)}


def ready() -> Record:
    """All cells have run: the grader may send its inputs."""
    return {KIND: READY}


def answer(name: str, case: int) -> Record:
    """The answer of a function to one case without a value; see `with_value` and `with_error`."""
    return {KIND: ANSWER, NAME: name, CASE: case}


def with_value(record: Record, value: Any) -> Record:
    """The record with a value, as `plain.encode` made it."""
    return {**record, VALUE: value}


def with_error(record: Record, name: str) -> Record:
    """The record with the name of the exception that was raised instead."""
    return {**record, RAISED: name}


def end(name: str, how: str) -> Record:
    """How the calls of a function ended: done (perhaps before the last case) or timeout."""
    return {KIND: END, NAME: name, HOW: how}


def finished() -> Record:
    """Nothing follows."""
    return {KIND: FINISHED}
