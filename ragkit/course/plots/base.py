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
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<")


def style(number: int) -> dict[str, Any]:
    """Colour and marker of the n-th series, so that neither alone must be told apart."""
    return {"color": COLOURS[number % 8], "marker": MARKERS[number % 9]}


def panels(count: int, width: float, height: float) -> tuple[Figure, Sequence[Axes]]:
    """A figure of `count` panels in a row, sizes in inches each, without the notebook backend."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * count, height), layout="constrained", dpi=110)
    axes = figure.subplots(1, count, squeeze=False)[0]
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, list(axes)
