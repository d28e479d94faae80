"""How a set of vectors is spread: how alike they are, and their variance over its directions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ragkit.vectors import Vectors, unit_rows


def mean_cosine(rows: Vectors) -> float:
    """Mean cosine over all pairs of different rows, float32 [n, d]."""
    unit = unit_rows(rows)
    return float((unit @ unit.T)[np.triu_indices(len(unit), k=1)].mean())


def variances(rows: Vectors) -> NDArray[np.float64]:
    """Variance of rows, float32 [n, d], along each principal direction, largest first."""
    found = np.linalg.eigvalsh(np.cov(rows, rowvar=False, dtype=np.float64))
    spread: NDArray[np.float64] = np.maximum(found[::-1], 0)
    return spread


def effective_dimensions(rows: Vectors) -> float:
    """Participation ratio of the variances: d if all directions have the same, 1 if one has all."""
    spread = variances(rows)
    return float(spread.sum() ** 2 / (spread**2).sum())
