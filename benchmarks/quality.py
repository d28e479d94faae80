"""What another backend costs in hits: hit rates against torch, with intervals, and cosines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from benchmarks.harness import Record, cosines, say
from benchmarks.texts import judged
from ragkit.encoders import MiniLMEncoder
from ragkit.scoring.evaluation import Report, compare, evaluate
from ragkit.search.retrievers import DenseRetriever

METRICS = ("hit_rate@1", "hit_rate@5")
REFERENCE = "torch"


def quality(encoders: Mapping[str, MiniLMEncoder]) -> Record:
    """Per backend: hit rates on dev and test together, the difference from torch, the cosines."""
    reports = {backend: _report(encoder) for backend, encoder in encoders.items()}
    texts = [document.full_text for document in judged()["test"].documents]
    texts += [query.text for kb in judged().values() for query in kb.queries]
    expected = encoders[REFERENCE].encode(texts)
    found: Record = {}
    for backend, encoder in encoders.items():
        close = cosines(encoder.encode(texts), expected)
        found[backend] = {
            "means": reports[backend].mean,
            "differences": {
                metric: asdict(compare(reports[backend], reports[REFERENCE], metric))
                for metric in METRICS
            },
            "cosine_lowest": float(close.min()),
            "cosine_mean": float(close.mean()),
            "texts": len(texts),
        }
        say(f"encoding: {backend} has hit_rate@5 {reports[backend].mean['hit_rate@5']:.3f}")
    return found


def _report(encoder: MiniLMEncoder) -> Report:
    bases = list(judged().values())
    retriever = DenseRetriever(encoder).fit(bases[0].documents)
    queries = [query for kb in bases for query in kb.queries]
    qrels = {query_id: row for kb in bases for query_id, row in kb.qrels.items()}
    return evaluate(qrels, retriever.run(queries, k=5), METRICS)
