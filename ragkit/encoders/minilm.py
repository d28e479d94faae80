"""all-MiniLM-L6-v2, the pretrained bi-encoder, or a fine-tuned copy, by PyTorch or onnxruntime.

Reimers & Gurevych, "Sentence-BERT", EMNLP 2019; the model card of all-MiniLM-L6-v2.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from ragkit.checks import check_count, check_texts
from ragkit.documents.spans import Span
from ragkit.encoders import minilm_export as exports
from ragkit.encoders.base import BaseEncoder
from ragkit.encoders.minilm_folder import misfits
from ragkit.encoders.minilm_onnx import LONGEST, OnnxModel
from ragkit.errors import ModelError, RagkitWarning
from ragkit.vectors import Vectors
from ragkit.weights.opening import INT8_ARITHMETIC
from ragkit.weights.published import MINILM, Chosen, choose, folder_sha256, locate, sha256_of

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from ragkit.encoders.minilm_torch import TorchModel

Pooling = Literal["mean", "cls", "max"]
Backend = Literal["torch", "onnx", "onnx-int8", "auto"]
SHORTEST = 3  # the two special tokens and one token of the text


class MiniLMEncoder(BaseEncoder):
    """Sentence encoder: 384 dimensions, unit rows, texts cut at `max_length` tokens.

    `backend` says what runs it. "torch" is the reference. "onnx" gives the same vectors without
    importing torch, on most processors in less time, from an export that is made on first use.
    "onnx-int8" is faster still and its vectors are near, not equal: the README says what that
    costs. "auto" uses "onnx" if there is an export, else "torch", and says how to make one;
    afterwards `backend` names the one in use.

    `pooling` is how token vectors become one ("mean" is what the model was trained with, and all
    that an export has). `model` may be a local sentence-transformers folder or, the one way to
    reach a network, a hub id such as "sentence-transformers/all-mpnet-base-v2". Torch runs both;
    ONNX runs a folder of the packaged model's architecture, such as a fine-tuned copy. Raises
    `ModelError` if weights are missing or the backend does not support the model or pooling,
    `DataError` for a length that the model does not have.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        backend: Backend = "torch",
        pooling: Pooling = "mean",
        max_length: int = 256,
    ) -> None:
        super().__init__()
        if backend not in get_args(Backend):
            known = ", ".join(map(repr, get_args(Backend)))
            raise ModelError(f"Unknown backend {backend!r}; use one of {known}.")
        if pooling not in get_args(Pooling):
            raise ModelError(f"Unknown pooling {pooling!r}; use 'mean', 'cls' or 'max'.")
        self._pooling: Pooling = pooling
        longest = LONGEST if model is None else None  # another model's is known when it is loaded
        self._max_length = check_count(max_length, "max_length", least=SHORTEST, most=longest)
        self._chosen = _choose(model)
        self.name = self._chosen.name
        self._sha256, self._folder_sha256 = _hashes(self._chosen)
        self._export = self._find_export(backend, own=model is not None)
        self._onnx = None if self._export is None else self._open(self._export)
        # MiniLM's dimension is known, so torch may wait until it has work
        minilm = model is None or self._onnx is not None
        self.dimension = MINILM.dimension if minilm else self._torch.dimension

    @property
    def max_length(self) -> int:  # type: ignore[override]  # fixed: the fingerprint names it
        """Tokens of a text that are read, the two special ones included."""
        return self._max_length

    @property
    def pooling(self) -> Pooling:
        """How token vectors become one."""
        return self._pooling

    @property
    def backend(self) -> str:
        """What runs the model: "torch", "onnx" or "onnx-int8"."""
        return self._export.backend if self._export else "torch"

    @property
    def identity(self) -> Mapping[str, str]:
        """Everything that the vectors depend on, by name."""
        packaged = self._sha256 == MINILM.sha256
        identity = {
            "model": self._sha256,
            "folder": self._folder_sha256,
            "revision": MINILM.requirement if packaged else self._chosen.source,
            "max_length": str(self.max_length),
            "pooling": self.pooling,
            "normalised": "true",
            "prompt": "",
            "dtype": "float32",
            "backend": self.backend,
        }
        if self._export is None:
            return identity
        int8 = {"int8": INT8_ARITHMETIC} if self.backend == "onnx-int8" else {}
        return identity | {"export": self._export.sha256} | int8

    def token_vectors(self, texts: Sequence[str], batch_size: int = 32) -> list[Vectors]:
        """The vectors that pooling makes one of: for each text float32 [t, d], not normalised.

        The first and the last are the special tokens [CLS] and [SEP]; texts are cut as in `encode`.
        Raises `DataError` for an item that is blank, not a string or not Unicode.
        """
        batch_size = check_count(batch_size, "batch_size")
        checked = check_texts(texts)
        self._report_truncation(self._lengths(checked))
        return self._running.token_vectors(checked, batch_size) if checked else []

    def tokens(self, text: str) -> list[tuple[str, Span]]:
        """The tokens that the model reads, without [CLS] and [SEP], each with its place in `text`.

        A token that continues a word begins with "##". Nothing is cut here.
        """
        return self._running.tokens(check_texts([text])[0])

    @property
    def sentence_transformer(self) -> SentenceTransformer:
        """The model in PyTorch, for a lesson that looks inside; it is loaded on first use."""
        return self._torch.wrapped

    @property
    def _running(self) -> OnnxModel | TorchModel:
        return self._onnx or self._torch

    @cached_property
    def _torch(self) -> TorchModel:
        from ragkit.encoders.minilm_torch import TorchModel

        return TorchModel(self._chosen, self.pooling, self.max_length)

    def _open(self, export: exports.Export) -> OnnxModel:
        folder = Path(self._chosen.source)
        alone = export.backend == "onnx-int8"
        return OnnxModel(export.source, folder, self.max_length, alone=alone)

    def _find_export(self, backend: Backend, *, own: bool) -> exports.Export | None:
        """The export to use, or None for torch; `own` says that the model is the user's.

        "auto" uses an export if there is one, and warns if there only could be one.
        """
        exported = self._chosen.local and self.pooling == "mean"
        if backend == "torch" or (backend == "auto" and not exported):
            return None
        if not exported:
            raise ModelError(
                f"backend={backend!r} runs the packaged model, or a local folder of the same "
                "architecture, with mean pooling only. Use backend='torch'."
            )
        folder = Path(self._chosen.source) if own else None
        if backend != "auto":
            return exports.find_or_prepare(backend, folder)
        try:
            export = exports.find("onnx", folder)
            missing = f"{exports.folder(folder)}: no ONNX export here yet. "
            why = f"{missing}{exports.remedy(folder)} to make one."
        except exports.DamagedExportError as error:
            export, why = None, str(error)
        if export is None and not misfits(Path(self._chosen.source)):
            fallback = "Until then PyTorch is used, with the same vectors and a slower start."
            warnings.warn(f"{why} {fallback}", RagkitWarning, stacklevel=3)
        return export

    def _encode(self, texts: list[str], batch_size: int) -> Vectors:
        return self._running.encode(texts, batch_size)

    def _lengths(self, texts: list[str]) -> list[int]:
        return self._running.lengths(texts)


def _choose(model: str | Path | None) -> Chosen:
    """The user's model, or the packaged one if none is named."""
    if model is not None:
        return choose(model)
    return Chosen(str(locate(MINILM).folder), MINILM.name, local=True)


def _hashes(chosen: Chosen) -> tuple[str, str]:
    """Hashes of the weights and of the whole folder; a hub model is known by its id alone."""
    if not chosen.local:
        return f"hub:{chosen.source}", ""
    folder = Path(chosen.source)
    return sha256_of(folder / MINILM.file), folder_sha256(folder)
