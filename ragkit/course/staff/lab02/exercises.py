"""The exercises of lab 02 on chunks: windows, and how much of an answer they cover."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from ragkit.course.staff.exercise import Array, Case, Exercise, Mistake


def _window_cases(rng: Generator) -> list[Case]:
    size, overlap, whole = (int(number) for number in rng.integers([8, 2, 2], [13, 5, 5]))
    step = size - overlap
    fits = size + whole * step
    rest = int(rng.integers(1, step))
    short = int(rng.integers(2, size))
    drawn = {
        "a last window that is shorter": (fits + rest, size, overlap),
        "windows that end where the text ends": (fits, size, overlap),
        "windows without overlap": (whole * size + short, size, 0),
        "a text that is shorter than a window": (short, size, min(overlap, short - 1)),
        "windows that move by one token": (fits, size, size - 1),
    }
    detail = "{} tokens, size {}, overlap {}"
    return [Case(numbers, kind, detail.format(*numbers)) for kind, numbers in drawn.items()]


def _windows(count: int, size: int, step: int, until: int | None = None) -> Array:
    """Windows that start every `step` tokens before `until`, int [w, 2]."""
    starts = np.arange(0, count if until is None else max(1, until), max(1, step))
    return np.stack([starts, np.minimum(starts + size, count)], axis=1)


def _sliding(count: int, size: int, overlap: int) -> Array:
    """The expected windows, int [w, 2], by walking: stop as soon as one reaches the end."""
    windows = [[0, min(size, count)]]
    while windows[-1][1] < count:
        start = windows[-1][1] - overlap
        windows.append([start, min(start + size, count)])
    return np.array(windows)


sliding_window = Exercise(
    name="sliding_window",
    cases=_window_cases,
    expected=_sliding,
    mistakes=[
        Mistake(
            "the windows start `overlap` tokens apart: the step is size - overlap.",
            lambda count, size, overlap: _windows(count, size, overlap, count - overlap),
        ),
        Mistake(
            "the windows do not overlap: the step is size - overlap, not size.",
            lambda count, size, overlap: _windows(count, size, size),
        ),
        Mistake(
            "neighbours share one token too many: an off-by-one in the step.",
            lambda count, size, overlap: _sliding(count, size, min(overlap + 1, size - 1)),
        ),
        Mistake(
            "neighbours share one token too few: an off-by-one in the step.",
            lambda count, size, overlap: _sliding(count, size, max(overlap - 1, -1)),
        ),
        Mistake(
            "the last window is lost: the tokens at the end of the text belong to a chunk too.",
            lambda count, size, overlap: _sliding(count, size, overlap)[
                : max(0, (count - size) // (size - overlap) + 1)
            ],
        ),
        Mistake(
            "the last window lies wholly inside the one before it: stop when a window has reached "
            "the end.",
            lambda count, size, overlap: _windows(count, size, size - overlap),
        ),
        Mistake(
            "a window ends past the last token: no end may exceed `count`.",
            lambda count, size, overlap: np.stack(
                [_sliding(count, size, overlap)[:, 0], _sliding(count, size, overlap)[:, 0] + size],
                axis=1,
            ),
        ),
        Mistake(
            "the ends are inclusive; [start, end) leaves the end out, as Python's slices do.",
            lambda count, size, overlap: _sliding(count, size, overlap) - [0, 1],
        ),
    ],
)


def _coverage_cases(rng: Generator) -> list[Case]:
    scale = int(rng.integers(2, 6))
    apart = scale * np.array([[0, 10], [10, 20], [24, 34]])
    sliding = scale * np.array([[0, 10], [6, 16], [12, 22]])
    spans = scale * np.array([[2, 6], [8, 12], [5, 25], [20, 24], [30, 34]])
    spans = spans + rng.integers(0, scale, size=spans.shape)
    return [
        Case((sliding, spans), "overlapping chunks", "three chunks, five answers", weight=2),
        Case((apart, spans[:4]), "chunks with a gap", "three chunks, four answers"),
        Case((sliding[::-1].copy(), spans[:2]), "chunks in reverse order", "three chunks"),
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
            "an answer that no chunk touches has a coverage below 0: clip the overlap at 0.",
            lambda chunks, spans: (_overlaps(chunks, spans) / _lengths(spans)[:, None]).max(axis=1),
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
    ],
)
