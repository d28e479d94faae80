"""An encoder whose weights can be changed: the student of every lesson here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ragkit.encoders.base import BaseEncoder
from ragkit.encoders.minilm_torch import TorchModel
from ragkit.runtime import import_torch
from ragkit.vectors import Vectors
from ragkit.weights.published import MINILM, Chosen, choose, locate

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor

LONGEST = 256  # tokens of a text, as in MiniLMEncoder
_TOGETHER = 16  # texts in a pass: padded to the longest of many, most of the work would be padding


class TrainableEncoder(BaseEncoder):
    """A sentence-transformers model in PyTorch, by default all-MiniLM-L6-v2, to be fine-tuned.

    `start` is a folder of such a model, and `began_as` its name. Unit rows, texts cut at 256
    tokens. Its fingerprint is that of its present weights, so a cache never mixes it up with what
    it was. Raises `ModelError` for weights that are missing or cannot be loaded.
    """

    def __init__(self, start: str | Path | None = None) -> None:
        super().__init__()
        import_torch()
        from sentence_transformers.sentence_transformer.modules import Normalize

        chosen = (
            Chosen(str(locate(MINILM).folder), MINILM.name, local=True)
            if start is None
            else choose(start)
        )
        self.began_as = MINILM.upstream if start is None else chosen.name
        self.name = f"{chosen.name}, fine-tuned"
        self._torch = TorchModel(chosen, "mean", LONGEST)
        if not any(isinstance(layer, Normalize) for layer in self._torch.wrapped):
            self._torch.wrapped.append(Normalize())
        self._torch.wrapped.eval()
        self.dimension = self._torch.dimension
        self.max_length = LONGEST

    @property
    def model(self) -> SentenceTransformer:
        """The model itself; training changes it in place."""
        return self._torch.wrapped

    @property
    def identity(self) -> Mapping[str, str]:
        """Everything that the vectors depend on, by name; the weights as they are now."""
        return {
            "weights": sha256_of_weights(self.model.state_dict()),
            "max_length": str(self.max_length),
            "pooling": "mean",
            "normalised": "true",
            "dtype": "float32",
            "backend": "torch",
        }

    def embed(self, texts: Sequence[str]) -> Tensor:
        """Unit vectors float [n, d] that gradients flow through; those of like length in a pass."""
        import torch

        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        parts = [order[start : start + _TOGETHER] for start in range(0, len(order), _TOGETHER)]
        rows = torch.cat([self._together([texts[row] for row in part]) for part in parts])
        return rows[torch.tensor(order).argsort()]

    def _together(self, texts: list[str]) -> Tensor:
        """One pass of the model over texts that are padded to the longest of them."""
        features = self.model.preprocess(texts)
        return cast("Tensor", self.model(features)["sentence_embedding"])

    def weights(self) -> dict[str, Tensor]:
        """A copy of the present weights, by name."""
        return {name: t.detach().clone() for name, t in self.model.state_dict().items()}

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Take weights that `weights` returned."""
        self.model.load_state_dict(dict(weights))

    def _encode(self, texts: list[str], batch_size: int) -> Vectors:
        return self._torch.encode(texts, batch_size)

    def _lengths(self, texts: list[str]) -> list[int]:
        return self._torch.lengths(texts)


def sha256_of_weights(weights: Mapping[str, Tensor]) -> str:
    """Hex sha256 over names and numbers of weights."""
    digest = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        digest.update(f"{name} {list(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
