"""Run MiniLM with onnxruntime: a tokenizer and one session, without torch or transformers."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from ragkit.checks import check_count
from ragkit.documents.spans import Span
from ragkit.errors import ModelError
from ragkit.runtime import threads
from ragkit.vectors import Vectors
from ragkit.weights.opening import Tokens, map_one_by_one, open_session
from ragkit.weights.published import MINILM, sha256_of

LONGEST = 512  # positions of every model that can be exported
_SLOWER = ("SkipLayerNormFusion",)  # its one operator for a sum and a norm is slower than the two


class OnnxModel:
    """The exported graph (a file, or its bytes) with the tokenizer in the `weights` folder.

    A float32 graph takes batches of texts of similar length and shares each product among the
    threads; a quantised one (`alone`) takes each text by itself. Texts are cut at `max_length`
    tokens, whatever the tokenizer's file says. Raises `ModelError` for an export of other weights,
    `DataError` for a length that the model does not have.
    """

    def __init__(
        self, source: Path | bytes, weights: Path, max_length: int = 256, *, alone: bool
    ) -> None:
        max_length = check_count(max_length, "max_length", most=LONGEST)
        self._tokens = Tokens(MINILM, weights, max_length)
        self._alone = alone
        self._session = open_session(source, 1 if alone else threads(), without=_SLOWER)
        _check_origin(self._session, source, sha256_of(weights / MINILM.file))
        self.dimension = MINILM.dimension

    def encode(self, texts: list[str], batch_size: int) -> Vectors:
        """Unit rows, float32 [n, 384], in the order of the texts."""
        return np.stack(self._in_batches("embedding", texts, batch_size))

    def token_vectors(self, texts: list[str], batch_size: int) -> list[Vectors]:
        """The last layer's vectors of each text, float32 [t, 384], special tokens included."""
        return self._in_batches("token_vectors", texts, batch_size)

    def lengths(self, texts: list[str]) -> list[int]:
        """Number of tokens of each text, special ones included, before any cut."""
        return self._tokens.lengths(texts)

    def tokens(self, text: str) -> list[tuple[str, Span]]:
        """The tokens of a text with their places in it, without special ones, before any cut."""
        return self._tokens.tokens_with_spans(text)

    def _in_batches(self, output: str, texts: list[str], batch_size: int) -> list[Vectors]:
        """One output per text, in the order of the texts; padding is cut off."""
        encoded = [encoding.ids for encoding in self._tokens.cut(texts)]
        run = partial(self._run, output)
        if self._alone:
            return [rows[0] for rows in map_one_by_one(run, ([ids] for ids in encoded))]
        outputs: list[Any] = [None] * len(texts)
        for batch in _by_length(encoded, batch_size):
            for row, values in zip(batch, run([encoded[row] for row in batch]), strict=True):
                outputs[row] = values[: len(encoded[row])] if values.ndim == 2 else values
        return outputs

    def _run(self, output: str, batch: list[list[int]]) -> Vectors:
        """One pass over token ids of several lengths, padded to the longest."""
        shape = len(batch), max(map(len, batch))
        ids, mask = np.zeros(shape, dtype=np.int32), np.zeros(shape, dtype=np.int32)
        for row, tokens in enumerate(batch):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        feed = {"input_ids": ids, "attention_mask": mask}
        return cast(Vectors, self._session.run([output], feed)[0])


def _by_length(encoded: list[list[int]], batch_size: int) -> list[list[int]]:
    """Row numbers in batches of texts of similar length, so that little is padded."""
    order = sorted(range(len(encoded)), key=lambda row: -len(encoded[row]))
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


def _check_origin(session: Any, source: Path | bytes, weights: str) -> None:
    """Refuse a graph whose metadata do not name the weights with this sha256."""
    origin = session.get_modelmeta().custom_metadata_map.get("weights_sha256", "")
    if origin != weights:
        place = source if isinstance(source, Path) else "the export"
        raise ModelError(
            f"{place}: this export was made from other weights (sha256 {origin[:12] or 'unknown'}…,"
            f" not {weights[:12]}…). Delete it; backend='onnx' then makes it again."
        )
