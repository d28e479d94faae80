"""Measure what lab 02 quotes of HNSW and of inverted lists: recall against flat search.

Two clouds of vectors: `texts`, spread as real embeddings are, and `topics`, the hard case. Keys:

    lab02.cloud.<texts or topics>.<first or tenth>, lab02.cloud.<real or texts>.dimensions
    lab02.hnsw.<cloud>.<vectors>.ef<efSearch>.<recall@10 or compared>       SIZES, WIDTHS
    lab02.hnsw.<cloud>.<largest>.ef16.<error, all, half, first or tenth>
    lab02.hnsw.topics.10000.careful.<ef16.recall@10 or compared>
    lab02.hnsw.arm.<centres>-<noise>                                        both ways, over SEEDS
    lab02.ivf.<lists>.<recall@10 or compared>
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ragkit.course.staff.entries import Entries, Entry, number_entry, range_entry
from ragkit.course.staff.spectra import effective_dimensions
from ragkit.course.synthetic import (
    Cloud,
    even_shape,
    even_topics,
    like_texts,
)
from ragkit.documents.chunking import TokenSpans, sentence_chunks, word_spans
from ragkit.documents.handbook import load_handbook
from ragkit.documents.kb import load_kb
from ragkit.encoders import Encoder
from ragkit.runtime import import_faiss
from ragkit.search.index import FlatIndex, HNSWIndex
from ragkit.vectors import Vectors

TOPICS, QUERIES = 10, 500
SIZES = {"texts": (1_000, 10_000, 30_000), "topics": (1_000, 10_000)}
LINKS, WIDTHS = 32, (16, 32, 64, 128)
QUICK, CAREFUL = 40, 200  # efConstruction: FAISS's default, and ragkit's
ARM, SEEDS = 10_000, (0, 1)  # vectors and draws of the arms
LISTS, PROBED = (100, 400, 1_600), 16  # lists: 1, 4 and 16 times the root of ARM
Truth = tuple[NDArray[np.int64], Vectors]  # row numbers and scores of the nearest, [q, k] each


class Found(NamedTuple):
    """What a search found, and the truth: row numbers and scores, [q, k] each."""

    rows: NDArray[np.int64]
    scores: Vectors
    true_rows: NDArray[np.int64]
    true_scores: Vectors

    def hits(self) -> NDArray[np.bool_]:
        """Whether each true neighbour, best first, was found, [q, k]."""
        shared: NDArray[np.bool_] = (self.true_rows[:, :, None] == self.rows[:, None, :]).any(
            axis=2
        )
        return shared

    def recalls(self) -> NDArray[np.float64]:
        """The share of each query's true neighbours that was found."""
        return np.asarray(self.hits().mean(axis=1), dtype=np.float64)

    def error(self) -> float:
        """How much farther from the query the found vectors are than the true ones, on average."""
        found, true = (_distance(scores).mean() for scores in (self.scores, self.true_scores))
        return float(found / true - 1)


def measure(encoder: Encoder, tokens: TokenSpans) -> Entries:
    """Measure both clouds at every size and beam, the arms that part them, and inverted lists."""
    real = encoder.encode(real_texts(tokens))
    yield from _clouds(real, SIZES)
    yield from _arms(real)


def sample(encoder: Encoder, tokens: TokenSpans) -> Entries:
    """Measure the clouds where their graph has no more than ARM vectors, and inverted lists."""
    few = {name: [size for size in sizes if size <= ARM] for name, sizes in SIZES.items()}
    yield from _clouds(encoder.encode(real_texts(tokens)), few)


def _clouds(real: Vectors, sizes: Mapping[str, Sequence[int]]) -> Entries:
    clouds = {"texts": like_texts(real), "topics": even_topics(TOPICS)}
    how = "directions that the variance is spread over, participation ratio"
    drawn = {name: cloud.draw(max(SIZES[name]), seed=0) for name, cloud in clouds.items()}
    for name, vectors in {"real": real, "texts": drawn["texts"][:ARM]}.items():
        effective = effective_dimensions(vectors)
        yield f"lab02.cloud.{name}.dimensions", number_entry(effective, how, tolerance=2)
    for name, cloud in clouds.items():
        yield from _curves(name, drawn[name], cloud.draw(QUERIES, seed=1), sizes[name])
    yield from _lists(drawn["texts"][:ARM], clouds["texts"].draw(QUERIES, seed=1))


def real_texts(tokens: TokenSpans = word_spans) -> list[str]:
    """Every text that the lab has at hand: documents, the handbook in small pieces, questions."""
    kb, book = load_kb(split="dev"), load_handbook(split="dev")
    pieces = [chunk.text for chunk in sentence_chunks(book.text, 32, tokens)]
    asked = [query.text for query in kb.queries]
    return [document.full_text for document in kb.documents] + pieces + asked


def _curves(name: str, vectors: Vectors, queries: Vectors, sizes: Sequence[int]) -> Entries:
    """Recall and comparisons of one cloud; more about the narrowest beam of its largest graph."""
    for size in sizes:
        truth = nearest(vectors[:size], queries)
        graph = _build(vectors[:size], QUICK)
        for width, found, compared in sweep(graph, WIDTHS, queries, truth):
            key = f"lab02.hnsw.{name}.{size}.ef{width}"
            how = f"HNSW over {name}, {size} vectors, M = {LINKS}, efConstruction = {QUICK}"
            yield f"{key}.recall@10", _recall(found, how)
            yield f"{key}.compared", _compared(compared, how)
            if width == WIDTHS[0] and size == SIZES[name][-1]:
                yield from _losses(key, found, how)
        if size == ARM:
            yield from _neighbours(name, truth[1])
        if (name, size) == ("topics", ARM):
            yield from _careful(vectors[:size], queries, truth)


def _neighbours(name: str, scores: Vectors) -> Entries:
    for place, column in {"first": 0, "tenth": 9}.items():
        how = f"mean cosine of a query and its {place} neighbour among {ARM} vectors, {name}"
        yield f"lab02.cloud.{name}.{place}", number_entry(float(scores[:, column].mean()), how)


def _losses(key: str, found: Found, how: str) -> Entries:
    """Where the losses of a narrow beam fall: on which queries, on which ranks, and how far."""
    recalls, hits = found.recalls(), found.hits()
    shares = {
        "all": ("share of queries that find all ten true neighbours", (recalls == 1).mean()),
        "half": ("share of queries that find at most five", (recalls <= 0.5).mean()),
        "first": ("share of queries that find the nearest", hits[:, 0].mean()),
        "tenth": ("share of queries that find the tenth", hits[:, 9].mean()),
    }
    for part, (what, share) in shares.items():
        yield f"{key}.{part}", number_entry(float(share), f"{what}; {how}", 0.03)
    far = f"distance of what was found over that of the true neighbours, less 1; {how}"
    yield f"{key}.error", number_entry(found.error(), far, 0.003)


def _careful(vectors: Vectors, queries: Vectors, truth: Truth) -> Entries:
    how = f"HNSW over topics, {len(vectors)} vectors, efConstruction = {CAREFUL}"
    graph = _build(vectors, CAREFUL)
    for _, found, _ in sweep(graph, WIDTHS[:1], queries, truth):
        key = f"lab02.hnsw.topics.{len(vectors)}.careful.ef{WIDTHS[0]}"
        yield f"{key}.recall@10", _recall(found, how)


def _arms(real: Vectors) -> Entries:
    """Few centres or many, noise alike in all directions or shaped: which of the two costs recall.

    Each entry is the mean over `SEEDS`, with the least and the greatest as interval.
    """
    shapes = {"even": even_shape(real.shape[1]), "shaped": like_texts(real).shape}
    for noise, shape in shapes.items():
        for centres in ("few", "many"):
            recalls = []
            for seed in SEEDS:
                chosen = even_topics(TOPICS, seed=seed).centres if centres == "few" else real
                cloud = Cloud(chosen, shape)
                vectors, queries = cloud.draw(ARM, seed), cloud.draw(QUERIES, seed + len(SEEDS))
                graph, truth = _build(vectors, QUICK), nearest(vectors, queries)
                _, found, _ = next(sweep(graph, WIDTHS[:1], queries, truth))
                recalls.append(float(found.recalls().mean()))
            how = (
                f"recall@10, efSearch {WIDTHS[0]}, {ARM} vectors, {centres} centres, {noise} noise"
            )
            entry = range_entry(recalls, f"{how}; least and greatest", 0.02)
            yield f"lab02.hnsw.arm.{centres}-{noise}", entry


def _lists(vectors: Vectors, queries: Vectors) -> Entries:
    """Inverted lists: comparisons and recall by their number, with as many probed of each."""
    faiss, truth = import_faiss(), nearest(vectors, queries)
    for lists in LISTS:
        index = faiss.IndexIVFFlat(
            faiss.IndexFlatIP(vectors.shape[1]), vectors.shape[1], lists, faiss.METRIC_INNER_PRODUCT
        )
        index.cp.min_points_per_centroid = 1  # FAISS would warn of lists with fewer than 39
        index.train(vectors)
        index.add(vectors)
        index.nprobe = PROBED
        faiss.cvar.indexIVF_stats.reset()
        scores, rows = index.search(queries, 10)
        compared = lists + faiss.cvar.indexIVF_stats.ndis / len(queries)
        how = f"IVF over texts, {len(vectors)} vectors, {lists} lists, {PROBED} probed"
        yield f"lab02.ivf.{lists}.recall@10", _recall(Found(rows, scores, *truth), how)
        yield f"lab02.ivf.{lists}.compared", _compared(compared, how)


def nearest(vectors: Vectors, queries: Vectors) -> Truth:
    """The ten nearest rows of each query and their scores, [q, 10], by exact search."""
    index = FlatIndex(vectors.shape[1])
    index.add(vectors, _ids(len(vectors)))
    scores, ids = index.search(queries, 10)
    return ids.astype(np.int64), scores


def sweep(
    graph: HNSWIndex,
    widths: tuple[int, ...],
    queries: Vectors,
    truth: Truth,
) -> Iterator[tuple[int, Found, float]]:
    """(efSearch, what was found, vectors compared per query) at every beam width."""
    statistics = import_faiss().cvar.hnsw_stats
    for width in widths:
        graph.ef_search = width
        statistics.reset()
        scores, ids = graph.search(queries, 10)
        rows = ids.astype(np.int64)
        yield width, Found(rows, scores, *truth), statistics.ndis / len(queries)


def _build(vectors: Vectors, construction: int) -> HNSWIndex:
    graph = HNSWIndex(vectors.shape[1], m=LINKS, ef_construction=construction)
    graph.add(vectors, _ids(len(vectors)))
    return graph


def _ids(count: int) -> list[str]:
    return [str(row) for row in range(count)]


def _distance(scores: Vectors) -> NDArray[np.float64]:
    """Euclidean distances of unit vectors by their inner products."""
    return np.sqrt(np.maximum(0, 2 - 2 * scores.astype(np.float64)))


def _recall(found: Found, how: str) -> Entry:
    return number_entry(float(found.recalls().mean()), f"recall@10 against flat; {how}", 0.02)


def _compared(count: float, how: str) -> Entry:
    return number_entry(count, f"vectors compared for one query; {how}", 0.1 * count)
