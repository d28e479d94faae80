"""Read lines with their places; write files whole or not at all, plain or with a checksum.

What the files mean is up to the modules that call these functions.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ragkit.errors import DataError, RagkitWarning

_FORMAT = b"ragkit-1\n"
_HEX = 64  # characters of a sha256


def read_lines(path: Path, advice: str) -> Iterator[tuple[str, str]]:
    """Yield `(place, line)` for each non-blank line, where place is `file:number`.

    Raises `DataError` for a line that is not UTF-8, and for a file that cannot be read; then the
    message ends with the caller's `advice`.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file. {advice}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}). {advice}") from None
    for number, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        place = f"{path}:{number}"
        try:
            line = raw.decode("utf-8").rstrip("\r")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{place}: byte {error.start + 1} is not UTF-8. Save the file as UTF-8."
            ) from None
        if line.strip():
            yield place, line


def write_atomically(path: Path, *parts: bytes | memoryview) -> None:
    """Write all the bytes or none: to a temporary file beside `path`, which is then renamed.

    Missing folders are made. Raises `OSError` if the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{secrets.token_hex(8)}")
    try:
        with partial.open("xb") as stream:  # not mkstemp, whose files only their owner can read
            stream.writelines(parts)
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_checked(path: Path, header: Mapping[str, Any], payload: bytes | memoryview) -> None:
    """Write a JSON header and bytes with a sha256 of both, for `read_checked`; all or none.

    The file is a line that names the format, a line with the hex digest of what follows it, a line
    of JSON, and the bytes. Nothing is pickled.
    """
    head = json.dumps(header).encode() + b"\n"
    write_atomically(path, _FORMAT + _digest(head, payload) + b"\n", head, payload)


def read_checked(path: Path) -> tuple[dict[str, Any], memoryview]:
    """Read the header and the bytes of a file that `write_checked` wrote.

    Raises `DataError` if the file is cut short, altered or of another format, and `OSError` if it
    cannot be read.
    """
    content = path.read_bytes()
    start = len(_FORMAT) + _HEX + 1
    if not content.startswith(_FORMAT) or len(content) < start:
        raise DataError(f"{path}: not a file that ragkit wrote, or one cut short.")
    body = memoryview(content)[start:]
    if content[len(_FORMAT) : start] != _digest(body) + b"\n":
        raise DataError(f"{path}: the file is cut short or altered.")
    end = content.find(b"\n", start)
    return _header(path, content[start:end] if end >= 0 else b""), body[end + 1 - start :]


def _header(path: Path, line: bytes) -> dict[str, Any]:
    try:
        header = json.loads(line)
    except ValueError:
        header = None
    if not isinstance(header, dict):
        raise DataError(f"{path}: its header is not one that ragkit writes.")
    return header


def _digest(*parts: bytes | memoryview) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest().encode()


_reported: set[Path] = set()


def report_unwritable(folder: Path, error: OSError) -> None:
    """Warn once per folder that a cache cannot be written, whatever is cached there."""
    if folder in _reported:
        return
    _reported.add(folder)
    warnings.warn(
        f"{folder}: the cache cannot be written ({error.strerror}). Work goes on without it; set "
        "RAGKIT_CACHE to a folder you may write to.",
        RagkitWarning,
        stacklevel=3,
    )
