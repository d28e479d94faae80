"""What an exercise is: cases, an independent answer, and the mistakes worth naming.

The same generator of cases serves twice: with the course's own seed for the check in the lab, and
with a seed drawn for each report, so that nobody knows the grader's inputs in advance.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.course.judging import Case, Check, Function, Key, Wrong
from ragkit.course.verdict import Verdict

__all__ = ["Array", "Case", "Exercise", "Mistake", "seeded", "unit"]

Array = NDArray[Any]  # of floats or of integers: the shape in the docstring says which


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong way to solve an exercise, and the sentence that names it.

    `trivial` marks one that does nothing of the work asked for; it earns nothing.
    """

    message: str
    wrong: Function
    trivial: bool = False


@dataclass(frozen=True)
class Exercise:
    """Cases drawn from a generator, the expected answer, the mistakes worth naming, and points.

    The public cases and the grader's hidden ones come from the one generator `cases`, so that what
    passes in the lab passes in the grade. `points` is what the whole exercise is worth.
    """

    name: str
    cases: Callable[[np.random.Generator], list[Case]]
    expected: Function
    mistakes: Sequence[Mistake]
    tolerance: float = 1e-5
    points: float = 2.0

    def judge(self, function: Function) -> Verdict:
        """The verdict on a student's function; never raises."""
        return self.check().judge(function)

    def check(self) -> Check:
        """The public check: the course's own cases with their answers."""
        return Check(self.name, self.keys(seeded()), self.tolerance, self.parameters)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the arguments, as the lab's stub has them."""
        found = inspect.signature(self.expected).parameters.values()
        return tuple(p.name for p in found if p.kind is p.POSITIONAL_OR_KEYWORD)

    def keys(self, rng: np.random.Generator) -> list[Key]:
        """The cases drawn from `rng`, each with the right answer and those of the mistakes."""
        return [
            Key(
                case,
                _values(self.expected, case),
                tuple(Wrong(m.message, _values(m.wrong, case), m.trivial) for m in self.mistakes),
            )
            for case in self.cases(rng)
        ]


def _values(function: Function, case: Case) -> Any:
    return np.asarray(function(*deepcopy(case.arguments)), dtype=np.float64)


def seeded() -> np.random.Generator:
    """The generator that the public cases are drawn from: the same inputs for every student."""
    return np.random.default_rng(2026)


def unit(rows: Array) -> Array:
    """Rows of length 1, float [n, d]."""
    lengths: Array = np.sqrt(np.einsum("nd,nd->n", rows, rows))[:, None]
    return rows / lengths
