"""The spread of variance over directions, by cases worked out by hand and by PyTorch's SVD."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ragkit.course.staff.spectra import effective_dimensions, variances


@pytest.mark.parametrize("rows", [300, 8], ids=["many rows", "fewer rows than directions"])
def test_variances_are_the_squared_singular_values_of_the_centred_rows(rows: int) -> None:
    rng = np.random.default_rng(0)
    drawn = (rng.normal(size=(rows, 12)) * 0.7 ** np.arange(12) + 5).astype(np.float32)
    centred = torch.from_numpy(drawn).double()
    singular = torch.linalg.svdvals(centred - centred.mean(dim=0)).numpy()
    wanted = np.zeros(12)
    wanted[: len(singular)] = singular**2 / (rows - 1)
    found = variances(drawn)
    np.testing.assert_allclose(found, wanted, atol=1e-9)
    assert (found >= 0).all()


def test_effective_dimensions_count_directions_of_equal_variance() -> None:
    line = np.array([[1, 0], [-1, 0]], dtype=np.float32)
    assert effective_dimensions(line) == pytest.approx(1)
    square = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]], dtype=np.float32)
    assert effective_dimensions(square + 5) == pytest.approx(2)


def test_effective_dimensions_lie_between_if_the_variances_differ() -> None:
    rows = np.array([[2, 0], [-2, 0], [0, 1], [0, -1]], dtype=np.float32)  # variances 4 to 1
    assert effective_dimensions(rows) == pytest.approx(25 / 17)
