"""The exercises of lab 04: the spectrum of a space, one training step, negatives, a teacher."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from ragkit.course.staff.exercise import Array, Case, Exercise, Mistake, unit


def _space_cases(rng: Generator) -> list[Case]:
    count, width = (int(number) for number in rng.integers([20, 4], [40, 7]))
    round_space = rng.normal(size=(count, width))
    stretched = round_space * np.linspace(3, 0.2, width)
    shifted = unit(stretched + 4)
    detail = f"{count} vectors of {width} numbers"
    return [
        Case((round_space,), "a space that is nearly round", detail),
        Case((stretched,), "a space stretched along one direction", detail),
        Case((shifted,), "unit vectors whose mean is far from 0", detail),
    ]


def _spectrum(vectors: Array) -> Array:
    """The variances along the principal directions of float [n, d]: float [d], falling."""
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
            "the spreads (square roots) are used; square them: a variance is a spread squared.",
            lambda v: _participation(np.sqrt(_spectrum(v))),
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
            "this is the number of directions with any variance; weigh them by how much they have.",
            lambda v: float(np.linalg.matrix_rank(v - v.mean(axis=0))),
        ),
        Mistake(
            "the sum is not squared.",
            lambda v: _spectrum(v).sum() / (_spectrum(v) ** 2).sum(),
        ),
    ],
)


def _step_cases(rng: Generator) -> list[Case]:
    pairs, tokens, width = 3, 8, 4
    table = rng.normal(size=(tokens, width))
    queries, documents = rng.integers(0, 3, size=(2, pairs, tokens)).astype(float) + 0.1
    hot, rate = float(rng.uniform(0.2, 0.6)), float(rng.uniform(0.05, 0.3))
    return [
        Case((table, queries, documents, 1.0, rate), "τ = 1", f"rate {rate:.3f}"),
        Case((table, queries, documents, hot, rate), "τ below 1", f"τ = {hot:.3f}"),
        Case((table * 5, queries, documents, hot, rate), "a table with long rows"),
    ]


def _stepped(
    table: Array,
    queries: Array,
    documents: Array,
    temperature: float,
    rate: float,
    *,
    unit_rows: bool = True,
    frozen: bool = False,
    summed: bool = False,
) -> Array:
    """The table after one step of gradient descent on InfoNCE, by PyTorch: float [V, d]."""
    import torch
    from torch.nn.functional import cross_entropy, normalize

    weights = torch.tensor(table, dtype=torch.float64, requires_grad=True)
    q, d = (torch.tensor(rows, dtype=torch.float64) @ weights for rows in (queries, documents))
    if unit_rows:
        q, d = normalize(q), normalize(d)
    scores = q @ (d.detach() if frozen else d).T / temperature
    target = torch.arange(len(scores))
    loss = cross_entropy(scores, target, reduction="sum" if summed else "mean")
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
            lambda *a: _stepped(*a, unit_rows=False),
        ),
        Mistake(
            "the documents are held fixed; both sides are made from the table, and both move it.",
            lambda *a: _stepped(*a, frozen=True),
        ),
        Mistake(
            "this is the gradient of the sum over the batch; the loss is the mean.",
            lambda *a: _stepped(*a, summed=True),
        ),
        Mistake(
            "the scores are multiplied by τ; divide by it.",
            lambda t, q, d, tau, rate: _stepped(t, q, d, 1 / tau, rate),
        ),
        Mistake(
            "this is the gradient; return the table after the step.",
            lambda t, q, d, tau, rate: t - _stepped(t, q, d, tau, 1.0),
        ),
        Mistake("the table is as it was: no step was taken.", lambda t, *_: t),
    ],
    points=3.0,
)


def _mask_cases(rng: Generator) -> list[Case]:
    pairs, documents = 4, 9
    own = rng.permutation(documents)[:pairs]
    apart = np.zeros((pairs, documents), dtype=bool)
    apart[np.arange(pairs), own] = True
    same = own.copy()
    same[2] = same[0]  # questions 0 and 2 have one answer
    twice = np.zeros((pairs, documents), dtype=bool)
    twice[np.arange(pairs), same] = True
    twice[1, same[3]] = True  # the answer of 3 also answers 1, and not the other way round
    others = np.setdiff1d(np.arange(documents), same)
    mined = np.r_[same, others[0], same[1], others[1]]
    return [
        Case((own, apart), "questions with one answer each, all different", f"{pairs} pairs"),
        Case((same, twice), "questions that share an answer", f"{pairs} pairs"),
        Case((mined, twice), "mined negatives after the batch's own documents", "3 of them"),
    ]


def _mask(columns: Array, relevant: Array) -> Array:
    """Which columns each question may meet: its own document, and what does not answer it."""
    allowed: Array = ~relevant[:, columns]
    allowed[np.arange(len(relevant)), np.arange(len(relevant))] = True
    return allowed


def _by_equal_documents(columns: Array, relevant: Array) -> Array:
    allowed: Array = columns[: len(relevant), None] != columns
    allowed[np.arange(len(relevant)), np.arange(len(relevant))] = True
    return allowed


negative_mask = Exercise(
    name="negative_mask",
    cases=_mask_cases,
    expected=_mask,
    mistakes=[
        Mistake(
            "the question's own document is left out; it must stay, or there is no positive.",
            lambda columns, relevant: ~relevant[:, columns],
        ),
        Mistake(
            "only the same document is left out; another one that answers the question must go "
            "too.",
            _by_equal_documents,
        ),
        Mistake(
            "this marks what must be left out; return True where a document may stay.",
            lambda columns, relevant: ~_mask(columns, relevant),
        ),
        Mistake(
            "every document is let in.",
            lambda columns, relevant: np.ones((len(relevant), len(columns))),
        ),
    ],
)


def _mining_cases(rng: Generator) -> list[Case]:
    count = int(rng.integers(9, 13))
    scores = rng.permutation(np.linspace(0.9, 0.1, count)).round(3)
    order = np.argsort(-scores)
    relevant = np.zeros(count, dtype=bool)
    relevant[order[[1, 4]]] = True
    teacher = np.full(count, -6.0) + rng.normal(size=count).round(2)
    teacher[order[[1, 4]]] = 5.0, 2.0  # the best right one
    teacher[order[0]] = 4.5  # a twin: within the margin
    teacher[order[2]] = 3.1  # above the other right one, below the margin
    return [
        Case((scores, teacher, relevant, 2, 1.0), "a twin that comes first", "k=2, margin 1"),
        Case((scores, teacher, relevant, 3, 0.0), "a margin of 0", "k=3"),
        Case((scores, teacher, relevant, count, 1.0), "fewer documents than k", f"k={count}"),
    ]


def _mined(
    scores: Array, teacher: Array, relevant: Array, k: int, margin: float, bar: float | None = None
) -> Array:
    """The k wrong rows of the highest score that the teacher puts below its bar less the margin."""
    highest = teacher[relevant].max() if bar is None else bar
    order = np.argsort(-scores, kind="stable")
    kept: Array = order[~relevant[order] & (teacher[order] < highest - margin)]
    return kept[:k]


def _cut_before_filter(
    scores: Array, teacher: Array, relevant: Array, k: int, margin: float
) -> Array:
    first = np.argsort(-scores, kind="stable")[:k]
    kept: Array = first[~relevant[first] & (teacher[first] < teacher[relevant].max() - margin)]
    return kept


hard_negatives = Exercise(
    name="hard_negatives",
    cases=_mining_cases,
    expected=_mined,
    mistakes=[
        Mistake(
            "right documents are among them; a negative must be wrong.",
            lambda s, t, r, k, m: np.argsort(-s, kind="stable")[
                t[np.argsort(-s, kind="stable")] < t[r].max() - m
            ][:k],
        ),
        Mistake(
            "the teacher is not asked: the twin that it takes for an answer is still there.",
            lambda s, t, r, k, m: _mined(s, t, r, k, m, bar=np.inf),
        ),
        Mistake(
            "the list is cut to k before it is filtered, so too few are left.",
            _cut_before_filter,
        ),
        Mistake(
            "these are the easiest, with the lowest scores; take the highest.",
            lambda s, t, r, k, m: _mined(-s, t, r, k, m),
        ),
        Mistake(
            "they are in the teacher's order; keep the order of the scores.",
            lambda s, t, r, k, m: _mined(t, t, r, k, m),
        ),
    ],
)


def _margin_cases(rng: Generator) -> list[Case]:
    size = int(rng.integers(3, 6))
    student, teacher = rng.normal(size=(2, size, size)) * np.array([3, 5])[:, None, None]
    wide = rng.normal(size=(2, size, size + 2)) * 4
    detail = f"{size} questions"
    return [
        Case((student, teacher), "as many documents as questions", detail),
        Case((wide[0], wide[1]), "two mined documents more", detail),
        Case((student, student + 7), "a teacher whose scores all lie 7 higher", detail),
    ]


def _margins(scores: Array) -> Array:
    """How far each wrong document lies below its question's right one: float [B, C - 1]."""
    rows, columns = scores.shape
    wrong = ~np.eye(rows, columns, dtype=bool)
    below: Array = (np.diagonal(scores)[:, None] - scores)[wrong].reshape(rows, columns - 1)
    return below


margin_mse = Exercise(
    name="margin_mse",
    cases=_margin_cases,
    expected=lambda student, teacher: ((_margins(student) - _margins(teacher)) ** 2).mean(),
    mistakes=[
        Mistake(
            "scores are compared; compare margins, which a shift of all scores leaves as they are.",
            lambda s, t: ((s - t) ** 2).mean(),
        ),
        Mistake(
            "the right documents count too; their margin to themselves is always 0.",
            lambda s, t: (
                ((np.diagonal(s)[:, None] - s) - (np.diagonal(t)[:, None] - t)) ** 2
            ).mean(),
        ),
        Mistake(
            "this is the sum; return the mean.",
            lambda s, t: ((_margins(s) - _margins(t)) ** 2).sum(),
        ),
        Mistake(
            "absolute differences are averaged; square them.",
            lambda s, t: np.abs(_margins(s) - _margins(t)).mean(),
        ),
        Mistake(
            "the root is taken; the loss is the mean of the squares.",
            lambda s, t: np.sqrt(((_margins(s) - _margins(t)) ** 2).mean()),
        ),
    ],
)
