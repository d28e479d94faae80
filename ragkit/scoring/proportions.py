"""How certain a share is: intervals and a test for scores that are 0 or 1, as those of a hit rate.

Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927; Newcombe,
"Improved confidence intervals for the difference between binomial proportions based on paired
data", Statistics in Medicine 1998, method 10; McNemar, "Note on the sampling error of the
difference between correlated proportions or percentages", Psychometrika 1947, in its exact form.
"""

from __future__ import annotations

from math import comb, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from ragkit.scoring.stats import Interval, check_confidence


def are_hits(*values: NDArray[np.float64]) -> bool:
    """True if all scores are 0 or 1, so that their mean is a share."""
    return all(bool(np.isin(scores, (0.0, 1.0)).all()) for scores in values)


def wilson_interval(hits: int, n: int, confidence: float = 0.95) -> Interval:
    """Wilson's interval of the share `hits` / `n`: never beyond 0 or 1, never without width.

    Raises `EvaluationError` for a `confidence` that is not between 0 and 1.
    """
    z = NormalDist().inv_cdf((1 + check_confidence(confidence)) / 2)
    share = hits / n
    centre = share + z**2 / (2 * n)
    half = z * sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low, high = ((centre + side * half) / (1 + z**2 / n) for side in (-1, 1))
    return (0.0 if hits == 0 else low), (1.0 if hits == n else high)  # exactly, not by rounding


def paired_interval(a: NDArray[np.float64], b: NDArray[np.float64]) -> Interval:
    """Newcombe's 95% interval of mean(a) - mean(b), float64 [n] of 0 and 1, paired by place.

    It joins the Wilson intervals of the two means, less what the correlation of the pairs saves.
    """
    n, hits_a, hits_b = len(a), int(a.sum()), int(b.sum())
    mean_a, mean_b = hits_a / n, hits_b / n
    (low_a, high_a), (low_b, high_b) = wilson_interval(hits_a, n), wilson_interval(hits_b, n)
    phi, difference = _correlation(a, b), mean_a - mean_b
    down = _joined(mean_a - low_a, high_b - mean_b, phi)
    up = _joined(high_a - mean_a, mean_b - low_b, phi)
    return difference - down, difference + up


def mcnemar_p_value(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Exact two-sided p of paired hits, float64 [n] of 0 and 1.

    Queries that both or neither answer say nothing. Under the null hypothesis each of the others is
    as likely to be a's alone as b's alone: a binomial test of one half.
    """
    alone = int((a > b).sum()), int((b > a).sum())
    n, few = sum(alone), min(alone)
    tail = sum(comb(n, i) for i in range(few + 1))  # of the 2^n ways to share them out
    return min(1.0, float(2 * tail / 2**n))


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Phi of the four counts, with Newcombe's correction, which pulls a positive one to 0."""
    n, hits_a, hits_b = len(a), int(a.sum()), int(b.sum())
    both = int((a * b).sum())
    neither = n - hits_a - hits_b + both
    excess: float = both * neither - (hits_a - both) * (hits_b - both)
    if excess > 0:
        excess = max(0.0, excess - n / 2)
    scale: float = sqrt(hits_a * (n - hits_a) * hits_b * (n - hits_b))
    return excess / scale if scale else 0.0


def _joined(one: float, other: float, phi: float) -> float:
    """The length of the sum of two sides whose correlation is -phi."""
    return sqrt(max(0.0, one**2 - 2 * phi * one * other + other**2))
