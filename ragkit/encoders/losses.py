"""InfoNCE with in-batch negatives: the loss that turns an encoder into a retriever.

van den Oord et al. 2018 (the loss); Henderson et al. 2017 (other rows of the batch as negatives).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragkit.errors import VectorError

if TYPE_CHECKING:
    from torch import Tensor


def info_nce(queries: Tensor, documents: Tensor, temperature: float = 0.05) -> Tensor:
    """Mean over rows i of -log softmax(queries[i] · documents / temperature)[i]: a scalar, in nats.

    `queries` and `documents` are float [B, d], and row i of one is the pair of row i of the other;
    the B - 1 other documents are the negatives. Gradients flow into both. Rows are used as they
    are: normalise them first. Raises `VectorError` for unequal shapes or temperature <= 0.
    """
    if queries.ndim != 2 or queries.shape != documents.shape or not len(queries):
        raise VectorError(
            f"queries and documents must both be [B, d] with B >= 1; "
            f"got {list(queries.shape)} and {list(documents.shape)}."
        )
    if not temperature > 0:
        raise VectorError(f"temperature must be above 0; got {temperature}. 0.05 is usual.")
    scaled = queries @ documents.T / temperature  # [B, B]
    return (scaled.logsumexp(dim=1) - scaled.diagonal()).mean()


def negative_weights(similarities: Tensor, temperature: float) -> Tensor:
    """How hard the loss pushes each negative: softmax(s / temperature) over negatives alone.

    `similarities` float [K] to the negatives; returns float [K] that sums to 1 (Wang & Liu, CVPR
    2021, section 3). Near 0 all weight is on the hardest; for a large temperature all are equal.
    Raises `VectorError` for temperature <= 0.
    """
    if not temperature > 0:
        raise VectorError(f"temperature must be above 0; got {temperature}.")
    return (similarities / temperature).softmax(dim=-1)
