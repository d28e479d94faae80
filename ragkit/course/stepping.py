"""One training step of an encoder that is a single table, for a lab that draws such steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ragkit.encoders.losses import info_nce

Floats = NDArray[np.float64]


def table_step(
    table: Floats, queries: Floats, documents: Floats, temperature: float, rate: float
) -> Floats:
    """The table, float64 [V, d], after one step of gradient descent on InfoNCE.

    `queries` and `documents` are token counts, float64 [B, V], of B pairs; a text's vector is the
    sum of its tokens' rows, scaled to length 1.
    """
    import torch

    rows = torch.from_numpy(table).clone().requires_grad_()
    q, d = (
        torch.nn.functional.normalize(torch.from_numpy(counts) @ rows)
        for counts in (queries, documents)
    )
    (slope,) = torch.autograd.grad(info_nce(q, d, temperature), rows)
    moved: Floats = (rows.detach() - rate * slope).numpy()
    return moved
