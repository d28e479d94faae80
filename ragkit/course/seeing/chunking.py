"""Sliders for the size and the overlap of windows over the handbook."""

from __future__ import annotations

from collections.abc import Sequence

from ragkit.course import plots
from ragkit.course.seeing.sliding import Control, View, slide
from ragkit.documents.chunking import Chunk, TokenSpans, fixed_token_chunks
from ragkit.documents.handbook import Handbook
from ragkit.documents.spans import Span

SIZES = (16, 32, 48, 64, 96, 128, 192, 250)
OVERLAPS = (0, 4, 8, 16, 24, 32, 48, 64, 96)
_AROUND = 500  # characters of the handbook on either side of the passage


def windows(
    book: Handbook, tokens: TokenSpans, passage: Span, size: int = 64, overlap: int = 0
) -> None:
    """Show how windows of tokens cut the handbook, and which answers of `book` they leave whole.

    `passage` is the answer around which the cuts are drawn.
    """
    view = Windows(book, tokens, passage).view
    slide(
        view,
        Control("size", "size (tokens)", SIZES, size),
        Control("overlap", "overlap (tokens)", OVERLAPS, overlap),
    )


class Windows:
    """A handbook, its tokens, and the length of each answer in tokens."""

    def __init__(self, book: Handbook, tokens: TokenSpans, passage: Span) -> None:
        self.text, self.passage = book.text, passage
        self.tokens = tokens(book.text)
        self.answers = [span for question in book.questions for span in question.spans]
        self.lengths = [token_count(self.tokens, span) for span in self.answers]

    def chunks(self, size: float, overlap: float) -> list[Chunk]:
        """The library's windows of the handbook."""
        return fixed_token_chunks(self.text, int(size), int(overlap), lambda _: self.tokens)

    def view(self, size: float, overlap: float) -> View:
        """The cuts around the passage, and each answer by its length, whole or cut."""
        used = min(overlap, 3 * size // 4)
        chunks = self.chunks(size, used)
        whole = [any(chunk.holds(span) for chunk in chunks) for span in self.answers]
        around = Span(self.passage.start - _AROUND, self.passage.end + _AROUND)
        figure = plots.window_map(
            [chunk.span for chunk in chunks if chunk.span.overlap(around)],
            self.passage,
            around,
            self.lengths,
            whole,
            int(used) + 1,
        )
        clipped = (
            f" (An overlap of {overlap:g} is more than three quarters of {size:g}, so "
            f"{used:g} is drawn.)"
            if used < overlap
            else ""
        )
        words = (
            f"Windows of {size:g} tokens with an overlap of {used:g} make {len(chunks)} chunks."
            f"{clipped}\n{sum(whole)} of {len(whole)} answers lie whole in one chunk, a share of "
            f"{sum(whole) / len(whole):.2f}: {_lengths(self.lengths, whole)}\nThe answer in the "
            f"passage above lies whole in {sum(chunk.holds(self.passage) for chunk in chunks)} "
            "of the chunks."
        )
        return View(figure, _alt(size, used), words)


def token_count(tokens: Sequence[Span], answer: Span) -> int:
    """How many tokens an answer takes up, in part or whole."""
    return sum(token.overlap(answer) > 0 for token in tokens)


def _lengths(lengths: Sequence[int], whole: Sequence[bool]) -> str:
    cut = [length for length, held in zip(lengths, whole, strict=True) if not held]
    if not cut:
        return "none is cut."
    return f"the shortest that is cut has {min(cut)} tokens, the longest {max(cut)}."


def _alt(size: float, overlap: float) -> str:
    return (
        f"Two panels for windows of {size:g} tokens with an overlap of {overlap:g}. Above, the "
        "windows over a passage; those that hold its whole answer are filled and hatched. Below, "
        "every answer by its length, in the upper row if some window holds it whole, else in the "
        "lower row."
    )
