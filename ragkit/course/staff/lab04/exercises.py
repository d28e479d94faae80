"""The first exercises of lab 04: the spectrum of a space, and one training step."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.random import Generator

from ragkit.course.staff.exercise import Array, Case, Exercise, Mistake


def _space_cases(rng: Generator) -> list[Case]:
    long, short = rng.uniform([1.5, 0.6], [2.5, 1.0])
    disc = _cloud(rng, 8, np.array([long, short, 0.0]))
    far = rng.permutation([6.0, -4.0, 3.0, 1.0])
    shifted = _cloud(rng, 10, np.array([2.0, 1.5, 1.0, 0.5]) * rng.uniform(0.5, 1.5)) + far
    many = _cloud(rng, 15, np.linspace(1.3, 0.7, 9) * rng.uniform(0.5, 1.5))
    # below 1% of the first variance each, and not in all
    narrow = _cloud(rng, 24, np.r_[0.01, np.linspace(0.0006, 0.00095, 14)])
    return [
        Case((disc,), "vectors that lie in a plane, aslant to the axes", "8 vectors of 3 numbers"),
        Case((shifted,), "vectors whose mean is far from 0", "10 vectors of 4 numbers"),
        Case((many,), "vectors that spread in many directions", "15 vectors of 9 numbers"),
        Case(
            (narrow,), "short vectors: one wide direction and many narrow ones", "24 of 15 numbers"
        ),
    ]


def _cloud(rng: Generator, count: int, spreads: Array) -> Array:
    """Vectors of mean 0 with these standard deviations along directions that are no axes."""
    width = len(spreads)
    draws = rng.normal(size=(count, width))
    uncorrelated, _ = np.linalg.qr(draws - draws.mean(axis=0))
    mirror = np.eye(width) - 2 / width  # a reflection that mixes all axes
    turned = mirror[:, rng.permutation(width)] * rng.choice([-1, 1], size=width)
    vectors: Array = np.sqrt(count - 1) * (uncorrelated * spreads) @ turned
    return vectors


def _spectrum(vectors: Array) -> Array:
    """The variances along the principal directions of float [n, d], falling."""
    centred = vectors - vectors.mean(axis=0)
    variances: Array = np.linalg.svd(centred, compute_uv=False) ** 2 / (len(vectors) - 1)
    return variances


def _participation(variances: Array) -> float:
    return float(variances.sum() ** 2 / (variances**2).sum())


effective_dimensions = Exercise(
    name="effective_dimensions",
    cases=_space_cases,
    expected=lambda vectors: _participation(_spectrum(vectors)),
    mistakes=[
        Mistake(
            "the mean is not subtracted, so the direction that all vectors share counts as spread.",
            lambda v: _participation(np.linalg.svd(v, compute_uv=False) ** 2),
        ),
        Mistake(
            "each vector's own mean is subtracted; the mean vector is meant (`np.cov` takes rows "
            "for variables unless it is told otherwise).",
            lambda v: _participation(np.linalg.eigvalsh(np.cov(v))),
        ),
        Mistake(
            "the spreads (square roots) are used; a variance is a spread squared.",
            lambda v: _participation(np.sqrt(_spectrum(v))),
        ),
        Mistake(
            "the variances are squared once too often; eigenvalues of a covariance are variances.",
            lambda v: _participation(_spectrum(v) ** 2),
        ),
        Mistake(
            "this is the fraction upside down: the square of the sum comes above.",
            lambda v: 1 / _participation(_spectrum(v)),
        ),
        Mistake(
            "these are the variances of the coordinates; those of the principal directions are "
            "the eigenvalues of the covariance.",
            lambda v: _participation(v.var(axis=0)),
        ),
        Mistake(
            "this is the spectrum of the correlations, in which every coordinate has the same "
            "variance; take that of the covariance.",
            lambda v: _participation(np.linalg.eigvalsh(np.corrcoef(v, rowvar=False))),
        ),
        Mistake(
            "the sum is not squared.",
            lambda v: _spectrum(v).sum() / (_spectrum(v) ** 2).sum(),
        ),
        Mistake(
            "this is a share of all directions; return their number.",
            lambda v: _participation(_spectrum(v)) / v.shape[1],
        ),
        Mistake(
            "this is the number of directions with any variance; weigh them by how much they have.",
            lambda v: np.linalg.matrix_rank(v - v.mean(axis=0)),
            trivial=True,
        ),
        Mistake(
            "this is how many numbers a vector has, whatever its variances.",
            lambda v: v.shape[1],
            trivial=True,
        ),
    ],
)


def _step_cases(rng: Generator) -> list[Case]:
    hot, rate = float(rng.uniform(0.3, 0.6)), float(rng.uniform(0.5, 0.8))
    table, *counts = _texts(rng, 3, 1.0)
    other, *more = _texts(rng, 4, hot)
    return [
        Case((table, *counts, 1.0, rate), "τ = 1", f"3 pairs, rate {rate:.3f}"),
        Case((other / 20, *more, hot, rate / 20), "a table with short rows", f"τ = {hot:.3f}"),
        Case((3 * other, *more, hot, 3.0), "a table with long rows", f"τ = {hot:.3f}, rate 3"),
    ]


def _texts(rng: Generator, pairs: int, temperature: float) -> tuple[Array, Array, Array]:
    """A table, and token counts of questions and documents that have something left to learn.

    No vector is near 0, no question certain of its document, and what the questions choose is not
    what the documents would. A token is in every text twice, so that counts are no mere marks; the
    next is in documents alone, the one after it in questions alone, and the last in none.
    """
    while True:
        table = rng.normal(size=(6, 3))
        counts = rng.integers(0, 3, size=(2, pairs, 6)).astype(float)
        counts[..., 0], counts[..., -1] = 2, 0
        counts[0, :, 1] = counts[1, :, 2] = 0
        sums = counts @ table
        lengths = np.linalg.norm(sums, axis=-1, keepdims=True)
        queries, documents = sums / lengths
        shares = np.exp(queries @ documents.T / temperature)
        chosen, choosing = shares / shares.sum(axis=1, keepdims=True), shares / shares.sum(axis=0)
        own = np.diagonal(chosen)
        clear = lengths.min() > 1 and own.min() > 0.05 and own.max() < 0.8
        clear &= counts[1, :, 1].any() and counts[0, :, 2].any()
        if clear and lengths.max() < 6 and abs(chosen - choosing).max() > 0.3:
            return table, counts[0], counts[1]


def _stepped(
    table: Array,
    queries: Array,
    documents: Array,
    temperature: float,
    rate: float,
    *,
    scaled: tuple[int | None, int | None] = (1, 1),
    fixed: tuple[bool, bool] = (False, False),
    reduction: Literal["mean", "sum"] = "mean",
    choosing: Literal["questions", "documents", "both"] = "questions",
) -> Array:
    """The table after one step of gradient descent on InfoNCE, by PyTorch: float [V, d].

    `scaled` are the axes along which the vectors of either side are scaled to unit length, or None,
    and `fixed` says which side is held fixed.
    """
    import torch
    from torch.nn.functional import cross_entropy, normalize

    weights = torch.tensor(table, dtype=torch.float64, requires_grad=True)
    sides = []
    for counts, axis, held in zip((queries, documents), scaled, fixed, strict=True):
        rows = torch.tensor(counts, dtype=torch.float64) @ weights
        rows = rows if axis is None else normalize(rows, dim=axis)
        sides.append(rows.detach() if held else rows)
    scores = sides[0] @ sides[1].T / temperature
    target = torch.arange(len(scores))
    directions = {"questions": [scores], "documents": [scores.T], "both": [scores, scores.T]}
    losses = [cross_entropy(s, target, reduction=reduction) for s in directions[choosing]]
    loss = torch.stack(losses).mean()
    (gradient,) = torch.autograd.grad(loss, weights)
    moved: Array = (weights - rate * gradient).detach().numpy()
    return moved


training_step = Exercise(
    name="training_step",
    cases=_step_cases,
    expected=_stepped,
    mistakes=[
        Mistake(
            "the table moves up the gradient, so the loss grows; subtract.",
            lambda t, q, d, tau, rate: _stepped(t, q, d, tau, -rate),
        ),
        Mistake(
            "the vectors are not scaled to unit length before the scores.",
            lambda *a: _stepped(*a, scaled=(None, None)),
        ),
        Mistake(
            "only the questions' vectors are scaled to unit length; the documents' must be too.",
            lambda *a: _stepped(*a, scaled=(1, None)),
        ),
        Mistake(
            "only the documents' vectors are scaled to unit length; the questions' must be too.",
            lambda *a: _stepped(*a, scaled=(None, 1)),
        ),
        Mistake(
            "the columns are scaled to unit length; a text's vector is a row.",
            lambda *a: _stepped(*a, scaled=(0, 0)),
        ),
        Mistake(
            "the documents are held fixed; both sides are made from the table, and both move it.",
            lambda *a: _stepped(*a, fixed=(False, True)),
        ),
        Mistake(
            "the questions are held fixed; both sides are made from the table, and both move it.",
            lambda *a: _stepped(*a, fixed=(True, False)),
        ),
        Mistake(
            "this is the gradient of the sum over the batch; the loss is the mean.",
            lambda *a: _stepped(*a, reduction="sum"),
        ),
        Mistake(
            "the softmax runs over the questions of each document; each question chooses among "
            "the documents.",
            lambda *a: _stepped(*a, choosing="documents"),
        ),
        Mistake(
            "this is the loss in both directions, as CLIP has it; here only the questions choose.",
            lambda *a: _stepped(*a, choosing="both"),
        ),
        Mistake(
            "the scores are multiplied by τ; divide by it.",
            lambda t, q, d, tau, rate: _stepped(t, q, d, 1 / tau, rate),
        ),
        Mistake(
            "the temperature is not used.",
            lambda t, q, d, tau, rate: _stepped(t, q, d, 1.0, rate),
        ),
        Mistake(
            "the rate is not used.",
            lambda t, q, d, tau, rate: _stepped(t, q, d, tau, 1.0),
        ),
        Mistake(
            "this is the gradient; return the table after the step.",
            lambda t, q, d, tau, rate: t - _stepped(t, q, d, tau, 1.0),
        ),
        Mistake(
            "this is what is added to the table; return the table after the step.",
            lambda t, q, d, tau, rate: _stepped(t, q, d, tau, rate) - t,
        ),
        Mistake("the table is as it was: no step was taken.", lambda t, *_: t, trivial=True),
    ],
    points=3.0,
)
