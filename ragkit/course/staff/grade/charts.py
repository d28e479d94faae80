"""Draw the two pictures of the class report, as SVG inside the page itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import StringIO
from typing import TYPE_CHECKING

import numpy as np

from ragkit.course.plots.base import COLOURS, panels
from ragkit.course.staff.grade.statistics import ItemFigures

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def distribution(shares: Sequence[float]) -> str:
    """How many students have which share of the points."""
    from matplotlib.ticker import MaxNLocator

    figure, [axis] = panels(1, 6.4, 2.6)
    edges = np.linspace(0, 100, 11)
    counts, _ = np.histogram([100 * share for share in shares], edges)
    axis.bar(edges[:-1] + 5, counts, width=9, color=COLOURS[0])
    axis.set_xticks(edges)
    axis.set_xlabel("share of the points that are scored so far (%)")
    axis.set_ylabel("students")
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    return _svg(figure, "Histogram: how many students have which share of the points.")


def items(figures: Sequence[ItemFigures]) -> str:
    """Mean share of the points of each item, and its correlation with the rest."""
    figure, [left, right] = panels(2, 4.4, 0.9 + 0.28 * len(figures))
    places = np.arange(len(figures))[::-1]
    left.barh(places, [100 * one.mean for one in figures], color=COLOURS[0], height=0.7)
    left.set_yticks(places, [one.item for one in figures])
    left.set_xlim(0, 100)
    left.set_xlabel("mean share of the points (%)")
    known = [(p, one.discrimination) for p, one in zip(places, figures, strict=True)]
    drawn = [(place, value) for place, value in known if value is not None]
    right.axvline(0, color=COLOURS[7], linewidth=1)
    right.plot([v for _, v in drawn], [p for p, _ in drawn], "o", color=COLOURS[1])
    right.set_yticks(places, [])
    right.set_ylim(left.get_ylim())
    right.set_xlim(-1.05, 1.05)
    right.set_xlabel("correlation with the other items")
    description = (
        "Two panels: mean share of the points of each item; its correlation with the others."
    )
    return _svg(figure, description)


def _svg(figure: Figure, description: str) -> str:
    """The picture as SVG, the same text for the same picture."""
    import matplotlib as mpl

    text = StringIO()
    with mpl.rc_context({"svg.hashsalt": "ragkit", "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    label = f'<svg role="img" aria-label="{description}"'
    return re.sub(r"^.*?<svg", label, text.getvalue(), count=1, flags=re.DOTALL)
