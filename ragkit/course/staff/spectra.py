"""How the variance of a set of vectors is spread over its directions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ragkit.vectors import Vectors


def variances(rows: Vectors) -> NDArray[np.float64]:
    """Variance of rows, float32 [n, d], along each principal direction, largest first."""
    found = np.linalg.eigvalsh(np.cov(rows, rowvar=False, dtype=np.float64))
    spread: NDArray[np.float64] = np.maximum(found[::-1], 0)
    return spread


def effective_dimensions(rows: Vectors) -> float:
    """Participation ratio of the variances: d if all directions have the same, 1 if one has all."""
    spread = variances(rows)
    return float(spread.sum() ** 2 / (spread**2).sum())
