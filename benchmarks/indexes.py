"""Nearest neighbours by the number of vectors: ragkit's indexes, raw FAISS and NumPy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.harness import (
    Plan,
    Record,
    Work,
    alternate,
    compared,
    ratio,
    report_progress,
    spread,
)
from benchmarks.neighbours import Contest, faiss_flat, faiss_hnsw, ids_of
from ragkit.course.staff.lab02.experiments_graph import real_texts
from ragkit.course.synthetic import like_texts
from ragkit.encoders import MiniLMEncoder
from ragkit.runtime import import_torch
from ragkit.search.index import FlatIndex, HNSWIndex

FLAT, HNSW = "FlatIndex", "HNSWIndex"
RAW_FLAT, RAW_HNSW = "IndexFlatIP", "IndexHNSWFlat"
NUMPY = "NumPy"
K = 10
DIMENSION = 384
SIZES = [50, 500, 2000, 5000, 20_000, 50_000, 100_000]
WIDTHS = (16, 32, 64, 128, 256, 512)


def measure(plan: Plan) -> Record:
    """Build seconds, bytes, seconds per query and recall by size, and by beam width at the last."""
    import_torch()  # before FAISS, as ragkit itself does
    sizes = plan.pick(SIZES, [50, 500, 2000, 5000, 10_000])
    real = MiniLMEncoder().encode(real_texts())
    cloud = like_texts(real)
    rows, queries = cloud.draw(sizes[-1], seed=0), cloud.draw(plan.pick(200, 80), seed=1)
    races = (Race(Contest(rows[:size], queries, ids_of(size)), plan) for size in sizes)
    by_size: Record = {}
    for race in races:
        by_size[str(race.size)] = race.record()
    return {
        "data": f"spread as the embeddings of {len(real)} texts of the course, as in lab 02",
        "sizes": by_size,
        "widths": race.widths(),
    }


def recall(found: list[list[str]], exact: list[list[str]]) -> float:
    """Mean share of the exact neighbours among those found."""
    shares = [len(set(a) & set(b)) / len(b) for a, b in zip(found, exact, strict=True)]
    return float(np.mean(shares))


class Race:
    """All indexes over one set of vectors: built, checked against one another, and timed."""

    def __init__(self, contest: Contest, plan: Plan) -> None:
        self.contest, self.size = contest, len(contest.rows)
        self.repeats, self.block = plan.pick(16, 5), len(contest.queries) // 8
        self.seconds, built = self._builds()
        self.flat, self.hnsw = built[FLAT], built[HNSW]
        # raw FAISS is timed on what ragkit's indexes hold: another copy of the vectors lies
        # elsewhere in memory, and two builds of a graph on several threads differ a little
        self.sides: dict[str, Work] = {
            FLAT: contest.asking(self.flat, K),
            RAW_FLAT: contest.asking(self.flat._faiss, K),
            NUMPY: contest.asking_numpy(K),
            HNSW: contest.asking(self.hnsw, K),
            RAW_HNSW: contest.asking(self.hnsw._faiss, K),
        }
        self.exact, self.found = contest.found(self.sides[FLAT]), contest.found(self.sides[HNSW])
        for name, expected in ((RAW_FLAT, self.exact), (NUMPY, self.exact), (RAW_HNSW, self.found)):
            contest.check(f"{name}, {self.size} vectors", expected, contest.found(self.sides[name]))
        contest.check(
            "another flat build", self.exact, contest.found(contest.asking(built[RAW_FLAT], K))
        )

    def record(self) -> Record:
        """Build seconds, bytes, seconds per query, recall."""
        took = alternate(self.sides, self.repeats, self.block)
        latency = compared(took, FLAT)
        report_progress(f"indexes: {self.size} vectors, one query", latency)
        return {
            "build": self.seconds,
            "bytes": {FLAT: self.flat.nbytes, HNSW: self.hnsw.nbytes},
            "latency": latency,
            "flat_over_raw": asdict(ratio(took[FLAT], took[RAW_FLAT])),
            "hnsw_over_raw": asdict(ratio(took[HNSW], took[RAW_HNSW])),
            "recall": recall(self.found, self.exact),
        }

    def widths(self) -> Record:
        """Recall and seconds per query by beam width, in turns with exact search."""
        sides: dict[str, Work] = {FLAT: self.sides[FLAT]}
        recalls = {FLAT: 1.0}
        for width in WIDTHS:
            sides[str(width)] = partial(self._ask_wide, width)
            recalls[str(width)] = recall(self.contest.found(sides[str(width)]), self.exact)
        found = compared(alternate(sides, self.repeats, self.block), FLAT)
        report_progress(f"indexes: {self.size} vectors, one query by beam width", found)
        return {name: {"recall": recalls[name], **row} for name, row in found.items()}

    def _builds(self) -> tuple[Record, dict[str, Any]]:
        """Seconds of each build, ragkit's and raw in turns, and what was built last."""
        contest = self.contest
        makers: dict[str, Callable[[], Any]] = {
            FLAT: lambda: contest.fill(FlatIndex(DIMENSION)),
            RAW_FLAT: lambda: faiss_flat(contest.rows),
            HNSW: lambda: contest.fill(HNSWIndex(DIMENSION)),
            RAW_HNSW: lambda: faiss_hnsw(contest.rows),
        }
        built: dict[str, Any] = {}
        took: dict[str, list[float]] = {name: [] for name in makers}
        for _ in range(3 if self.size <= 5000 else 1):
            for name, make in makers.items():
                started = perf_counter()
                built[name] = make()
                took[name].append(perf_counter() - started)
        return {name: asdict(spread(each)) for name, each in took.items()}, built

    def _ask_wide(self, width: int, number: int) -> Any:
        self.hnsw.ef_search = width
        return self.sides[HNSW](number)
