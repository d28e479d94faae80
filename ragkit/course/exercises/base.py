"""What an exercise is: cases, an independent answer, the mistakes worth naming, and the verdict.

An exercise runs the student's function on seeded inputs, compares with its own computation, and,
where the answer equals that of a known mistake, names the mistake. It never raises.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np

from ragkit.course.verdict import Verdict

Function = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One input and the words that describe it to a student."""

    arguments: tuple[Any, ...]
    described: str


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong way to solve an exercise, and the sentence that names it."""

    message: str
    wrong: Function


@dataclass(frozen=True)
class Exercise:
    """Cases, the expected answer, and the mistakes worth naming."""

    name: str
    cases: Callable[[], list[Case]]
    expected: Function
    mistakes: Sequence[Mistake]
    tolerance: float = 1e-5

    def __call__(self, function: Function) -> Verdict:
        """Print and return the verdict on a student's function."""
        return self.judge(function).say()

    def judge(self, function: Function) -> Verdict:
        """The verdict on a student's function; nothing it does is raised."""
        if not callable(function):
            return Verdict("incorrect", f"{self.name} must be a function; got {function!r:.60}.")
        for case in self.cases():
            try:
                answer = function(*deepcopy(case.arguments))
            except NotImplementedError:
                return Verdict("not attempted", f"write {self.name}, then run this cell again.")
            except (Exception, SystemExit) as error:
                told = f"{type(error).__name__}: {error}"
                return Verdict("incorrect", f"it raised {told} on {case.described}.")
            if complaint := self._complaint(answer, case):
                return Verdict("incorrect", complaint)
        return Verdict("correct")

    def _complaint(self, answer: Any, case: Case) -> str:
        """What is wrong with one answer; empty if nothing is."""
        expected = self.expected(*deepcopy(case.arguments))
        if answer is None:
            return f"it returned None on {case.described}. Is the return statement missing?"
        try:
            given = np.asarray(answer, dtype=np.float64)
        except (TypeError, ValueError):
            return f"on {case.described} it returned {answer!r:.60}, which is not numeric."
        if self._equal(given, expected):
            return ""
        for mistake in self.mistakes:
            if self._equal(given, mistake.wrong(*deepcopy(case.arguments))):
                return f"on {case.described}, {mistake.message}"
        if np.isnan(given).any() or np.isinf(given).any():
            cause = "a division by zero, or an overflow?"
            return f"on {case.described} it returned {_short(given)}: {cause}"
        wanted = np.asarray(expected)
        if given.shape != wanted.shape:
            return (
                f"on {case.described} the shape is {list(given.shape)}, not {list(wanted.shape)}."
            )
        return f"on {case.described} it returned {_short(given)}; expected {_short(wanted)}."

    def _equal(self, given: Any, wanted: Any) -> bool:
        wanted = np.asarray(wanted, dtype=np.float64)
        given = np.asarray(given, dtype=np.float64)
        return given.shape == wanted.shape and bool(
            np.allclose(given, wanted, rtol=self.tolerance, atol=self.tolerance, equal_nan=False)
        )


def _short(array: Any) -> str:
    return np.array2string(np.asarray(array), precision=4, threshold=8, edgeitems=2)


def seeded() -> np.random.Generator:
    """The generator that every case is drawn from: the same inputs for every student."""
    return np.random.default_rng(2026)


def unit(rows: Any) -> Any:
    """Rows of length 1, float [n, d]."""
    return rows / np.sqrt(np.einsum("nd,nd->n", rows, rows))[:, None]
