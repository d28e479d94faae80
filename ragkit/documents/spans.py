"""A span: where a piece of a text begins and ends, in characters."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` (exclusive) of a text."""

    start: int
    end: int

    def overlap(self, other: Span) -> int:
        """Number of characters that are in both spans."""
        return max(0, min(self.end, other.end) - max(self.start, other.start))
