"""The vector check, one for every index: float32, finite, unit length."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import VectorError

Vectors = NDArray[np.float32]
UNIT_TOLERANCE = 1e-3  # how far a row's norm may be from 1


def check_vectors(vectors: object, dimension: int, what: str = "vectors") -> Vectors:
    """Return `vectors` as contiguous float32 [n, dimension] if every row is a finite unit vector.

    A single vector [dimension] counts as one row. Raises `VectorError` naming the first bad row.
    """
    if not isinstance(vectors, np.ndarray):
        raise VectorError(
            f"{what} must be a NumPy array; got {type(vectors).__name__}. "
            "Pass the array that an encoder returns."
        )
    if vectors.dtype != np.float32:
        raise VectorError(
            f"{what} must be float32; got {vectors.dtype}. Convert with .astype(numpy.float32)."
        )
    rows = vectors[None, :] if vectors.ndim == 1 else vectors
    if rows.ndim != 2 or rows.shape[1] != dimension:
        raise VectorError(
            f"{what} must have shape [n, {dimension}]; got {list(vectors.shape)}. "
            "Index and encoder must share one dimension."
        )
    _check_rows(rows, what)
    return np.ascontiguousarray(rows)


def check_finite(rows: NDArray[np.floating[Any]], what: str) -> None:
    """`VectorError`, naming the row, if one of float [n, d] contains NaN or infinity."""
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        bad = int(np.argmin(finite))
        raise VectorError(f"{what}: row {bad} contains NaN or infinity. Check the encoder.")


def _check_rows(rows: Vectors, what: str) -> None:
    check_finite(rows, what)
    with np.errstate(over="ignore"):
        norms = np.linalg.norm(rows, axis=1)
    off = ~(np.abs(norms - 1.0) <= UNIT_TOLERANCE)
    if off.any():
        bad = int(np.argmax(off))
        kind = "is the zero vector" if norms[bad] == 0 else f"has length {norms[bad]:.4g}, not 1"
        raise VectorError(f"{what}: row {bad} {kind}. Divide each row by its norm before indexing.")


def unit_rows(vectors: NDArray[np.floating[Any]]) -> Vectors:
    """Divide each row of float [n, d] by its length, to float32; a zero row is a `VectorError`."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if (norms == 0).any():
        bad = int(np.argmin(norms))
        raise VectorError(f"Row {bad} is the zero vector and has no direction to normalise.")
    rows: Vectors = (vectors / norms).astype(np.float32, copy=False)
    return rows
