"""Nearest neighbours by the number of vectors: ragkit's indexes, raw FAISS and NumPy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.arithmetic import memory_bandwidth
from benchmarks.harness import (
    Plan,
    Record,
    Work,
    alternate,
    compared,
    comparison,
    ratio,
    say,
    spread,
    tell,
)
from benchmarks.neighbours import Contest, faiss_flat, faiss_hnsw, ids_of
from benchmarks.profiles import functions
from benchmarks.synthetic import describe, real_cloud
from ragkit.runtime import import_torch, threads
from ragkit.search.index import FlatIndex, HNSWIndex

FLAT, HNSW = "FlatIndex", "HNSWIndex"
RAW_FLAT, RAW_HNSW = "IndexFlatIP", "IndexHNSWFlat"
NUMPY = "NumPy"
K = 10
RECALL = f"recall@{K}"
MILLION = 1_000_000
CURVE = (16, 32, 64, 128, 256, 512)


def measure(plan: Plan) -> Record:
    """Build seconds, bytes, seconds a query and recall by size, and a curve of beam widths."""
    import_torch()  # before FAISS, as ragkit itself does
    cloud = real_cloud()
    sizes = plan.pick([50, 500, 2000, 5000, 20_000, 50_000, 100_000], [50, 500, 2000, 5000, 10_000])
    of_curve = sizes[-1]
    sizes += [MILLION] if plan.million else []
    by_size: Record = {}
    curve: Record = {}
    for size in sizes:
        rows = cloud.draw(size, seed=1)
        queries = cloud.draw(plan.pick(200, 80) if size < MILLION else 40, seed=2)
        race = Race(Contest(rows, queries, ids_of(size)), plan)
        by_size[str(size)] = race.record()
        if size == of_curve:
            curve = {"size": size, **race.curve()}
    return {
        "k": K,
        "threads": threads(),
        "cloud": describe(cloud, cloud.draw(2000, seed=3)),
        "sizes": by_size,
        "curve": curve,
        "bandwidth": memory_bandwidth(plan),
    }


def profile(plan: Plan) -> Record:
    """The functions of fifty exact searches among 20,000 vectors."""
    cloud = real_cloud()
    rows, queries = cloud.draw(20_000, seed=1), cloud.draw(50, seed=2)
    index = FlatIndex(rows.shape[1])
    index.add(rows, ids_of(len(rows)))
    return {**functions(lambda: index.search(queries, K)), "what": "50 queries, 20,000 vectors"}


def recall(found: list[list[str]], exact: list[list[str]]) -> float:
    """Mean share of the exact neighbours among those found."""
    shares = [len(set(a) & set(b)) / len(b) for a, b in zip(found, exact, strict=True)]
    return float(np.mean(shares))


class Race:
    """All indexes over one set of vectors: built, checked against one another, and timed."""

    def __init__(self, contest: Contest, plan: Plan) -> None:
        self.contest, self.plan, self.size = contest, plan, len(contest.rows)
        self.block = len(contest.queries) // 8
        self.seconds, built = self._builds()
        self.flat, self.hnsw = built[FLAT], built[HNSW]
        # raw FAISS is timed on what ragkit's indexes hold: another copy of the vectors lies
        # elsewhere in memory, and two builds of a graph on several threads differ a little
        self.raw, self.graph = self.flat._faiss, self.hnsw._faiss
        self.exact = contest.ours(self.flat, K)
        self.found = contest.ours(self.hnsw, K)
        for name, ours, theirs in (
            (RAW_FLAT, self.exact, contest.raw(built[RAW_FLAT], K)),
            (NUMPY, self.exact, contest.numpy(K)),
            (RAW_HNSW, self.found, contest.raw(self.graph, K)),
        ):
            contest.check(f"{name}, {self.size} vectors", ours, theirs)

    def record(self) -> Record:
        """Build seconds, bytes, seconds a query, recall."""
        took = alternate(self._sides(), self._repeats(), self.block)
        latency = compared(took, FLAT)
        tell(f"indexes: {self.size} vectors, a query", latency)
        return {
            "build": self.seconds,
            "bytes": {
                FLAT: self.flat.nbytes,
                HNSW: self.hnsw.nbytes,
                NUMPY: self.contest.rows.nbytes,
            },
            "latency": latency,
            "flat_over_raw": asdict(ratio(took[FLAT], took[RAW_FLAT])),
            "hnsw_over_raw": asdict(ratio(took[HNSW], took[RAW_HNSW])),
            "recall": recall(self.found, self.exact),
            "batch": self._batch(),
            "queries": len(self.contest.queries),
        }

    def curve(self) -> Record:
        """Recall and seconds of a query by beam width, in turns with exact search."""
        sides: dict[str, Work] = {FLAT: self.contest.asking(self.flat, K)}
        recalls = {}
        for width in CURVE:
            self.hnsw.ef_search = width
            recalls[str(width)] = recall(self.contest.ours(self.hnsw, K), self.exact)
            sides[str(width)] = self.contest.asking(self.hnsw, K, width)
        label = f"indexes: {self.size} vectors, a query by beam width"
        latency = comparison(label, sides, FLAT, self._repeats(), self.block)
        return {"latency": latency, "recall": recalls}

    def _builds(self) -> tuple[Record, dict[str, Any]]:
        """Seconds of each build, ragkit's and raw in turns, and what was built last."""
        contest, width = self.contest, self.contest.rows.shape[1]
        makers: dict[str, Callable[[], Any]] = {
            FLAT: lambda: contest.fill(FlatIndex(width)),
            RAW_FLAT: lambda: faiss_flat(contest.rows),
            HNSW: lambda: contest.fill(HNSWIndex(width)),
            RAW_HNSW: lambda: faiss_hnsw(contest.rows),
        }
        if self.size >= MILLION:  # the longest build by far, and the same code as at smaller sizes
            del makers[RAW_HNSW]
        built: dict[str, Any] = {}
        took: dict[str, list[float]] = {name: [] for name in makers}
        for _ in range(3 if self.size <= 5000 else 1):
            for name, make in makers.items():
                started = perf_counter()
                built[name] = make()
                took[name].append(perf_counter() - started)
        seconds = {name: asdict(spread(each)) for name, each in took.items()}
        say(f"indexes: {self.size} vectors, graph built in {seconds[HNSW]['median']:.2f} s")
        return seconds, built

    def _sides(self) -> dict[str, Work]:
        contest = self.contest
        return {
            FLAT: contest.asking(self.flat, K),
            RAW_FLAT: contest.asking_raw(self.raw, K),
            NUMPY: contest.asking_numpy(K),
            HNSW: contest.asking(self.hnsw, K),
            RAW_HNSW: contest.asking_raw(self.graph, K),
        }

    def _repeats(self) -> int:
        return self.plan.pick(16, 5) if self.size < MILLION else 8

    def _batch(self) -> Record:
        """Seconds a query of raw FAISS when it gets all queries at once; for information."""
        queries = self.contest.queries
        sides: dict[str, Work] = {RAW_FLAT: lambda _: self.raw.search(queries, K)}
        took = alternate(sides, self.plan.pick(5, 3))[RAW_FLAT]
        return asdict(spread([seconds / len(queries) for seconds in took]))
