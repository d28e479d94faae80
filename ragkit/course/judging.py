"""Comparing an answer with its key: one rule for the check in a lab and for the grader.

A `Key` is a case with the right answer and those of the known mistakes, all as values: no function
that computes an answer is needed to judge one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np

from ragkit.course import plain
from ragkit.course.verdict import Finding, Verdict

Function = Callable[..., Any]
_LAZY = ("zip", "map", "filter", "generator", "range", "dict_values", "reversed")


@dataclass(frozen=True, slots=True)
class Case:
    """One input; `kind` says what is special about it, `detail` its sizes (for public cases)."""

    arguments: tuple[Any, ...]
    kind: str
    detail: str = ""
    weight: float = 1.0

    @property
    def described(self) -> str:
        """The kind of input and its sizes, for a student who may know them."""
        return f"{self.kind} ({self.detail})" if self.detail else self.kind


@dataclass(frozen=True, slots=True)
class Key:
    """A case, its right answer float64, and (sentence, answer) of each mistake worth naming."""

    case: Case
    expected: Any
    mistakes: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Check:
    """The public check of one exercise; `judge` never raises."""

    name: str
    keys: Sequence[Key]
    tolerance: float

    def __call__(self, function: Function) -> Verdict:
        """Print and return the verdict on a student's function."""
        return self.judge(function).say()

    def judge(self, function: Function) -> Verdict:
        """The verdict on a student's function: of its mistakes, the one that explains most."""
        if not callable(function):
            return Verdict("incorrect", f"{self.name} must be a function; got {function!r:.60}.")
        failed: list[tuple[Key, Finding]] = []
        for key in self.keys:
            try:
                finding = find(answer_of(function, key.case), key, self.tolerance)
            except NotImplementedError:
                return Verdict("not attempted", f"write {self.name}, then run this cell again.")
            except (Exception, SystemExit) as error:
                finding = Finding("incorrect", f"it raised {type(error).__name__}: {error}")
            if finding.kind != "correct":
                failed.append((key, finding))
        if not failed:
            return Verdict("correct")
        sentence = likeliest([finding for _, finding in failed])
        key, finding = next(((k, f) for k, f in failed if sentence in f.named), failed[0])
        complaint = sentence or finding.sentence + finding.numbers
        return Verdict("incorrect", f"on {key.case.described}, {complaint}")


def answer_of(function: Function, case: Case) -> Any:
    """What a function returns for a case, as plain values; the function gets copies."""
    return plain.decode(plain.encode(function(*deepcopy(case.arguments))))


def likeliest(findings: Sequence[Finding]) -> str:
    """The mistake that explains most of the wrong answers, the first in case of a tie; or ''."""
    votes = Counter(sentence for finding in findings for sentence in finding.named)
    return max(votes, key=votes.__getitem__, default="")


def find(answer: Any, key: Key, tolerance: float) -> Finding:
    """Compare one answer, as `plain.decode` returns it, with its key."""
    if answer is None:
        return Finding("incorrect", "it returned None. Is the return statement missing?")
    try:
        values = np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        lazy = isinstance(answer, plain.Opaque) and answer.type_name in _LAZY
        sentence = "what it returned is not numeric" + ("; wrap it in list(...)." if lazy else ".")
        return Finding("incorrect", sentence, f" It is {answer!r:.60}.")
    if _equal(values, key.expected, tolerance):
        return Finding("correct")
    named = tuple(message for message, wrong in key.mistakes if _equal(values, wrong, tolerance))
    if named:
        return Finding("named", named=named)
    if not np.isfinite(values).all():
        sentence = "it returned nan or inf: a division by zero, or an overflow?"
        return Finding("incorrect", sentence, f" It is {_short(values)}.")
    if values.shape != key.expected.shape:
        shapes = f" It is {list(values.shape)}, not {list(key.expected.shape)}."
        return Finding("incorrect", "the shape is not the one asked for.", shapes)
    numbers = f" It is {_short(values)}; expected {_short(key.expected)}."
    return Finding("incorrect", "the values are not right.", numbers)


def _equal(values: Any, expected: Any, tolerance: float) -> bool:
    return values.shape == expected.shape and bool(
        np.allclose(values, expected, rtol=tolerance, atol=tolerance, equal_nan=False)
    )


def _short(array: Any) -> str:
    return np.array2string(np.asarray(array), precision=4, threshold=8, edgeitems=2)
