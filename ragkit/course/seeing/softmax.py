"""A slider for the temperature over one row's softmax."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ragkit.course import plots
from ragkit.course.seeing.sliding import Control, View, slide

TEMPERATURES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
SHOWN = 8  # documents with a bar of their own

Row = NDArray[np.float64]


def temperature(cosines: Row, names: Sequence[str], right: int, start: float = 0.1) -> None:
    """Show how the temperature divides one question's softmax among its documents.

    `cosines`, float [n], are those of the question with the documents `names`; the document in
    place `right` answers it.
    """

    def draw(temperature: float) -> View:
        return row_view(cosines, names, right, temperature)

    slide(draw, Control("temperature", "temperature τ", TEMPERATURES, start))


def shares(cosines: Row, temperature: float) -> Row:
    """Softmax of the cosines divided by the temperature, float [n], adding up to 1."""
    logits = cosines.astype(float) / temperature
    powers = np.exp(logits - logits.max())
    result: Row = powers / powers.sum()
    return result


def row_view(cosines: Row, names: Sequence[str], right: int, temperature: float) -> View:
    """The picture of one row's shares, and what they mean for the loss and the push."""
    share = shares(cosines, temperature)
    others = np.delete(np.arange(len(share)), right)
    hardest = others[np.argmax(cosines[others])]
    own = _nearest(cosines, right)
    labels = [f"{names[row]} ({cosines[row]:.2f})" for row in own]
    heights = share[own].tolist()
    if rest := len(share) - len(own):
        labels.append(f"the other {rest} together")
        heights.append(1 - sum(heights))
    figure = plots.softmax_bars(
        labels,
        heights,
        own.index(right),
        f"share at τ = {temperature:g} (cosine in brackets)",
    )
    loss = np.logaddexp.reduce((cosines - cosines[right]) / temperature)
    push = shares(cosines[others], temperature).max()
    words = (
        f"At τ = {temperature:g} the right document, {names[right]}, has a share of "
        f"{share[right]:.3f}, and the loss of this row is {loss:.2f} nats.\n"
        f"Of the push on the {len(others)} others, {push:.3f} falls on the nearest of them, "
        f"{names[hardest]}; divided evenly it would be {1 / len(others):.3f}."
    )
    return View(figure, _alt(temperature, len(share)), words)


def _nearest(cosines: Row, right: int) -> list[int]:
    """The rows with the largest cosines, largest first, the right one among them."""
    order = np.argsort(-cosines, kind="stable").tolist()
    kept = order[:SHOWN] if right in order[:SHOWN] else [*order[: SHOWN - 1], right]
    return [int(row) for row in kept]


def _alt(temperature: float, count: int) -> str:
    return (
        f"Bars of the softmax shares of one question's {count} documents at a temperature of "
        f"{temperature:g}, the nearest documents one by one and the others together. "
        "The right document is hatched."
    )
