"""Whitening makes the covariance the identity, and says when it cannot."""

from __future__ import annotations

import numpy as np
import pytest

import ragkit
from ragkit.encoders.whitening import Whitening

RNG = np.random.default_rng(0)
STRETCH = np.diag([5.0, 1.0, 0.2]) + 0.3
ROWS = (RNG.normal(size=(500, 3)) @ STRETCH + 2).astype(np.float32)


def test_without_shrinkage_the_covariance_becomes_the_identity() -> None:
    whitening = Whitening.fit(ROWS, shrinkage=0.0)
    moved = (ROWS - whitening.mean) @ whitening.matrix
    np.testing.assert_allclose(np.cov(moved, rowvar=False), np.eye(3), atol=1e-3)


def test_full_shrinkage_only_centres() -> None:
    centred = ROWS - ROWS.mean(axis=0)
    whitened = Whitening.fit(ROWS, shrinkage=1.0)(ROWS)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    np.testing.assert_allclose(whitened @ whitened.T, unit @ unit.T, atol=1e-4)


def test_whitened_rows_may_enter_an_index() -> None:
    ids = [f"d{number}" for number in range(len(ROWS))]
    index = ragkit.FlatIndex(3)
    index.add(Whitening.fit(ROWS)(ROWS), ids)
    assert len(index) == len(ROWS)


def test_fewer_rows_than_dimensions_need_shrinkage() -> None:
    few = RNG.normal(size=(4, 8)).astype(np.float32)
    with pytest.raises(ragkit.VectorError, match="raise shrinkage"):
        Whitening.fit(few, shrinkage=0.0)
    assert Whitening.fit(few, shrinkage=0.5)(few).shape == (4, 8)


@pytest.mark.parametrize("rows", [np.ones(3, np.float32), np.ones((1, 3), np.float32)])
def test_less_than_two_rows_are_refused(rows: np.ndarray) -> None:
    with pytest.raises(ragkit.VectorError, match="two rows"):
        Whitening.fit(rows)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_is_named(bad: float) -> None:
    rows = ROWS.copy()
    rows[3, 1] = bad
    with pytest.raises(ragkit.VectorError, match="row 3 contains NaN or infinity"):
        Whitening.fit(rows)
    with pytest.raises(ragkit.VectorError, match="row 3 contains NaN or infinity"):
        Whitening.fit(ROWS)(rows)


@pytest.mark.parametrize("shrinkage", [-0.1, 1.1, float("nan")])
def test_a_shrinkage_outside_0_to_1_is_refused(shrinkage: float) -> None:
    with pytest.raises(ragkit.VectorError, match="shrinkage"):
        Whitening.fit(ROWS, shrinkage)


@pytest.mark.parametrize("shrinkage", [0.0, 0.1, 0.5, 0.9])
def test_shrinkage_goes_towards_the_mean_variance_whatever_the_scale(shrinkage: float) -> None:
    plain, scaled = (Whitening.fit(rows, shrinkage)(rows) for rows in (ROWS, 64 * ROWS))
    np.testing.assert_allclose(plain, scaled, atol=1e-4)


def test_a_row_at_the_mean_has_no_direction() -> None:
    whitening = Whitening.fit(ROWS)
    with pytest.raises(ragkit.VectorError, match="Row 1 is the zero vector"):
        whitening(np.stack([ROWS[0], whitening.mean]))
