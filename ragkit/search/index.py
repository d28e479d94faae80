"""Nearest neighbours by inner product, over FAISS: exact (`FlatIndex`) and graph (`HNSWIndex`).

An index owns vectors and ids, enforces the vector check and the tie rule, and knows nothing of
text. Douze et al., "The Faiss library", 2024; Malkov & Yashunin, "HNSW", 2016.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ragkit.checks import check_count, check_id
from ragkit.errors import DataError, VectorError
from ragkit.ranking import ranked
from ragkit.runtime import import_faiss
from ragkit.search.indexfile import IndexFile, read_index_file, write_index_file
from ragkit.vectors import Vectors, check_vectors

Ids = NDArray[np.str_]
_LARGEST = 2**31 - 1  # of FAISS's integers


@runtime_checkable
class Index(Protocol):
    """Stores unit vectors under document ids and finds the nearest."""

    @property
    def dimension(self) -> int:
        """Numbers in each vector."""
        ...

    def __len__(self) -> int: ...

    def add(self, vectors: Vectors, doc_ids: Sequence[str]) -> None:
        """Add unit vectors, float32 [n, dimension], under n new ids; all of them or none.

        Raises `VectorError` for a row that is not a unit vector of this dimension, `DataError` for
        an id that is taken or cannot be one.
        """
        ...

    def search(self, query_vectors: Vectors, k: int) -> tuple[Vectors, Ids]:
        """Inner products float32 [q, k] and ids str [q, k], best first, ties by doc_id ascending.

        `k` is clamped to `len(self)`. Raises `VectorError` for a bad query row or an empty index,
        `DataError` for a `k` below 1.
        """
        ...


class _FaissIndex:
    """What both indexes share: ids, checks, the tie rule, saving."""

    kind: ClassVar[str]
    _holds: ClassVar[str]  # FAISS's class

    def __init__(self, index: Any, fingerprint: str) -> None:
        self.dimension: int = index.d
        self.fingerprint = fingerprint
        self.doc_ids: list[str] = []
        self._known: set[str] = set()
        self._faiss = index

    def __len__(self) -> int:
        return len(self.doc_ids)

    @property
    def nbytes(self) -> int:
        """Bytes of the index in FAISS's own serialised form, counted without writing them."""
        faiss, sizes = import_faiss(), []
        faiss.write_index(self._faiss, faiss.PyCallbackIOWriter(lambda b: sizes.append(len(b))))
        return sum(sizes)

    @property
    def settings(self) -> dict[str, int]:
        """What else the index depends on, as keyword arguments of its class."""
        return self._settings_of(self._faiss)

    @classmethod
    def _settings_of(cls, index: Any) -> dict[str, int]:
        """The settings of one of FAISS's indexes."""
        return {}

    def empty_copy(self) -> Self:
        """A new, empty index of the same kind, dimension, fingerprint and settings."""
        return type(self)(self.dimension, fingerprint=self.fingerprint, **self.settings)

    def add(self, vectors: Vectors, doc_ids: Sequence[str]) -> None:
        """Add unit vectors, float32 [n, dimension], under n new ids; all of them or none.

        Raises `VectorError` for a row that is not a finite unit vector of this dimension or a count
        that differs from that of the ids, `DataError` for an id that is taken or cannot be one.
        """
        rows = check_vectors(vectors, self.dimension)
        ids = list(doc_ids)
        if len(ids) != len(rows):
            raise VectorError(f"{len(rows)} vectors came with {len(ids)} ids; give one id per row.")
        new: set[str] = set()
        for position, doc_id in enumerate(ids):
            if check_id(doc_id, f"doc_ids[{position}]") in self._known or doc_id in new:
                raise DataError(f"doc_ids[{position}]: {doc_id!r} is already in the index.")
            new.add(doc_id)
        self._faiss.add(rows)
        self._known |= new
        self.doc_ids += ids

    def search(self, query_vectors: Vectors, k: int) -> tuple[Vectors, Ids]:
        """The k best documents of each query: scores float32 [q, k] and ids str [q, k], best first.

        The score is the inner product, which is the cosine of unit vectors. `k` is clamped to
        `len(self)`; ties are ordered by doc_id. An empty index is a `VectorError`.
        """
        k = check_count(k)
        queries = check_vectors(query_vectors, self.dimension, "query vectors")
        if not self.doc_ids:
            raise VectorError("The index is empty. Add vectors before searching.")
        k = min(k, len(self))
        rows = [self._search_one(query[None, :], k) for query in queries]
        scores = np.array([[score for _, score in row] for row in rows], dtype=np.float32)
        ids = np.array([[doc_id for doc_id, _ in row] for row in rows], dtype=np.str_)
        return scores.reshape(len(queries), k), ids.reshape(len(queries), k)

    def save(self, path: str | Path) -> None:
        """Write the index to one file, atomically, with a checksum. Nothing is pickled."""
        payload = memoryview(import_faiss().serialize_index(self._faiss))
        write_index_file(
            Path(path),
            IndexFile(self.kind, self.dimension, self.fingerprint, self.doc_ids, payload),
        )

    @classmethod
    def load(cls, path: str | Path, *, fingerprint: str = "") -> Self:
        """Read an index that `save` wrote; with `fingerprint`, only one of that encoder.

        Raises `VectorError` if the file is missing, cut short or altered, or is of another kind or
        encoder.
        """
        file = read_index_file(Path(path), cls.kind, fingerprint)
        stored, known = _deserialised(file.payload), set(file.doc_ids)
        if type(stored).__name__ != cls._holds:
            raise VectorError(
                f"{path}: this FAISS reads no {cls.kind} index from it; another release may have "
                "written it. Build the index again."
            )
        if not stored.ntotal == len(known) == len(file.doc_ids) or stored.d != file.dimension:
            raise VectorError(f"{path}: vectors and ids do not match. Build the index again.")
        index = cls(stored.d, fingerprint=file.fingerprint, **cls._settings_of(stored))
        index._faiss, index.doc_ids, index._known = stored, file.doc_ids, known
        return index

    def _candidates(self, query: Vectors, count: int) -> list[tuple[str, float]]:
        """At least the `count` best `(doc_id, score)` of one query, float32 [1, d]; best first."""
        raise NotImplementedError

    def _search_one(self, query: Vectors, k: int) -> list[tuple[str, float]]:
        """Fetch past k until the k-th score is no longer tied with the last one fetched.

        The later rounds only complete the tie: a graph that is searched more widely may find better
        documents too, and they would be missing from the answer for a smaller k.
        """
        first = wider = self._candidates(query, min(k + 1, len(self)))
        cut = first[k - 1][1]
        while len(wider) < len(self) and wider[-1][1] >= cut:
            wider = self._candidates(query, min(2 * len(wider), len(self)))
        tied = {doc_id: score for doc_id, score in wider if score == cut}
        return ranked(({doc_id: s for doc_id, s in first if s >= cut} | tied).items(), k)

    def _search_faiss(
        self, index: Any, query: Vectors, count: int, **how: Any
    ) -> list[tuple[str, float]]:
        """The `(doc_id, score)` that a FAISS index finds, without -1, its sign for no more rows."""
        scores, rows = index.search(query, count, **how)
        return [
            (self.doc_ids[row], score)
            for score, row in zip(scores[0].tolist(), rows[0].tolist(), strict=True)
            if row >= 0
        ]


def _deserialised(payload: bytes | memoryview) -> Any:
    """The index that FAISS reads from these bytes, or None if it reads none."""
    try:
        return import_faiss().deserialize_index(np.frombuffer(payload, np.uint8))
    except RuntimeError:
        return None


class FlatIndex(_FaissIndex):
    """Exact search: every query is compared with every vector (IndexFlatIP).

    Queries are answered one at a time, so a result never depends on what else was in the batch
    (FAISS changes its arithmetic, and the last bits, for large batches).
    """

    kind, _holds = "flat", "IndexFlatIP"

    def __init__(self, dimension: int, *, fingerprint: str = "") -> None:
        exact = import_faiss().IndexFlatIP(check_count(dimension, "dimension", most=_LARGEST))
        super().__init__(exact, fingerprint)

    def _candidates(self, query: Vectors, count: int) -> list[tuple[str, float]]:
        return self._search_faiss(self._faiss, query, count)


class HNSWIndex(_FaissIndex):
    """Approximate search in a navigable small-world graph (IndexHNSWFlat, inner product).

    `m` is the number of links per node, at least 2; `ef_construction` is the beam width while
    building and `ef_search` while searching: a wider beam finds more of the true neighbours and
    takes longer. The graph depends on the order of insertion and, with several threads, may differ
    slightly between two builds.

    For every `k` below `ef_search` the answer is the start of that for `k + 1`. From there on the
    beam must widen to `k` documents, and may then find a better one that a smaller `k` missed: no
    approximate search can give all documents, best first, and keep its first answer.
    """

    kind, _holds = "hnsw", "IndexHNSWFlat"

    def __init__(
        self,
        dimension: int,
        *,
        m: int = 32,
        ef_construction: int = 200,
        ef_search: int = 128,
        fingerprint: str = "",
    ) -> None:
        # FAISS divides by log(m), and crashes on m = 1; the lowest layer has twice as many links
        links = check_count(m, "m", least=2, most=_LARGEST // 2)
        faiss, dimension = import_faiss(), check_count(dimension, "dimension", most=_LARGEST)
        graph = faiss.IndexHNSWFlat(dimension, links, faiss.METRIC_INNER_PRODUCT)
        beam = check_count(ef_construction, "ef_construction", most=_LARGEST)
        graph.hnsw.efConstruction = beam
        super().__init__(graph, fingerprint)
        self.ef_search = ef_search

    @property
    def ef_search(self) -> int:
        """Beam width while searching."""
        return int(self._faiss.hnsw.efSearch)

    @ef_search.setter
    def ef_search(self, value: int) -> None:
        self._faiss.hnsw.efSearch = check_count(value, "ef_search", most=_LARGEST)

    @classmethod
    def _settings_of(cls, index: Any) -> dict[str, int]:
        """Links per node, and the beam widths while building and searching."""
        return {
            "m": index.hnsw.nb_neighbors(1),
            "ef_construction": index.hnsw.efConstruction,
            "ef_search": index.hnsw.efSearch,
        }

    def _candidates(self, query: Vectors, count: int) -> list[tuple[str, float]]:
        """All that is in the beam; if the walk cannot fill it, every vector is compared instead.

        FAISS does that too, since NumPy's product may give equal vectors slightly unequal scores.
        """
        faiss = import_faiss()
        width = max(self.ef_search, count)
        beam, most = faiss.SearchParametersHNSW(efSearch=width), min(width, len(self))
        in_beam = self._search_faiss(self._faiss, query, most, params=beam)
        if len(in_beam) == most:
            return in_beam
        return self._search_faiss(faiss.downcast_index(self._faiss.storage), query, count)
