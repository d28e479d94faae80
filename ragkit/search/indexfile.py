"""The file an index is saved in: a magic line, a checksum, a JSON header, then FAISS's bytes.

The checksum is the sha256 of everything that follows its line, and the header names the encoder's
fingerprint, so a file that is cut short, altered or of another encoder is refused before FAISS sees
a byte of it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from ragkit.errors import VectorError
from ragkit.files import write_atomically

MAGIC = b"ragkit-index-1\n"


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
    header = {
        "kind": content.kind,
        "dimension": content.dimension,
        "fingerprint": content.fingerprint,
        "doc_ids": content.doc_ids,
    }
    head = json.dumps(header).encode() + b"\n"
    checksum = _checksum(head, content.payload)
    write_atomically(path, MAGIC + checksum + b"\n" + head, content.payload)


def read_index_file(path: Path, kind: str, fingerprint: str) -> IndexFile:
    """Read and verify an index file of this kind and, when given, of this encoder fingerprint."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise VectorError(f"{path}: the index cannot be read ({error.strerror}).") from None
    if not content.startswith(MAGIC):
        raise VectorError(f"{path}: not an index that ragkit saved, or one cut short.")
    checksum, body = _first_line(content, len(MAGIC))
    if _checksum(memoryview(content)[body:]) != checksum:
        raise VectorError(f"{path}: the index is cut short or altered. Build it again.")
    head, payload = _first_line(content, body)
    header = json.loads(head)
    if header["kind"] != kind:
        raise VectorError(f"{path}: this is a {header['kind']} index; load it with that class.")
    if fingerprint and header["fingerprint"] != fingerprint:
        raise VectorError(
            f"{path}: the index was built with another encoder "
            f"({header['fingerprint'][:12] or 'none named'}, not {fingerprint[:12]}). "
            "Encode the documents again with this one."
        )
    return IndexFile(payload=memoryview(content)[payload:], **header)


def _first_line(content: bytes, start: int) -> tuple[bytes, int]:
    """The line that begins at `start`, and where the next one does."""
    end = content.find(b"\n", start)
    return (content[start:end], end + 1) if end >= 0 else (content[start:], len(content))


def _checksum(*parts: bytes | memoryview) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest().encode()
