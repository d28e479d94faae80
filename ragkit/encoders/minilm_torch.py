"""Run MiniLM, or a sentence-transformers model of the user's own, with PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ragkit.checks import check_count
from ragkit.documents.spans import Span
from ragkit.runtime import quiet
from ragkit.vectors import Vectors
from ragkit.weights.opening import open_torch
from ragkit.weights.published import Chosen

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


class TorchModel:
    """Transformer → pooling → normalise, on the CPU; `wrapped` is the sentence-transformers model.

    `pooling` replaces the model's own; texts are cut at `max_length` tokens. Raises `ModelError`
    for weights that cannot be loaded, `DataError` for a length that the model does not have.
    """

    def __init__(self, chosen: Chosen, pooling: str, max_length: int = 256) -> None:
        self.wrapped = _pooled(open_torch("SentenceTransformer", chosen, "model"), pooling)
        longest = getattr(getattr(self.wrapped[0], "config", None), "max_position_embeddings", None)
        self.wrapped.max_seq_length = check_count(max_length, "max_length", most=longest)
        self.dimension = cast(int, self.wrapped.get_embedding_dimension())

    def encode(self, texts: list[str], batch_size: int) -> Vectors:
        """Unit rows, float32 [n, d]; sentence-transformers forms the batches by length."""
        show = not quiet() and len(texts) > 8 * batch_size
        vectors = self.wrapped.encode(
            texts, batch_size=batch_size, show_progress_bar=show, normalize_embeddings=True
        )
        return np.ascontiguousarray(vectors, dtype=np.float32)

    def token_vectors(self, texts: list[str], batch_size: int) -> list[Vectors]:
        """The last layer's vectors of each text, float32 [t, d], special tokens included."""
        states = self.wrapped.encode(
            texts, batch_size=batch_size, output_value="token_embeddings", show_progress_bar=False
        )
        return [rows.numpy() for rows in cast(Any, states)]

    def tokens(self, text: str) -> list[tuple[str, Span]]:
        """The tokens of a text with their places in it, without special ones, before any cut."""
        tokenizer: Any = self.wrapped.tokenizer
        encoded = tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        pieces = tokenizer.convert_ids_to_tokens(encoded["input_ids"])
        places = (Span(start, end) for start, end in encoded["offset_mapping"])
        return list(zip(pieces, places, strict=True))

    def lengths(self, texts: list[str]) -> list[int]:
        """Number of tokens of each text, special ones included, before any cut."""
        encoded = self.wrapped.tokenizer(texts, truncation=False, padding=False, verbose=False)
        return [len(ids) for ids in encoded["input_ids"]]


def _pooled(model: SentenceTransformer, pooling: str) -> SentenceTransformer:
    """The model with this pooling, whatever its own files say; its other layers stay."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling as PoolingLayer

    own = [layer for layer in model if isinstance(layer, PoolingLayer)]
    if all(layer.pooling_mode == pooling for layer in own):
        return model
    layers = [
        PoolingLayer(layer.embedding_dimension, pooling)
        if isinstance(layer, PoolingLayer)
        else layer
        for layer in model
    ]
    return SentenceTransformer(modules=layers, device="cpu")
