"""The runs that the experiments of lab 03 compare; every pair is scored once, at the deepest."""

from __future__ import annotations

from ragkit.documents.kb import KnowledgeBase
from ragkit.encoders import Encoder
from ragkit.ranking import ranked_ids
from ragkit.scoring.evaluation import Report, evaluate
from ragkit.search.fusion import convex_combination, reciprocal_rank_fusion
from ragkit.search.reranker import Reranker
from ragkit.search.retrievers import (
    BM25Retriever,
    DenseRetriever,
    MaxSimRetriever,
    Run,
    TokenEncoder,
)

METRICS = ("hit_rate@1", "hit_rate@5", "mrr@10")


def dense(encoder: Encoder, kb: KnowledgeBase) -> Run:
    """All documents by cosine."""
    return DenseRetriever(encoder).fit(kb.documents).run(kb.queries, len(kb.documents))


def lexical(kb: KnowledgeBase) -> Run:
    """All documents that share a word with the query, by BM25."""
    return BM25Retriever().fit(kb.documents).run(kb.queries, len(kb.documents))


def by_ranks(one: Run, other: Run) -> Run:
    """Reciprocal rank fusion of two runs, with its usual constant."""
    return {q: reciprocal_rank_fusion([one[q], other[q]]) for q in one}


def max_sim(encoder: TokenEncoder, kb: KnowledgeBase) -> Run:
    """All documents by MaxSim over the encoder's token vectors."""
    return MaxSimRetriever(encoder).fit(kb.documents).run(kb.queries, len(kb.documents))


def logits(cross: Reranker, kb: KnowledgeBase, first: Run, depth: int) -> Run:
    """The cross-encoder's scores of each query's first `depth` documents."""
    scores = {}
    for query in kb.queries:
        ids = ranked_ids(first[query.query_id], depth)
        predicted = cross.predict([(query.text, kb.by_id[i].full_text) for i in ids])
        scores[query.query_id] = dict(zip(ids, predicted.tolist(), strict=True))
    return scores


def two_stages(first: Run, second: Run, depth: int, weight: float) -> Run:
    """As `(first >> reranker).with_depth(depth).with_weight(weight)`, from scores known already."""
    candidates = {q: {i: first[q][i] for i in ranked_ids(first[q], depth)} for q in first}
    reordered = {q: {i: second[q][i] for i in row} for q, row in candidates.items()}
    if weight == 1:
        return reordered
    return convex_combination([reordered, candidates], [weight, 1 - weight])


def report(kb: KnowledgeBase, run: Run) -> Report:
    """The run's scores by the lab's metrics."""
    return evaluate(kb.qrels, run, METRICS)
