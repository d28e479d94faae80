"""How certain a mean and a difference are.

For scores of any kind: the percentile bootstrap (Efron & Tibshirani, "An Introduction to the
Bootstrap", 1993) and the paired randomisation test (Smucker, Allan & Carterette, "A comparison of
statistical significance tests for IR evaluation", CIKM 2007), both seeded. Scores that are all 0 or
1, as those of a hit rate, have formulas of their own in `ragkit.scoring.proportions`: near 0 or 1
the bootstrap's interval is too narrow, and it has no width at all if every query is a hit.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from ragkit.checks import is_finite
from ragkit.errors import EvaluationError

RESAMPLES = 10_000
_BLOCK = 2_000_000  # numbers in memory at once
_FEW = 300  # distinct values
_ITEMS_PER_COUNT = 30  # drawing one count takes as long as drawing 30 items
_LEVEL_AND_POWER = NormalDist().inv_cdf(0.975) + NormalDist().inv_cdf(0.8)

Interval = tuple[float, float]


def bootstrap_interval(
    values: NDArray[np.float64], *, confidence: float = 0.95, seed: int = 0
) -> Interval:
    """Percentile interval of the mean of float64 [n], from 10,000 resamples with replacement.

    `confidence` is between 0 and 1, both excluded; anything else is an `EvaluationError`.
    """
    confidence = check_confidence(confidence)
    low, high = np.quantile(
        _resampled_means(values, seed), [(1 - confidence) / 2, (1 + confidence) / 2]
    )
    return float(low), float(high)


def paired_p_value(differences: NDArray[np.float64], *, seed: int = 0) -> float:
    """Two-sided p of the mean of paired differences, float64 [n], by 10,000 random sign flips.

    Under the null hypothesis each query's two scores could be swapped. The observed labelling
    counts as one of the draws, so p is never 0.
    """
    values = differences[differences != 0]
    observed = abs(values.sum())
    rng = np.random.default_rng(seed)
    extreme = 0
    for rows in _blocks(len(values)):
        signs = rng.integers(0, 2, size=(rows, len(values)), dtype=np.int8) * 2 - 1
        extreme += int((np.abs(signs @ values) >= observed - 1e-12).sum())
    return (extreme + 1) / (RESAMPLES + 1)


def detectable_difference(differences: NDArray[np.float64]) -> float:
    """The true mean difference that a 5% two-sided test of float64 [n] shows with 80% power.

    2.8 standard errors: 1.96 for the level and 0.84 for the power, of the normal distribution
    (Cohen, "Statistical Power Analysis for the Behavioral Sciences", 1988). A smaller one will more
    often than not be missed, so "no difference shown" says nothing about it. NaN if n is below 2.
    """
    if len(differences) < 2:
        return float("nan")
    return float(_LEVEL_AND_POWER * differences.std(ddof=1) / len(differences) ** 0.5)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p-values, by name: rejecting those below 5% errs in 5% of such families at most.

    The smallest of m is multiplied by m, the next by m - 1, and so on, never falling below the one
    before it (Holm, "A simple sequentially rejective multiple test procedure", 1979).
    """
    adjusted, before = dict(p_values), 0.0
    for place, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
        before = adjusted[name] = max(before, min(1.0, (len(p_values) - place) * p_values[name]))
    return adjusted


def check_confidence(confidence: float) -> float:
    """`confidence`, or an `EvaluationError` if it is not between 0 and 1, both excluded."""
    if not is_finite(confidence) or not 0 < confidence < 1:
        raise EvaluationError(
            f"confidence must be between 0 and 1; got {confidence!r:.60}. 0.95 is usual."
        )
    return confidence


def _resampled_means(values: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Means of `RESAMPLES` bootstrap samples; few distinct values are drawn as counts.

    Drawing n items from the sample is drawing multinomial counts over its distinct values, which
    is the same distribution and far cheaper when a metric takes a handful of values. With many
    distinct values the items themselves are cheaper.
    """
    rng = np.random.default_rng(seed)
    n = len(values)
    distinct, counts = np.unique(values, return_counts=True)
    totals: NDArray[np.float64]
    if len(distinct) <= max(_FEW, n // _ITEMS_PER_COUNT):
        blocks = _blocks(len(distinct))
        drawn = [rng.multinomial(n, counts / n, size=rows) @ distinct for rows in blocks]
        totals = np.concatenate(drawn)
    else:
        totals = np.array([values[rng.integers(n, size=n)].sum() for _ in range(RESAMPLES)])
    return totals / n


def _blocks(width: int) -> list[int]:
    """Row counts that add up to `RESAMPLES` with at most `_BLOCK` numbers in each block."""
    rows = max(1, min(RESAMPLES, _BLOCK // max(1, width)))
    whole, rest = divmod(RESAMPLES, rows)
    return [rows] * whole + ([rest] if rest else [])
