"""Pictures under sliders: axes stay where they are while a slider moves, unless they must grow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ragkit.course.plots.base import COLOURS, Floats, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ragkit.documents.spans import Span
    from ragkit.scoring.stats import Interval

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_MARKED: dict[str, Any] = {"fc": COLOURS[2], "hatch": "///", "ec": "white"}


def softmax_bars(labels: Sequence[str], shares: Sequence[float], right: int, what: str) -> Figure:
    """Shares of one softmax as bars, the first label on top; the right one is hatched."""
    figure, (axis,) = panels(1, width=7.6, height=0.36 * len(labels) + 1.0)
    for row, share in enumerate(shares):
        axis.barh(-row, share, **(_MARKED if row == right else {"color": COLOURS[0]}))
        axis.text(share + 0.01, -row, f"{share:.3f}", va="center", size=9)
    ticks = [f"right: {label}" if row == right else label for row, label in enumerate(labels)]
    axis.set_yticks([-row for row in range(len(labels))], ticks)
    axis.set_xlim(0, 1.08)
    axis.set_xlabel(what)
    return figure


def shrunk_spectrum(
    before: Floats, after: Floats, scores: Mapping[str, float], metric: str
) -> Figure:
    """Variances along each direction before and after shrinking, float [d] twice, and scores.

    Both in units of the mean variance, on a log axis; what has no variance lies on the lower edge.
    """
    figure, (left, right) = panels(2, width=4.4, height=3.4)
    floor = 1e-5
    directions = np.arange(1, len(before) + 1)
    for values, colour, line, label in (
        (before, COLOURS[1], "--", "as estimated"),
        (after, COLOURS[0], "-", "shrunk"),
    ):
        heights = (values / before.mean()).clip(floor)
        left.plot(directions, heights, color=colour, ls=line, lw=1.8, label=label)
    left.set_yscale("log")
    left.set_ylim(floor / 1.5, 100)
    left.set_xlabel(f"direction, by variance (lower edge: {floor:.5f} or less)")
    left.set_ylabel("variance / mean variance (log scale)")
    left.legend(frameon=False, loc="upper right")
    for row, score in enumerate(scores.values()):
        right.barh(-row, score, **(_MARKED if row else {"color": "0.6"}))
        known = np.isfinite(score)
        words = f"{score:.3f}" if known else "cannot be fitted"
        right.text((score if known else 0) + 0.02, -row, words, va="center", size=9)
    right.set_yticks([-row for row in range(len(scores))], list(scores))
    right.set_ylim(-1.8, 0.8)
    right.set_xlim(0, 1.15)
    right.set_xlabel(metric)
    return figure


def window_map(
    chunks: Sequence[Span],
    passage: Span,
    around: Span,
    lengths: Sequence[int],
    whole: Sequence[bool],
    safe: int,
) -> Figure:
    """Windows over the characters of `around`, and below them every answer by its tokens.

    Answers that are `whole` in some window are in the upper row, the others in the lower one. Up to
    `safe` tokens an answer cannot be cut.
    """
    figure, (above, below) = _stacked(8.4, (2.1, 1.7))
    _draw_windows(above, chunks, passage, around)
    _draw_answers(below, np.array(lengths), np.array(whole), safe)
    return figure


def _draw_windows(axis: Axes, chunks: Sequence[Span], passage: Span, around: Span) -> None:
    lanes = 1 + max((_crossing(chunks, chunk) for chunk in chunks), default=0)
    for number, chunk in enumerate(chunks):
        holds = chunk.overlap(passage) == passage.end - passage.start
        left, right = max(chunk.start, around.start), min(chunk.end, around.end)
        lane = (-(number % lanes), 0.8)
        axis.broken_barh([(left, right - left)], lane, **(_MARKED if holds else {"fc": "0.88"}))
        axis.broken_barh([(left, right - left)], lane, fc="none", ec="0.25", lw=0.8)
    axis.axvspan(passage.start, passage.end, color=COLOURS[1], alpha=0.3, zorder=3)
    axis.set(xlim=(around.start, around.end), ylim=(-lanes + 0.8, 1), yticks=[])
    axis.set_xlabel("character of the handbook (band: an answer; hatched: holds it whole)")
    axis.set_ylabel("windows")


def _draw_answers(axis: Axes, lengths: Ints, whole: Bools, safe: int) -> None:
    shifts = np.random.default_rng(0).uniform(-0.25, 0.25, len(lengths))
    for at, row, marker, colour in ((whole, 1, "o", COLOURS[2]), (~whole, 0, "x", COLOURS[1])):
        axis.scatter(lengths[at], row + shifts[at], s=34, color=colour, marker=marker)
    axis.axvline(safe + 0.5, color="0.3", ls=":", label=f"overlap + 1 = {safe}")
    axis.set_yticks([0, 1], ["cut everywhere", "whole somewhere"])
    axis.set(xlim=(0, max(*lengths, safe) + 2), ylim=(-0.6, 1.6))
    axis.set_xlabel("tokens of the answer (one mark per answer)")
    axis.legend(frameon=False, loc="center right")


def _crossing(chunks: Sequence[Span], chunk: Span) -> int:
    """How many earlier chunks reach into this one."""
    return sum(other.start < chunk.start < other.end for other in chunks)


def _stacked(width: float, heights: Sequence[float]) -> tuple[Figure, Sequence[Axes]]:
    """A figure of panels one above the other, sizes in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, sum(heights)), layout="constrained", dpi=110)
    axes = figure.subplots(len(heights), 1, height_ratios=list(heights))
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, list(axes)


def moved_ranks(labels: Sequence[str], before: Sequence[int], after: Sequence[int]) -> Figure:
    """Ranks before and after, one row per question, the first on top; those that rise are blue."""
    figure, (axis,) = panels(1, width=8.4, height=0.24 * max(len(labels), 2) + 1.1)
    old, new, places = np.array(before), np.array(after), -np.arange(len(labels))
    for at, colour, marker, label in (
        (new < old, COLOURS[0], "<", "after: rescued"),
        (new > old, COLOURS[1], ">", "after: lost"),
    ):
        axis.hlines(places[at], old[at], new[at], color=colour, lw=1.5, zorder=1)
        axis.scatter(old[at], places[at], s=40, fc="white", ec=colour, lw=1.5, zorder=2)
        axis.scatter(new[at], places[at], s=46, color=colour, marker=marker, zorder=2, label=label)
    axis.scatter([], [], s=40, fc="white", ec="0.3", label="before")
    axis.set_yticks([-row for row in range(len(labels))], list(labels), size=8)
    axis.set_ylim(-max(len(labels), 2) + 0.4, 0.6)
    most = max([10, *before, *after])
    axis.set_xlim(0.5, most + 0.5)
    axis.set_xticks([1, *range(5, most + 1, 5)])
    axis.set_xlabel("rank of the first right document")
    axis.set_ylabel("" if labels else "no question is moved")
    axis.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def bootstrap_histogram(
    means: Floats, interval: Interval, own: float, edges: Floats, label: str
) -> Figure:
    """Means of resamples, float [n], between fixed edges, with their middle 95% as a bar above."""
    figure, (axis,) = panels(1, width=7.0, height=3.4)
    share = np.histogram(means, edges)[0] / len(means)
    axis.bar(edges[:-1], share, np.diff(edges), align="edge", color=COLOURS[5], ec="white", lw=0.5)
    top = max(0.14, 1.25 * float(share.max()))
    axis.errorbar(
        sum(interval) / 2,
        0.92 * top,
        xerr=(interval[1] - interval[0]) / 2,
        color="black",
        capsize=5,
        lw=2,
        label="middle 95% of the resamples",
    )
    axis.axvline(own, color=COLOURS[1], ls="--", label="mean of the questions themselves")
    if edges[0] < 0 < edges[-1]:
        axis.axvline(0, color="0.3", ls=":", label="0")
    axis.set_xlim(edges[0], edges[-1])
    axis.set_ylim(0, top)
    axis.set_xlabel(label)
    axis.set_ylabel("share of the resamples")
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3, frameon=False)
    return figure
