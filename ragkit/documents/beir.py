"""Read the BEIR layout (corpus.jsonl, queries.jsonl, qrels/*.tsv) record by record.

Every error names the file and the line. What the records mean is up to `kb.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ragkit.checks import check_unicode
from ragkit.errors import DataError
from ragkit.files import read_lines

Qrels = dict[str, dict[str, int]]
_BEIR = "Pass a folder in the BEIR layout, which contains it."
QRELS_HEADER = ["query-id", "corpus-id", "score"]


def read_records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield `(place, record)` for a JSONL file whose records have a unique `_id` and a `text`.

    Raises `DataError`, naming the line, for a record that has not, or that is not JSON.
    """
    seen: dict[str, str] = {}
    for place, line in read_lines(path, _BEIR):
        record = _parse_record(place, line)
        record_id = text_field(place, record, "_id")
        text_field(place, record, "text")
        if record_id in seen:
            raise DataError(
                f"{place}: the id {record_id!r} was already used at {seen[record_id]}. "
                "Give each record an id of its own."
            )
        seen[record_id] = place
        yield place, record


def text_field(place: str, record: dict[str, Any], name: str, default: str | None = None) -> str:
    """The string under `name`, valid Unicode; required and non-blank unless `default` is given."""
    value = record.get(name, default)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise DataError(f"{place}: the field {name!r} must be a string; got {value!r:.60}.")
    if default is None and not value.strip():
        raise DataError(f"{place}: the field {name!r} is empty.")
    return check_unicode(value, f"{place}: the field {name!r}")


def read_qrels(path: Path, query_ids: set[str], doc_ids: set[str]) -> Qrels:
    """Read a BEIR qrels file into `{query_id: {doc_id: relevance}}`.

    Raises `DataError`, naming the line, for one that is malformed, repeats a pair, or has an id
    that is not among `query_ids` and `doc_ids`.
    """
    qrels: Qrels = {}
    for number, (place, line) in enumerate(read_lines(path, _BEIR)):
        fields = line.split("\t")
        if number == 0 and fields == QRELS_HEADER:
            continue
        query_id, doc_id, relevance = _parse_judgement(place, fields)
        if query_id not in query_ids:
            raise DataError(f"{place}: the query {query_id!r} is not in queries.jsonl.")
        if doc_id not in doc_ids:
            raise DataError(f"{place}: the document {doc_id!r} is not in corpus.jsonl.")
        if doc_id in qrels.setdefault(query_id, {}):
            raise DataError(f"{place}: {query_id} and {doc_id} were already judged. Keep one line.")
        qrels[query_id][doc_id] = relevance
    return qrels


def _parse_record(place: str, line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError as error:  # JSONDecodeError, and integers too long to convert
        reason = getattr(error, "msg", str(error))
        raise DataError(
            f"{place}: not valid JSON ({reason}). Put one JSON object on each line."
        ) from None
    except RecursionError:
        raise DataError(f"{place}: the JSON is nested too deeply.") from None
    if not isinstance(record, dict):
        raise DataError(f"{place}: expected a JSON object, got {type(record).__name__}.")
    return record


def _parse_judgement(place: str, fields: list[str]) -> tuple[str, str, int]:
    if len(fields) != 3:
        raise DataError(
            f"{place}: expected 3 tab-separated fields (query-id, corpus-id, score), "
            f"got {len(fields)}."
        )
    try:
        return fields[0], fields[1], int(fields[2])
    except ValueError:
        raise DataError(f"{place}: the score must be a whole number; got {fields[2]!r}.") from None
