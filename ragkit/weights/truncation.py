"""Count the inputs that are longer than a model reads, and warn about them once."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import ClassVar

from ragkit.errors import RagkitWarning


class Truncating:
    """A model that cuts its inputs at `max_length` tokens; `truncated` counts those it cut."""

    name: str
    max_length: int
    _inputs: ClassVar[str] = "texts"
    _advice: ClassVar[str] = "Chunk long texts first; `truncated` keeps the count."

    def __init__(self) -> None:
        self.truncated = 0
        self._warned = False

    def _report_truncation(self, lengths: Sequence[int]) -> None:
        """Count the inputs of these lengths, in tokens before any cut, that are too long."""
        cut = sum(length > self.max_length for length in lengths)
        self.truncated += cut
        if cut and not self._warned:
            self._warned = True
            warnings.warn(
                f"{self.name}: {cut} of {len(lengths)} {self._inputs} are longer than "
                f"{self.max_length} tokens (the longest has {max(lengths)}) and were cut there. "
                f"{self._advice}",
                RagkitWarning,
                stacklevel=4,
            )
