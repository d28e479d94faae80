"""What each step of a question takes by itself."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

from benchmarks.harness import Plan, Record, Work, alternate, say, spread
from ragkit.documents.kb import load_kb
from ragkit.encoders import MiniLMEncoder
from ragkit.encoders.minilm import Backend
from ragkit.search.index import FlatIndex
from ragkit.search.reranker import CrossEncoderReranker

BACKENDS: tuple[Backend, ...] = ("torch", "onnx", "onnx-int8")


def measure(plan: Plan) -> Record:
    """Seconds of one question encoded, searched for, reranked."""
    kb = load_kb()
    question, texts = kb.queries[0].text, [document.full_text for document in kb.documents]
    encoders = {backend: MiniLMEncoder(backend=backend) for backend in BACKENDS}
    torch, reranker = encoders["torch"], CrossEncoderReranker()
    index = FlatIndex(torch.dimension)
    index.add(torch.encode(texts), [document.doc_id for document in kb.documents])
    asked, pairs = torch.encode([question]), [(question, text) for text in texts]
    single: dict[str, Work] = {
        f"encode a question, {backend}": partial(_encode, encoder, [question])
        for backend, encoder in encoders.items()
    }
    single["search 56 documents"] = lambda _: index.search(asked, 5)
    for count in (1, 10):
        single[f"rerank {count}"] = partial(_rerank, reranker, pairs[:count])
    took = alternate(single, plan.pick(21, 5), calls=10)
    say("steps: a question is encoded, searched for, reranked")
    return {"single": {name: asdict(spread(seconds)) for name, seconds in took.items()}}


def _encode(encoder: MiniLMEncoder, texts: list[str], _: int) -> object:
    return encoder.encode(texts)


def _rerank(reranker: CrossEncoderReranker, pairs: list[tuple[str, str]], _: int) -> object:
    return reranker.predict(pairs)
