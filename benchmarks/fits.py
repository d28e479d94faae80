"""Curves through measured points, by least squares, and what they predict with an interval.

Errors count relative to the measured value, so that a point of microseconds weighs as much as one
of seconds. The interval is that of a new observation, from Student's t with n - 2 degrees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
SHAPES = {
    "linear": "a + b·n",
    "logarithmic": "a + b·ln n",
    "power": "a·n^b",
}


@dataclass(frozen=True, slots=True)
class Fit:
    """A curve of one shape with coefficients a and b; `error` is its relative residual spread."""

    shape: str
    a: float
    b: float
    error: float
    points: int
    covariance: tuple[tuple[float, float], tuple[float, float]]

    def predict(self, n: float, confidence: float = 0.95) -> tuple[float, float, float]:
        """The curve at n and the interval of a new observation there, in the unit of the fit."""
        row = _columns(self.shape, np.array([float(n)]))[0]
        value = float(row @ _linear(self))
        spread = float(row @ np.array(self.covariance) @ row)
        quantile = float(stats.t.ppf((1 + confidence) / 2, self.points - 2))
        if self.shape == "power":  # the errors are those of the logarithm
            width = quantile * np.sqrt(spread + self.error**2)
            return tuple(float(np.exp(v)) for v in (value, value - width, value + width))  # type: ignore[return-value]
        width = quantile * float(np.sqrt(spread + (self.error * value) ** 2))
        return value, value - width, value + width


def fit(shape: str, sizes: Sequence[float], values: Sequence[float]) -> Fit:
    """Fit one of `SHAPES` to values at sizes by least squares of relative errors."""
    n, y = np.asarray(sizes, dtype=np.float64), np.asarray(values, dtype=np.float64)
    columns = _columns(shape, n)
    if shape == "power":
        weights, aim = np.ones_like(y), np.log(y)
    else:
        weights, aim = 1 / y, y
    weighted = columns * weights[:, None]
    found, *_ = np.linalg.lstsq(weighted, aim * weights, rcond=None)
    residuals = weighted @ found - aim * weights
    variance = float(residuals @ residuals) / max(1, len(y) - 2)
    inverse = np.linalg.inv(weighted.T @ weighted) * variance
    a, b = float(found[0]), float(found[1])
    covariance = tuple(tuple(row) for row in inverse.tolist())
    return Fit(
        shape=shape,
        a=float(np.exp(a)) if shape == "power" else a,
        b=b,
        error=float(np.sqrt(variance)),
        points=len(y),
        covariance=covariance,  # type: ignore[arg-type]  # two rows of two
    )


def best_fit(shapes: Sequence[str], sizes: Sequence[float], values: Sequence[float]) -> Fit:
    """The shape with the smallest relative residuals; all have two coefficients."""
    return min((fit(shape, sizes, values) for shape in shapes), key=lambda found: found.error)


def _columns(shape: str, n: Floats) -> Floats:
    second: dict[str, Callable[[Any], Any]] = {"linear": np.asarray}
    return np.column_stack([np.ones_like(n), second.get(shape, np.log)(n)])


def _linear(found: Fit) -> Floats:
    a = np.log(found.a) if found.shape == "power" else found.a
    return np.array([a, found.b])
