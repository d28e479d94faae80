"""The cross-encoder: reads query and document together and returns one relevance score.

Nogueira & Cho, "Passage Re-ranking with BERT", 2019. The packaged model is ms-marco-MiniLM-L-12-v2,
quantised to int8, run by onnxruntime; a folder or hub id is run by sentence-transformers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ragkit.checks import check_count, check_query, check_texts
from ragkit.documents.kb import Document, check_documents
from ragkit.errors import DataError
from ragkit.ranking import Hit, hits
from ragkit.runtime import quiet
from ragkit.weights.opening import open_torch
from ragkit.weights.published import RERANKER, Chosen, choose, fingerprint_of, folder_sha256
from ragkit.weights.quantised import QuantisedModel
from ragkit.weights.truncation import Truncating

Scores = NDArray[np.float32]
Pair = tuple[str, str]


@runtime_checkable
class Reranker(Protocol):
    """Orders the few documents that a first stage found."""

    def predict(self, pairs: Sequence[Pair]) -> Scores:
        """One score per (query, text) pair, float32 [n] in input order; higher is more relevant.

        Raises `DataError` for an item that is not a pair of texts.
        """
        ...

    def rank(
        self, query: str, documents: Sequence[Document], top_k: int | None = None
    ) -> list[Hit]:
        """The documents from most to least relevant, at most `top_k`; ties by doc_id ascending.

        Raises `DataError` for an empty query, an item that is not a document, or a `top_k` below 1.
        """
        ...


class RanksByScore:
    """`rank` by the scores of `predict`."""

    def predict(self, pairs: Sequence[Pair]) -> Scores:
        """One score per (query, text) pair, float32 [n] in input order."""
        raise NotImplementedError

    def rank(
        self, query: str, documents: Sequence[Document], top_k: int | None = None
    ) -> list[Hit]:
        """The documents from most to least relevant, at most `top_k`; ties by doc_id."""
        check_query(query)
        if top_k is not None:
            top_k = check_count(top_k, "top_k")
        candidates = check_documents(documents)
        scores = self.predict([(query, document.full_text) for document in candidates])
        ids = (document.doc_id for document in candidates)
        return hits(zip(ids, scores.tolist(), strict=True), top_k)


class CrossEncoderReranker(Truncating, RanksByScore):
    """Scores (query, text) pairs with raw logits: higher is more relevant, about -11 to 11.

    Each pair is scored on its own. Dynamic int8 quantisation takes its scale from the whole batch,
    so in a batch a pair's score would depend on its neighbours (by up to 0.5 here), and no time is
    gained. Pairs over 512 tokens are cut, counted in `truncated`, and warned about once.

    `model` may be a local folder or, the one way to reach a network, a hub id of another
    cross-encoder. Raises `ModelError` if weights or tokenizer are missing or damaged.
    """

    max_length = 512
    _inputs = "pairs"
    _advice = "Rerank shorter chunks; `truncated` keeps the count."

    def __init__(self, model: str | Path | None = None) -> None:
        super().__init__()
        self._score: _OnnxScorer | _TorchScorer
        if model is None:
            self.name, self._score = RERANKER.name, _OnnxScorer(self.max_length)
        else:
            chosen = choose(model)
            self.name, self._score = chosen.name, _TorchScorer(chosen, self.max_length)

    @property
    def fingerprint(self) -> str:
        """Hex sha256 of what the scores depend on: weights, limit, and what runs them."""
        return fingerprint_of({**self._score.identity, "max_length": str(self.max_length)})

    def predict(self, pairs: Sequence[Pair]) -> Scores:
        """Raw logits of (query, text) pairs in input order, float32 [n]."""
        checked = check_pairs(pairs)
        if not checked:
            return np.empty(0, dtype=np.float32)
        self._report_truncation(self._score.lengths(checked))
        return self._score(checked)


class _OnnxScorer:
    """The packaged int8 model, each pair by itself."""

    def __init__(self, max_length: int) -> None:
        self._model = QuantisedModel(RERANKER, max_length)
        self.identity = self._model.identity

    def lengths(self, pairs: list[Pair]) -> list[int]:
        return self._model.lengths(pairs)

    def __call__(self, pairs: list[Pair]) -> Scores:
        return np.concatenate(self._model.outputs("logits", pairs))


class _TorchScorer:
    """Any other cross-encoder, from a local folder or (the user's choice) a hub id."""

    def __init__(self, chosen: Chosen, max_length: int) -> None:
        folder = folder_sha256(Path(chosen.source)) if chosen.local else ""
        self.identity = {"model": folder, "source": "" if chosen.local else chosen.source}
        self._model = open_torch("CrossEncoder", chosen, "reranker", max_length=max_length)

    def lengths(self, pairs: list[Pair]) -> list[int]:
        encoded = self._model.tokenizer(pairs, truncation=False, padding=False, verbose=False)
        return [len(ids) for ids in encoded["input_ids"]]

    def __call__(self, pairs: list[Pair]) -> Scores:
        import torch

        show = not quiet() and len(pairs) > 256
        raw = self._model.predict(
            pairs, show_progress_bar=show, activation_fn=torch.nn.Identity(), convert_to_numpy=True
        )
        return np.asarray(raw, dtype=np.float32)


def check_pairs(pairs: Sequence[object]) -> list[Pair]:
    """Return the pairs as a list, each of two texts; anything else is a `DataError`."""
    return [_check_pair(position, pair) for position, pair in enumerate(pairs)]


def _check_pair(position: int, pair: object) -> Pair:
    match pair:
        case (str(query), str(text)):
            check_texts([query, text], f"pairs[{position}]")
            return query, text
    raise DataError(f"pairs[{position}] must be (query, text); got {pair!r:.60}.")
