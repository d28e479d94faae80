"""The exercises of lab 02 on chunks: windows, and how much of an answer they cover."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.random import Generator

from ragkit.course.staff.exercise import Array, Case, Exercise, Mistake


def _window_cases(rng: Generator) -> list[Case]:
    overlap, whole = (int(number) for number in rng.integers([2, 2], [5, 5]))
    size = int(rng.integers(2 * overlap + 3, 16))
    step = size - overlap
    fits = size + whole * step
    rest, short = int(rng.integers(2, step)), int(rng.integers(overlap + 1, size))
    few = int(rng.integers(2, size - 1))
    drawn = {
        "a last window that is shorter": (fits + rest, size, overlap),
        "windows that end where the text ends": (fits, size, overlap),
        "a last window with a single new token": (fits + 1, size, overlap),
        "windows without overlap": (whole * size + short, size, 0),
        "windows that move by two tokens": (size + 2 * whole + 2, size + 1, size - 1),
        "a text that is shorter than a window": (short, size, overlap),
        "a text that is as long as a window": (size, size, overlap),
        "a text that is shorter than the overlap": (few, size + 1, size - 1),
        "a text that is as long as the overlap": (size - 3, size, size - 3),
    }
    detail = "{} tokens, size {}, overlap {}"
    return [Case(numbers, kind, detail.format(*numbers)) for kind, numbers in drawn.items()]


def _windows(starts: Iterable[int], size: int, count: int) -> list[list[int]]:
    """Windows that begin at these tokens, as a list of [start, end]."""
    return [[start, min(start + size, count)] for start in starts]


def _sliding(count: int, size: int, overlap: int) -> Array:
    """The expected windows, int [w, 2], by walking: stop as soon as one reaches the end."""
    windows = [[0, min(size, count)]]
    while windows[-1][1] < count:
        start = windows[-1][1] - overlap
        windows.append([start, min(start + size, count)])
    return np.array(windows)


def _shifted_back(count: int, size: int, overlap: int) -> Array:
    """The windows with the last one moved back until it is as long as the others."""
    windows = _sliding(count, size, overlap)
    windows[-1, 0] = max(0, count - size)
    return windows


sliding_window = Exercise(
    name="sliding_window",
    cases=_window_cases,
    expected=_sliding,
    mistakes=[
        Mistake(
            "the windows start `overlap` tokens apart: that many are repeated, the others are new.",
            lambda count, size, overlap: _windows(
                range(0, max(1, count - overlap), max(1, overlap)), size, count
            ),
        ),
        Mistake(
            "the windows do not overlap: they start a whole window apart.",
            lambda count, size, overlap: _windows(range(0, count, size), size, count),
        ),
        Mistake(
            "neighbours share one token too many: an off-by-one in the step.",
            lambda count, size, overlap: _sliding(count, size, overlap + 1),
        ),
        Mistake(
            "neighbours share one token too few: an off-by-one in the step.",
            lambda count, size, overlap: _sliding(count, size, overlap - 1),
        ),
        Mistake(
            "the last window is lost: the tokens at the end of the text belong to a chunk too.",
            lambda count, size, overlap: _windows(
                range(0, count - size + 1, size - overlap), size, count
            ),
        ),
        Mistake(
            "the last window lies wholly inside the one before it: stop when a window has reached "
            "the end.",
            lambda count, size, overlap: _windows(range(0, count, size - overlap), size, count),
        ),
        Mistake(
            "a text no longer than the overlap gives no window at all, and all its tokens are "
            "lost.",
            lambda count, size, overlap: _windows(
                range(0, count - overlap, size - overlap), size, count
            ),
        ),
        Mistake(
            "a window ends past the last token: no end may exceed `count`.",
            lambda count, size, overlap: (
                _sliding(count, size, overlap)[:, :1] + np.array([0, size])
            ),
        ),
        Mistake(
            "the last window is moved back until it is full; it repeats `overlap` tokens as the "
            "others do, and may be shorter.",
            _shifted_back,
        ),
        Mistake(
            "the ends are inclusive; [start, end) leaves the end out, as Python's slices do.",
            lambda count, size, overlap: _sliding(count, size, overlap) - [0, 1],
        ),
        Mistake(
            "these are pairs of start and length; return start and end.",
            lambda count, size, overlap: _sliding(count, size, overlap) @ [[1, -1], [0, 1]],
        ),
        Mistake(
            "the text is not cut: it is one window.",
            lambda count, size, overlap: [[0, count]],
            trivial=True,
        ),
    ],
)


def _coverage_cases(rng: Generator) -> list[Case]:
    scale = int(rng.integers(3, 7))

    def near(pieces: list[list[int]]) -> Array:
        """The pieces, scaled, with each border moved inwards by less than half a unit."""
        moved = rng.integers(0, (scale + 1) // 2, size=(len(pieces), 2))
        return scale * np.array(pieces) + moved * [1, -1]

    sliding = scale * np.array([[0, 10], [6, 16], [12, 22]])
    apart = scale * np.array([[0, 10], [10, 20], [26, 36]])
    uneven = scale * np.array([[0, 10], [8, 12], [28, 32], [30, 40], [48, 54], [50, 70]])
    short = scale * np.array([[12, 15], [0, 4], [4, 12]])
    inside = scale * np.array([[0, 40], [2, 6], [20, 24], [30, 33], [50, 54]])
    answers = near([[7, 9], [14, 18], [5, 25], [1, 4], [19, 24]])
    beside = scale * np.array([[7, 10], [30, 33], [48, 52]])
    gap = scale * np.array([[20, 26]])
    return [
        Case((sliding, answers), "overlapping chunks", "three chunks, five answers", weight=2),
        Case(
            (apart, np.concatenate([near([[8, 12], [32, 34]]), gap])),
            "an answer cut in half, and one between two chunks",
            "three chunks, three answers",
        ),
        Case(
            (uneven[[1, 0, 2, 3, 5, 4]], beside), "short chunks beside long ones", "six and three"
        ),
        Case(
            (short, np.concatenate([near([[1, 14]]), short[2:]])),
            "an answer longer than any chunk, and one that is a chunk",
            "three chunks in another order than in the text",
        ),
        Case(
            (inside, np.concatenate([near([[25, 29]]), scale * np.array([[38, 49]])])),
            "short chunks inside a long one, and an answer that hardly begins in it",
            "five chunks, two answers",
        ),
        Case((sliding[::-1].copy(), answers[:2]), "chunks in reverse order", "three chunks"),
        Case((apart[2:], answers[2:3]), "a chunk and an answer that do not touch", "one of each"),
    ]


def _overlaps(chunks: Array, spans: Array) -> Array:
    """Characters that answer i and chunk j share, below 0 if they lie apart: int [m, n]."""
    ends: Array = np.minimum(spans[:, None, 1], chunks[None, :, 1])
    return ends - np.maximum(spans[:, None, 0], chunks[None, :, 0])


def _lengths(pieces: Array) -> Array:
    """Ends minus starts: int [n, 2] -> [n]."""
    ends: Array = pieces[:, 1]
    return ends - pieces[:, 0]


def _shares(chunks: Array, spans: Array) -> Array:
    """Share of answer i that lies in chunk j, counted character by character: float [m, n]."""
    return np.array(
        [
            [len(set(range(*span)) & set(range(*chunk))) / (span[1] - span[0]) for chunk in chunks]
            for span in spans.tolist()
        ]
    )


def _of_the_union(chunks: Array, spans: Array) -> Array:
    """Shared characters over those in either piece, float [m, n]."""
    shared = np.maximum(0, _overlaps(chunks, spans))
    union: Array = _lengths(spans)[:, None] + _lengths(chunks)[None, :] - shared
    return shared / union


def _at_nearest_start(chunks: Array, spans: Array) -> Array:
    """Share of each answer in the chunk whose start is nearest to its own, float [m]."""
    nearest = np.abs(spans[:, None, 0] - chunks[None, :, 0]).argmin(axis=1)
    share: Array = _shares(chunks, spans)[np.arange(len(spans)), nearest]
    return share


answer_coverage = Exercise(
    name="answer_coverage",
    cases=_coverage_cases,
    # chunks int [n, 2], spans int [m, 2] -> [m]
    expected=lambda chunks, spans: _shares(chunks, spans).max(axis=1),
    mistakes=[
        Mistake(
            "the shares of all chunks are added up; two chunks with half an answer each are not "
            "one chunk with all of it. Take the largest share.",
            lambda chunks, spans: _shares(chunks, spans).sum(axis=1),
        ),
        Mistake(
            "two chunks with half an answer each count as one with all of it. Take the largest "
            "share; do not add them.",
            lambda chunks, spans: np.minimum(1, _shares(chunks, spans).sum(axis=1)),
        ),
        Mistake(
            "the overlap is divided by the length of the chunk; the share is of the answer.",
            lambda chunks, spans: (
                np.maximum(0, _overlaps(chunks, spans)) / _lengths(chunks)[None, :]
            ).max(axis=1),
        ),
        Mistake(
            "the overlap is divided by the union of answer and chunk; the share is of the answer.",
            lambda chunks, spans: _of_the_union(chunks, spans).max(axis=1),
        ),
        Mistake(
            "an answer that no chunk touches has a coverage below 0: it shares no character.",
            lambda chunks, spans: (_overlaps(chunks, spans) / _lengths(spans)[:, None]).max(axis=1),
        ),
        Mistake(
            "the distance to a chunk that does not touch the answer counts as overlap: a negative "
            "difference means that nothing is shared.",
            lambda chunks, spans: (np.abs(_overlaps(chunks, spans)) / _lengths(spans)[:, None]).max(
                axis=1
            ),
        ),
        Mistake(
            "only the chunk with the nearest start is looked at; another may hold more.",
            _at_nearest_start,
        ),
        Mistake(
            "an answer counts as covered as soon as a chunk touches it; return the share.",
            lambda chunks, spans: (_shares(chunks, spans).max(axis=1) > 0).astype(float),
        ),
        Mistake(
            "this says whether a chunk has the whole answer (1) or not (0); return the share.",
            lambda chunks, spans: (_shares(chunks, spans).max(axis=1) == 1).astype(float),
        ),
        Mistake(
            "the ends are included: [start, end) has end - start characters.",
            lambda chunks, spans: (
                np.maximum(0, _overlaps(chunks, spans) + 1) / (_lengths(spans)[:, None] + 1)
            ).max(axis=1),
        ),
        Mistake(
            "these are numbers of characters; divide by the length of the answer.",
            lambda chunks, spans: np.maximum(0, _overlaps(chunks, spans)).max(axis=1),
        ),
        Mistake(
            "this is one number per chunk (axis 0); return one per answer (axis 1).",
            lambda chunks, spans: _shares(chunks, spans).max(axis=0),
        ),
        Mistake(
            "every answer counts as covered, wherever it lies.",
            lambda chunks, spans: np.ones(len(spans)),
            trivial=True,
        ),
        Mistake(
            "no answer counts as covered, wherever it lies.",
            lambda chunks, spans: np.zeros(len(spans)),
            trivial=True,
        ),
    ],
)
