"""Pictures of lab 01: similarities, scores, training, temperature, the shape of the space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ragkit.course.plots.base import COLOURS, Floats, panels, same_heights, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ragkit.minigpt.train import LossPoint
    from ragkit.scoring.stats import Interval


def similarity_heatmap(
    similarities: Sequence[Floats], titles: Sequence[str], labels: Sequence[str]
) -> Figure:
    """Cosine matrices [n, n] side by side on one colour scale, each cell with its value."""
    figure, axes = panels(len(similarities), width=4.6, height=4.4)
    lowest = min(0.0, round(min(float(matrix.min()) for matrix in similarities), 1))
    for number, (axis, matrix, title) in enumerate(zip(axes, similarities, titles, strict=True)):
        image = axis.imshow(matrix, cmap="cividis", vmin=lowest, vmax=1)
        for row, column in np.ndindex(*matrix.shape):
            value = round(float(matrix[row, column]), 2) + 0.0  # no minus zero
            colour = "black" if value - lowest > 0.48 * (1 - lowest) else "white"  # 4.5:1 or better
            axis.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour, size=8)
        axis.set_title(title)
        axis.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
        axis.set_yticks(range(len(labels)), labels if number == 0 else [""] * len(labels))
    figure.colorbar(image, ax=list(axes), label="cosine similarity", shrink=0.8)
    return figure


def score_bars(
    labels: Sequence[str], means: Sequence[float], intervals: Sequence[Interval], metric: str
) -> Figure:
    """Horizontal bars of a metric with 95% intervals, the first label on top."""
    figure, (axis,) = panels(1, width=7.2, height=0.45 * len(labels) + 1.1)
    places = np.arange(len(labels))[::-1]
    low = [m - bounds[0] for m, bounds in zip(means, intervals, strict=True)]
    high = [bounds[1] - m for m, bounds in zip(means, intervals, strict=True)]
    axis.barh(places, means, xerr=[low, high], color=COLOURS[0], ecolor="black", capsize=3)
    for place, mean, bounds in zip(places, means, intervals, strict=True):
        axis.text(bounds[1] + 0.015, place, f"{mean:.2f}", va="center", size=9)
    axis.set_yticks(places, labels)
    axis.set_xlim(0, 1.08)
    axis.set_xlabel(f"{metric} (mean over queries; whiskers: 95% interval)")
    return figure


def kind_dots(kinds: Sequence[str], scores: Mapping[str, Sequence[float]], metric: str) -> Figure:
    """A metric by kind of query: one row a kind, one marker a system, set apart in height."""
    figure, (axis,) = panels(1, width=7.6, height=0.6 * len(kinds) + 1.2)
    places = np.arange(len(kinds))[::-1]
    offsets = np.linspace(0.24, -0.24, len(scores))  # equal scores must not hide one another
    for number, (system, values) in enumerate(scores.items()):
        above = places + offsets[number]
        axis.scatter(values, above, s=45, **style(number), label=system, zorder=3)
    for edge in places[:-1] - 0.5:
        axis.axhline(edge, color="0.85", lw=0.8)
    axis.set_yticks(places, kinds)
    axis.grid(axis="x", color="0.93")
    axis.set_xlim(-0.03, 1.03)
    axis.set_xlabel(f"{metric} (mean over the queries of the kind)")
    axis.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return figure


def loss_curve(curve: Sequence[LossPoint], vocabulary: int) -> Figure:
    """Training and validation loss over steps, with the loss of a uniform guess as reference."""
    figure, (axis,) = panels(1, width=6.4, height=3.6)
    steps = [point.step for point in curve]
    axis.plot(steps, [p.train for p in curve], color=COLOURS[0], label="training batch")
    validation = [p.validation for p in curve]
    axis.plot(steps, validation, color=COLOURS[1], ls="--", marker="o", ms=3, label="validation")
    axis.axhline(np.log(vocabulary), color="0.5", ls=":", label=f"uniform guess, ln {vocabulary}")
    axis.set_xlabel("optimiser step")
    axis.set_ylabel("cross-entropy (nats per token)")
    axis.set_ylim(bottom=0)
    axis.legend(frameon=False)
    return figure


def temperature_curves(
    temperatures: Floats, losses: Floats, entropies: Floats, hardest: Floats, candidates: int
) -> Figure:
    """What τ does: the loss, and how the gradient is shared among the negatives."""
    figure, (left, right) = panels(2, width=4.4, height=4.0)
    left.plot(temperatures, losses, color=COLOURS[0])
    left.axhline(np.log(candidates), color="0.5", ls=":", label=f"uniform weights, ln {candidates}")
    left.set_ylabel("InfoNCE loss (nats)")
    right.plot(temperatures, hardest, color=COLOURS[1], label="weight of the hardest negative")
    right.plot(
        temperatures,
        entropies / np.log(candidates - 1),
        color=COLOURS[2],
        ls="--",
        label="entropy of the weights (1 = uniform)",
    )
    right.set_ylabel("share (0 to 1)")
    right.set_ylim(-0.03, 1.03)
    for axis in (left, right):
        axis.set_xscale("log")
        axis.set_xlabel("temperature τ (log scale)")
        axis.axvspan(0.01, 0.05, color="0.9", zorder=0, label="usual in training")
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), frameon=False)
    return figure


def topic_map(points: Floats, topics: Sequence[str]) -> Figure:
    """A 2-D map of documents, float [n, 2], one colour and marker a topic."""
    figure, (axis,) = panels(1, width=7.6, height=4.6)
    names = list(dict.fromkeys(topics))
    for number, name in enumerate(names):
        rows = [row for row, topic in enumerate(topics) if topic == name]
        look = {**style(number), "s": 55, "edgecolor": "0.2", "linewidth": 0.5}
        axis.scatter(points[rows, 0], points[rows, 1], **look, label=name)
    axis.set_xlabel("first principal component")
    axis.set_ylabel("second principal component")
    axis.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return figure


def cosine_histograms(cosines: Mapping[str, Floats]) -> Figure:
    """Distributions of pairwise cosines, one panel per embedding, all on the same axes."""
    figure, axes = panels(len(cosines), width=2.45, height=3.0)
    for number, (axis, (label, values)) in enumerate(zip(axes, cosines.items(), strict=True)):
        axis.hist(values, bins=40, range=(-1, 1), color=COLOURS[number], density=True)
        axis.axvline(float(values.mean()), color="black", ls="--", lw=1)
        axis.set_title(f"{label}\nmean {values.mean():.2f}", size=10)
        axis.set_xlabel("cosine of two vectors")
        axis.set_xlim(-1, 1)
        axis.set_xticks([-1, 0, 1])
    same_heights(axes)
    axes[0].set_ylabel("density")
    return figure


def projection_curve(scores: Mapping[int, Sequence[float]], exact: float, metric: str) -> Figure:
    """A metric of random tables by their number of dimensions, and of what they project.

    `scores` are those of several tables by dimension: the mean is a line, their range a band.
    """
    figure, (axis,) = panels(1, width=6.4, height=3.4)
    dimensions, rows = list(scores), [np.array(values) for values in scores.values()]
    means = [row.mean() for row in rows]
    axis.plot(dimensions, means, color=COLOURS[0], marker="o", label="random tables")
    low, high = [row.min() for row in rows], [row.max() for row in rows]
    axis.fill_between(dimensions, low, high, color=COLOURS[0], alpha=0.2, lw=0)
    axis.axhline(exact, color=COLOURS[1], ls="--", label="exact token counts")
    axis.set_xscale("log", base=2)
    axis.set_xticks(dimensions, [str(dimension) for dimension in dimensions])
    axis.set_xlabel("dimensions of the table (log scale; band: all tables of a size)")
    axis.set_ylabel(metric)
    axis.set_ylim(bottom=0)
    axis.legend(loc="lower right", frameon=False)
    return figure


def pair_strips(groups: Mapping[str, Mapping[str, Floats]]) -> Figure:
    """Cosines of pairs as dots: one panel a model, one row a group of pairs."""
    figure, axes = panels(len(groups), width=4.4, height=2.4)
    rng = np.random.default_rng(0)
    lowest = min(float(values.min()) for rows in groups.values() for values in rows.values())
    for number, (axis, (model, rows)) in enumerate(zip(axes, groups.items(), strict=True)):
        for place, (_, values) in enumerate(rows.items()):
            jitter = rng.uniform(-0.18, 0.18, len(values))
            axis.scatter(values, place + jitter, s=18, alpha=0.7, **style(place))
            axis.plot([values.mean()] * 2, [place - 0.32, place + 0.32], color="black", lw=2)
        axis.set_yticks(range(len(rows)), list(rows) if number == 0 else [""] * len(rows))
        axis.set_title(model, size=10)
        axis.set_xlim(min(lowest, 0.0) - 0.05, 1.05)
        axis.set_xlabel("cosine of the pair (bar: mean)")
    return figure
