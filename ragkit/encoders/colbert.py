"""A backbone that was trained as part of a ColBERT: token vectors for MaxSim.

Khattab & Zaharia, "ColBERT", SIGIR 2020; Clavié, "JaColBERTv2.5", 2024; the model card of
answerdotai/answerai-colbert-small-v1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ragkit.checks import check_count, check_texts
from ragkit.documents.spans import Span
from ragkit.vectors import Vectors
from ragkit.weights.published import COLBERT_BACKBONE, fingerprint_of
from ragkit.weights.quantised import QuantisedModel
from ragkit.weights.truncation import Truncating


class ColBERTBackbone(Truncating):
    """The token vectors of answerai-colbert-small-v1 before its projection; it is no ColBERT.

    A ColBERT compares what its last layer makes of these vectors: that one projects 384 dimensions
    to 96 and is not in the packaged weights, which are int8. Nor is the marker added that a ColBERT
    puts behind [CLS], one for queries and another for documents. Texts are cut at 512 tokens.

    One vector for a whole text is not what this model was trained for, so it is not an `Encoder`.
    Raises `ModelError` if weights or tokenizer are missing or damaged.
    """

    name = COLBERT_BACKBONE.name
    dimension = COLBERT_BACKBONE.dimension
    max_length = 512

    def __init__(self) -> None:
        super().__init__()
        self._model = QuantisedModel(COLBERT_BACKBONE, self.max_length)

    @property
    def fingerprint(self) -> str:
        """Hex sha256 of what the vectors depend on: weights, tokenizer and limit."""
        return fingerprint_of(self.identity)

    @property
    def identity(self) -> Mapping[str, str]:
        """Everything that the vectors depend on, by name."""
        return {**self._model.identity, "max_length": str(self.max_length)}

    def token_vectors(self, texts: Sequence[str], batch_size: int = 32) -> list[Vectors]:
        """The vectors of the last layer: for each text float32 [t, 384], not normalised.

        The first and the last are the special tokens [CLS] and [SEP]. Each text is run by itself,
        whatever the batch size. Raises `DataError` for an item that is blank, not a string or not
        Unicode.
        """
        check_count(batch_size, "batch_size")
        checked = check_texts(texts)
        self._report_truncation(self._model.lengths(checked))
        return self._model.outputs("last_hidden_state", checked)

    def tokens(self, text: str) -> list[tuple[str, Span]]:
        """The tokens that the model reads, without [CLS] and [SEP], each with its place in `text`.

        A token that continues a word begins with "##". Nothing is cut here.
        """
        return self._model.tokens(check_texts([text])[0])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, dimension={self.dimension})"
