"""The losses that turn an encoder into a retriever: from labels InfoNCE, from a teacher margin-MSE.

van den Oord et al. 2018 (InfoNCE); Henderson et al. 2017 (other rows of the batch as negatives);
Hofstätter et al., "Improving Efficient Neural Ranking Models with Cross-Architecture Knowledge
Distillation", 2020 (margin-MSE).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragkit.errors import VectorError

if TYPE_CHECKING:
    from torch import Tensor


def info_nce(
    queries: Tensor,
    documents: Tensor,
    temperature: float = 0.05,
    *,
    negatives: Tensor | None = None,
    allowed: Tensor | None = None,
) -> Tensor:
    """Mean over rows i of -log softmax(queries[i] · documents / temperature)[i]: a scalar, in nats.

    `queries` and `documents` are float [B, d], and row i of one is the pair of row i of the other;
    the B - 1 other documents are the negatives, and so are the rows of `negatives`, float [H, d],
    if given. `allowed`, bool [B, B + H], leaves out of row i's softmax what is no negative of
    query i; its own document must be in. Gradients flow into all. Rows are used as they are:
    normalise them first. Raises `VectorError` for shapes that do not fit or temperature <= 0.
    """
    if queries.ndim != 2 or queries.shape != documents.shape or not len(queries):
        raise VectorError(
            f"queries and documents must both be [B, d] with B >= 1; "
            f"got {list(queries.shape)} and {list(documents.shape)}."
        )
    if not temperature > 0:
        raise VectorError(f"temperature must be above 0; got {temperature}. 0.05 is usual.")
    import torch

    if negatives is not None:
        if negatives.ndim != 2 or negatives.shape[1] != queries.shape[1]:
            raise VectorError(
                f"negatives must be [H, {queries.shape[1]}]; got {list(negatives.shape)}."
            )
        documents = torch.cat([documents, negatives])
    scaled = queries @ documents.T / temperature  # [B, B + H]
    if allowed is not None:
        fits = allowed.dtype == torch.bool and allowed.shape == scaled.shape
        if not fits or not allowed.diagonal().all():
            raise VectorError(
                f"allowed must be bool {list(scaled.shape)} and true where a query meets its own "
                f"document; got {list(allowed.shape)}."
            )
        scaled = scaled.masked_fill(~allowed, float("-inf"))
    return (scaled.logsumexp(dim=1) - scaled.diagonal()).mean()


def margin_mse(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared difference of two models' margins: a scalar, in the square of the scores' unit.

    `student` and `teacher` are float [B, C]: the scores of B questions with C documents, of which
    document i answers question i. The margin of another document is how far it scores below the
    right one. Documents that the teacher has not scored are NaN there and do not count. Raises
    `VectorError` for unequal shapes, or if no margin is left.
    """
    if student.ndim != 2 or student.shape != teacher.shape or len(student) > student.shape[1]:
        raise VectorError(
            f"student and teacher must both be [B, C] with C >= B; got {list(student.shape)} and "
            f"{list(teacher.shape)}."
        )
    wanted, found = (scores.diagonal()[:, None] - scores for scores in (teacher, student))
    known = ~wanted.isnan()
    known.fill_diagonal_(False)  # a document has no margin to itself
    if not known.any():
        raise VectorError("The teacher has scored no question with two documents or more.")
    return ((found - wanted)[known] ** 2).mean()


def negative_weights(similarities: Tensor, temperature: float) -> Tensor:
    """How hard the loss pushes each negative: softmax(s / temperature) over negatives alone.

    `similarities` float [K] to the negatives; returns float [K] that sums to 1 (Wang & Liu, CVPR
    2021, section 3). Near 0 all weight is on the hardest; for a large temperature all are equal.
    Raises `VectorError` for temperature <= 0.
    """
    if not temperature > 0:
        raise VectorError(f"temperature must be above 0; got {temperature}.")
    return (similarities / temperature).softmax(dim=-1)
