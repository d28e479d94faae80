"""Draws are repeated until they show what they should, and not for ever."""

from __future__ import annotations

from itertools import count

import pytest

from ragkit.course.staff.drawing import draw_apart, until
from ragkit.course.staff.exercise import Mistake
from ragkit.errors import DataError


def test_the_first_draw_that_holds_is_taken() -> None:
    numbers = count()
    assert until(lambda: next(numbers), lambda n: n > 40) == 41
    assert next(numbers) == 42


def test_a_mistake_is_told_from_the_right_answer() -> None:
    numbers = count()
    squared = Mistake("squared", lambda x: x**2)
    assert draw_apart(lambda: (next(numbers),), lambda x: 2 * x, [squared]) == (1,)


def test_two_mistakes_that_are_one_end_in_a_sentence() -> None:
    twins = [Mistake("once", lambda x: x), Mistake("twice", lambda x: x + 0)]
    with pytest.raises(DataError, match="richer"):
        draw_apart(lambda: (1.0,), lambda x: 2 * x, twins)
