"""The file that an index is saved in: a checked file whose header names the encoder's fingerprint.

A file that is cut short, altered or of another encoder is refused before FAISS sees a byte of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ragkit.errors import DataError, VectorError
from ragkit.files import read_checked, write_checked

_HEADER = ("kind", "dimension", "fingerprint", "doc_ids")


@dataclass(frozen=True, slots=True)
class IndexFile:
    """The content of an index file."""

    kind: str
    dimension: int
    fingerprint: str
    doc_ids: list[str]
    payload: bytes | memoryview


def write_index_file(path: Path, content: IndexFile) -> None:
    """Write `content` to `path`, replacing it only when every byte is on disk."""
    header = {name: getattr(content, name) for name in _HEADER}
    write_checked(path, header, content.payload)


def read_index_file(path: Path, kind: str, fingerprint: str) -> IndexFile:
    """Read an index file and verify its kind and, unless `fingerprint` is empty, its encoder.

    Raises `VectorError` for a file that is missing, damaged, or not of this kind or encoder.
    """
    try:
        header, payload = read_checked(path)
    except OSError as error:
        raise VectorError(f"{path}: the index cannot be read ({error.strerror}).") from None
    except DataError as error:
        raise VectorError(f"{error} Build the index again.") from None
    if header.get("kind") != kind:
        actual = (
            f"a {header['kind']} index; load it with that class"
            if "kind" in header
            else "not an index"
        )
        raise VectorError(f"{path}: this is {actual}.")
    if header.keys() != set(_HEADER):
        raise VectorError(f"{path}: its header is not that of an index. Build the index again.")
    if fingerprint and header["fingerprint"] != fingerprint:
        raise VectorError(
            f"{path}: the index was built with another encoder "
            f"({header['fingerprint'][:12] or 'none named'}, not {fingerprint[:12]}). "
            "Encode the documents again with this one."
        )
    return IndexFile(payload=payload, **header)
