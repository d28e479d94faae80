"""Real texts to encode: short questions, documents, and joined documents of exactly 200 tokens."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle, islice
from typing import Any

from benchmarks.harness import Plan
from ragkit.documents.kb import KnowledgeBase, load_kb

SHORT = "short (8 to 16 tokens)"
DOCUMENTS = "documents of the knowledge base"
LONG = "200 tokens"
LONG_TOKENS = 200


def judged() -> dict[str, KnowledgeBase]:
    """The knowledge base with the queries of each split."""
    return {split: load_kb(split=split) for split in ("dev", "test")}


def questions() -> list[str]:
    """Every judged question of the knowledge base."""
    return [query.text for kb in judged().values() for query in kb.queries]


def by_length(tokenizer: Any, plan: Plan) -> dict[str, list[str]]:
    """Three kinds of text, each repeated up to a number that keeps every batch full."""
    documents = [document.full_text for document in load_kb().documents]
    kinds = {
        SHORT: [text for text in questions() if 8 <= count_tokens(tokenizer, [text]) <= 16],
        DOCUMENTS: documents,
        LONG: long_texts(tokenizer, documents),
    }
    wanted = {SHORT: plan.pick(512, 64), DOCUMENTS: plan.pick(256, 32), LONG: plan.pick(96, 32)}
    return {kind: list(islice(cycle(texts), wanted[kind])) for kind, texts in kinds.items()}


def count_tokens(tokenizer: Any, texts: list[str]) -> int:
    """Tokens of all texts together, the two special ones of each included."""
    return sum(len(encoding.ids) for encoding in tokenizer.encode_batch(texts))


def long_texts(tokenizer: Any, documents: list[str]) -> list[str]:
    """For each document, it and those after it joined and cut to exactly `LONG_TOKENS` tokens."""
    texts = []
    for start in range(len(documents)):
        joined = " ".join(documents[start:] + documents[:start])
        texts.append(_cut(joined, LONG_TOKENS, tokenizer.encode))
    return texts


def _cut(text: str, tokens: int, encode: Callable[[str], Any]) -> str:
    """The text up to the end of the token that fills the number, the closing one counted."""
    end = encode(text).offsets[tokens - 2][1]
    return text[:end]
