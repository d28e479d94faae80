"""Whitening: a linear step after an encoder that spreads its vectors evenly over all directions.

Su et al., "Whitening Sentence Representations", 2021; Huang et al., "WhiteningBERT", 2021.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ragkit.errors import VectorError
from ragkit.vectors import Vectors, check_finite, unit_rows


@dataclass(frozen=True, slots=True)
class Whitening:
    """Subtract `mean`, float32 [d], multiply by `matrix`, float32 [d, d], scale to unit length."""

    mean: Vectors
    matrix: Vectors

    @classmethod
    def fit(cls, rows: Vectors, shrinkage: float = 0.1) -> Self:
        """Learn the step from float32 [n, d]; `matrix` is an inverse root of the covariance.

        n rows determine at most n - 1 directions, so the covariance is shrunk towards its mean
        variance times the identity (Ledoit & Wolf 2004): `shrinkage` 0 leaves it as it is, 1 leaves
        the mean variance alone. Raises `VectorError` for fewer than two rows, a row that is not
        finite, a shrinkage outside 0 to 1, or if some direction would have no variance.
        """
        if rows.ndim != 2 or len(rows) < 2:
            raise VectorError(f"Whitening needs two rows [n, d] or more; got {list(rows.shape)}.")
        check_finite(rows, "rows")
        if not 0 <= shrinkage <= 1:
            raise VectorError(f"shrinkage must be from 0 to 1; got {shrinkage}.")
        mean = rows.mean(axis=0)
        covariance = np.cov(rows, rowvar=False, dtype=np.float64).reshape(mean.size, mean.size)
        spread = np.trace(covariance) / mean.size
        covariance = (1 - shrinkage) * covariance + shrinkage * spread * np.eye(mean.size)
        variances, directions = np.linalg.eigh(covariance)
        if variances[0] <= 1e-12 * variances[-1]:
            raise VectorError(
                f"{len(rows)} rows leave some of {mean.size} directions without variance. "
                "Fit on more texts, or raise shrinkage."
            )
        return cls(mean, (directions / np.sqrt(variances)).astype(np.float32))

    def __call__(self, rows: Vectors) -> Vectors:
        """Whiten rows, float32 [n, d], to unit rows.

        Raises `VectorError` for a row that is not finite or equals the mean.
        """
        check_finite(rows, "rows")
        moved: Vectors = ((rows - self.mean) @ self.matrix).astype(np.float32)
        return unit_rows(moved)
