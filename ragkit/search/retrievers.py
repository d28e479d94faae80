"""Retrievers: a query in, a ranked list of documents out. They compose with `>>`.

`DenseRetriever` compares vectors of texts, `MaxSimRetriever` those of tokens, `BM25Retriever`
compares words. `ragkit.search.fusion` merges rankings, and `ragkit.search.stages` reorders what a
first stage found.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

from ragkit.checks import check_count, check_query, is_finite
from ragkit.documents.kb import Document, Query, check_documents, check_queries
from ragkit.errors import DataError, VectorError
from ragkit.ranking import Hit, as_scores, hit_rows, hits
from ragkit.search.base import Composable, Retriever, Run, has_methods
from ragkit.search.fusion import FusionRetriever, reciprocal_rank_fusion
from ragkit.search.stages import TwoStageRetriever
from ragkit.vectors import unit_rows

if TYPE_CHECKING:
    from ragkit.encoders import Encoder
    from ragkit.search.index import Index
    from ragkit.vectors import Vectors

__all__ = [
    "BM25Retriever",
    "DenseRetriever",
    "FusionRetriever",
    "MaxSimRetriever",
    "RandomRetriever",
    "Retriever",
    "Run",
    "SupportsEmptyCopy",
    "TokenEncoder",
    "TwoStageRetriever",
    "reciprocal_rank_fusion",
]


class _Fitted(Composable):
    """Keeps the documents that a retriever was fitted on."""

    def __init__(self) -> None:
        self._documents: dict[str, Document] = {}

    @property
    def documents(self) -> Mapping[str, Document]:
        """The fitted documents by id; none before `fit`."""
        return self._documents

    def _check_fitted(self) -> None:
        if not self._documents:
            raise DataError("This retriever has no documents yet. Call fit(documents) first.")


class DenseRetriever(_Fitted):
    """Nearest documents by the dot product of unit vectors.

    `fit` fills `index`, which must be empty; without one it makes a `FlatIndex`. Fitting again
    fills a new index of the same kind and settings, and `index` is then that one.
    """

    def __init__(self, encoder: Encoder, index: Index | None = None) -> None:
        super().__init__()
        if not has_methods(encoder, "encode_query", "encode_document"):
            raise DataError(
                f"encoder is {type(encoder).__name__}, not an encoder. "
                "Pass one that was made, such as MiniLMEncoder()."
            )
        self.encoder = encoder
        self.index = index
        self._own: Index | None = None  # made here, not chosen by the user

    def fit(self, documents: Iterable[Document]) -> Self:
        """Encode the documents once and index their vectors; a fit that fails changes nothing.

        Raises `DataError` for invalid documents, and for an index that is not empty at the first
        fit or cannot make an empty copy of itself at a later one; `VectorError` for vectors that
        the index refuses, and for an index whose dimension or fingerprint is not the encoder's.
        """
        by_id = _by_id(documents)
        index = self._index_to_fill()
        vectors = self.encoder.encode_document([document.full_text for document in by_id.values()])
        index.add(vectors, list(by_id))
        if self.index is self._own:  # the rest comes last, so that a failed fit changes nothing
            self._own = index
        self.index, self._documents = index, by_id
        return self

    def _index_to_fill(self) -> Index:
        """An empty index that suits the encoder: the user's, one just like it, or a new one."""
        from ragkit.search.index import FlatIndex

        chosen = None if self.index is self._own else self.index
        if chosen is None:
            return FlatIndex(self.encoder.dimension, fingerprint=self.encoder.fingerprint)
        _check_suits(chosen, self.encoder)
        return self._empty_copy(chosen) if len(chosen) else chosen

    def _empty_copy(self, index: Index) -> Index:
        if not self._documents:
            raise DataError(
                f"The index contains {len(index)} vectors, but this retriever was never fitted. "
                "Pass an empty index: fit encodes the documents and fills it."
            )
        if not isinstance(index, SupportsEmptyCopy):
            raise DataError(
                f"The {type(index).__name__} contains {len(index)} vectors and has no "
                "empty_copy(), so it cannot be fitted again. Build a new DenseRetriever over an "
                "empty one."
            )
        return index.empty_copy()

    def search(self, query: str, k: int = 10) -> list[Hit]:
        """The `k` nearest documents, best first; the score is the cosine."""
        return self._search_all([query], k)[0]

    def run(self, queries: Sequence[Query], k: int = 10) -> Run:
        """The `k` nearest documents of each query; all queries are encoded together."""
        checked = check_queries(queries)
        rankings = self._search_all([query.text for query in checked], k)
        return {q.query_id: as_scores(row) for q, row in zip(checked, rankings, strict=True)}

    def _search_all(self, texts: list[str], k: int) -> list[list[Hit]]:
        k = check_count(k)
        checked = [check_query(text) for text in texts]
        self._check_fitted()
        if not checked or self.index is None:
            return []
        return hit_rows(*self.index.search(self.encoder.encode_query(checked), k))


@runtime_checkable
class SupportsEmptyCopy(Protocol):
    """An index that a retriever can be fitted with more than once."""

    def empty_copy(self) -> Index:
        """A new, empty index of the same kind and settings."""
        ...


def _check_suits(index: Index, encoder: Encoder) -> None:
    """Refuse an index of another encoder, before a corpus is encoded for nothing."""
    if index.dimension != encoder.dimension:
        raise VectorError(
            f"The index has dimension {index.dimension}, but {encoder.name} has "
            f"{encoder.dimension}. Index and encoder must share one dimension."
        )
    marked = getattr(index, "fingerprint", "")
    if marked and marked != encoder.fingerprint:
        raise VectorError(
            f"The index is marked as another encoder's ({marked[:12]}, not "
            f"{encoder.fingerprint[:12]}). Pass an index without a fingerprint, or with this one's."
        )


class TokenEncoder(Protocol):
    """Gives a vector for each token of a text, as `MiniLMEncoder` and `ColBERTBackbone` do."""

    def token_vectors(self, texts: Sequence[str]) -> list[Vectors]:
        """For each text float32 [t, d]; the first and the last are special tokens."""
        ...


class MaxSimRetriever(_Fitted):
    """Late interaction: each token of the query looks for the token of the document nearest to it.

    The score is MaxSim, the sum of these cosines (Khattab & Zaharia, SIGIR 2020); special tokens do
    not count. All documents are compared, which suits some thousands at most.
    """

    def __init__(self, encoder: TokenEncoder) -> None:
        super().__init__()
        if not has_methods(encoder, "token_vectors"):
            raise DataError(
                f"encoder is {type(encoder).__name__}, which has no token_vectors(). "
                "Pass MiniLMEncoder() or ColBERTBackbone()."
            )
        self.encoder = encoder
        self._tokens: list[Vectors] = []

    def fit(self, documents: Iterable[Document]) -> Self:
        """Encode the documents' tokens; no documents or invalid ones are a `DataError`."""
        by_id = _by_id(documents)
        self._tokens = self._unit_tokens([document.full_text for document in by_id.values()])
        self._documents = by_id
        return self

    def search(self, query: str, k: int = 10) -> list[Hit]:
        """The `k` documents with the highest MaxSim, best first."""
        k = check_count(k)
        checked = check_query(query)
        self._check_fitted()
        (asked,) = self._unit_tokens([checked])
        # -1, the lowest cosine, counts for a document of which the tokenizer leaves nothing
        scores = [float((asked @ rows.T).max(axis=1, initial=-1).sum()) for rows in self._tokens]
        return hits(zip(self.documents, scores, strict=True), k)

    def _unit_tokens(self, texts: list[str]) -> list[Vectors]:
        return [unit_rows(rows[1:-1]) for rows in self.encoder.token_vectors(texts)]


_WORD = re.compile(r"\w+(?:['’]\w+)*")


class BM25Retriever(_Fitted):
    """Lexical search by BM25 (Robertson & Zaragoza 2009), through bm25s in its Lucene variant.

    Words are lower-cased and nothing is removed: in grammar, "have" and "to" are content. Documents
    that share no word with the query are not returned, so a list may be shorter than `k`.

    `k1` is a number from 0 up and `b` one from 0 to 1; another is a `DataError`.
    """

    def __init__(self, *, k1: float = 1.5, b: float = 0.75) -> None:
        super().__init__()
        if not is_finite(k1) or k1 < 0:
            raise DataError(f"k1 must be a number from 0 up; got {k1!r:.60}. 1.5 is usual.")
        if not is_finite(b) or not 0 <= b <= 1:
            raise DataError(f"b must be a number from 0 to 1; got {b!r:.60}. 0.75 is usual.")
        self.k1, self.b = k1, b

    def fit(self, documents: Iterable[Document]) -> Self:
        """Index the words of the documents; no documents or invalid ones are a `DataError`."""
        import bm25s

        by_id = _by_id(documents)
        words = [self.words(document.full_text) for document in by_id.values()]
        bm25 = bm25s.BM25(k1=self.k1, b=self.b, method="lucene")
        if any(words):  # bm25s cannot index a corpus without a single word
            bm25.index(words, show_progress=False)
        self._vocabulary = bm25.vocab_dict if any(words) else {}
        self._bm25, self._documents = bm25, by_id
        return self

    def search(self, query: str, k: int = 10) -> list[Hit]:
        """At most `k` documents that share a word with the query, best first."""
        k = check_count(k)
        words = self.words(check_query(query))
        self._check_fitted()
        known = [word for word in words if word in self._vocabulary]
        if not known:
            return []
        scores = self._bm25.get_scores(known).tolist()
        return hits(((i, s) for i, s in zip(self.documents, scores, strict=True) if s > 0), k)

    @staticmethod
    def words(text: str) -> list[str]:
        """Lower-cased runs of letters and digits, inner apostrophes kept."""
        return _WORD.findall(text.lower())


class RandomRetriever(_Fitted):
    """A random order, the floor for every other retriever: a hash of seed, query and doc_id."""

    def __init__(self, *, seed: int = 0) -> None:
        super().__init__()
        self.seed = seed

    def fit(self, documents: Iterable[Document]) -> Self:
        """Keep the documents; none or invalid ones are a `DataError`."""
        self._documents = _by_id(documents)
        return self

    def search(self, query: str, k: int = 10) -> list[Hit]:
        """`k` documents in random but reproducible order."""
        k = check_count(k)
        check_query(query)
        self._check_fitted()
        return hits(((doc_id, self._draw(query, doc_id)) for doc_id in self.documents), k)

    def _draw(self, query: str, doc_id: str) -> float:
        digest = hashlib.sha256(f"{self.seed}\0{query}\0{doc_id}".encode()).digest()
        return int.from_bytes(digest[:6], "big") / 2**48


def _by_id(documents: Iterable[Document]) -> dict[str, Document]:
    """The documents to fit on, at least one, under their ids."""
    checked = check_documents(documents)
    if not checked:
        raise DataError("There are no documents to fit on; the knowledge base is empty.")
    by_id = {document.doc_id: document for document in checked}
    if len(by_id) != len(checked):
        raise DataError("Two documents share an id. Give each document an id of its own.")
    return by_id
