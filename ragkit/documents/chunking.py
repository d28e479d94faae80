"""Cut a long text into chunks that know their place in it.

Every chunk is an exact slice: `text[chunk.start:chunk.end] == chunk.text`. Gold answers are
character spans too, so no label depends on a chunk size. A text must be a string, else `DataError`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ragkit.checks import check_count, check_string
from ragkit.documents.kb import Document
from ragkit.documents.spans import Span

# what CommonMark calls a heading: # to ######, a space, a title; so not #hashtag
_HEADING = re.compile(r"^#{1,6}[ \t](?P<title>[^\r\n]*)", re.MULTILINE)
_SENTENCE_END = re.compile(rf"[.!?][\"'”’)\]]*(?=\s)|(?=\n\s*\n)|{_HEADING.pattern}", re.MULTILINE)
TokenSpans = Callable[[str], Sequence[Span]]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A slice of a text: characters `start` to `end` (exclusive)."""

    text: str
    start: int
    end: int
    heading: str = ""

    @property
    def span(self) -> Span:
        """The chunk's place in the text."""
        return Span(self.start, self.end)

    def holds(self, answer: Span) -> bool:
        """True if the whole answer is inside the chunk."""
        return self.span.overlap(answer) == answer.end - answer.start

    def to_document(self, doc_id: str) -> Document:
        """The chunk as a document to index, titled by its heading."""
        return Document(doc_id, self.text, self.heading)


def word_spans(text: str) -> list[Span]:
    """Spans of words and punctuation marks: tokens that need no model."""
    return [Span(*match.span()) for match in re.finditer(r"\w+|[^\w\s]", text)]


def fixed_token_chunks(
    text: str, size: int = 128, overlap: int = 0, tokens: TokenSpans = word_spans
) -> list[Chunk]:
    """Windows of `size` tokens, each starting `size - overlap` tokens after the one before.

    `tokens` finds the tokens of a text. The last window may be shorter, and none is wholly inside
    the one before it. Raises `DataError` unless 0 <= overlap < size.
    """
    check_string(text, "text")
    size = check_count(size, "size")
    overlap = check_count(overlap, "overlap", least=0, most=size - 1)
    spans = list(tokens(text))
    starts = range(0, max(1, len(spans) - overlap), size - overlap) if spans else range(0)
    windows = (spans[start : start + size] for start in starts)
    return [_chunk(text, window[0].start, window[-1].end) for window in windows]


def sentence_chunks(text: str, size: int = 128, tokens: TokenSpans = word_spans) -> list[Chunk]:
    """Whole sentences packed up to `size` tokens; a longer sentence is a chunk of its own."""
    check_string(text, "text")
    size = check_count(size, "size")
    groups: list[list[Span]] = []
    room = 0
    for span in sentence_spans(text):
        length = len(tokens(text[span.start : span.end]))
        if not groups or length > room:
            groups.append([])
            room = size
        groups[-1].append(span)
        room -= length
    return [_chunk(text, group[0].start, group[-1].end) for group in groups]


def heading_chunks(text: str) -> list[Chunk]:
    """One chunk per Markdown section (# to ######), titled by its heading and including it."""
    check_string(text, "text")
    starts = [match.start() for match in _HEADING.finditer(text)]
    edges = sorted({0, *starts, len(text)})
    return [
        chunk for start, end in pairwise(edges) if (chunk := _trimmed(text, start, end)) is not None
    ]


def sentence_spans(text: str) -> list[Span]:
    """Spans of sentences; a blank line or a heading ends one, as do . ! ? before a space.

    Closing quotes and brackets stay with their sentence. Abbreviations are not recognised.
    """
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    edges = sorted({0, *ends, len(text)})
    pieces = (_strip(text, a, b) for a, b in pairwise(edges))
    return [span for span in pieces if span is not None]


def to_documents(chunks: Iterable[Chunk]) -> list[Document]:
    """The chunks as documents `chunk-0000`, `chunk-0001`, ... in text order."""
    return [chunk.to_document(f"chunk-{number:04d}") for number, chunk in enumerate(chunks)]


def _trimmed(text: str, start: int, end: int) -> Chunk | None:
    span = _strip(text, start, end)
    if span is None:
        return None
    heading = _HEADING.match(text, span.start)
    return _chunk(text, span.start, span.end, _without_closing(heading["title"]) if heading else "")


def _without_closing(title: str) -> str:
    """A heading's title without the # signs that may close it after a space, as in `# Past #`."""
    title = title.strip()
    bare = title.rstrip("#")
    return bare.rstrip() if not bare or bare[-1].isspace() else title


def _chunk(text: str, start: int, end: int, heading: str = "") -> Chunk:
    return Chunk(text[start:end], start, end, heading)


def _strip(text: str, start: int, end: int) -> Span | None:
    """The span without white space at its ends, or None if nothing is left."""
    piece = text[start:end]
    stripped = piece.strip()
    if not stripped:
        return None
    left = start + len(piece) - len(piece.lstrip())
    return Span(left, left + len(stripped))
