"""The exercises of lab 01 on training: the InfoNCE loss, and the cone it may leave behind."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from ragkit.course.staff.exercise import Array, Case, Exercise, Mistake, unit


def _batch_cases(rng: Generator) -> list[Case]:
    size, temperature = int(rng.integers(4, 7)), float(rng.uniform(0.3, 0.7))
    queries, documents = unit(rng.normal(size=(size, 6))), unit(rng.normal(size=(size, 6)))
    single = queries.astype(np.float32)
    detail = f"{size} pairs"
    return [
        Case((queries, documents, 1.0), "a batch with τ = 1", detail),
        Case((queries, documents, temperature), "a batch with τ below 1", f"τ = {temperature:.3f}"),
        Case((queries, documents, 0.01), "a batch with τ = 0.01", detail),
        Case(
            (single, single, 0.01), "a float32 batch whose pairs are equal, with τ = 0.01", detail
        ),
    ]


def _cross_entropy(queries: Array, documents: Array, temperature: float) -> float:
    """InfoNCE of float [B, d] and [B, d] as PyTorch computes it."""
    import torch

    logits = torch.tensor(queries @ documents.T / temperature)
    target = torch.arange(len(queries))
    return torch.nn.functional.cross_entropy(logits, target).item()


def _without_positive(queries: Array, documents: Array, temperature: float) -> float:
    logits = queries @ documents.T / temperature
    others = np.where(np.eye(len(logits), dtype=bool), -np.inf, logits)
    return float((np.logaddexp.reduce(others, axis=1) - np.diag(logits)).mean())


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
            "the softmax runs over the queries (columns); run it over the documents (rows).",
            lambda q, d, t: _cross_entropy(d, q, t),
        ),
    ],
)


def _cone_cases(rng: Generator) -> list[Case]:
    count = int(rng.integers(5, 9))
    lengths = rng.uniform(1, 9, size=(count, 1))
    return [
        Case((unit(rng.normal(size=(2, 5)) + 0.5),), "two unit vectors"),
        Case((unit(rng.normal(size=(count, 5)) + 0.5),), "unit vectors", f"{count} of them"),
        Case(
            (unit(rng.normal(size=(count, 5)) - 0.5) * lengths,),
            "vectors that are not of unit length",
            f"{count} of them",
        ),
    ]


def _pair_cosines(vectors: Array) -> Array:
    """The cosine of each pair of rows of float [n, d]: float [n (n - 1) / 2]."""
    rows = unit(vectors)
    first, second = np.triu_indices(len(rows), k=1)
    cosines: Array = np.einsum("nd,nd->n", rows[first], rows[second])
    return cosines


mean_cosine = Exercise(
    name="mean_cosine",
    cases=_cone_cases,
    expected=lambda vectors: _pair_cosines(vectors).mean(),
    mistakes=[
        Mistake(
            "each vector is paired with itself too (the diagonal, always 1); leave these out.",
            lambda vectors: (unit(vectors) @ unit(vectors).T).mean(),
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
    ],
)
