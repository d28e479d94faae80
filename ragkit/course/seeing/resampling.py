"""Sliders for the resamples of a bootstrap, and for the luck of its draws."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ragkit.course import plots
from ragkit.course.seeing.sliding import Control, View, slide

RESAMPLES = (20, 50, 100, 200, 500, 1000, 2000)
SEEDS = range(10)

Floats = NDArray[np.float64]


def bootstrap(values: Floats, label: str, start: int = 20) -> None:
    """Show how the bootstrap of a mean settles with the number of resamples.

    `values`, float [n], are one number per question, of one system or the difference of two;
    `label` names what their mean is, with its unit.
    """
    view = Resampled(np.asarray(values, dtype=float), label).view
    slide(
        view,
        Control("resamples", "resamples", RESAMPLES, start),
        Control("seed", "seed of the draws", SEEDS, 0),
    )


class Resampled:
    """The means of up to 2000 resamples of the same values; fewer are the first of them."""

    def __init__(self, values: Floats, label: str) -> None:
        self.values, self.label = values, label
        self._drawn = lru_cache(self._draw)
        spread = 5 * values.std() / len(values) ** 0.5 or 1.0
        self.edges = np.linspace(values.mean() - spread, values.mean() + spread, 41)

    def _draw(self, seed: int) -> Floats:
        rows = np.random.default_rng(seed).integers(
            len(self.values), size=(RESAMPLES[-1], len(self.values))
        )
        means: Floats = self.values[rows].mean(axis=1)
        return means

    def means(self, resamples: float, seed: float) -> Floats:
        """The means of the first so many resamples, float [resamples]."""
        return self._drawn(int(seed))[: int(resamples)]

    def view(self, resamples: float, seed: float) -> View:
        """The histogram of the means, and their middle 95%."""
        means = self.means(resamples, seed)
        low, high = np.quantile(means, [0.025, 0.975])
        figure = plots.bootstrap_histogram(
            means, (float(low), float(high)), float(self.values.mean()), self.edges, self.label
        )
        words = (
            f"{self.label}: the mean over the {len(self.values)} questions themselves is "
            f"{self.values.mean():+.3f}.\nOf {resamples:g} resamples with seed {seed:g}, the "
            f"middle 95% lie from {low:+.3f} to {high:+.3f}."
        )
        return View(figure, _alt(resamples), words)


def _alt(resamples: float) -> str:
    return (
        f"A histogram of the means of {resamples:g} resamples, with a dashed line at the mean of "
        "the questions themselves and a bar above for the middle 95%."
    )
