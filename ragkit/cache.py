"""Embeddings on disk: each text is encoded once per encoder, ever.

An entry is one small file under `<root>/<fingerprint>/`, named by the sha256 of the full text. It
holds a checksum and the float32 bytes, is written under a temporary name and then renamed, so two
processes may share the folder and a kill at any moment leaves whole entries or none.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ragkit.encoders.base import Encoder
from ragkit.errors import RagkitWarning
from ragkit.indexfile import write_atomically
from ragkit.runtime import cache_dir
from ragkit.texts import check_texts
from ragkit.vectors import Vectors

_MAGIC = b"ragkit-vec-1\n"
_DIGEST = 32


class EmbeddingCache:
    """A folder of embeddings, keyed on the text's sha256 and the encoder's fingerprint.

    `hits` and `misses` count the texts found and encoded. A damaged entry is encoded again with a
    `RagkitWarning`. `root` defaults to `RAGKIT_CACHE` or the user's cache folder.
    """

    def __init__(self, root: str | Path | None = None) -> None:
        self.root = cache_dir() if root is None else Path(root)
        self.hits = 0
        self.misses = 0
        self._writable = True

    def encode(self, encoder: Encoder, texts: Sequence[str], batch_size: int = 32) -> Vectors:
        """What `encoder.encode(texts)` gives, float32 [n, d], encoding only what is not stored."""
        checked = check_texts(texts)
        vectors = np.empty((len(checked), encoder.dimension), dtype=np.float32)
        paths = [self.path_of(encoder.fingerprint, text) for text in checked]
        missing: dict[str, list[int]] = {}
        for row, path in enumerate(paths):
            stored = _read(path, encoder.dimension)
            if stored is None:
                missing.setdefault(checked[row], []).append(row)
            else:
                vectors[row] = stored
        self.hits += len(checked) - sum(map(len, missing.values()))
        self.misses += len(missing)
        for text, vector in zip(missing, encoder.encode(list(missing), batch_size), strict=True):
            vectors[missing[text]] = vector
            self._store(paths[missing[text][0]], vector)
        return vectors

    def path_of(self, fingerprint: str, text: str) -> Path:
        """The file of one entry."""
        digest = hashlib.sha256(text.encode()).hexdigest()
        return self.root / fingerprint / f"{digest}.vec"

    def wrap(self, encoder: Encoder) -> CachedEncoder:
        """An encoder that looks here before it encodes."""
        return CachedEncoder(encoder, self)

    def _store(self, path: Path, vector: Vectors) -> None:
        payload = vector.astype("<f4").tobytes()
        try:
            write_atomically(path, _MAGIC + hashlib.sha256(payload).digest() + payload)
        except OSError as error:
            if self._writable:
                self._writable = False
                warnings.warn(
                    f"{self.root}: the embedding cache cannot be written ({error.strerror}). "
                    "Work goes on without it; set RAGKIT_CACHE to a folder you may write to.",
                    RagkitWarning,
                    stacklevel=4,
                )


class CachedEncoder:
    """An `Encoder` whose vectors come from a cache where it holds them.

    Queries and documents share the entries, so the wrapped encoder must treat both alike.
    """

    def __init__(self, encoder: Encoder, cache: EmbeddingCache | None = None) -> None:
        self.encoder = encoder
        self.cache = EmbeddingCache() if cache is None else cache
        self.name = encoder.name
        self.dimension = encoder.dimension
        self.fingerprint = encoder.fingerprint

    def encode(self, texts: Sequence[str] | str, batch_size: int = 32) -> Vectors:
        """As the wrapped encoder's `encode`: float32 [n, d], or [d] for a single string."""
        if isinstance(texts, str):
            rows = self.cache.encode(self.encoder, [texts], batch_size)
            return rows.reshape(self.dimension)
        return self.cache.encode(self.encoder, texts, batch_size)

    encode_query = encode
    encode_document = encode


def _read(path: Path, dimension: int) -> Vectors | None:
    """The stored vector, or None if there is none or it is damaged (with a warning)."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest = content[len(_MAGIC) : len(_MAGIC) + _DIGEST]
    payload = content[len(_MAGIC) + _DIGEST :]
    whole = content.startswith(_MAGIC) and hashlib.sha256(payload).digest() == digest
    if not whole or len(payload) != 4 * dimension:
        warnings.warn(
            f"{path}: this cache entry is damaged; the text is encoded again.",
            RagkitWarning,
            stacklevel=5,
        )
        return None
    vector: Vectors = np.frombuffer(payload, dtype="<f4").astype(np.float32)
    return vector
