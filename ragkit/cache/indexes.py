"""Cache built indexes on disk; one of the same vectors, ids and settings is read, not built."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from ragkit.cache.folder import CacheFolder
from ragkit.checks import check_id
from ragkit.errors import DataError, RagkitWarning, VectorError
from ragkit.files import report_unwritable
from ragkit.runtime import import_faiss
from ragkit.search.index import FlatIndex, HNSWIndex
from ragkit.vectors import Vectors, check_vectors

Built = TypeVar("Built", FlatIndex, HNSWIndex)


class IndexCache(CacheFolder):
    """A folder of built indexes, keyed on the sha256 of the vectors, their ids and the settings.

    Use it for HNSW graphs, which take far longer to build than to read. `hits` and `misses` count
    the indexes read and built. An index whose file is damaged is built again with a
    `RagkitWarning`; a folder that cannot be written is reported once. `root` defaults to
    `RAGKIT_CACHE` or the user's cache folder.
    """

    def fill(self, index: Built, vectors: Vectors, doc_ids: Sequence[str]) -> Built:
        """Fill an empty index with vectors, float32 [n, d]; return it, or its copy in the folder.

        The copy, if there is one, is read and `index` stays empty; else `index` is filled and
        saved. Raises what `index.add` raises, and `DataError` if `index` is not empty.
        """
        if len(index):
            raise DataError(f"The index contains {len(index)} vectors. Pass one that is empty.")
        path = self.path_of(index, vectors, doc_ids)
        cached = _read(path, index)
        if cached is not None:
            self.hits += 1
            return cached
        index.add(vectors, doc_ids)
        self.misses += 1
        try:
            index.save(path)
        except OSError as error:
            report_unwritable(self.root, error)
        return index

    def path_of(self, index: Built, vectors: Vectors, doc_ids: Sequence[str]) -> Path:
        """The file of one index, named by its content and the release of FAISS that builds it."""
        parts = {
            "kind": index.kind,
            "dimension": index.dimension,
            "fingerprint": index.fingerprint,
            "settings": index.settings,
            "faiss": import_faiss().__version__,
            "doc_ids": [check_id(name, f"doc_ids[{n}]") for n, name in enumerate(doc_ids)],
        }
        digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
        digest.update(check_vectors(vectors, index.dimension).data)
        return self.root / "indexes" / f"{digest.hexdigest()}.{index.kind}"


def _read(path: Path, like: Built) -> Built | None:
    """The cached index, or None if there is none or it is damaged (with a warning)."""
    if not path.is_file():
        return None
    try:
        return type(like).load(path, fingerprint=like.fingerprint)
    except VectorError as error:
        warnings.warn(f"{error} It is being built now.", RagkitWarning, stacklevel=3)
        return None
