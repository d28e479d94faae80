"""bge-small-en-v1.5, a bi-encoder whose queries begin with an instruction and documents do not.

Xiao et al., "C-Pack", SIGIR 2024; the model card of BAAI/bge-small-en-v1.5. The packaged weights
are int8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ragkit.checks import check_string, check_texts
from ragkit.encoders.base import BaseEncoder
from ragkit.vectors import Vectors, unit_rows
from ragkit.weights.published import BGE_SMALL
from ragkit.weights.quantised import QuantisedModel

QUERY_PROMPT = "Represent this sentence for searching relevant passages: "


class BGESmallEncoder(BaseEncoder):
    """Sentence encoder: 384 dimensions, unit rows, texts cut at 512 tokens.

    The vector of a text is that of its token [CLS]. `encode_query` puts `prompt` before each query,
    as in training; `encode_document` and `encode` add nothing. `prompt=None` leaves it out on both
    sides. Raises `ModelError` if weights or tokenizer are missing or damaged.
    """

    name = BGE_SMALL.name
    dimension = BGE_SMALL.dimension
    max_length = 512

    def __init__(self, *, prompt: str | None = QUERY_PROMPT) -> None:
        super().__init__()
        self.prompt = check_string(prompt or "", "prompt")
        self._model = QuantisedModel(BGE_SMALL, self.max_length)

    @property
    def identity(self) -> Mapping[str, str]:
        """Everything that the vectors depend on, by name."""
        return {
            **self._model.identity,
            "max_length": str(self.max_length),
            "pooling": "cls",
            "normalised": "true",
            "prompt": self.prompt,
        }

    def encode_query(self, texts: Sequence[str] | str, batch_size: int = 32) -> Vectors:
        """Encode queries, each with the prompt before it; the limit counts the prompt too."""
        if isinstance(texts, str):
            return self.encode(self.prompt + check_texts([texts])[0], batch_size)
        return self.encode([self.prompt + text for text in check_texts(texts)], batch_size)

    def _encode(self, texts: list[str], batch_size: int) -> Vectors:
        """Each text by itself, whatever the batch size."""
        states = self._model.outputs("last_hidden_state", texts)
        return unit_rows(np.stack([rows[0] for rows in states]))

    def _lengths(self, texts: list[str]) -> list[int]:
        return self._model.lengths(texts)
