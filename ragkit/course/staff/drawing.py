"""Draw inputs that are special in the way a case says: again and again until they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from ragkit.course.judging import Function
from ragkit.course.staff.exercise import Array, Mistake
from ragkit.errors import DataError

Drawn = TypeVar("Drawn")
_TRIES = 10_000  # mostly some tens are enough, seldom a thousand
_MARGIN = 1e-3  # of the larger answer: far above rounding


def until(draw: Callable[[], Drawn], holds: Callable[[Drawn], bool]) -> Drawn:
    """The first draw that has what is wanted of it; `DataError` if none of very many has."""
    for _ in range(_TRIES):
        if holds(drawn := draw()):
            return drawn
    raise DataError(
        f"In {_TRIES} draws, none had what the case is about. Make the arguments richer: two "
        "answers that are to differ may be one on all of them."
    )


def draw_apart(
    draw: Callable[[], tuple[Any, ...]], expected: Function, mistakes: Sequence[Mistake]
) -> tuple[Any, ...]:
    """Arguments, drawn until the right answer and those of all the mistakes differ on them.

    Raises `DataError` if they never do: then two of the mistakes are one on such arguments.
    """
    functions = [expected, *(mistake.wrong for mistake in mistakes)]
    return until(draw, lambda arguments: _tell_apart(functions, arguments))


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
