"""The exercises of lab 01 on training: the InfoNCE loss, and the cone it may leave behind."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from ragkit.course.staff.drawing import until
from ragkit.course.staff.exercise import Array, Case, Exercise, Mistake, unit

Batch = tuple[Array, Array, float]  # queries and documents float [B, d], and τ


def _cross_entropy(queries: Array, documents: Array, temperature: float) -> float:
    """InfoNCE of float [B, d] and [B, d] as PyTorch computes it."""
    import torch

    logits = torch.tensor(queries.astype(float) @ documents.T.astype(float) / temperature)
    target = torch.arange(len(queries))
    return torch.nn.functional.cross_entropy(logits, target).item()


def _small(rng: Generator) -> Batch:
    queries, documents = rng.integers(-4, 5, size=(2, 3, 2)) / 2
    return queries, documents, 1.0


def _unit(rng: Generator, size: int, temperature: float) -> Batch:
    queries, documents = unit(rng.normal(size=(2 * size, 3))).reshape(2, size, 3)
    return queries, documents, temperature


def _long(rng: Generator) -> Batch:
    """Vectors of quite different lengths."""
    queries, documents = rng.normal(size=(2, 4, 3)) * rng.uniform(0.5, 3, size=(2, 4, 1))
    return queries.round(1), documents.round(1), round(float(rng.uniform(1.5, 3)), 1)


def _far(rng: Generator) -> Batch:
    """Pair 0 is nearest to itself; documents 1 and 2 are each near the other's query."""
    first = unit(rng.normal(size=3)[None])[0]
    queries = unit(np.stack([first, first, -first, rng.normal(size=3)]))
    queries = unit(queries + rng.normal(scale=0.1, size=queries.shape))
    documents = unit(queries[[0, 2, 1, 3]] + rng.normal(scale=0.05, size=queries.shape))
    return queries.round(3), documents.round(3), 0.01


def _uneven(rng: Generator) -> Batch:
    """Question 0 has logits near 784 and the others near 0: no one number makes all rows small."""
    across, up = rng.integers(-3, 4, size=4), rng.permutation([-2, -1, 1, 2])
    queries = np.stack([np.zeros(4), rng.permutation([-1.0, 1.0, 2.0, 3.0]) / 16], axis=1)
    queries[0] = 8, 0
    return queries, np.stack([6.125 + across / 128, up], axis=1), 1 / 16


def _logits(batch: Batch) -> Array:
    queries, documents, temperature = batch
    logits: Array = queries @ documents.T / temperature
    return logits


def _lopsided(batch: Batch) -> bool:
    """Rows and columns give different losses, and it matters whether lengths are taken out."""
    queries, documents, temperature = batch
    lengths = np.linalg.norm(queries, axis=1) * np.linalg.norm(documents, axis=1)
    losses = [_cross_entropy(*batch), _cross_entropy(documents, queries, temperature)]
    return bool(lengths.min() > 0) and min(losses) > 0.1 and abs(losses[0] - losses[1]) > 0.02


def _beyond_float32(batch: Batch) -> bool:
    """A right logit whose exponential overflows in float32, and a share that is 0 there."""
    logits = _logits(batch)
    right = np.diag(logits)
    return _lopsided(batch) and right.max() > 95 and (logits.max(axis=1) - right).max() > 120


def _batch_cases(rng: Generator) -> list[Case]:
    def drawn(draw: Callable[[], Batch], holds: Callable[[Batch], bool] = _lopsided) -> Batch:
        return until(draw, holds)

    size, temperature = int(rng.integers(4, 7)), round(float(rng.uniform(0.3, 0.7)), 2)
    scaled = drawn(lambda: _long(rng))
    queries, documents, tiny = drawn(lambda: _far(rng), _beyond_float32)
    single = (queries.astype(np.float32), documents.astype(np.float32), tiny)
    return [
        Case(drawn(lambda: _small(rng)), "three pairs, τ = 1"),
        Case(
            drawn(lambda: _unit(rng, size, temperature)),
            "unit vectors, τ below 1",
            f"{size} pairs, τ = {temperature}",
        ),
        Case(scaled, "vectors of different lengths, τ above 1", f"4 pairs, τ = {scaled[2]}"),
        Case(drawn(lambda: _unit(rng, 5, 0.02)), "unit vectors, τ = 0.02", "5 pairs"),
        Case(single, "a float32 batch, τ = 0.01", "4 pairs"),
        Case(drawn(lambda: _uneven(rng)), "a question with far larger logits", "4 pairs, τ = 1/16"),
    ]


def _without_positive(queries: Array, documents: Array, temperature: float) -> float:
    logits = queries @ documents.T / temperature
    others = np.where(np.eye(len(logits), dtype=bool), -np.inf, logits)
    return float((np.logaddexp.reduce(others, axis=1) - np.diag(logits)).mean())


def _row_losses(queries: Array, documents: Array, temperature: float) -> list[float]:
    logits = _logits((queries, documents, temperature))
    rest = logits - np.diag(logits)[:, None]
    losses: list[float] = np.logaddexp.reduce(rest, axis=1).tolist()
    return losses


def _overflowing(queries: Array, documents: Array, temperature: float) -> float:
    with np.errstate(all="ignore"):
        powers = np.exp(_logits((queries, documents, temperature)))
        return float(-np.log(np.diag(powers) / powers.sum(axis=1)).mean())


def _vanishing(queries: Array, documents: Array, temperature: float) -> float:
    logits = _logits((queries, documents, temperature))
    with np.errstate(all="ignore"):
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return float(-np.log(np.diag(powers) / powers.sum(axis=1)).mean())


info_nce = Exercise(
    name="info_nce",
    cases=_batch_cases,
    expected=_cross_entropy,
    mistakes=[
        Mistake(
            "the similarities are multiplied by τ; divide by it.",
            lambda q, d, t: _cross_entropy(q, d, 1 / t),
        ),
        Mistake(
            "the temperature is not used.",
            lambda q, d, t: _cross_entropy(q, d, 1.0),
        ),
        Mistake(
            "the temperature divides the loss; it belongs to the similarities.",
            lambda q, d, t: _cross_entropy(q, d, 1.0) / t,
        ),
        Mistake(
            "the sign is wrong: the loss is minus the logarithm of the positive's share.",
            lambda q, d, t: -_cross_entropy(q, d, t),
        ),
        Mistake(
            "the positive is missing from the denominator: sum over all B documents.",
            _without_positive,
        ),
        Mistake(
            "this is the sum over the batch; return the mean.",
            lambda q, d, t: len(q) * _cross_entropy(q, d, t),
        ),
        Mistake(
            "these are the losses of the rows; return their mean.",
            _row_losses,
        ),
        Mistake(
            "the softmax runs over the queries (columns); run it over the documents (rows).",
            lambda q, d, t: _cross_entropy(d, q, t),
        ),
        Mistake(
            "rows and columns are averaged, as CLIP does; here each query chooses its document, "
            "and that is all.",
            lambda q, d, t: (_cross_entropy(q, d, t) + _cross_entropy(d, q, t)) / 2,
        ),
        Mistake(
            "the logarithm has base 2; nats come from the natural one.",
            lambda q, d, t: _cross_entropy(q, d, t) / np.log(2),
        ),
        Mistake(
            "the logarithm has base 10; nats come from the natural one.",
            lambda q, d, t: _cross_entropy(q, d, t) / np.log(10),
        ),
        Mistake(
            "the vectors are scaled to length 1 first; here they are used as they are.",
            lambda q, d, t: _cross_entropy(unit(q), unit(d), t),
        ),
        Mistake(
            "an exponential has overflowed in float32: make the logits smaller before you "
            "exponentiate, so that no share changes.",
            _overflowing,
        ),
        Mistake(
            "the logarithm met a 0 or an overflow in float32, where shares below 1e-45 are 0: "
            "take the logarithm of the sum, not of the share.",
            _vanishing,
        ),
    ],
)


def _two_alike(rng: Generator) -> Array:
    """Three vectors, of which one is twice another and one points away from both."""
    first, other = rng.integers(-6, 7, size=(2, 2)) / 2
    rows: Array = rng.permutation(np.stack([first, 2 * first, other]))
    return rows


def _scattered(rng: Generator, lean: float) -> Array:
    """Unit vectors that lean to one side."""
    count = int(rng.integers(5, 8))
    return unit(rng.normal(size=(count, 4)) + lean)


def _scaled(rng: Generator) -> Array:
    directions = unit(rng.normal(size=(4, 3)) - 0.7)
    rows: Array = (directions * rng.permutation([0.5, 1.5, 4, 9])[:, None]).round(2)
    return rows


def _square(rng: Generator) -> Array:
    """Four vectors, two of which are equal and one at a right angle to both."""
    first, other, third = rng.integers(1, 5, size=3) / 2
    rows = np.array([[first, 0, 0], [first, 0, 0], [0, other, 0], [third, third, 1]])
    return rng.permutation(rows)


def _cone_cases(rng: Generator) -> list[Case]:
    alike = until(lambda: _two_alike(rng), lambda v: _has_lengths(v) and _mean(v) < -0.1)
    scattered = until(lambda: _scattered(rng, 0.6), _both_signs)
    scaled = until(lambda: _scaled(rng), _both_signs)
    pair = until(lambda: _scaled(rng)[:2], lambda v: 0.1 < abs(_mean(v)) < 0.9)
    return [
        Case((alike,), "three vectors, two of which point the same way"),
        Case((scattered,), "unit vectors", f"{len(scattered)} of them"),
        Case((scaled,), "vectors of different lengths", "4 of them"),
        Case((pair,), "two vectors"),
        Case((_square(rng),), "two equal vectors, and one at a right angle to them", "4 of them"),
    ]


def _pair_cosines(vectors: Array) -> Array:
    """The cosine of each pair of rows of float [n, d]: float [n (n - 1) / 2]."""
    rows = unit(vectors)
    first, second = np.triu_indices(len(rows), k=1)
    cosines: Array = np.einsum("nd,nd->n", rows[first], rows[second])
    return cosines


def _mean(vectors: Array) -> float:
    return float(_pair_cosines(vectors).mean())


def _has_lengths(vectors: Array) -> bool:
    return bool(np.linalg.norm(vectors, axis=1).all())


def _both_signs(vectors: Array) -> bool:
    """Some cosines are clearly negative, and their mean is clearly positive."""
    cosines = _pair_cosines(vectors)
    return bool(cosines.min() < -0.15 and cosines.mean() > 0.1)


def _pairs(vectors: Array) -> float:
    """n (n - 1), the number of entries beside the diagonal."""
    return float(len(vectors) * (len(vectors) - 1))


mean_cosine = Exercise(
    name="mean_cosine",
    cases=_cone_cases,
    expected=_mean,
    mistakes=[
        Mistake(
            "each vector is paired with itself too (the diagonal, always 1); leave these out.",
            lambda vectors: (unit(vectors) @ unit(vectors).T).mean(),
        ),
        Mistake(
            "the diagonal is left out of the sum, but not out of the number that you divide by.",
            lambda vectors: _mean(vectors) * _pairs(vectors) / len(vectors) ** 2,
        ),
        Mistake(
            "the half of the matrix that is 0 is averaged too; average over the pairs alone.",
            lambda vectors: np.triu(unit(vectors) @ unit(vectors).T, k=1).mean(),
        ),
        Mistake(
            "half of the matrix is right, but its diagonal is in it: each vector with itself.",
            lambda vectors: (unit(vectors) @ unit(vectors).T)[np.triu_indices(len(vectors))].mean(),
        ),
        Mistake(
            "each pair is summed once, but divided by twice the number of pairs.",
            lambda vectors: _pair_cosines(vectors).sum() / _pairs(vectors),
        ),
        Mistake(
            "this is the mean distance, 1 minus the cosine; return that of the cosines.",
            lambda vectors: 1 - _mean(vectors),
        ),
        Mistake(
            "these are dot products of vectors that are not normalised; a cosine needs unit rows.",
            lambda vectors: (vectors @ vectors.T)[np.triu_indices(len(vectors), k=1)].mean(),
        ),
        Mistake(
            "absolute values are averaged; a negative cosine must stay negative.",
            lambda vectors: np.abs(_pair_cosines(vectors)).mean(),
        ),
        Mistake(
            "this is the sum over the pairs; return their mean.",
            lambda vectors: _pair_cosines(vectors).sum(),
        ),
        Mistake(
            "only neighbouring rows are compared; every pair counts.",
            lambda vectors: np.diag(unit(vectors) @ unit(vectors).T, k=1).mean(),
        ),
        Mistake(
            "these are the cosines; return their mean.",
            _pair_cosines,
        ),
        Mistake(
            "this is the median of the cosines, not their mean.",
            lambda vectors: np.median(_pair_cosines(vectors)),
        ),
    ],
)
