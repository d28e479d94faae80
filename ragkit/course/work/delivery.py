"""What a file must be for the grader to take it: one rule for it and for `ragkit validate`."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

MAX_NAME = 200
MAX_BYTES = 200 * 2**20
SECONDS = 60.0  # for one submission
_NUMBERED = re.compile(r"(\d\d)-.*\.ipynb")
_DRILL = re.compile(rb"drill_(\d\d)_\d")


def lab_by_name(path: Path, known: Iterable[str]) -> str:
    """The lab's number at the start of the file's name, or ""."""
    match = _NUMBERED.fullmatch(path.name)
    return match[1] if match and match[1] in known else ""


def lab_of(path: Path, known: Iterable[str]) -> str:
    """The lab's number from the file's name, else from the drills in it (looked at here), or ""."""
    if number := lab_by_name(path, known):
        return number
    if problem_with(path):
        return ""
    named = Counter(number.decode() for number in _DRILL.findall(path.read_bytes()))
    return next((number for number, _ in named.most_common() if number in known), "")


def problem_with(path: Path) -> str:
    """Why the file cannot be taken, in a sentence, or ""."""
    if path.is_symlink():
        return "The notebook is a link to another file."
    if not path.is_file():
        return "The notebook is not a file."
    if path.stat().st_size > MAX_BYTES:
        return f"The notebook is larger than {MAX_BYTES // 2**20} MiB. Clear its outputs."
    if not os.access(path, os.R_OK):
        return "The notebook cannot be read: its permissions forbid it."
    if len(os.fsencode(path.stem)) > MAX_NAME or len(os.fsencode(path.parent.name)) > MAX_NAME:
        return f"The name is longer than {MAX_NAME} bytes."
    return ""
