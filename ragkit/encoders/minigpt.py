"""The from-scratch encoder: mean-pool what a small GPT knows about tokens.

`source="table"` averages rows of the embedding table (no order, no context); `source="hidden"`
averages the last hidden states. `MiniGPTEncoder.untrained()` is the control: the same mean over the
table that the training began with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ragkit.checks import check_count
from ragkit.encoders.base import BaseEncoder
from ragkit.errors import ModelError, one_line
from ragkit.runtime import LARGEST_SEED, data_dir, import_torch
from ragkit.vectors import Vectors, unit_rows
from ragkit.weights.published import sha256_of

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor

    from ragkit.minigpt.model import MiniGPT

Source = Literal["table", "hidden"]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model with the tokenizer it was trained with; `identity` names the weights in caches."""

    model: MiniGPT
    tokenizer: Tokenizer
    identity: str
    name: str = "minigpt"


class MiniGPTEncoder(BaseEncoder):
    """Mean-pooled MiniGPT: 64 dimensions, unit rows, texts cut at the model's context.

    `path` is a folder with `model.safetensors` and `tokenizer.json`, or a `Checkpoint` in
    memory; without it, the course's own. Raises `ModelError` for files that are missing, damaged or
    do not fit together, or for an unknown source.
    """

    def __init__(
        self, path: str | Path | Checkpoint | None = None, *, source: Source = "table"
    ) -> None:
        super().__init__()
        folder = data_dir() / "minigpt" if path is None else path
        checkpoint = folder if isinstance(folder, Checkpoint) else _load(Path(folder))
        if source not in ("table", "hidden"):
            raise ModelError(f"Unknown source {source!r}; use 'table' or 'hidden'.")
        self.name = f"{checkpoint.name}-{source}"
        self.source = source
        self.model, self.tokenizer = checkpoint.model, checkpoint.tokenizer
        self.dimension = self.model.config.width
        self.max_length = self.model.config.context
        self._sha256 = checkpoint.identity

    @classmethod
    def untrained(cls, *, source: Source = "table", seed: int = 0) -> MiniGPTEncoder:
        """The control: the course's tokenizer over weights that have not been trained yet.

        They are those that `minigpt.train` begins with for the seed, which is 0 for the course's
        own checkpoint. Raises `DataError` for a seed that torch does not accept.
        """
        seed = check_count(seed, "seed", least=0, most=LARGEST_SEED)
        import_torch()
        import torch

        from ragkit.minigpt.model import first_model

        with torch.random.fork_rng():
            trained = _load(data_dir() / "minigpt")
            model = first_model(trained.model.config, seed).eval()
        identity, name = f"step 0 of seed {seed}", "minigpt-untrained"
        return cls(Checkpoint(model, trained.tokenizer, identity, name), source=source)

    @property
    def identity(self) -> Mapping[str, str]:
        """Everything that the vectors depend on, by name."""
        return {
            "model": self._sha256,
            "tokenizer": hashlib.sha256(self.tokenizer.to_str().encode()).hexdigest(),
            "revision": "",
            "max_length": str(self.max_length),
            "pooling": f"mean of {self.source}",
            "normalised": "true",
            "prompt": "",
            "dtype": "float32",
            "backend": "torch",
        }

    def token_ids(self, text: str) -> list[int]:
        """The token ids of one text, cut at the model's context."""
        return self.tokenizer.encode(text).ids[: self.max_length]

    def _encode(self, texts: list[str], batch_size: int) -> Vectors:
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            vectors[rows] = self._encode_batch([texts[i] for i in rows])
        return unit_rows(vectors)

    def _encode_batch(self, texts: list[str]) -> Vectors:
        import torch

        ids, mask = pad([self.token_ids(text) for text in texts])  # int64 [B, T], bool [B, T]
        with torch.inference_mode():
            states = self.model.table(ids) if self.source == "table" else self.model.hidden(ids)
            masked = states * mask[:, :, None]  # [B, T, d], padding set to zero
            mean = masked.sum(dim=1) / mask.sum(dim=1, keepdim=True)  # [B, d]
        pooled: Vectors = mean.numpy()
        return pooled

    def _lengths(self, texts: list[str]) -> list[int]:
        return [len(encoding.ids) for encoding in self.tokenizer.encode_batch(texts)]


def pad(rows: list[list[int]]) -> tuple[Tensor, Tensor]:
    """Rows of ids as one int64 [B, T] padded with 0, and a mask, bool [B, T], True for real ids."""
    import torch

    width = max(len(row) for row in rows)
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    lengths = torch.tensor([len(row) for row in rows])
    return ids, torch.arange(width)[None, :] < lengths[:, None]


def _load(folder: Path) -> Checkpoint:
    model, sha256 = _load_model(folder / "model.safetensors")
    return Checkpoint(model, _load_tokenizer(folder, model.config.vocabulary), sha256)


def _load_model(file: Path) -> tuple[MiniGPT, str]:
    """The model that `ragkit train-minigpt` wrote, and the sha256 of its file."""
    sha256 = sha256_of(file)
    import_torch()
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import load_file

    from ragkit.minigpt.model import MiniGPT, MiniGPTConfig

    try:
        with safe_open(file, framework="pt") as stream:
            sizes = stream.metadata() or {}
        config = MiniGPTConfig(
            vocabulary=int(sizes["vocabulary"]),
            context=int(sizes["context"]),
            width=int(sizes["width"]),
            layers=int(sizes["layers"]),
            heads=int(sizes["heads"]),
            dropout=float(sizes["dropout"]),
            tied={"True": True, "False": False}[sizes.get("tied", "True")],
        )
        model = MiniGPT(config)
        model.load_state_dict(load_file(file))
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"{file}: not a MiniGPT checkpoint, or cut short ({one_line(error)}). "
            "Train it again: ragkit train-minigpt"
        ) from None
    return model.eval(), sha256


def _load_tokenizer(folder: Path, vocabulary: int) -> Tokenizer:
    """The tokenizer beside a checkpoint that has `vocabulary` rows, one per token."""
    from tokenizers import Tokenizer

    file = folder / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_str(file.read_text(encoding="utf-8"))
    except Exception as error:  # the library raises a bare Exception for a bad file
        raise ModelError(
            f"{file}: not a usable tokenizer ({one_line(error)}). "
            "Train it again: ragkit train-minigpt"
        ) from None
    if tokenizer.get_vocab_size() > vocabulary:
        raise ModelError(
            f"{file}: {tokenizer.get_vocab_size()} tokens, but the model has {vocabulary} rows; "
            "they were not trained together. Train them again: ragkit train-minigpt"
        )
    return tokenizer
