"""Pictures of lab 02: how a text is cut, what that costs, and time against recall."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ragkit.course.plots.base import COLOURS, Floats, panels, same_heights, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ragkit.documents.spans import Span

Series = tuple[Sequence[float], Sequence[float]]
Score = Callable[[Floats, Floats], Floats]


def chunk_map(cuts: Mapping[str, Sequence[Span]], gold: Span, window: Span) -> Figure:
    """How strategies cut the characters of `window`; chunks that hold the whole answer are filled.

    Each strategy is one row; overlapping chunks alternate between two heights. The band is the
    answer.
    """
    figure, (axis,) = panels(1, width=8.4, height=0.75 * len(cuts) + 1.3)
    for row, (name, chunks) in enumerate(cuts.items()):
        seen = [(n, c) for n, c in enumerate(chunks) if c.overlap(window)]
        for number, chunk in seen:
            whole = chunk.overlap(gold) == gold.end - gold.start
            low = -row + (0.04 if number % 2 else -0.3)
            left, right = max(chunk.start, window.start), min(chunk.end, window.end)
            axis.broken_barh(
                [(left, right - left)],
                (low, 0.26),
                facecolor=COLOURS[2] if whole else "0.88",
                edgecolor="0.25",
                lw=0.8,
                label=name,
            )
    axis.axvspan(gold.start, gold.end, color=COLOURS[1], alpha=0.3, zorder=3)
    axis.set_yticks([-row for row in range(len(cuts))], list(cuts))
    axis.set_xlim(window.start, window.end)
    axis.set_ylim(-len(cuts) + 0.4, 0.6)
    axis.set_xlabel(
        "character of the handbook (band: the answer; green: a chunk that holds it whole)"
    )
    return figure


def size_curves(
    curves: Mapping[str, Mapping[str, Series]], levels: Mapping[str, tuple[str, float]]
) -> Figure:
    """Scores against chunk size: one panel a score, one line a strategy, sizes on a log axis.

    `levels` gives each panel a strategy without a size, drawn as a dotted line across.
    """
    figure, axes = panels(len(curves), width=4.4, height=3.5)
    for axis, (title, series) in zip(axes, curves.items(), strict=True):
        for number, (name, (sizes, values)) in enumerate(series.items()):
            axis.plot(sizes, values, **style(number), label=name)
        name, level = levels[title]
        axis.axhline(level, color=COLOURS[3], ls=":", lw=2, label=name)
        _size_axis(axis, sorted({size for sizes, _ in series.values() for size in sizes}))
        axis.set_title(title, size=10)
        axis.set_ylim(0, 1.05)
    axes[0].set_ylabel("share of questions")
    axes[0].legend(frameon=False, loc="lower right")
    return figure


def _size_axis(axis: Axes, sizes: Sequence[float]) -> None:
    axis.set_xscale("log")
    axis.set_xticks(sizes, [f"{size:g}" for size in sizes])
    axis.minorticks_off()
    axis.set_xlabel("chunk size (tokens)")


def length_scatter(groups: Mapping[str, tuple[Floats, Floats]]) -> Figure:
    """Length of a vector before normalising against tokens of its text: one mark a text."""
    figure, (axis,) = panels(1, width=6.4, height=3.6)
    for number, (name, (tokens, lengths)) in enumerate(groups.items()):
        axis.scatter(tokens, lengths, s=26, alpha=0.75, **style(number), label=name)
    axis.set_ylim(bottom=0)
    axis.set_xlabel("tokens of the text")
    axis.set_ylabel("length of its vector (L2 norm)")
    axis.legend(frameon=False)
    return figure


def recall_curves(
    panels_of: Mapping[str, Mapping[str, Series]],
    widths: Sequence[int],
    cost: str,
    limit: int = 10,
) -> Figure:
    """Recall of a graph index against what a search costs: one panel a cloud, one line a size.

    The points of each panel's last line are labelled by their beam width. `cost` names the x axis,
    which is logarithmic.
    """
    figure, axes = panels(len(panels_of), width=4.6, height=3.8)
    for axis, (title, curves) in zip(axes, panels_of.items(), strict=True):
        for number, (name, (costs, recalls)) in enumerate(curves.items()):
            axis.plot(costs, recalls, **style(number), label=name)
        for width, x, y in zip(widths, costs, recalls, strict=True):
            axis.annotate(f"{width}", (x, y), (3, -11), textcoords="offset points", size=8)
        axis.axhline(1, color="0.5", ls=":", label="exact search")
        axis.set_xscale("log")
        for formatter in (axis.xaxis.set_major_formatter, axis.xaxis.set_minor_formatter):
            formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "125" else "")
        axis.margins(y=0.08)
        axis.set_title(title, size=10)
        axis.set_xlabel(f"{cost}\n(log scale; labels: efSearch)")
        axis.legend(frameon=False, loc="lower left")
    same_heights(axes)
    axes[0].set_ylabel(f"recall@{limit} against exact search")
    return figure


def walk_steps(
    points: Floats,
    query: Floats,
    steps: Mapping[str, tuple[Sequence[tuple[int, int]], Sequence[int], Sequence[int], int]],
) -> Figure:
    """A walk over a graph in the plane, float [n, 2]: one panel a moment, titled by its key.

    A moment is the links of its layer, the points compared so far, the beam, and where it stands.
    """
    figure, axes = panels(len(steps), width=2.9, height=3.9)
    for axis, (title, (links, compared, beam, here)) in zip(axes, steps.items(), strict=True):
        linked = sorted({point for link in links for point in link})
        for first, second in links:
            axis.plot(*points[[first, second]].T, color="0.85", lw=0.8, zorder=0)
        _marks(axis, points, linked, s=14, color="0.7", label="not compared")
        _marks(axis, points, compared, s=26, color=COLOURS[0], label="compared")
        _marks(axis, points, beam, s=70, fc="none", ec=COLOURS[1], lw=1.8, label="beam")
        axis.plot(*points[here], marker="X", ms=9, ls="", color=COLOURS[1], label="here")
        axis.plot(*query, marker="*", ms=15, ls="", color="black", label="query")
        axis.set_title(title, size=10)
        axis.set_xlabel("first dimension")
        axis.set(xlim=_around(points[:, 0]), ylim=_around(points[:, 1]), aspect="equal")
        axis.tick_params(labelleft=axis is axes[0])
    axes[0].set_ylabel("second dimension")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False)
    return figure


def _marks(axis: Axes, points: Floats, rows: Sequence[int], **looks: Any) -> None:
    axis.scatter(points[list(rows), 0], points[list(rows), 1], **looks)


def _around(values: Floats) -> tuple[float, float]:
    """The range of the values with a margin of a twentieth."""
    low, high = float(values.min()), float(values.max())
    return low - 0.05 * (high - low), high + 0.05 * (high - low)


def latency_growth(measured: Mapping[str, Series], proportional: Series) -> Figure:
    """Latency of one query against the number of vectors, on log axes.

    `proportional` begins at a measured point and goes on as if time grew with the number of
    vectors: a dotted line over a ground that is marked as not measured.
    """
    figure, (axis,) = panels(1, width=6.8, height=3.9)
    for number, (name, (sizes, latencies)) in enumerate(measured.items()):
        axis.plot(sizes, latencies, ls="", ms=8, **style(number), label=f"{name}, measured")
    axis.plot(*proportional, color="0.35", ls=":", lw=2, label="flat, in proportion to n")
    axis.axvspan(proportional[0][0] * 1.3, proportional[0][-1], color="0.94", zorder=0)
    axis.text(
        proportional[0][-1] / 1.2,
        0.04,
        "not measured",
        ha="right",
        va="bottom",
        transform=axis.get_xaxis_transform(),
    )
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("vectors in the index (log scale)")
    axis.set_ylabel("median latency of one query\n(ms, log scale)")
    axis.legend(frameon=False, loc="upper left")
    return figure


def shortcuts(
    points: Floats,
    query: Floats,
    cells: tuple[Floats, Sequence[int], Sequence[int]],
    graph: tuple[Sequence[tuple[int, int]], Sequence[int], Sequence[int]],
) -> Figure:
    """Two ways not to look at every point of the plane, float [n, 2]: lists, and a walk.

    `cells` is the list centres, the list of each point and the lists that are searched; `graph` is
    the links, the points compared on the walk and the steps of its path.
    """
    figure, (left, right) = panels(2, width=4.4, height=4.3)
    centres, own, probed = cells
    looked_at = [number for number, cell in enumerate(own) if cell in probed]
    _compared(left, points, looked_at)
    left.scatter(
        centres[:, 0], centres[:, 1], marker="P", s=80, color=COLOURS[1], label="list centre"
    )
    left.set_title(f"lists: {len(looked_at)} of {len(points)} compared", size=10)
    links, visited, path = graph
    for first, second in links:
        right.plot(*points[[first, second]].T, color="0.85", lw=0.8, zorder=0)
    _compared(right, points, visited)
    right.plot(*points[list(path)].T, color=COLOURS[1], lw=2, label="path")
    right.set_title(f"graph: {len(visited)} of {len(points)} compared", size=10)
    for axis in (left, right):
        axis.plot(*query, marker="*", ms=16, ls="", color="black", label="query")
        axis.set_xlabel("first dimension")
        axis.set_aspect("equal")
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, frameon=False)
    left.set_ylabel("second dimension")
    return figure


def _compared(axis: Axes, points: Floats, looked_at: Sequence[int]) -> None:
    """Points in grey, those that were compared with the query in colour."""
    axis.scatter(points[:, 0], points[:, 1], s=14, color="0.7", label="not compared")
    seen = points[list(looked_at)]
    axis.scatter(seen[:, 0], seen[:, 1], s=22, color=COLOURS[0], label="compared")


def storage_lines(sizes: Sequence[float], mebibytes: Mapping[str, Sequence[float]]) -> Figure:
    """Memory of each kind of index against the number of vectors, on log axes."""
    figure, (axis,) = panels(1, width=6.8, height=3.8)
    for number, (name, values) in enumerate(mebibytes.items()):
        axis.plot(sizes, values, **style(number), label=name)
    axis.axhline(16 * 1024, color="0.5", ls=":", label="a laptop of 16 GiB")
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("vectors in the index (log scale)")
    axis.set_ylabel("memory (MiB, log scale)")
    axis.legend(frameon=False, loc="lower right")
    return figure


def score_regions(
    query: Floats, points: Mapping[str, Floats], scores: Mapping[str, Score]
) -> Figure:
    """Ways to rank the same points of the plane, one panel a score function.

    `scores` maps a title to a function of points float [..., 2] and the query. Darker is better;
    each panel names the point that comes first.
    """
    figure, axes = panels(len(scores), width=3.3, height=3.5)
    top = max(float(np.max(point)) for point in points.values()) * 1.15
    xs, ys = np.meshgrid(np.linspace(0.01, top, 200), np.linspace(0.01, top, 200))
    grid = np.stack([xs, ys], axis=-1)
    for axis, (title, score) in zip(axes, scores.items(), strict=True):
        axis.contourf(xs, ys, score(grid, query), levels=12, cmap="Blues", alpha=0.75)
        first = max(points, key=lambda name: float(score(points[name], query)))
        for name, point in points.items():
            weight = "bold" if name == first else "normal"
            axis.plot(*point, "o", color="black", ms=6)
            axis.annotate(
                name, (point[0], point[1]), (-13, 6), textcoords="offset points", weight=weight
            )
        axis.annotate("", (query[0], query[1]), (0, 0), arrowprops={"arrowstyle": "->", "lw": 2})
        axis.annotate("q", (query[0], query[1]), (4, 6), textcoords="offset points", style="italic")
        axis.set_title(f"{title}: {first} first", size=10)
        axis.set_xlabel("first dimension")
        axis.set_aspect("equal")
    axes[0].set_ylabel("second dimension")
    return figure
