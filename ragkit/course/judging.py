"""Comparing answers with their keys: one rule for the check in a lab and for the grader.

A `Key` is a case with the right answer and those of the known mistakes, all as values: no function
that computes an answer is needed to judge one. A mistake is named only when it is certain: it gives
the student's answer in every case, those that went wrong and those that went right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pprint import pformat
from textwrap import shorten
from typing import Any

import numpy as np

from ragkit.course import calling, plain
from ragkit.course.calling import Outcome, call, is_stub
from ragkit.course.verdict import WIDTH, Finding, Verdict
from ragkit.course.work import progress
from ragkit.errors import DataError

Function = Callable[..., Any]
_LAZY = ("zip", "map", "filter", "generator", "islice", "reversed")
_LINES = 40  # of one value of a case
MAX_SAID = 300  # letters of an error message
HALF = 0.5  # the credit for what a known mistake explains


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
class Wrong:
    """What a known mistake answers to a case; `trivial` if it does nothing of the work asked."""

    sentence: str
    answer: Any
    trivial: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """A case, its right answer float64, and what each mistake worth naming answers to it."""

    case: Case
    expected: Any
    mistakes: tuple[Wrong, ...]


@dataclass(frozen=True, slots=True)
class CaseView:
    """A public case as a student sees it: `function(*view.arguments)` should give `expected`."""

    name: str
    number: int
    kind: str
    arguments: tuple[Any, ...]
    expected: Any
    parameters: tuple[str, ...]

    def __repr__(self) -> str:
        given = zip(self.parameters, self.arguments, strict=False)  # the last may have a default
        shown = [_laid_out(name, argument) for name, argument in given]
        lines = [f"case {self.number}: {self.kind}", *shown, _laid_out("expected", self.expected)]
        return "\n  ".join(
            [*lines, f"try {self.name}(*check.{self.name}.case({self.number}).arguments)"]
        )


@dataclass(frozen=True, slots=True)
class Check:
    """The public check of one exercise; `judge` never raises and always ends.

    `parameters` are the names of the function's arguments.
    """

    name: str
    keys: Sequence[Key]
    tolerance: float
    parameters: tuple[str, ...]

    def __call__(self, function: Function) -> Verdict:
        """Print and return the verdict on a student's function."""
        return progress.record(self.name, self.judge(function).say())

    def case(self, number: int) -> CaseView:
        """Case `number`, counted from 1: a copy of its input, and what is expected of it."""
        if not isinstance(number, int) or not 1 <= number <= len(self.keys):
            raise DataError(f"check.{self.name} has the cases 1 to {len(self.keys)}.")
        key = self.keys[number - 1]
        arguments, expected = deepcopy((key.case.arguments, key.expected))
        return CaseView(self.name, number, key.case.described, arguments, expected, self.parameters)

    def choose(self, mine: Function, library: Function) -> Function:
        """The student's function where it is right, else the library's; prints which."""
        right = self.judge(mine).status == "correct"
        print(f"{self.name}: " + ("yours" if right else "the library's, until yours is right"))
        return mine if right else library

    def judge(self, function: Function) -> Verdict:
        """The verdict on a student's function: its mistake if that is certain, else the numbers."""
        if not callable(function):
            got = f"{plain.decode(plain.encode(function))!r:.60}"
            return Verdict("incorrect", f"{self.name} must be a function; got {got}.")
        findings: list[Finding] = []
        changed: set[str] = set()
        for key in self.keys:
            outcome = call(function, key.case.arguments)
            if isinstance(outcome.error, NotImplementedError) and is_stub(function):
                return Verdict("not attempted", f"write {self.name}, then run this cell again.")
            findings.append(_find_outcome(outcome, key, self.tolerance))
            changed.update(outcome.changed)
            if outcome.late:
                break
        note = f"it changes its input {_listed(changed)}; work on a copy." if changed else ""
        if all(finding.kind == "correct" for finding in findings):
            return Verdict("correct", f"but {note}" if note else "")
        return Verdict("incorrect", self._complaint(findings) + (f"\n  And {note}" if note else ""))

    def _complaint(self, findings: Sequence[Finding]) -> str:
        wrong = next(n for n, finding in enumerate(findings) if finding.kind != "correct")
        key, finding = self.keys[wrong], findings[wrong]
        mistake = explain(self.keys, findings)
        words = mistake.sentence if mistake else finding.sentence + finding.numbers
        right = sum(finding.kind == "correct" for finding in findings)
        untried = len(self.keys) - len(findings)
        rest = f", {untried} not tried" if untried else ""
        return (
            f"{right} of {len(self.keys)} cases right{rest}. On {key.case.described}, {words}\n"
            f"  Look at it: check.{self.name}.case({wrong + 1})"
        )


def explain(keys: Sequence[Key], findings: Sequence[Finding]) -> Wrong | None:
    """The one known mistake that gives the student's answer in every case, or None.

    `findings` are those on `keys`, in their order; a case without one is not explained.
    """
    if not findings or len(findings) < len(keys):
        return None
    shared = set(findings[0].named).intersection(*(finding.named for finding in findings))
    fitting = [wrong for wrong in keys[0].mistakes if wrong.sentence in shared]
    return fitting[0] if len(fitting) == 1 else None


def credit(keys: Sequence[Key], findings: Sequence[Finding]) -> float:
    """The share earned: the weight of the right cases, and half the rest if a mistake explains it.

    A mistake that does nothing of the work asked for earns nothing, even where it is right.
    """
    right = sum(k.case.weight for k, f in zip(keys, findings, strict=True) if f.kind == "correct")
    whole = sum(key.case.weight for key in keys)
    mistake = explain(keys, findings)
    if mistake is None or right == whole:
        return right / whole
    return 0.0 if mistake.trivial else (right + HALF * (whole - right)) / whole


def find(answer: Any, key: Key, tolerance: float) -> Finding:
    """Compare one answer, as `plain.decode` returns it, with its key."""
    if answer is None:
        return Finding("incorrect", "it returned None. Is the return statement missing?")
    try:
        values = _numbers(answer)
    except (TypeError, ValueError, OverflowError):
        return _not_numeric(answer)
    named = tuple(w.sentence for w in key.mistakes if _equal(values, w.answer, tolerance, True))
    if _equal(values, key.expected, tolerance):
        return Finding("correct", named=named)
    if not np.isfinite(values).all():
        sentence = "it returned nan or inf: a division by zero, or an overflow?"
        return Finding("incorrect", sentence, f" It is {_short(values)}.", named)
    if values.shape != key.expected.shape:
        shapes = f" It is {list(values.shape)}, not {list(key.expected.shape)}."
        sentence = _shape_sentence(values.shape, key.expected.shape)
        return Finding("incorrect", sentence, shapes, named)
    numbers = f" It is {_short(values)}; expected {_short(key.expected)}."
    return Finding("incorrect", "the values are not right.", numbers, named)


def _find_outcome(outcome: Outcome, key: Key, tolerance: float) -> Finding:
    where = f" in {outcome.where}" if outcome.where else ""
    if outcome.late:
        rest = " It cannot be stopped: restart the kernel." if outcome.runs_on else ""
        sentence = (
            f"it did not return within {calling.LIMIT:g} s. It is still{where or ' running'}. "
            "Does every loop end?"
        )
        return Finding("incorrect", sentence + rest)
    match outcome.error:
        case None:
            return find(outcome.value, key, tolerance)
        case NotImplementedError():
            return Finding("incorrect", f"`raise NotImplementedError` is still there{where}.")
        case error:
            said = f": {words}" if (words := _words(error)) else ""
            return Finding(
                "incorrect", f"it raised {type(error).__name__}{said}{where and ','}{where}."
            )


def _words(error: BaseException) -> str:
    """What an error says, long ones in part; nothing if a student's own class cannot say it."""
    try:
        words = str(error).strip()
    except Exception:
        return ""
    return plain.clean(words if len(words) <= MAX_SAID else f"{words[:MAX_SAID]}…")


def _numbers(answer: Any) -> Any:
    """An answer as float64; ValueError if it is text, even where the text spells a number."""
    if np.asarray(answer).dtype.kind in "US":
        raise ValueError("text")
    return np.asarray(answer, dtype=np.float64)


def _not_numeric(answer: Any) -> Finding:
    sentence = "what it returned is not numeric"
    if isinstance(answer, plain.Opaque) and answer.too_large:
        sentence = "what it returned is too large"
    elif isinstance(answer, plain.Opaque) and "complex" in repr(answer):
        sentence = "what it returned is complex; take the real part"
    elif isinstance(answer, plain.Opaque) and answer.type_name in _LAZY:
        sentence += "; wrap it in list(...)"
    elif _has_text(answer):
        sentence += ", but text"
    shown = shorten(repr(answer), 60, placeholder="…")
    return Finding("incorrect", f"{sentence}.", f" It is {shown}.")


def _has_text(answer: Any) -> bool:
    if isinstance(answer, list | tuple):
        return any(map(_has_text, answer))
    return isinstance(answer, str)


def _shape_sentence(got: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    if len(got) != len(wanted):
        asked = ("a single number", "an array of 1 axis", f"an array of {len(wanted)} axes")
        return f"the shape is not the one asked for: return {asked[min(len(wanted), 2)]}."
    if got == wanted[::-1]:
        return "the shape is that of the transpose: the axes are exchanged."
    off = [str(axis) for axis, (a, b) in enumerate(zip(got, wanted, strict=True)) if a != b]
    wrong = f"axis {off[0]} has the wrong length"
    if len(off) > 1:
        wrong = f"axes {', '.join(off[:-1])} and {off[-1]} have the wrong lengths"
    return f"the shape is not the one asked for: {wrong}."


def _equal(values: Any, expected: Any, tolerance: float, nan: bool = False) -> bool:
    return values.shape == expected.shape and bool(
        np.allclose(values, expected, rtol=tolerance, atol=tolerance, equal_nan=nan)
    )


def _listed(names: set[str]) -> str:
    return " and ".join(f"`{name}`" for name in sorted(names))


def _laid_out(label: str, value: Any) -> str:
    """A value under its label, an array with its shape; of a long one the beginning."""
    if isinstance(value, np.ndarray) and not value.ndim:
        text = _short(value)
    elif isinstance(value, np.ndarray):
        label += f", {list(value.shape)}"
        text = np.array2string(
            _whole(value),
            precision=4,
            threshold=120,
            edgeitems=3,
            separator=", ",
            max_line_width=WIDTH - 4,
        )
    else:
        text = pformat(value, width=WIDTH - 4, compact=True, sort_dicts=False)
    lines = [line for line in text.splitlines() if line]
    if len(lines) == 1 and len(label) + len(text) < WIDTH - 4:
        return f"{label}: {text}"
    rest = ["..."] if len(lines) > _LINES else []
    return "\n    ".join([f"{label}:", *lines[:_LINES], *rest])


def _short(value: Any) -> str:
    """A value on one line, long ones in part."""
    if not isinstance(value, np.ndarray):
        return f"{value!r:.300}"
    text = np.array2string(_whole(value), precision=4, threshold=12, edgeitems=2, separator=", ")
    return " ".join(text.split())


def _whole(values: Any) -> Any:
    """Whole numbers as integers, which row numbers and counts are; other arrays as they are."""
    if values.dtype.kind != "f" or not np.isfinite(values).all() or (values % 1).any():
        return values
    return values.astype(np.int64)
