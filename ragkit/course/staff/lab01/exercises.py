"""The exercises of lab 01 on encoders: mean pooling and unit length."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from ragkit.course.staff.drawing import until
from ragkit.course.staff.exercise import Array, Case, Exercise, Mistake, unit


def _states(rng: Generator, lengths: list[int], width: int, dimension: int) -> tuple[Array, Array]:
    """Token vectors float32 [B, T, d] of texts with these lengths, and their mask, bool [B, T].

    Padding has the vector of token 0, which is not zero; each text's first token has a 0 in it,
    and the third is a real token all the same, with a vector of zeros.
    """
    table = rng.normal(scale=3, size=(12, dimension)).round(1).astype(np.float32)
    table[0] = rng.choice([-1, 1], size=dimension) * rng.uniform(5, 9, size=dimension).round(1)
    table[2] = 0
    table[1] = np.r_[0, rng.uniform(1, 5, size=dimension - 1).round(1)]
    mask = np.arange(width) < np.array(lengths)[:, None]
    ids = np.where(mask, rng.integers(3, len(table), size=mask.shape), 0)
    ids[:, 0], ids[:, 2] = 1, np.where(mask[:, 2], 2, 0)
    return table[ids], mask


def _pooling_cases(rng: Generator) -> list[Case]:
    width, dimension = rng.integers([5, 2], [8, 4]).tolist()
    lengths = [*rng.permutation([width, 1, 2, width - 1]).tolist(), 3]
    short = int(rng.integers(2, width - 1))
    padded = _states(rng, lengths, width, dimension)
    single = _states(rng, [short], width, dimension)
    full = _states(rng, [4] * 3, 4, dimension)
    detail = f"{', '.join(map(str, lengths))} tokens"
    return [
        Case(padded, "texts of different lengths, padded", detail, weight=2),
        Case(single, "a single text with padding", f"{short} tokens"),
        Case(full, "texts without padding", "3 of 4 tokens"),
    ]


def _sums(states: Array, mask: Array) -> Array:
    """The sum of each text's real tokens, float [B, d]."""
    real: Array = np.where(mask[..., None], states, 0).sum(axis=1)
    return real


def _counts(mask: Array) -> Array:
    """The number of real tokens of each text, int [B, 1]."""
    counts: Array = np.count_nonzero(mask, axis=1)[:, None]
    return counts


mean_pool = Exercise(
    name="mean_pool",
    cases=_pooling_cases,
    # states float32 [n, w, d], mask bool [n, w] -> [n, d]
    expected=lambda states, mask: (
        np.ma.array(states, mask=np.broadcast_to(~mask[..., None], states.shape))
        .mean(axis=1)
        .filled(np.nan)
    ),
    mistakes=[
        Mistake(
            "the padding is not masked: the mean runs over padding tokens too.",
            lambda states, mask: states.mean(axis=1),
        ),
        Mistake(
            "padding is set to zero but still counted: divide by the number of real tokens.",
            lambda states, mask: _sums(states, mask) / mask.shape[1],
        ),
        Mistake(
            "padding is left out of the number that you divide by, but not out of the sum.",
            lambda states, mask: states.sum(axis=1) / _counts(mask),
        ),
        Mistake(
            "this is the sum of the token vectors, not their mean.",
            lambda states, mask: _sums(states, mask),
        ),
        Mistake(
            "each text is divided by the tokens of all texts together; count those of each text.",
            lambda states, mask: _sums(states, mask) / np.count_nonzero(mask),
        ),
        Mistake(
            "the mean runs over the texts (axis 0); average over the tokens (axis 1).",
            lambda states, mask: states.mean(axis=0),
        ),
        Mistake(
            "the mean runs over the dimensions (axis 2); average over the tokens (axis 1).",
            lambda states, mask: states.mean(axis=2),
        ),
        Mistake(
            "this is one mean for all texts together; each text has its own.",
            lambda states, mask: _sums(states, mask).sum(axis=0) / np.count_nonzero(mask),
        ),
        Mistake(
            "this is the largest value of each dimension: max pooling.",
            lambda states, mask: np.where(mask[..., None], states, -np.inf).max(axis=1),
        ),
        Mistake(
            "this is the first token's vector: that is cls pooling, and nothing is averaged.",
            lambda states, mask: states[:, 0],
            trivial=True,
        ),
        Mistake(
            "the rows are divided by their length as well; here only the mean is asked for.",
            lambda states, mask: unit(_sums(states, mask)),
        ),
    ],
)


def _row_cases(rng: Generator) -> list[Case]:
    def rows(count: int) -> Array:
        """Rows of 3 numbers: one shorter than 1, one long, one all negative, one with a 0."""
        lengths = np.r_[rng.uniform(0.4, 0.8), rng.uniform(9, 30), rng.uniform(2, 5, count - 2)]
        directions = unit(rng.choice([-1, 1], (count, 3)) * rng.uniform(0.3, 1, (count, 3)))
        directions[1] = -np.abs(directions[1])
        directions[2, rng.integers(3)] = 0
        drawn: Array = rng.permutation(directions * lengths[:, None]).round(2).astype(np.float32)
        return drawn

    def sums_up(rows: Array) -> bool:
        """No row adds up to 0."""
        return bool(np.abs(rows.sum(axis=1)).min() > 0.05)

    count = int(rng.integers(4, 7))
    several, square = until(lambda: rows(count), sums_up), until(lambda: rows(3), sums_up)
    single = until(lambda: rows(3)[:1], lambda row: sums_up(row) and bool(row.all()))
    return [
        Case((several,), "rows of different lengths", f"{count} of them", weight=2),
        Case((square,), "as many rows as columns", "3 of each"),
        Case((single,), "a single row"),
        Case((several[::-1] / np.float32(128),), "rows far shorter than 1", f"{count} of them"),
    ]


normalise = Exercise(
    name="normalise",
    cases=_row_cases,
    expected=unit,  # [n, d] -> [n, d]
    mistakes=[
        Mistake("the rows come back unchanged.", lambda rows: rows, trivial=True),
        Mistake(
            "everything is divided by the length of the whole matrix; each row has its own.",
            lambda rows: rows / np.linalg.norm(rows),
        ),
        Mistake(
            "the columns have length 1, not the rows.",
            lambda rows: rows / np.linalg.norm(rows, axis=0),
        ),
        Mistake(
            "each row is divided by the sum of its absolute values, which is not its length.",
            lambda rows: rows / np.abs(rows).sum(axis=1, keepdims=True),
        ),
        Mistake(
            "each row is divided by its squared length: the square root is missing.",
            lambda rows: rows / (rows**2).sum(axis=1, keepdims=True),
        ),
        Mistake(
            "each row is divided by its largest absolute value, not by its length.",
            lambda rows: rows / np.abs(rows).max(axis=1, keepdims=True),
        ),
        Mistake(
            "each row is divided by its sum, so that its numbers add up to 1; that is no length.",
            lambda rows: rows / rows.sum(axis=1, keepdims=True),
        ),
        Mistake(
            "everything is divided by the number of rows; no length is used.",
            lambda rows: rows / len(rows),
            trivial=True,
        ),
        Mistake(
            "the mean of each row is subtracted first; only its length is to change.",
            lambda rows: unit(rows - rows.mean(axis=1, keepdims=True)),
        ),
        Mistake(
            "these are the lengths of the rows; divide the rows by them.",
            lambda rows: np.sqrt((rows.astype(float) ** 2).sum(axis=1)),
        ),
    ],
)
