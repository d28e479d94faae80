"""Pictures of lab 03: what a scorer sees, ceilings, weights, differences, metrics, margins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ragkit.course.plots.base import COLOURS, Floats, panels, same_heights, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ragkit.scoring.stats import Interval


def value_strips(groups: Mapping[str, Mapping[str, Floats]], units: Sequence[str]) -> Figure:
    """Numbers as dots around a zero line: one panel a title and unit, one row a group."""
    rows = len(next(iter(groups.values())))
    figure, axes = panels(len(groups), width=4.6, height=0.55 * rows + 1.2)
    rng = np.random.default_rng(0)
    for number, (axis, (title, strips)) in enumerate(zip(axes, groups.items(), strict=True)):
        places = np.arange(rows)[::-1]
        for row, (place, values) in enumerate(zip(places, strips.values(), strict=True)):
            jitter = rng.uniform(-0.18, 0.18, len(values))
            axis.scatter(values, place + jitter, s=26, alpha=0.8, **style(row), zorder=3)
            axis.plot([values.mean()] * 2, [place - 0.34, place + 0.34], color="black", lw=2)
        axis.axvline(0, color="0.5", ls=":")
        axis.set_yticks(places, list(strips) if number == 0 else [""] * rows)
        axis.set_ylim(-0.6, rows - 0.4)
        axis.set_title(title, size=10)
        axis.set_xlabel(f"{units[number]} (bar: mean)")
    return figure


def ceiling_curve(depths: Sequence[int], curves: Mapping[str, Sequence[float]]) -> Figure:
    """hit_rate@N against the number of candidates N, one curve a first stage."""
    figure, (axis,) = panels(1, width=6.4, height=3.6)
    for number, (label, rates) in enumerate(curves.items()):
        axis.plot(depths, rates, lw=1.5, ms=5, **style(number), label=label)
    axis.axhline(1, color="0.5", ls=":")
    axis.set_xscale("log")
    axis.set_xticks(depths, [str(depth) for depth in depths])
    axis.minorticks_off()
    axis.set_ylim(0, 1.04)
    axis.set_xlabel("candidates N handed to the second stage (log scale)")
    axis.set_ylabel("hit_rate@N")
    axis.legend(frameon=False, loc="lower right")
    return figure


def weight_curves(
    weights: Sequence[float],
    curves: Mapping[str, Mapping[str, Sequence[float]]],
    levels: Mapping[str, Mapping[str, float]],
    metric: str,
) -> Figure:
    """Scores by the weight in a mixture of two systems: one panel a mixture, one y axis for all.

    `curves[panel][label]` holds a score per weight; `levels[panel][label]` a system without a
    weight, drawn as a horizontal line.
    """
    figure, axes = panels(len(curves), width=4.6, height=3.9)
    for axis, (title, lines) in zip(axes, curves.items(), strict=True):
        for number, (label, scores) in enumerate(lines.items()):
            axis.plot(weights, scores, lw=1.5, ms=5, **style(number), label=label)
        for dashes, (label, level) in zip(("--", ":"), levels[title].items(), strict=False):
            axis.axhline(level, color="0.3", ls=dashes, lw=1.2, label=label)
        axis.set_xlim(0, 1.03)
        axis.set_xlabel(f"weight of {title}")
        axis.legend(frameon=False, fontsize=9, loc="lower left")
    same_heights(axes)
    axes[0].set_ylabel(f"{metric}, mean over queries")
    return figure


def difference_dots(
    labels: Sequence[str],
    differences: Sequence[float],
    intervals: Sequence[Interval],
    metric: str,
) -> Figure:
    """Differences between two systems with 95% intervals around a zero line, first on top."""
    figure, (axis,) = panels(1, width=7.0, height=0.42 * len(labels) + 1.1)
    places = np.arange(len(labels))[::-1]
    points = 100 * np.array(differences)
    bounds = 100 * np.array(intervals).reshape(-1, 2)
    whiskers = np.abs(bounds.T - points)
    axis.errorbar(points, places, xerr=whiskers, fmt="o", color=COLOURS[0], capsize=3)
    axis.axvline(0, color="0.3", ls=":")
    axis.set_yticks(places, labels)
    axis.set_ylim(-0.6, len(labels) - 0.4)
    axis.set_xlabel(f"difference of {metric} in points (whiskers: 95% interval)")
    return figure


def token_heatmap(
    similarities: Floats, query_tokens: Sequence[str], document_tokens: Sequence[str]
) -> Figure:
    """Cosines of query tokens (rows) and document tokens; the largest of each row is framed."""
    from matplotlib.patches import Rectangle

    figure, (axis,) = panels(1, width=0.34 * len(document_tokens) + 2.2, height=3.4)
    image = axis.imshow(similarities, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    for row, column in enumerate(similarities.argmax(axis=1)):
        frame = Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, ec=COLOURS[1], lw=2.5)
        axis.add_patch(frame)
    axis.set_xticks(range(len(document_tokens)), document_tokens, rotation=60, ha="right", size=8)
    axis.set_yticks(range(len(query_tokens)), query_tokens)
    axis.set_xlabel("tokens of the document")
    axis.set_ylabel("tokens of the query")
    figure.colorbar(image, ax=axis, label="cosine similarity", shrink=0.9)
    return figure


def discount_curves(weights: Mapping[str, Sequence[float]]) -> Figure:
    """What one right document is worth by its rank, one step curve per metric, ranks from 1."""
    figure, (axis,) = panels(1, width=6.2, height=3.4)
    for number, (metric, values) in enumerate(weights.items()):
        ranks = np.arange(1, len(values) + 1)
        look = {**style(number), "drawstyle": "steps-mid"}
        axis.plot(ranks, values, lw=1.5, ms=6, **look, label=metric)
    axis.set_xticks(range(1, 1 + max(len(values) for values in weights.values())))
    axis.set_ylim(-0.03, 1.06)
    axis.set_xlabel("rank of the only right document")
    axis.set_ylabel("score of the query")
    axis.legend(frameon=False)
    return figure


def margin_scatter(student: Floats, teacher: Floats) -> Figure:
    """Margins of (right, wrong) document pairs: the student's across, the teacher's up."""
    figure, (axis,) = panels(1, width=6.2, height=4.4)
    quadrants = [
        ("both right", (student > 0) & (teacher > 0), (0.98, 0.98), "right", "top"),
        ("only the teacher right", (student <= 0) & (teacher > 0), (0.02, 0.98), "left", "top"),
        ("only the student right", (student > 0) & (teacher <= 0), (0.98, 0.02), "right", "bottom"),
        ("both wrong", (student <= 0) & (teacher <= 0), (0.02, 0.02), "left", "bottom"),
    ]
    for number, (name, chosen, corner, across, up) in enumerate(quadrants):
        look = style(number)
        axis.scatter(student[chosen], teacher[chosen], s=12, alpha=0.5, **look, zorder=2)
        text = f"{name}: {chosen.sum()}"
        axis.text(*corner, text, transform=axis.transAxes, ha=across, va=up, size=9)
    axis.axhline(0, color="0.3", ls=":")
    axis.axvline(0, color="0.3", ls=":")
    axis.margins(x=0.08, y=0.14)
    axis.set_xlabel("student's margin (cosine of right minus wrong)")
    axis.set_ylabel("teacher's margin (logit of right minus wrong)")
    return figure


def attention_masks(masks: Mapping[str, Floats], tokens: Sequence[str]) -> Figure:
    """Which token may look at which, one panel an architecture: 1 in the layers, 0.5 at the end."""
    from matplotlib import colormaps
    from matplotlib.patches import Patch

    colours: Any = colormaps["cividis"]
    figure, axes = panels(len(masks), width=3.4, height=4.0)
    for number, (axis, (title, mask)) in enumerate(zip(axes, masks.items(), strict=True)):
        axis.imshow(mask, cmap=colours, vmin=0, vmax=1, aspect="auto")
        axis.set_title(title, size=11)
        axis.set_xticks(range(len(tokens)), tokens, rotation=60, ha="right", size=9)
        axis.set_yticks(range(len(tokens)), tokens if number == 0 else [""] * len(tokens), size=9)
        edges = np.arange(1, len(tokens)) - 0.5
        axis.vlines(edges, -0.5, len(tokens) - 0.5, color="white", lw=0.6)
        axis.hlines(edges, -0.5, len(tokens) - 0.5, color="white", lw=0.6)
        axis.set_xlabel("looked at")
    axes[0].set_ylabel("token that looks")
    names = {1.0: "in every layer", 0.5: "once, at the end", 0.0: "never"}
    handles = [Patch(color=colours(value), label=name) for value, name in names.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    return figure
