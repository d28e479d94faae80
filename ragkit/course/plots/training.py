"""Pictures of lab 04: what training does to a space, over time, in its spectrum, by ablation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ragkit.course.plots.base import Floats, panels, same_heights, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ragkit.scoring.stats import Interval

Curve = tuple[Sequence[int], Sequence[float]]  # steps, values
Point = tuple[int, float]


def training_runs(
    scores: Mapping[str, Sequence[Curve]],
    kept: Mapping[str, Sequence[Point]],
    losses: Mapping[str, tuple[Sequence[int], Sequence[float], Sequence[Interval]]],
    metric: str,
) -> Figure:
    """A metric over training, one line per seed, one column per set-up; below, validation losses.

    Step 0 is drawn hollow; a star marks the `kept` checkpoint, (step, value), of each seed. A loss
    is a mean over the seeds at some steps, with its range over them as a band.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6 * len(scores), 6.2), layout="constrained", dpi=110)
    upper, lower = figure.subplots(2, len(scores), squeeze=False, height_ratios=(3, 2))
    for name, above, below in zip(scores, upper, lower, strict=True):
        for seed, (steps, values) in enumerate(scores[name]):
            look = style(seed)
            above.plot(steps, values, lw=1.3, ms=4, **look, label=f"seed {seed}")
            above.plot(steps[:1], values[:1], ms=9, mfc="white", mew=1.5, zorder=3, **look)
            step, value = kept[name][seed]
            above.plot([step], [value], color=look["color"], marker="*", ms=14, mec="black")
        steps, means, ranges = losses[name]
        below.plot(steps, means, color="0.2", marker="o", ms=4, lw=1.3)
        low, high = zip(*ranges, strict=True)
        below.fill_between(steps, low, high, color="0.8", lw=0)
        above.set_title(name, size=10)
        for axis in (above, below):
            axis.spines[["top", "right"]].set_visible(False)
            axis.set_xlabel("optimiser step")
            axis.set_xlim(-15, None)
    for row in (upper, lower):
        same_heights(row)
    upper[0].set_ylabel(f"{metric} (mean over queries)")
    lower[0].set_ylabel("validation loss (nats)\nmean and range of the seeds")
    _explain(upper[0])
    return figure


def _explain(axis: Axes) -> None:
    """A legend of the seeds and of the two marks."""
    axis.plot([], [], color="0.3", marker="o", mfc="white", ms=8, ls="", label="step 0")
    axis.plot([], [], color="0.3", marker="*", mec="black", ms=11, ls="", label="kept checkpoint")
    axis.legend(frameon=False, fontsize=8, ncols=2)


def spectrum_curves(shares: Mapping[str, Floats], dimensions: Mapping[str, float]) -> Figure:
    """Cumulative share of the variance over the directions, largest first, one curve a space.

    `shares` are float [d], the last one 1; the legend gives the effective `dimensions`.
    """
    figure, (axis,) = panels(1, width=6.4, height=3.8)
    for number, (name, share) in enumerate(shares.items()):
        label = f"{name}: {dimensions[name]:.0f} effective of {len(share)}"
        places = np.arange(1, len(share) + 1)
        marks = np.unique(np.geomspace(1, len(share), 9).astype(int)) - 1
        look = {**style(number), "lw": 1.5, "ms": 5, "markevery": marks.tolist()}
        axis.plot(places, share, **look, label=label)
    axis.axhline(1, color="0.5", ls=":")
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter("{x:.0f}")
    axis.set_ylim(0, 1.04)
    axis.set_xlabel("directions, by their variance, largest first (log scale)")
    axis.set_ylabel("share of the variance (cumulative)")
    axis.legend(frameon=False, loc="lower right")
    return figure


def interval_dots(
    rows: Sequence[str],
    scores: Mapping[str, tuple[Sequence[float], Sequence[Interval]]],
    metric: str,
) -> Figure:
    """Means with 95% whiskers: a row for each treatment, the first on top, a marker per system."""
    figure, (axis,) = panels(1, width=6.6, height=0.6 * len(rows) + 1.3)
    places = np.arange(len(rows))[::-1]
    offsets = np.linspace(0.14, -0.14, len(scores))
    for number, (system, (means, intervals)) in enumerate(scores.items()):
        low = [m - bounds[0] for m, bounds in zip(means, intervals, strict=True)]
        high = [bounds[1] - m for m, bounds in zip(means, intervals, strict=True)]
        look, above = style(number), places + offsets[number]
        axis.errorbar(means, above, xerr=[low, high], ls="", ms=7, capsize=3, **look, label=system)
    for edge in places[:-1] - 0.5:
        axis.axhline(edge, color="0.85", lw=0.8)
    axis.set_yticks(places, rows)
    axis.set_ylim(-0.5, len(rows) - 0.5)
    axis.grid(axis="x", color="0.93")
    axis.set_xlabel(f"{metric} (mean over queries; whiskers: 95% interval)")
    axis.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return figure


def seed_dots(
    rows: Sequence[str],
    means: Sequence[float],
    intervals: Sequence[Interval],
    seeds: Sequence[Sequence[float]],
    metric: str,
) -> Figure:
    """Differences in points around a zero line: a mean with its 95% whiskers, small dots for seeds.

    A row may have no seeds of its own; the first row is on top.
    """
    figure, (axis,) = panels(1, width=7.0, height=0.5 * len(rows) + 1.2)
    places = np.arange(len(rows))[::-1]
    points = 100 * np.array(means)
    whiskers = np.abs(100 * np.array(intervals).T - points)
    look = {"fmt": "o", "color": style(0)["color"], "capsize": 3}
    axis.errorbar(points, places, xerr=whiskers, ms=7, label="mean over the seeds", **look)
    for place, single in zip(places, seeds, strict=True):
        below = np.full(len(single), place - 0.22)
        axis.plot(100 * np.array(single), below, ls="", marker="s", ms=4, color=style(1)["color"])
    axis.plot([], [], ls="", marker="s", ms=4, color=style(1)["color"], label="one seed")
    axis.axvline(0, color="0.3", ls=":")
    axis.set_yticks(places, rows)
    axis.set_ylim(-0.6, len(rows) - 0.4)
    axis.set_xlabel(f"change of {metric}, in points (whiskers: 95% interval)")
    axis.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return figure
