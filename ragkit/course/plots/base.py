"""What every picture shares: colours, markers, panels.

Colours are Okabe & Ito's, which readers with colour-blindness can tell apart; maps of values use
cividis.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.floating[Any]]

COLOURS = (
    "#0072B2",  # blue
    "#D55E00",  # vermilion
    "#009E73",  # green
    "#CC79A7",  # purple
    "#E69F00",  # orange
    "#56B4E9",  # sky
    "#000000",  # black
    "#999999",  # grey
    "#F0E442",  # yellow, last: too pale for a line
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", "p", ">")


def style(number: int) -> dict[str, Any]:
    """Colour and marker of the n-th series; the first nine share neither."""
    return {
        "color": COLOURS[number % len(COLOURS)],
        "marker": MARKERS[number % len(MARKERS)],
    }


def panels(count: int, width: float, height: float) -> tuple[Figure, Sequence[Axes]]:
    """A figure of `count` panels in a row, sizes in inches each, without the notebook backend."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * count, height), layout="constrained", dpi=110)
    axes = figure.subplots(1, count, squeeze=False)[0]
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, list(axes)


def same_heights(axes: Sequence[Axes]) -> None:
    """Give panels that are compared one y axis, with its numbers at the first."""
    limits = [limit for axis in axes for limit in axis.get_ylim()]
    for number, axis in enumerate(axes):
        axis.set_ylim(min(limits), max(limits))
        axis.tick_params(labelleft=number == 0)
