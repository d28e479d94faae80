"""Inputs on which the right answer and every known mistake differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ragkit.course.judging import Function
from ragkit.course.staff.exercise import Array, Mistake
from ragkit.errors import DataError

_TRIES = 10_000  # mostly some tens are enough, seldom a thousand
_MARGIN = 1e-3  # of the larger answer: far above rounding


def draw_apart(
    draw: Callable[[], tuple[Any, ...]], expected: Function, mistakes: Sequence[Mistake]
) -> tuple[Any, ...]:
    """Arguments, drawn until the right answer and those of all the mistakes differ on them.

    Raises `DataError` if they never do: then two of the mistakes are one on such arguments.
    """
    functions = [expected, *(mistake.wrong for mistake in mistakes)]
    for _ in range(_TRIES):
        arguments = draw()
        if _tell_apart(functions, arguments):
            return arguments
    raise DataError(
        f"In {_TRIES} draws, two answers always agreed: the right one or those of "
        f"{len(mistakes)} mistakes. Make the arguments richer, or leave a mistake out."
    )


def _tell_apart(functions: Sequence[Function], arguments: tuple[Any, ...]) -> bool:
    answers: list[Array] = []
    for function in functions:
        answer = np.asarray(function(*arguments), dtype=np.float64)
        if not all(_differ(answer, other) for other in answers):
            return False
        answers.append(answer)
    return True


def _differ(a: Array, b: Array) -> bool:
    if a.shape != b.shape:
        return True
    largest = max(float(np.abs(answer).max(initial=0)) for answer in (a, b))
    return float(np.abs(a - b).max(initial=0)) > _MARGIN * largest
