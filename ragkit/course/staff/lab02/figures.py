"""The figures of theory page 02. Scores and recalls are read from the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragkit.course import ledger, plots
from ragkit.course.staff.lab02.experiments_chunks import (
    SEARCHED,
    answer_overlap,
    cut_all,
    token_spans,
)
from ragkit.course.staff.lab02.experiments_graph import SIZES, WIDTHS
from ragkit.documents.handbook import load_handbook
from ragkit.documents.spans import Span
from ragkit.encoders import MiniLMEncoder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STRATEGIES = ("fixed", "sliding", "sentences")
AROUND = 750  # characters shown on each side of the answer
BYTES = {"HNSW, M = 32": 1536 + 256, "flat, fp32": 1536, "product quantisation, 48 bytes": 48}
MEASURES = {
    "inner product": lambda x, q: x @ q,
    "L2 distance": lambda x, q: -np.linalg.norm(x - q, axis=-1),
    "cosine": lambda x, q: x @ q / np.linalg.norm(x, axis=-1),
}
POINTS, LISTS, NEIGHBOURS, BEAM = 160, 12, 5, 4


def _cuts() -> Figure:
    """How four strategies cut the passage around one answer of the dev questions."""
    book = load_handbook(split="dev")
    gold = next(q for q in book.questions if q.query_id == "h030").spans[0]
    tokens = token_spans(MiniLMEncoder(backend="auto"))
    cuts = cut_all(book.text, tokens, answer_overlap(book, tokens))
    shown = ("fixed-64", "sliding-64", "sentences-64", "headings")
    rows = {name.replace("-", " "): [chunk.span for chunk in cuts[name]] for name in shown}
    return plots.chunk_map(rows, gold, Span(gold.start - AROUND, gold.end + AROUND))


def _sizes() -> Figure:
    measured = ledger.load()
    titles = {"ceiling": "ceiling (dev)", "hit_rate@5": "hit_rate@5 (dev)"}

    def value(name: str, score: str) -> float:
        return float(measured[f"lab02.{name}.dev.{score}"]["value"])

    curves = {
        title: {
            name: (SEARCHED, [value(f"{name}-{size}", score) for size in SEARCHED])
            for name in STRATEGIES
        }
        for score, title in titles.items()
    }
    levels = {title: ("headings", value("headings", score)) for score, title in titles.items()}
    return plots.size_curves(curves, levels)


def _measures() -> Figure:
    points = {"a": np.array([2.2, 2.4]), "b": np.array([1.05, 0.9]), "c": np.array([0.35, 0.21])}
    return plots.score_regions(np.array([1.0, 0.6]), points, MEASURES)


def _shortcuts() -> Figure:
    """Points of the plane with a few lists around drawn centres, and a graph of near neighbours."""
    rng = np.random.default_rng(4)
    points, query = rng.random((POINTS, 2)), np.array([0.78, 0.3])
    centres = points[rng.choice(POINTS, LISTS, replace=False)]
    for _ in range(10):  # Lloyd's algorithm
        own = _distances(points, centres).argmin(axis=1)
        centres = np.array([points[own == cell].mean(axis=0) for cell in range(LISTS)])
    own = _distances(points, centres).argmin(axis=1)
    probed = _distances(query[None], centres)[0].argsort()[:2]
    near = _distances(points, points).argsort(axis=1)[:, 1 : NEIGHBOURS + 1]
    links = [(row, int(other)) for row in range(POINTS) for other in near[row]]
    start = int(points.sum(axis=1).argmin())
    visited, path = _walk(_distances(query[None], points)[0], links, start)
    return plots.shortcuts(
        points, query, (centres, own.tolist(), probed.tolist()), (links, visited, path)
    )


def _distances(rows: Any, others: Any) -> Any:
    return np.linalg.norm(rows[:, None] - others[None], axis=2)


def _walk(distance: Any, links: list[tuple[int, int]], start: int) -> tuple[list[int], list[int]]:
    """Beam search as in HNSW's bottom layer: what was compared, and each new best on the way."""
    linked: dict[int, set[int]] = {}
    for first, second in links:
        linked.setdefault(first, set()).add(second)
        linked.setdefault(second, set()).add(first)
    beam, compared, expanded, path = [start], [start], set[int](), [start]
    while open_points := [point for point in beam if point not in expanded]:
        current = min(open_points, key=distance.__getitem__)
        expanded.add(current)
        fresh = sorted(linked[current] - set(compared))
        compared += fresh
        beam = sorted([*beam, *fresh], key=distance.__getitem__)[:BEAM]
        if beam[0] != path[-1]:
            path.append(beam[0])
    return compared, path


def _recall() -> Figure:
    measured, titles = ledger.load(), {"texts": "spread as texts are", "topics": "even topics"}
    curves: dict[str, dict[str, tuple[list[float], list[float]]]] = {
        titles[cloud]: {
            f"{count:,} vectors": _curve(measured, f"lab02.hnsw.{cloud}.{count}")
            for count in counts
        }
        for cloud, counts in SIZES.items()
    }
    return plots.recall_curves(curves, WIDTHS, "vectors compared for one query")


def _curve(measured: ledger.Ledger, key: str) -> tuple[list[float], list[float]]:
    compared, recalls = (
        [float(measured[f"{key}.ef{width}.{part}"]["value"]) for width in WIDTHS]
        for part in ("compared", "recall@10")
    )
    return compared, recalls


def _memory() -> Figure:
    counts = np.geomspace(50, 1e7, 12)
    lines = {name: (counts * size / 2**20).tolist() for name, size in BYTES.items()}
    return plots.storage_lines(counts.tolist(), lines)


FIGURES = {
    "02-cuts": _cuts,
    "02-sizes": _sizes,
    "02-measures": _measures,
    "02-shortcuts": _shortcuts,
    "02-recall": _recall,
    "02-memory": _memory,
}
