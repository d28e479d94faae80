"""How everything is timed: sides take turns after a warm-up; medians, quartiles, paired ratios."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter, sleep
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Work = Callable[[int], object]
Record = dict[str, Any]
Kind = Literal["ratio", "speedup"]
SAME_COSINE = 0.9999
REST = 0.1  # seconds; idle threads of the other side's library spin for a while before they sleep


class MeasurementError(Exception):
    """Two sides of a comparison do not compute the same thing, or a measured command failed."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure, and a scratch folder that is deleted afterwards."""

    quick: bool
    scratch: Path

    def pick(self, full: T, quick: T) -> T:
        """The full run's setting, or the quick one's."""
        return quick if self.quick else full


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and quartiles of `n` repeats, in the unit of the values."""

    median: float
    low: float
    high: float
    n: int


def spread(values: Sequence[float] | NDArray[np.float64]) -> Spread:
    """Median and quartiles of the values, in their unit."""
    low, median, high = np.quantile(np.asarray(values, dtype=np.float64), [0.25, 0.5, 0.75])
    return Spread(float(median), float(low), float(high), len(values))


def ratio(above: Sequence[float], below: Sequence[float]) -> Spread:
    """Median and quartiles of the pairwise ratios, a plain number each."""
    return spread(np.asarray(above, dtype=np.float64) / np.asarray(below, dtype=np.float64))


def alternate(sides: Mapping[str, Work], repeats: int, calls: int = 1) -> dict[str, list[float]]:
    """Seconds a call of each side by repeat, the sides taking turns: A, B, A, B.

    A side is called with the running number of the call, so that all sides get the same inputs.
    A repeat is `calls` calls in a row, after a rest and, if they are several, one call that is not
    timed: threads and caches are then as in a program that does nothing else, not as the other side
    left them.
    """
    for work in sides.values():
        for number in range(calls):
            work(number)
    took: dict[str, list[float]] = {name: [] for name in sides}
    for repeat in range(repeats):
        for name, work in sides.items():
            numbers = range(repeat * calls, (repeat + 1) * calls)
            sleep(REST)
            if calls > 1:
                work(numbers[0])
            started = perf_counter()
            for number in numbers:
                work(number)
            took[name].append((perf_counter() - started) / calls)
    return took


def compared(took: Mapping[str, Sequence[float]], base: str, kind: Kind = "ratio") -> Record:
    """Seconds of each side and, but for the base, its time over the base's or the inverse."""
    found: Record = {name: {"seconds": asdict(spread(seconds))} for name, seconds in took.items()}
    for name in found.keys() - {base}:
        above, below = (name, base) if kind == "ratio" else (base, name)
        found[name][kind] = asdict(ratio(took[above], took[below]))
    return found


def comparison(
    label: str,
    sides: Mapping[str, Work],
    base: str,
    repeats: int,
    calls: int = 1,
    kind: Kind = "ratio",
) -> Record:
    """Time the sides in turns, with a line of progress."""
    found = compared(alternate(sides, repeats, calls), base, kind)
    report_progress(label, found)
    return found


def report_progress(label: str, found: Record) -> None:
    """One line on stderr with the milliseconds of every side."""
    medians = (f"{name} {row['seconds']['median'] * 1000:.4g} ms" for name, row in found.items())
    say(f"{label}: {', '.join(medians)}")


def say(text: str) -> None:
    """One line of progress on stderr."""
    print(text, file=sys.stderr, flush=True)


def check_same(what: str, first: object, second: object) -> None:
    """Raise `MeasurementError` unless two answers are equal."""
    if first != second:
        raise MeasurementError(f"{what}: the sides differ, {first!r:.120} and {second!r:.120}.")


def check_close(what: str, first: float, second: float, tolerance: float = 1e-9) -> None:
    """Raise `MeasurementError` unless two numbers agree within the tolerance."""
    if not abs(first - second) <= tolerance:
        raise MeasurementError(f"{what}: the sides differ, {first!r} and {second!r}.")


def cosines(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float64]:
    """Cosine of each pair of rows, float64 [n]."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    found: NDArray[np.float64] = (a * b).sum(axis=1) / lengths
    return found


def check_vectors_agree(
    what: str,
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    least: float = SAME_COSINE,
) -> None:
    """Raise `MeasurementError` unless every pair of rows has at least this cosine."""
    lowest = float(cosines(first, second).min())
    if not lowest >= least:
        raise MeasurementError(f"{what}: the lowest cosine is {lowest:.6f}, below {least}.")
