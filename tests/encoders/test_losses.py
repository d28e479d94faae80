"""InfoNCE is a cross-entropy; its gradient, its limits in the temperature, and what it refuses."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import ragkit
from ragkit.encoders.losses import negative_weights


def towers(seed: int = 0, batch: int = 6, dimension: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    """Two batches of unit rows, float64 [B, d], that ask for gradients."""
    generator = torch.Generator().manual_seed(seed)
    raw = torch.randn(2, batch, dimension, generator=generator, dtype=torch.float64)
    queries, documents = torch.nn.functional.normalize(raw, dim=-1)
    return queries.requires_grad_(), documents.requires_grad_()


def cross_entropy(
    queries: torch.Tensor, documents: torch.Tensor, temperature: float
) -> torch.Tensor:
    """The same loss as torch states it: row i is to be classified as i."""
    logits = queries @ documents.T / temperature
    return torch.nn.functional.cross_entropy(logits, torch.arange(len(queries)))


seeds, batches = st.integers(0, 10_000), st.integers(1, 12)
temperatures = st.floats(0.01, 10.0)


# Value and gradient


@given(seed=seeds, batch=batches, temperature=temperatures)
@settings(max_examples=40, deadline=None)
def test_the_loss_is_the_cross_entropy_of_torch(seed: int, batch: int, temperature: float) -> None:
    pair = towers(seed, batch)
    expected = cross_entropy(*pair, temperature).item()
    assert ragkit.info_nce(*pair, temperature).item() == pytest.approx(expected, abs=1e-6)


@given(seed=seeds, batch=batches, temperature=temperatures)
@settings(max_examples=20, deadline=None)
def test_the_gradient_is_that_of_the_cross_entropy(
    seed: int, batch: int, temperature: float
) -> None:
    pair = towers(seed, batch)
    ours = torch.autograd.grad(ragkit.info_nce(*pair, temperature), pair)
    torchs = torch.autograd.grad(cross_entropy(*pair, temperature), pair)
    torch.testing.assert_close(ours, torchs, rtol=1e-6, atol=1e-9)


def test_the_gradient_flows_into_both_towers() -> None:
    queries, documents = towers()
    ragkit.info_nce(queries, documents).backward()
    assert queries.grad.abs().sum() > 0
    assert documents.grad.abs().sum() > 0


def test_a_step_down_the_gradient_lowers_the_loss() -> None:
    queries, documents = towers()
    loss = ragkit.info_nce(queries, documents)
    slopes = torch.autograd.grad(loss, (queries, documents))
    moved = (queries - 1e-3 * slopes[0], documents - 1e-3 * slopes[1])
    assert ragkit.info_nce(*moved) < loss


def test_the_temperature_is_005_unless_given() -> None:
    pair = towers()
    assert ragkit.info_nce(*pair) == ragkit.info_nce(*pair, temperature=0.05)


def test_float32_stays_float32_and_the_loss_is_a_scalar() -> None:
    queries, documents = (tower.detach().float() for tower in towers())
    loss = ragkit.info_nce(queries, documents)
    assert (loss.dtype, loss.shape) == (torch.float32, ())


def test_rows_are_used_as_they_are() -> None:
    queries, documents = towers()
    expected = cross_entropy(3 * queries, documents, 0.5).item()
    assert ragkit.info_nce(3 * queries, documents, 0.5).item() == pytest.approx(expected)


def test_a_batch_of_one_has_no_negatives_and_no_loss() -> None:
    assert ragkit.info_nce(*towers(batch=1)).item() == pytest.approx(0.0, abs=1e-12)


def test_matched_rows_lose_less_than_swapped_ones() -> None:
    documents = torch.eye(4, dtype=torch.float64)
    assert ragkit.info_nce(documents, documents) < ragkit.info_nce(documents.flip(0), documents)


# Limits of the temperature


@pytest.mark.parametrize("batch", [1, 2, 7, 32])
def test_at_a_high_temperature_the_loss_is_log_of_the_batch_size(batch: int) -> None:
    loss = ragkit.info_nce(*towers(batch=batch), temperature=1e7)
    assert loss.item() == pytest.approx(math.log(batch), abs=1e-6)


@given(seed=seeds, batch=st.integers(2, 12))
@settings(max_examples=40, deadline=None)
def test_at_a_low_temperature_it_is_the_margin_to_the_hardest_negative(
    seed: int, batch: int
) -> None:
    queries, documents = (tower.detach() for tower in towers(seed, batch))
    similarities = queries @ documents.T
    positives = similarities.diagonal()
    negatives = similarities.masked_fill(torch.eye(batch, dtype=torch.bool), -math.inf)
    expected = (negatives.amax(dim=1) - positives).clamp(min=0).mean().item()
    temperature = 1e-6
    scaled = temperature * ragkit.info_nce(queries, documents, temperature).item()
    assert scaled == pytest.approx(expected, abs=temperature * math.log(batch) + 1e-12)


def test_a_tiny_temperature_does_not_overflow() -> None:
    queries, documents = (tower.detach().float() for tower in towers())
    assert torch.isfinite(ragkit.info_nce(queries, documents, temperature=1e-6))


# The weight of each negative


def test_negative_weights_are_the_softmax_over_the_negatives() -> None:
    similarities = torch.tensor([0.9, 0.1, -0.4], dtype=torch.float64)
    e = [math.exp(s / 0.2) for s in similarities.tolist()]
    expected = torch.tensor([x / sum(e) for x in e], dtype=torch.float64)
    torch.testing.assert_close(negative_weights(similarities, 0.2), expected)


def test_negative_weights_are_each_negatives_share_of_the_gradient() -> None:
    queries, documents = (tower.detach() for tower in towers())
    similarities = (queries @ documents.T).requires_grad_()
    loss = torch.nn.functional.cross_entropy(similarities[:1] / 0.1, torch.tensor([0]))
    push = torch.autograd.grad(loss, similarities)[0][0, 1:]
    weights = negative_weights(similarities[0, 1:].detach(), 0.1)
    torch.testing.assert_close(weights, push / push.sum())


def test_negative_weights_are_equal_at_a_high_temperature() -> None:
    weights = negative_weights(torch.tensor([0.9, 0.1, -0.4, 0.0]), 1e6)
    torch.testing.assert_close(weights, torch.full((4,), 0.25), rtol=0, atol=1e-5)


def test_negative_weights_are_all_on_the_hardest_at_a_low_temperature() -> None:
    weights = negative_weights(torch.tensor([0.1, 0.9, -0.4]), 1e-3)
    torch.testing.assert_close(weights, torch.tensor([0.0, 1.0, 0.0]))


# What is refused


@pytest.mark.parametrize(
    ("queries", "documents"),
    [((4, 3), (5, 3)), ((4, 3), (4, 2)), ((3,), (3,)), ((2, 4, 3), (2, 4, 3)), ((0, 3), (0, 3))],
)
def test_shapes_that_do_not_match_are_refused_and_named(
    queries: tuple[int, ...], documents: tuple[int, ...]
) -> None:
    with pytest.raises(ragkit.VectorError, match=r"got \[.*\] and \[.*\]"):
        ragkit.info_nce(torch.ones(queries), torch.ones(documents))


@pytest.mark.parametrize("temperature", [0.0, -0.05, math.nan])
def test_a_temperature_that_is_not_above_0_is_refused(temperature: float) -> None:
    with pytest.raises(ragkit.VectorError, match="temperature must be above 0"):
        ragkit.info_nce(*towers(), temperature=temperature)
    with pytest.raises(ragkit.VectorError, match="temperature must be above 0"):
        negative_weights(torch.ones(3), temperature)
