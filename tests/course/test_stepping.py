"""The step that lab 04 takes where a student's is missing; PyTorch's optimiser is the oracle."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import cross_entropy, normalize

from ragkit.course.stepping import table_step


def test_a_step_is_that_of_sgd_on_the_cross_entropy_and_leaves_the_table_alone() -> None:
    rng = np.random.default_rng(4)
    table, queries, documents = rng.normal(size=(7, 3)), *rng.random((2, 4, 7))
    before = table.copy()
    rows = torch.nn.Parameter(torch.tensor(table))
    q, d = (normalize(torch.tensor(counts) @ rows) for counts in (queries, documents))
    cross_entropy(q @ d.T / 0.2, torch.arange(4)).backward()
    torch.optim.SGD([rows], lr=0.1).step()
    moved = table_step(table, queries, documents, 0.2, 0.1)
    np.testing.assert_allclose(moved, rows.detach().numpy(), atol=1e-12)
    np.testing.assert_array_equal(table, before)
    assert not np.allclose(moved, before)
