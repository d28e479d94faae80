"""What an encoder promises, and the parts that every encoder shares.

An encoder checks its texts, counts and reports truncation, and says in its fingerprint everything
its vectors depend on. How a batch of text becomes vectors is each encoder's own business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ragkit.checks import check_count, check_texts
from ragkit.vectors import Vectors
from ragkit.weights.published import fingerprint_of
from ragkit.weights.truncation import Truncating


@runtime_checkable
class Encoder(Protocol):
    """Maps texts to unit vectors: float32 [n, dimension]."""

    @property
    def name(self) -> str:
        """Its name in tables and messages."""
        ...

    @property
    def dimension(self) -> int:
        """Numbers in each vector."""
        ...

    @property
    def fingerprint(self) -> str:
        """Identity for caches: two encoders share it only if they give the same vectors."""
        ...

    def encode(self, texts: Sequence[str] | str, batch_size: int = 32) -> Vectors:
        """Unit rows, float32 [n, dimension], in the order of the texts; a string gives [dimension].

        Raises `DataError` for an item that is blank, not a string or not Unicode.
        """
        ...

    def encode_query(self, texts: Sequence[str] | str, batch_size: int = 32) -> Vectors:
        """As `encode`, for queries; the vectors may differ, for example by a prompt."""
        ...

    def encode_document(self, texts: Sequence[str] | str, batch_size: int = 32) -> Vectors:
        """As `encode`, for documents."""
        ...


def is_symmetric(encoder: Encoder) -> bool:
    """True if an encoder is known to treat queries and documents as any other text.

    It is if both methods are its `encode` under another name, or those of `BaseEncoder`, and all
    belong to one object: two towers may have the same methods and other weights.
    """
    owner, encode = _bound(encoder.encode)
    alike = {encode, BaseEncoder.encode_query, BaseEncoder.encode_document}
    sides = map(_bound, (encoder.encode_query, encoder.encode_document))
    return all(one is owner and function in alike for one, function in sides)


def _bound(method: Any) -> tuple[Any, Any]:
    """The object that a method belongs to, if any, and its function."""
    return getattr(method, "__self__", None), getattr(method, "__func__", method)


class BaseEncoder(Truncating):
    """Checks, truncation report and bookkeeping; subclasses supply `_encode` and `_lengths`."""

    dimension: int

    @property
    def identity(self) -> Mapping[str, str]:
        """Everything that the vectors depend on, by name."""
        raise NotImplementedError

    @property
    def fingerprint(self) -> str:
        """Hex sha256 of `identity`: two encoders share it only if they give the same vectors."""
        return fingerprint_of(self.identity)

    def encode(self, texts: Sequence[str] | str, batch_size: int = 32) -> Vectors:
        """Encode texts to unit rows, float32 [n, dimension]; a single string gives [dimension].

        Texts over `max_length` tokens are cut there, counted in `truncated` and warned about once.
        Raises `DataError` for an item that is blank, not a string or not Unicode.
        """
        batch_size = check_count(batch_size, "batch_size")
        single = isinstance(texts, str)
        checked = check_texts([texts] if isinstance(texts, str) else texts)
        if not checked:
            return np.empty((0, self.dimension), dtype=np.float32)
        self._report_truncation(self._lengths(checked))
        vectors = self._encode(checked, batch_size)
        return vectors[0] if single else vectors

    def encode_query(self, texts: Sequence[str] | str, batch_size: int = 32) -> Vectors:
        """Encode queries; the same as `encode`, since one tower serves both sides here."""
        return self.encode(texts, batch_size)

    def encode_document(self, texts: Sequence[str] | str, batch_size: int = 32) -> Vectors:
        """Encode documents; the same as `encode`, since one tower serves both sides here."""
        return self.encode(texts, batch_size)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, dimension={self.dimension})"

    def _encode(self, texts: list[str], batch_size: int) -> Vectors:
        raise NotImplementedError

    def _lengths(self, texts: list[str]) -> list[int]:
        """Number of tokens of each text before any truncation."""
        raise NotImplementedError
