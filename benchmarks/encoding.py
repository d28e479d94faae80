"""Text to vectors: one warm question, texts per second, and what another backend loses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.harness import (
    Plan,
    Record,
    Work,
    check_same,
    check_vectors_agree,
    comparison,
    say,
)
from benchmarks.quality import quality
from benchmarks.texts import by_length, count_tokens, questions
from ragkit.documents.kb import load_kb
from ragkit.encoders import MiniLMEncoder
from ragkit.encoders.minilm import Backend
from ragkit.errors import ModelError
from ragkit.runtime import import_faiss, import_torch, silence_transformers
from ragkit.search.index import FlatIndex
from ragkit.weights.opening import read_tokenizer
from ragkit.weights.published import MINILM, locate

BACKENDS: tuple[Backend, ...] = ("torch", "onnx", "onnx-int8")
PEER = "sentence-transformers"
LEAST_INT8 = 0.9  # int8 vectors are meant to differ; `quality` says by how much
Encoders = Mapping[str, MiniLMEncoder]


def measure(plan: Plan) -> Record:
    """Seconds of a warm question, texts and tokens per second, and what each backend loses."""
    encoders, peer = build_encoders(), build_peer()
    tokenizer = read_tokenizer(MINILM, locate(MINILM).folder)
    return {
        "latency": _latency(plan, encoders, peer),
        "throughput": {
            kind: _throughput(plan, kind, texts, encoders, peer, tokenizer)
            for kind, texts in by_length(tokenizer, plan).items()
        },
        "quality": quality(encoders),
    }


def build_encoders() -> dict[str, MiniLMEncoder]:
    """The encoder on each backend that this installation can run."""
    built: dict[str, MiniLMEncoder] = {}
    for backend in BACKENDS:
        try:
            built[backend] = MiniLMEncoder(backend=backend)
        except ModelError as error:
            say(f"encoding: {backend} is left out ({error})")
    return built


def build_peer() -> Any:
    """The same weights in sentence-transformers, with as many threads and the same longest text."""
    import_torch()
    from sentence_transformers import SentenceTransformer

    silence_transformers()
    model = SentenceTransformer(str(locate(MINILM).folder), device="cpu")
    model.max_seq_length = 256
    return model


def check_encoders(encoders: Encoders, peer: Any, texts: list[str]) -> None:
    """Raise unless each backend gives the peer's vectors, int8 within its rounding."""
    expected = peer.encode(texts, normalize_embeddings=True)
    for backend, encoder in encoders.items():
        least = {"least": LEAST_INT8} if "int8" in backend else {}
        check_vectors_agree(f"vectors of {backend}", encoder.encode(texts), expected, **least)


def _latency(plan: Plan, encoders: Encoders, peer: Any) -> Record:
    """Encode one question and search 56 documents, in turns."""
    asked, documents = questions(), load_kb().documents
    texts, ids = [d.full_text for d in documents], [d.doc_id for d in documents]
    check_encoders(encoders, peer, asked[:32])
    rows = import_faiss().IndexFlatIP(MINILM.dimension)
    rows.add(peer.encode(texts, normalize_embeddings=True))

    def ask_peer(number: int) -> list[str]:
        vector = peer.encode([asked[number % len(asked)]], normalize_embeddings=True)
        return [ids[row] for row in rows.search(vector, 5)[1][0]]

    sides: dict[str, Callable[[int], list[str]]] = {PEER: ask_peer}
    for backend, encoder in encoders.items():
        sides[backend] = _asker(encoder, asked, texts, ids)
    for number in range(16):
        for backend in set(encoders) - {"onnx-int8"}:
            check_same(f"answers of {backend}", sides[backend](number), ask_peer(number))
    return comparison(
        "encoding: a question, encoded and searched", sides, PEER, plan.pick(31, 7), calls=10
    )


def _asker(
    encoder: MiniLMEncoder, asked: list[str], texts: list[str], ids: list[str]
) -> Callable[[int], list[str]]:
    index = FlatIndex(encoder.dimension)
    index.add(encoder.encode_document(texts), ids)

    def ask(number: int) -> list[str]:
        query = encoder.encode_query([asked[number % len(asked)]])
        found: list[str] = index.search(query, 5)[1][0].tolist()
        return found

    return ask


def _throughput(
    plan: Plan, kind: str, texts: list[str], encoders: Encoders, peer: Any, tokenizer: Any
) -> Record:
    """All texts at once, 32 in a batch: texts and tokens per second of each side."""
    check_encoders(encoders, peer, texts[:64])
    sides: dict[str, Work] = {
        PEER: lambda _: peer.encode(texts, batch_size=32, normalize_embeddings=True)
    }
    for backend, encoder in encoders.items():
        sides[backend] = _encoding(encoder, texts)
    label = f"encoding: {len(texts)} x {kind}"
    found = comparison(label, sides, PEER, plan.pick(9, 3), kind="speedup")
    tokens = count_tokens(tokenizer, texts)
    for row in found.values():
        seconds = row["seconds"]["median"]
        row["texts_per_second"] = len(texts) / seconds
        row["tokens_per_second"] = tokens / seconds
    return {"texts": len(texts), "sides": found}


def _encoding(encoder: MiniLMEncoder, texts: list[str]) -> Work:
    return lambda _: encoder.encode(texts, batch_size=32)
