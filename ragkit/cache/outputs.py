"""Model outputs on disk: a text is encoded once per encoder, a pair scored once per cross-encoder.

An entry is one small file under `<root>/<fingerprint>/`, named by the sha256 of the full text. It
contains a checksum and the float32 bytes, and is written under a temporary name and then renamed,
so that two processes may share the folder and a kill at any moment leaves whole entries or none.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ragkit.cache.folder import CacheFolder
from ragkit.checks import check_texts
from ragkit.encoders.base import Encoder, is_symmetric
from ragkit.errors import DataError, RagkitWarning
from ragkit.files import read_checked, report_unwritable, write_checked
from ragkit.search.reranker import CrossEncoderReranker, Pair, RanksByScore, Scores, check_pairs
from ragkit.vectors import Vectors

Side = Literal["query", "document"]
Compute = Callable[[list[int]], NDArray[np.float32]]


class _Cache(CacheFolder):
    """What both caches here share: checked float32 entries.

    A damaged entry is computed again with a `RagkitWarning`; a folder that cannot be written is
    reported once.
    """

    def path_of(self, fingerprint: str, text: str) -> Path:
        """The file of one entry."""
        digest = hashlib.sha256(text.encode()).hexdigest()
        return self.root / fingerprint / f"{digest}.float32"

    def _fetch(
        self, fingerprint: str, keys: Sequence[str], width: int, compute: Compute
    ) -> NDArray[np.float32]:
        """One row per key, float32 [n, width]; `compute` returns those that are not stored."""
        rows = np.empty((len(keys), width), dtype=np.float32)
        paths = [self.path_of(fingerprint, key) for key in keys]
        missing: dict[str, list[int]] = {}
        for row, path in enumerate(paths):
            stored = _read(path, width)
            if stored is None:
                missing.setdefault(keys[row], []).append(row)
            else:
                rows[row] = stored
        self.hits += len(keys) - sum(map(len, missing.values()))
        self.misses += len(missing)
        if not missing:  # a model need not take an empty list
            return rows
        firsts = [places[0] for places in missing.values()]
        for places, values in zip(missing.values(), compute(firsts), strict=True):
            rows[places] = values
            self._store(paths[places[0]], values)
        return rows

    def _store(self, path: Path, values: NDArray[np.float32]) -> None:
        payload = values.astype("<f4").tobytes()
        try:
            write_checked(path, {"float32": values.size}, payload)
        except OSError as error:
            report_unwritable(self.root, error)


class EmbeddingCache(_Cache):
    """A folder of embeddings, keyed on the text's sha256 and the encoder's fingerprint.

    `hits` and `misses` count the texts found and encoded. A damaged entry is encoded again with a
    `RagkitWarning`. `root` defaults to `RAGKIT_CACHE` or the user's cache folder.
    """

    def encode(
        self,
        encoder: Encoder,
        texts: Sequence[str],
        batch_size: int = 32,
        side: Side | None = None,
    ) -> Vectors:
        """What `encoder.encode(texts)` returns, float32 [n, d], encoding only what is not stored.

        `side` is "query" or "document" for what `encode_query` or `encode_document` returns. The
        sides share their entries if the encoder treats them alike; otherwise each has its own. Any
        other side is a `DataError`.
        """
        if side not in (None, *get_args(Side)):
            raise DataError(f"side must be 'query', 'document' or None; got {side!r:.60}.")
        checked = check_texts(texts)
        if side is None or is_symmetric(encoder):
            method, folder = encoder.encode, encoder.fingerprint
        else:
            method = encoder.encode_query if side == "query" else encoder.encode_document
            folder = f"{encoder.fingerprint}-{side}"

        def compute(rows: list[int]) -> Vectors:
            return method([checked[row] for row in rows], batch_size)

        return self._fetch(folder, checked, encoder.dimension, compute)

    def wrap(self, encoder: Encoder) -> CachedEncoder:
        """An encoder that looks here before it encodes."""
        return CachedEncoder(encoder, self)


class ScoreCache(_Cache):
    """A folder of a cross-encoder's scores, keyed on the pair and the reranker's fingerprint.

    Pairs scored earlier are not scored again; a new question always is. `hits` and `misses` count
    the pairs found and scored. Otherwise as `EmbeddingCache`.
    """

    def predict(self, reranker: CrossEncoderReranker, pairs: Sequence[Pair]) -> Scores:
        """What `reranker.predict(pairs)` returns, float32 [n], scoring only what is not stored."""
        checked = check_pairs(pairs)
        keys = [json.dumps(pair) for pair in checked]

        def compute(rows: list[int]) -> Scores:
            return reranker.predict([checked[row] for row in rows])

        return self._fetch(reranker.fingerprint, keys, 1, compute)[:, 0]

    def wrap(self, reranker: CrossEncoderReranker) -> CachedReranker:
        """A reranker that looks here before it scores."""
        return CachedReranker(reranker, self)


class CachedEncoder:
    """An `Encoder` that takes vectors from a cache if they are there, and else adds them to it.

    Queries and documents share their entries only if the wrapped encoder treats both alike.
    """

    def __init__(self, encoder: Encoder, cache: EmbeddingCache | None = None) -> None:
        self.encoder = encoder
        self.cache = EmbeddingCache() if cache is None else cache
        self.name = encoder.name
        self.dimension = encoder.dimension
        self.fingerprint = encoder.fingerprint

    def encode(self, texts: Sequence[str] | str, batch_size: int = 32) -> Vectors:
        """As the wrapped encoder's `encode`: float32 [n, d], or [d] for a single string."""
        return self._cached(texts, batch_size, None)

    def encode_query(self, texts: Sequence[str] | str, batch_size: int = 32) -> Vectors:
        """As the wrapped encoder's `encode_query`: float32 [n, d], or [d] for a single string."""
        return self._cached(texts, batch_size, "query")

    def encode_document(self, texts: Sequence[str] | str, batch_size: int = 32) -> Vectors:
        """As the wrapped encoder's `encode_document`: float32 [n, d], or [d] for one string."""
        return self._cached(texts, batch_size, "document")

    def _cached(self, texts: Sequence[str] | str, batch_size: int, side: Side | None) -> Vectors:
        if isinstance(texts, str):
            return self._cached([texts], batch_size, side).reshape(self.dimension)
        return self.cache.encode(self.encoder, texts, batch_size, side)


class CachedReranker(RanksByScore):
    """A `Reranker` that takes scores from a cache if they are there, and else adds them to it."""

    def __init__(self, reranker: CrossEncoderReranker, cache: ScoreCache | None = None) -> None:
        self.reranker = reranker
        self.cache = ScoreCache() if cache is None else cache
        self.name = reranker.name

    def predict(self, pairs: Sequence[Pair]) -> Scores:
        """As the wrapped reranker's `predict`: raw logits in input order, float32 [n]."""
        return self.cache.predict(self.reranker, pairs)


def _read(path: Path, dimension: int) -> Vectors | None:
    """The stored vector, or None if there is none or it is damaged (with a warning)."""
    try:
        _, payload = read_checked(path)
        whole = len(payload) == 4 * dimension
    except OSError:
        return None
    except DataError:
        whole = False
    if not whole:
        warnings.warn(
            f"{path}: this cache entry is damaged; the text is encoded again.",
            RagkitWarning,
            stacklevel=5,
        )
        return None
    vector: Vectors = np.frombuffer(payload, dtype="<f4").astype(np.float32)
    return vector
