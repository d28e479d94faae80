"""Run a packaged int8 model with onnxruntime, each input by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ragkit.documents.spans import Span
from ragkit.weights.opening import INT8_ARITHMETIC, Tokens, map_one_by_one, open_session
from ragkit.weights.published import Weights, folder_sha256, locate


class QuantisedModel:
    """Verified int8 weights in one session, with the tokenizer beside them.

    Inputs are texts, or pairs of texts. `identity` names all that the outputs depend on but the
    limit. Raises `ModelError` if weights or tokenizer are missing or damaged.
    """

    def __init__(self, weights: Weights, max_length: int) -> None:
        located = locate(weights)
        self._tokens = Tokens(weights, located.folder, max_length)
        self._session = open_session(located.folder / weights.file, 1)
        self.identity: Mapping[str, str] = {
            "model": folder_sha256(located.folder),
            "file": located.sha256,
            "int8": INT8_ARITHMETIC,
        }

    def lengths(self, inputs: Sequence[Any]) -> list[int]:
        """Number of tokens of each input, special ones included, before any cut."""
        return self._tokens.lengths(inputs)

    def tokens(self, text: str) -> list[tuple[str, Span]]:
        """The tokens of a text with their places in it, without special ones, before any cut."""
        return self._tokens.tokens_with_spans(text)

    def outputs(self, name: str, inputs: Sequence[Any]) -> list[NDArray[np.float32]]:
        """The output `name` of the graph for each input, cut at the limit, without a batch axis."""
        return map_one_by_one(partial(self._one, name), self._tokens.cut(inputs))

    def _one(self, name: str, encoding: Any) -> NDArray[np.float32]:
        feed = {
            "input_ids": np.array([encoding.ids], dtype=np.int64),
            "attention_mask": np.array([encoding.attention_mask], dtype=np.int64),
            "token_type_ids": np.array([encoding.type_ids], dtype=np.int64),
        }
        return cast(NDArray[np.float32], self._session.run([name], feed)[0][0])
