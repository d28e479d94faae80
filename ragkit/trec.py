"""TREC files, the format trec_eval and every other evaluator reads.

Run: `qid Q0 docid rank score tag`. Qrels: `qid 0 docid relevance`. trec_eval ignores the rank,
sorts by float32 score and breaks ties by docid descending: equal scores are written a step apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ragkit.beir import read_lines
from ragkit.errors import DataError
from ragkit.ranking import ranked


def to_trec(
    run: Mapping[str, Mapping[str, float]], path: str | Path | None = None, tag: str = "ragkit"
) -> str:
    """The run as TREC text, also written to `path` if given; trec_eval will reproduce our order."""
    lines = []
    for query_id in sorted(run):
        previous = np.float32(np.inf)
        for rank, (doc_id, score) in enumerate(ranked(run[query_id].items()), start=1):
            previous = min(np.float32(score), np.nextafter(previous, np.float32(-np.inf)))
            fields = (query_id, "Q0", doc_id, rank, f"{previous:.9g}", tag)
            lines.append(_line(fields))
    return _write("".join(lines), path)


def qrels_to_trec(qrels: Mapping[str, Mapping[str, int]], path: str | Path | None = None) -> str:
    """The qrels as TREC text, also written to `path` if given."""
    lines = [
        _line((query_id, 0, doc_id, relevance))
        for query_id in sorted(qrels)
        for doc_id, relevance in sorted(qrels[query_id].items())
    ]
    return _write("".join(lines), path)


def from_trec(path: str | Path) -> dict[str, dict[str, float]]:
    """Read a TREC run file; a malformed line is a `DataError` with file and line number."""
    run: dict[str, dict[str, float]] = {}
    for place, line in read_lines(Path(path)):
        fields = line.split()
        if len(fields) != 6:
            raise DataError(f"{place}: a run line has 6 fields (qid Q0 docid rank score tag).")
        query_id, _, doc_id, _, score, _ = fields
        try:
            value = float(score)
        except ValueError:
            raise DataError(f"{place}: the score must be a number; got {score!r}.") from None
        if doc_id in run.setdefault(query_id, {}):
            raise DataError(f"{place}: {doc_id} was already ranked for {query_id}.")
        run[query_id][doc_id] = value
    return run


def qrels_from_trec(path: str | Path) -> dict[str, dict[str, int]]:
    """Read a TREC qrels file; a malformed line is a `DataError` with file and line number."""
    qrels: dict[str, dict[str, int]] = {}
    for place, line in read_lines(Path(path)):
        fields = line.split()
        try:
            query_id, _, doc_id, relevance = fields
            value = int(relevance)
        except ValueError:
            raise DataError(f"{place}: a qrels line is: qid 0 docid relevance.") from None
        if doc_id in qrels.setdefault(query_id, {}):
            raise DataError(f"{place}: {doc_id} was already judged for {query_id}.")
        qrels[query_id][doc_id] = value
    return qrels


def _line(fields: tuple[object, ...]) -> str:
    words = [str(field) for field in fields]
    for word in words:
        if not word or len(word.split()) != 1:
            raise DataError(f"{word!r} cannot stand in a TREC file: ids and tags have no spaces.")
    return " ".join(words) + "\n"


def _write(text: str, path: str | Path | None) -> str:
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text
