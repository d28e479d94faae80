"""InfoNCE with hard negatives and masks, and margin-MSE: what torch and their inventors compute."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers.sentence_transformer.losses import (
    MarginMSELoss,
    MultipleNegativesRankingLoss,
)
from torch.nn.functional import cross_entropy, normalize

import ragkit
from ragkit.encoders.losses import info_nce, margin_mse

seeds, batches, temperatures = st.integers(0, 9999), st.integers(1, 8), st.floats(0.02, 2.0)


def units(seed: int, *counts: int) -> list[torch.Tensor]:
    """Batches of unit rows, float64 [count, 5], that ask for gradients."""
    generator = torch.Generator().manual_seed(seed)
    raw = (torch.randn(n, 5, generator=generator, dtype=torch.float64) for n in counts)
    return [normalize(rows, dim=1).requires_grad_() for rows in raw]


def mask(seed: int, batch: int, more: int) -> torch.Tensor:
    """A mask that leaves each query its own document, bool [batch, batch + more]."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.rand(batch, batch + more, generator=generator) < 0.5
    return drawn | torch.eye(batch, batch + more, dtype=torch.bool)


# InfoNCE


@given(seed=seeds, batch=batches, more=st.integers(0, 5), temperature=temperatures)
@settings(max_examples=40, deadline=None)
def test_with_negatives_and_a_mask_it_is_a_cross_entropy_over_what_is_allowed(
    seed: int, batch: int, more: int, temperature: float
) -> None:
    queries, documents, negatives = towers = units(seed, batch, batch, more)
    allowed = mask(seed, batch, more)
    logits = queries @ torch.cat([documents, negatives]).T / temperature
    expected = cross_entropy(logits.masked_fill(~allowed, -math.inf), torch.arange(batch))
    loss = info_nce(queries, documents, temperature, negatives=negatives, allowed=allowed)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-9)
    found, wanted = (torch.autograd.grad(value, towers) for value in (loss, expected))
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-9)


@given(seed=seeds, batch=batches, per_query=st.integers(0, 3), temperature=temperatures)
@settings(max_examples=40, deadline=None)
def test_it_is_the_multiple_negatives_ranking_loss_of_sentence_transformers(
    seed: int, batch: int, per_query: int, temperature: float
) -> None:
    queries, documents, *negatives = columns = units(seed, *[batch] * (2 + per_query))
    theirs = MultipleNegativesRankingLoss(torch.nn.Identity(), scale=1 / temperature)
    expected = theirs.compute_loss_from_embeddings(columns, torch.empty(0))
    hard = torch.cat(negatives) if negatives else None
    loss = info_nce(queries, documents, temperature, negatives=hard)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-9)


def test_what_is_masked_gets_no_gradient_and_the_rest_a_finite_one() -> None:
    queries, documents, negatives = towers = units(0, 3, 3, 2)
    allowed = torch.ones(3, 5, dtype=torch.bool)
    allowed[:, 4] = False
    allowed[1] = torch.eye(3, 5, dtype=torch.bool)[1]  # one question has nothing against it
    loss = info_nce(queries, documents, negatives=negatives, allowed=allowed)
    slopes = torch.autograd.grad(loss, towers)
    assert all(slope.isfinite().all() for slope in slopes)
    assert slopes[2][1].abs().sum() == 0
    assert slopes[2][0].abs().sum() > 0
    assert slopes[0][1].abs().sum() == 0


def test_a_mask_that_allows_all_changes_nothing() -> None:
    queries, documents, negatives = units(1, 4, 4, 3)
    everything = torch.ones(4, 7, dtype=torch.bool)
    plain = info_nce(queries, documents, negatives=negatives)
    assert info_nce(queries, documents, negatives=negatives, allowed=everything) == plain
    assert plain > info_nce(queries, documents)


@pytest.mark.parametrize("shape", [(2, 4), (5,), (1, 2, 5), (2, 6)])
def test_negatives_of_another_shape_are_refused_and_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(ragkit.VectorError, match=rf"negatives must be \[H, 5\]; got \[{shape[0]}"):
        info_nce(*units(0, 3, 3), negatives=torch.ones(shape))


@pytest.mark.parametrize("shape", [(3, 3), (3, 4), (5, 3), (3, 6), (15,)])
def test_a_mask_of_another_shape_is_refused_and_named(shape: tuple[int, ...]) -> None:
    queries, documents, negatives = units(0, 3, 3, 2)
    everything = torch.ones(shape, dtype=torch.bool)
    with pytest.raises(ragkit.VectorError, match=rf"bool \[3, 5\] .* got \[{shape[0]}"):
        info_nce(queries, documents, negatives=negatives, allowed=everything)


def test_a_mask_that_forbids_a_right_answer_is_refused() -> None:
    allowed = torch.ones(3, 3, dtype=torch.bool)
    allowed[1, 1] = False
    with pytest.raises(ragkit.VectorError, match="true where a query meets its own document"):
        info_nce(*units(0, 3, 3), allowed=allowed)


# Margin-MSE


@given(seed=seeds, batch=batches)
@settings(max_examples=40, deadline=None)
def test_on_triplets_it_is_the_margin_mse_loss_of_sentence_transformers(
    seed: int, batch: int
) -> None:
    queries, documents, negatives = columns = units(seed, batch, batch, batch)
    generator = torch.Generator().manual_seed(seed)
    gold = torch.randn(batch, 2, generator=generator, dtype=torch.float64)
    expected = MarginMSELoss(torch.nn.Identity()).compute_loss_from_embeddings(columns, gold)
    teacher = torch.full((batch, 2 * batch), math.nan, dtype=torch.float64)
    teacher.diagonal().copy_(gold[:, 0])  # the teacher saw the question with these two alone
    teacher[:, batch:].diagonal().copy_(gold[:, 1])
    loss = margin_mse(queries @ torch.cat([documents, negatives]).T, teacher)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-9)
    found, wanted = (torch.autograd.grad(value, columns) for value in (loss, expected))
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-9)


def test_all_margins_that_the_teacher_knows_count_alike() -> None:
    student = torch.tensor([[5.0, 3.0, 1.0], [2.0, 4.0, 9.0]])
    teacher = torch.tensor([[1.0, 0.0, math.nan], [0.0, 3.0, 1.0]])
    # student's margins 2, 4 and 2, -5; the teacher's 1, unknown and 3, 2
    expected = ((2 - 1) ** 2 + (2 - 3) ** 2 + (-5 - 2) ** 2) / 3
    assert margin_mse(student, teacher).item() == pytest.approx(expected)


def test_only_margins_count_not_where_the_scores_lie() -> None:
    student, teacher = torch.rand(2, 3, 5, generator=torch.Generator().manual_seed(0)).double()
    shift = torch.tensor([[1.0], [-7.0], [0.5]], dtype=torch.float64)
    shifted = margin_mse(student + shift, teacher - 3 * shift)
    assert shifted.item() == pytest.approx(margin_mse(student, teacher).item())
    assert margin_mse(teacher + shift, teacher).item() == pytest.approx(0.0, abs=1e-12)


def test_what_the_teacher_has_not_scored_gets_no_gradient_and_the_rest_a_finite_one() -> None:
    student = torch.zeros(2, 4, requires_grad=True)
    teacher = torch.tensor([[1.0, math.nan, 0.0, math.nan], [math.nan, math.nan, 1.0, 2.0]])
    [slope] = torch.autograd.grad(margin_mse(student, teacher), student)
    assert slope.isfinite().all()
    assert (slope != 0).tolist() == [[True, False, True, False], [False] * 4]


@pytest.mark.parametrize(
    ("student", "teacher"), [((2, 3), (2, 4)), ((2, 3), (3, 2)), ((3,), (3,)), ((1, 2, 3),) * 2]
)
def test_unequal_shapes_are_refused_and_named(
    student: tuple[int, ...], teacher: tuple[int, ...]
) -> None:
    with pytest.raises(
        ragkit.VectorError, match=r"both be \[B, C\] with C >= B; got \[.*\] and \[.*\]"
    ):
        margin_mse(torch.ones(student), torch.ones(teacher))


@pytest.mark.parametrize(
    "teacher", [[[1.0]], [[1.0, math.nan]], [[math.nan, 1.0]], [[0.0, math.nan], [math.nan, 1.0]]]
)
def test_a_teacher_that_knows_no_margin_is_refused(teacher: list[list[float]]) -> None:
    scores = torch.tensor(teacher)
    with pytest.raises(ragkit.VectorError, match="no question with two documents"):
        margin_mse(torch.zeros_like(scores), scores)


def test_a_mask_that_is_not_bool_is_refused() -> None:
    with pytest.raises(ragkit.VectorError, match="allowed must be bool"):
        info_nce(torch.eye(2), torch.eye(2), allowed=torch.eye(2))


def test_fewer_documents_than_questions_are_refused() -> None:
    with pytest.raises(ragkit.VectorError, match="C >= B"):
        margin_mse(torch.zeros(3, 2), torch.zeros(3, 2))
