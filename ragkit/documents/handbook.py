"""The handbook: the long text that lab 02 chunks, and questions whose answers are spans of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragkit.documents.beir import read_records, text_field
from ragkit.documents.spans import Span
from ragkit.errors import DataError
from ragkit.runtime import data_dir


@dataclass(frozen=True, slots=True)
class SpanQuestion:
    """A question about the handbook whose answer is one or more character spans."""

    query_id: str
    text: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Handbook:
    """The long text that lab 02 chunks, with the questions of one split."""

    text: str
    questions: list[SpanQuestion]


def load_handbook(path: str | Path | None = None, split: str = "test") -> Handbook:
    """Read `handbook.md` and its questions; each gold span must quote the text at its offsets.

    Raises `DataError` for a file that is missing or malformed, a span that quotes other text, or a
    split without questions.
    """
    folder = data_dir() / "verb_grammar" if path is None else Path(path)
    try:
        text = (folder / "handbook.md").read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{folder / 'handbook.md'}: cannot be read as UTF-8 ({error}).") from None
    questions = []
    for place, record in read_records(folder / "handbook_queries.jsonl"):
        spans = _read_spans(place, text, record.get("spans"))
        if text_field(place, record, "split") == split:
            questions.append(SpanQuestion(record["_id"], record["text"], spans))
    if not questions:
        raise DataError(f"{folder}: no handbook question in split {split!r}; use dev or test.")
    return Handbook(text, questions)


def _read_spans(place: str, text: str, records: Any) -> tuple[Span, ...]:
    if not isinstance(records, list) or not records:
        raise DataError(f"{place}: 'spans' must list one gold span or more; got {records!r:.60}.")
    return tuple(_read_span(place, text, record) for record in records)


def _read_span(place: str, text: str, record: object) -> Span:
    match record:
        case {"start": int(start), "end": int(end), "text": str(quote)}:
            # a slice alone would accept a negative offset, or one past the end
            if not quote or start < 0 or end - start != len(quote) or text[start:end] != quote:
                raise DataError(
                    f"{place}: characters {start}-{end} of handbook.md are not {quote!r:.60}. "
                    "The handbook changed: run `make spans` to find the quotes again."
                )
            return Span(start, end)
    raise DataError(f"{place}: a span needs the fields start, end and text; got {record!r:.60}.")
