"""The clouds of lab 02 have the centres, the spread and the seed that they are asked for."""

from __future__ import annotations

import numpy as np
import pytest

from ragkit.course.synthetic import (
    Cloud,
    even_shape,
    even_topics,
    like_texts,
    shape_of,
)
from ragkit.vectors import unit_rows


def lopsided(count: int = 300, dimension: int = 12) -> np.ndarray:
    """Unit rows whose variance falls from dimension to dimension."""
    rng = np.random.default_rng(0)
    return unit_rows(1 + rng.normal(size=(count, dimension)) / (1 + np.arange(dimension)))


@pytest.mark.parametrize("cloud", [like_texts(lopsided()), even_topics(3, dimension=12)])
def test_draws_are_unit_rows_and_the_same_again(cloud: Cloud) -> None:
    rows = cloud.draw(50, seed=1)
    assert rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(50), abs=1e-5)
    assert np.array_equal(rows, cloud.draw(50, seed=1))
    assert not np.array_equal(rows, cloud.draw(50, seed=2))


def test_a_draw_of_none_is_empty_and_many_come_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragkit.course.synthetic._BLOCK", 20)
    cloud = even_topics(3, dimension=12)
    assert cloud.draw(0, seed=0).shape == (0, 12)
    assert cloud.draw(45, seed=0).shape == (45, 12)
    assert len(np.unique(cloud.draw(45, seed=0), axis=0)) == 45
    assert np.array_equal(cloud.draw(40, seed=0), cloud.draw(45, seed=0)[:40])


def test_the_shape_of_vectors_reproduces_their_covariance() -> None:
    vectors = lopsided()
    root = shape_of(vectors).astype(np.float64)
    covariance = np.cov(vectors.T, bias=True)
    assert root.T @ root == pytest.approx(covariance / np.trace(covariance), abs=1e-6)
    assert root == pytest.approx(root.T, abs=1e-6)


def test_noise_has_a_length_of_about_one() -> None:
    for shape in (even_shape(200), shape_of(lopsided())):
        noise = np.random.default_rng(0).standard_normal((2000, len(shape))) @ shape
        assert (noise**2).sum(axis=1).mean() == pytest.approx(1, abs=0.05)


def test_even_topics_lie_about_their_centres() -> None:
    cloud = even_topics(2, dimension=256)
    nearest = (cloud.draw(50, seed=0) @ cloud.centres.T).max(axis=1)
    assert np.median(nearest) == pytest.approx(1 / np.sqrt(2), abs=0.05)
