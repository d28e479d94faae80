"""Build, run and score the systems that the course compares, from chance to two stages.

This is the one place that says which systems are in the table, in which order, with which settings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragkit.documents.kb import KnowledgeBase
from ragkit.errors import DataError
from ragkit.scoring.evaluation import Report, evaluate
from ragkit.search.retrievers import BM25Retriever, DenseRetriever, RandomRetriever, Retriever, Run

if TYPE_CHECKING:
    from ragkit.cache.outputs import EmbeddingCache
    from ragkit.encoders import Encoder
    from ragkit.search.reranker import Reranker

METRICS = ("hit_rate@1", "hit_rate@3", "hit_rate@5", "hit_rate@10", "mrr@10", "ndcg@10")
RUN_DEPTH = 10
RERANK_DEPTH = 10

SYSTEMS: Mapping[str, str] = {
    "random": "random order",
    "bm25": "BM25",
    "untrained": "untrained table, mean",
    "minigpt-table": "MiniGPT table, mean",
    "minigpt-hidden": "MiniGPT hidden, mean",
    "minilm": "MiniLM",
    "bge-small": "bge-small (int8)",
    "minilm-rerank": "MiniLM >> cross-encoder",
}


def build_encoder(name: str) -> Encoder:
    """Build one of the course's encoders by its short name; MiniLM runs on ONNX if exported.

    Raises `DataError`, which lists the names, for an unknown one.
    """
    from ragkit.encoders import BGESmallEncoder, MiniGPTEncoder, MiniLMEncoder

    makers: dict[str, Callable[[], Encoder]] = {
        "minilm": lambda: MiniLMEncoder(backend="auto"),
        "bge-small": BGESmallEncoder,
        "minigpt-table": lambda: MiniGPTEncoder(source="table"),
        "minigpt-hidden": lambda: MiniGPTEncoder(source="hidden"),
        "untrained": MiniGPTEncoder.untrained,
    }
    if name not in makers:
        raise DataError(f"Unknown encoder {name!r}; use {', '.join(makers)}.")
    return makers[name]()


def build_reranker(cache: EmbeddingCache | None = None) -> Reranker:
    """Build the course's cross-encoder; with a cache, its scores are cached in the same folder."""
    from ragkit.cache.outputs import ScoreCache
    from ragkit.search.reranker import CrossEncoderReranker

    reranker = CrossEncoderReranker()
    return reranker if cache is None else ScoreCache(cache.root).wrap(reranker)


def build_system(name: str, kb: KnowledgeBase, cache: EmbeddingCache | None = None) -> Retriever:
    """Build a system by its name in `SYSTEMS` and fit it on the documents.

    Raises `DataError` for an unknown name.
    """
    if name == "random":
        return RandomRetriever().fit(kb.documents)
    if name == "bm25":
        return BM25Retriever().fit(kb.documents)
    if name == "minilm-rerank":
        two_stages = _dense("minilm", kb, cache) >> build_reranker(cache)
        return two_stages.with_depth(RERANK_DEPTH)
    return _dense(name, kb, cache)


def _dense(name: str, kb: KnowledgeBase, cache: EmbeddingCache | None) -> DenseRetriever:
    encoder = build_encoder(name)
    if cache is not None:
        encoder = cache.wrap(encoder)
    return DenseRetriever(encoder).fit(kb.documents)


@dataclass(frozen=True)
class Result:
    """One row of the table: a system, its run, and its scores on the judged queries."""

    name: str
    run: Run
    report: Report

    @property
    def label(self) -> str:
        """What the table calls the system."""
        return SYSTEMS[self.name]


def compare_systems(
    kb: KnowledgeBase,
    names: Sequence[str] = tuple(SYSTEMS),
    metrics: Sequence[str] = METRICS,
    cache: EmbeddingCache | None = None,
) -> Iterator[Result]:
    """Build, run and score each system on the queries of `kb`; yield one `Result` at a time.

    Raises `DataError` if no query is judged or a name is unknown.
    """
    if not kb.queries:
        raise DataError(f"{kb.path}: there are no judged queries to evaluate on.")
    for name in names:
        run = build_system(name, kb, cache).run(kb.queries, k=RUN_DEPTH)
        yield Result(name, run, evaluate(kb.qrels, run, metrics))
