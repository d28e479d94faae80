"""Ten and a hundred candidates: the int8 cross-encoder and one of the same shape in fp32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.harness import Plan, Record, Work, check_same, comparison
from ragkit.documents.chunking import sentence_chunks, to_documents
from ragkit.documents.handbook import load_handbook
from ragkit.documents.kb import load_kb
from ragkit.runtime import import_torch, silence_transformers
from ragkit.search.reranker import CrossEncoderReranker
from ragkit.weights.opening import read_tokenizer
from ragkit.weights.published import RERANKER, locate

OURS = "ragkit, int8 ONNX"
PEER = "CrossEncoder, fp32"
SHAPE: dict[str, Any] = {
    "vocab_size": 30522,
    "hidden_size": 384,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
    "max_position_embeddings": 512,
    "num_labels": 1,
}
Pair = tuple[str, str]


def measure(plan: Plan) -> Record:
    """Seconds to score the candidates of one question, with both models."""
    reranker, peer = CrossEncoderReranker(), build_peer(plan.scratch / "cross-encoder")
    pairs = candidates(100)
    tokenizer = read_tokenizer(RERANKER, locate(RERANKER).folder)
    for question, text in pairs:
        ours = tokenizer.encode(question, text).ids
        check_same("tokens of a pair", ours, peer.tokenizer(question, text)["input_ids"])
    check_same("parameters", sum(p.numel() for p in peer.model.parameters()), RERANKER.parameters)
    return {str(count): _timed(plan, reranker, peer, pairs[:count]) for count in (10, 100)}


def candidates(count: int) -> list[Pair]:
    """A real question with the documents of the knowledge base, then chunks of the handbook."""
    kb = load_kb()
    chunks = to_documents(sentence_chunks(load_handbook().text, size=48))
    texts = [document.full_text for document in [*kb.documents, *chunks]]
    return [(kb.queries[0].text, text) for text in texts[:count]]


def build_peer(folder: Path) -> Any:
    """A `CrossEncoder` with the reranker's shape and tokenizer and random fp32 weights.

    No fp32 weights of this model come with any package. Dense arithmetic takes as long with any
    numbers, so random ones stand in; their scores mean nothing.
    """
    import_torch()
    from sentence_transformers import CrossEncoder
    from transformers import (
        BertConfig,
        BertForSequenceClassification,
        PreTrainedTokenizerFast,
    )

    silence_transformers()
    names = {name: f"[{name[:-6].upper()}]" for name in ("unk_token", "sep_token", "pad_token")}
    names |= {"cls_token": "[CLS]", "mask_token": "[MASK]"}
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # unannotated upstream
        tokenizer_object=read_tokenizer(RERANKER, locate(RERANKER).folder),
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        **names,
    )
    tokenizer.save_pretrained(folder)
    BertForSequenceClassification(BertConfig(**SHAPE)).save_pretrained(folder)
    return CrossEncoder(str(folder), device="cpu", max_length=512)


def _timed(plan: Plan, reranker: CrossEncoderReranker, peer: Any, pairs: list[Pair]) -> Record:
    sides: dict[str, Work] = {
        PEER: lambda _: peer.predict(pairs, batch_size=32, show_progress_bar=False),
        OURS: lambda _: reranker.predict(pairs),
    }
    repeats = plan.pick(21, 5) if len(pairs) == 10 else plan.pick(7, 3)
    return comparison(f"reranking: {len(pairs)} candidates", sides, PEER, repeats)
