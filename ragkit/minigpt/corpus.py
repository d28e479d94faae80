"""The sentences that MiniGPT is trained on; whitening and other fits may use them too."""

from __future__ import annotations

from pathlib import Path

from ragkit.files import read_lines
from ragkit.runtime import data_dir


def corpus_file() -> Path:
    """The course's own training text: one sentence per line."""
    return data_dir() / "minigpt" / "corpus.txt"


def training_sentences(file: Path | None = None) -> list[str]:
    """The sentences of a text file, one per line; without `file`, those of the course.

    Raises `DataError`, naming the place, for a file that is missing or not UTF-8.
    """
    advice = "Pass a text file with one sentence per line."
    return [line.strip() for _, line in read_lines(file or corpus_file(), advice)]
