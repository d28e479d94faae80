"""all-MiniLM-L6-v2, the pretrained bi-encoder, through sentence-transformers.

Reimers & Gurevych, "Sentence-BERT", EMNLP 2019; the model card of all-MiniLM-L6-v2.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, get_args

import numpy as np

from ragkit.encoders.base import BaseEncoder
from ragkit.errors import ModelError, one_line
from ragkit.models import MINILM, Chosen, choose, folder_sha256, locate, sha256_of
from ragkit.ranking import check_k
from ragkit.runtime import hush_transformers, import_torch, quiet
from ragkit.vectors import Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Pooling = Literal["mean", "cls", "max"]
_SHORTEST = 3  # the two special tokens and one token of the text


class MiniLMEncoder(BaseEncoder):
    """Sentence encoder: 384 dimensions, unit rows, texts cut at `max_length` tokens.

    `pooling` is how token vectors become one ("mean" is what the model was trained with). `model`
    may be a local sentence-transformers folder or, the one way to reach a network, a hub id such
    as "sentence-transformers/all-mpnet-base-v2". Raises `ModelError` if weights are missing, and
    `DataError` for a length that the model does not have.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        backend: str = "torch",
        pooling: Pooling = "mean",
        max_length: int = 256,
    ) -> None:
        super().__init__()
        if backend != "torch":
            raise ModelError(f"Unknown backend {backend!r}; this release has 'torch'.")
        if pooling not in get_args(Pooling):
            raise ModelError(f"Unknown pooling {pooling!r}; use 'mean', 'cls' or 'max'.")
        self.pooling = pooling
        self.max_length = check_k(max_length, "max_length", least=_SHORTEST)
        chosen = _choose(model)
        self.name, self._source = chosen.name, chosen.source
        self._sha256, self._folder_sha256 = _hashes(chosen)
        self._model = _load(chosen, pooling, self.max_length)
        self.dimension = cast(int, self._model.get_embedding_dimension())

    @property
    def identity(self) -> Mapping[str, str]:
        return {
            "model": self._sha256,
            "folder": self._folder_sha256,
            "revision": MINILM.requirement if self._sha256 == MINILM.sha256 else self._source,
            "max_length": str(self.max_length),
            "pooling": self.pooling,
            "normalised": "true",
            "prompt": "",
            "dtype": "float32",
            "backend": "torch",
        }

    @property
    def sentence_transformer(self) -> SentenceTransformer:
        """The wrapped model, for a lesson that looks inside."""
        return self._model

    def _encode(self, texts: list[str], batch_size: int) -> Vectors:
        show = not quiet() and len(texts) > 8 * batch_size
        vectors = self._model.encode(
            texts, batch_size=batch_size, show_progress_bar=show, normalize_embeddings=True
        )
        return np.ascontiguousarray(vectors, dtype=np.float32)

    def _lengths(self, texts: list[str]) -> list[int]:
        encoded = self._model.tokenizer(texts, truncation=False, padding=False, verbose=False)
        return [len(ids) for ids in encoded["input_ids"]]


def _choose(model: str | Path | None) -> Chosen:
    """The user's model, or the packaged one if none is named."""
    if model is not None:
        return choose(model)
    return Chosen(str(locate(MINILM).folder), MINILM.name, local=True)


def _hashes(chosen: Chosen) -> tuple[str, str]:
    """What stands for the weights, and for all files of the folder, in the fingerprint."""
    if not chosen.local:
        return f"hub:{chosen.source}", ""
    folder = Path(chosen.source)
    return sha256_of(folder / MINILM.file), folder_sha256(folder)


def _load(chosen: Chosen, pooling: Pooling, max_length: int) -> SentenceTransformer:
    """Build transformer → pooling → normalise, on the CPU."""
    import_torch()
    from sentence_transformers import SentenceTransformer

    hush_transformers()
    try:
        model = SentenceTransformer(
            chosen.source,
            device="cpu",
            local_files_only=chosen.local,
            model_kwargs={"use_safetensors": True},  # the other format may run code
        )
    except Exception as error:  # the loader raises a dozen kinds; all mean "unusable weights"
        raise ModelError(
            f"{chosen.source}: the model cannot be loaded ({one_line(error)})."
        ) from error
    model = _pooled(model, pooling)
    longest = getattr(getattr(model[0], "config", None), "max_position_embeddings", None)
    model.max_seq_length = check_k(max_length, "max_length", least=_SHORTEST, most=longest)
    return model


def _pooled(model: SentenceTransformer, pooling: Pooling) -> SentenceTransformer:
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
