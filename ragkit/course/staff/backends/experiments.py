"""What MiniLM's ONNX backends cost in quality: cosines to PyTorch's vectors, and scores."""

from __future__ import annotations

import numpy as np

from ragkit.cache.outputs import EmbeddingCache
from ragkit.course.staff.entries import Entries, compared, plain, scored
from ragkit.documents.kb import KnowledgeBase, load_kb
from ragkit.encoders import Encoder, MiniLMEncoder
from ragkit.encoders.minilm import Backend
from ragkit.scoring.evaluation import Report, compare, evaluate
from ragkit.search.retrievers import DenseRetriever
from ragkit.vectors import Vectors

METRICS = ("hit_rate@1", "hit_rate@5", "mrr@10")
EXPORTED: tuple[Backend, ...] = ("onnx", "onnx-int8")
# how far another processor may move them: a cosine in float32, and a flipped question or three
COSINE = {"onnx": 1e-5, "onnx-int8": 0.01}
FLIPS = {"onnx": 0.5, "onnx-int8": 3.5}


def measure(cache: EmbeddingCache) -> Entries:
    """Measure both backends on the documents and the test questions; vectors go through `cache`."""
    kb = load_kb()
    texts = [d.full_text for d in kb.documents] + [query.text for query in kb.queries]
    torch = cache.wrap(MiniLMEncoder())
    reference, before = torch.encode(texts), _report(torch, kb)
    for backend in EXPORTED:
        encoder = cache.wrap(MiniLMEncoder(backend=backend))
        yield from _cosines(backend, encoder.encode(texts), reference)
        after = _report(encoder, kb)
        for metric in METRICS:
            tolerance = FLIPS[backend] / len(kb.queries)
            entry = scored(after, metric, f"MiniLM by {backend}, test split")
            yield f"backends.{backend}.{metric}", {**entry, "tolerance": tolerance}
            entry = compared(compare(after, before, metric), f"{backend} minus torch, test split")
            yield f"backends.{backend}-torch.{metric}", {**entry, "tolerance": tolerance}


def _cosines(backend: Backend, vectors: Vectors, reference: Vectors) -> Entries:
    """The least and the mean agreement with PyTorch's vectors."""
    cosines = np.einsum("nd,nd->n", vectors, reference)
    how = f"cosine of {backend} and torch over {len(cosines)} texts: "
    for name, value in (("lowest", cosines.min()), ("mean", cosines.mean())):
        entry = plain(float(value), how + name, COSINE[backend])
        yield f"backends.{backend}.cosine.{name}", {**entry, "n": len(cosines)}


def _report(encoder: Encoder, kb: KnowledgeBase) -> Report:
    retriever = DenseRetriever(encoder).fit(kb.documents)
    return evaluate(kb.qrels, retriever.run(kb.queries, k=10), METRICS)
