"""Reading and writing files: lines with their places, whole files or none, one warning per folder.

What the files mean is the business of the modules that call these functions.
"""

from __future__ import annotations

import os
import secrets
import warnings
from collections.abc import Iterator
from pathlib import Path

from ragkit.errors import DataError, RagkitWarning


def read_lines(path: Path, advice: str) -> Iterator[tuple[str, str]]:
    """Yield `(place, line)` for each non-blank line, where place reads `file:number`.

    A missing file is a `DataError` that ends with the caller's `advice`.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file. {advice}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from None
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
    """Write bytes under a temporary name beside `path`, then rename: all of it or none of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{secrets.token_hex(8)}")
    try:
        with partial.open("xb") as stream:  # readable to others as the umask says, unlike mkstemp
            stream.writelines(parts)
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


_reported: set[Path] = set()


def report_unwritable(folder: Path, error: OSError) -> None:
    """Warn that a cache folder cannot be written; once for each folder, whatever is kept there."""
    if folder in _reported:
        return
    _reported.add(folder)
    warnings.warn(
        f"{folder}: the cache cannot be written ({error.strerror}). Work goes on without it; set "
        "RAGKIT_CACHE to a folder you may write to.",
        RagkitWarning,
        stacklevel=3,
    )
