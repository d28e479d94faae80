"""all-MiniLM-L6-v2, the pretrained bi-encoder, through sentence-transformers.

Reimers & Gurevych, "Sentence-BERT", EMNLP 2019; the model card of all-MiniLM-L6-v2.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, get_args

import numpy as np

from ragkit.encoders.base import BaseEncoder
from ragkit.errors import ModelError
from ragkit.models import MINILM, locate, sha256_of
from ragkit.runtime import hush_transformers, import_torch, quiet
from ragkit.vectors import Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Pooling = Literal["mean", "cls", "max"]


class MiniLMEncoder(BaseEncoder):
    """Sentence encoder: 384 dimensions, unit rows, texts cut at 256 tokens.

    `pooling` is how token vectors become one ("mean" is what the model was trained with). `model`
    may be a local sentence-transformers folder or, the one way to reach a network, a hub id such
    as "sentence-transformers/all-mpnet-base-v2". `ModelError` if weights are missing.
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
        self.max_length = max_length
        self._source, self._sha256, self.name = _resolve(model)
        self._model = _load(self._source, pooling, max_length)
        self.dimension = cast(int, self._model.get_embedding_dimension())

    @property
    def identity(self) -> Mapping[str, str]:
        return {
            "model": self._sha256,
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


def _resolve(model: str | Path | None) -> tuple[str, str, str]:
    """Turn the `model` argument into `(path or hub id, sha256 or hub id, name)`."""
    if model is None:
        found = locate(MINILM)
        return str(found.folder), found.sha256, MINILM.name
    folder = Path(model)
    if folder.is_dir():
        return str(folder), sha256_of(folder / "model.safetensors"), folder.resolve().name
    if isinstance(model, str) and model.count("/") == 1 and not model.startswith((".", "/", "~")):
        return model, f"hub:{model}", model.split("/")[1]
    raise ModelError(f"{model}: no such folder, and not a hub id of the form 'owner/name'.")


def _load(source: str, pooling: Pooling, max_length: int) -> SentenceTransformer:
    """Build transformer → pooling → normalise, on the CPU."""
    import_torch()
    from sentence_transformers import SentenceTransformer

    hush_transformers()
    try:
        model = SentenceTransformer(source, device="cpu", local_files_only=Path(source).is_dir())
    except Exception as error:  # the loader raises a dozen kinds; all mean "unusable weights"
        raise ModelError(f"{source}: the model cannot be loaded ({error}).") from error
    if pooling != "mean":
        from sentence_transformers.sentence_transformer.modules import Normalize
        from sentence_transformers.sentence_transformer.modules import Pooling as PoolingLayer

        dimension = cast(int, model.get_embedding_dimension())
        layers = [model[0], PoolingLayer(dimension, pooling), Normalize()]
        model = SentenceTransformer(modules=layers, device="cpu")
    model.max_seq_length = max_length
    return model
