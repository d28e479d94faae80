"""Read and write TREC files, the format of trec_eval and of most other evaluators.

Run: `qid Q0 docid rank score tag`. Qrels: `qid 0 docid relevance`. trec_eval ignores the rank,
sorts by float32 score and breaks ties by docid, descending, so equal scores are written one float32
apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Integral
from pathlib import Path

import numpy as np

from ragkit.checks import check_unicode, is_finite, items_of
from ragkit.errors import DataError
from ragkit.files import read_lines, write_atomically
from ragkit.ranking import ranked

_LARGEST = np.finfo(np.float32).max


def to_trec(
    run: Mapping[str, Mapping[str, float]], path: str | Path | None = None, tag: str = "ragkit"
) -> str:
    """The run as TREC text, also written to `path` if given; trec_eval will reproduce our order.

    Raises `DataError` for a score that is not a finite number, an id or tag with a space, or a run
    that is no such map.
    """
    lines = []
    for query_id, scored in sorted(items_of(run, "run", "{query_id: {doc_id: score}}")):
        pairs = items_of(scored, f"run[{query_id!r}]", "{doc_id: score}")
        for doc_id, score in pairs:
            if not is_finite(score):
                raise DataError(
                    f"The run's score of {doc_id!r} for {query_id!r} is {score!r:.60}. "
                    "Give every document a finite number."
                )
        ranking = ranked(pairs)
        scores = _distinct_float32([score for _, score in ranking])
        for rank, ((doc_id, _), value) in enumerate(zip(ranking, scores, strict=True), start=1):
            lines.append(_line((query_id, "Q0", doc_id, rank, f"{value:.9g}", tag)))
    return _write("".join(lines), path)


def _distinct_float32(scores: list[float]) -> list[np.float32]:
    """Descending scores as strictly descending, finite float32, each as near as that allows."""
    apart = list(np.array(scores, np.float64).clip(-_LARGEST, _LARGEST).astype(np.float32))
    above, below = np.float32(np.inf), -np.float32(np.inf)
    with np.errstate(over="ignore"):  # a step below the lowest number is minus infinity, at first
        for place, score in enumerate(apart):
            above = apart[place] = min(score, np.nextafter(above, -np.float32(np.inf)))
        for place, score in reversed(list(enumerate(apart))):
            below = apart[place] = max(score, np.nextafter(below, np.float32(np.inf)))
    return apart


def qrels_to_trec(qrels: Mapping[str, Mapping[str, int]], path: str | Path | None = None) -> str:
    """The qrels as TREC text, also written to `path` if given.

    Raises `DataError` for a relevance that is not a whole number, an id with a space, or qrels that
    are not such a map.
    """
    lines = []
    for query_id, judged in sorted(items_of(qrels, "qrels", "{query_id: {doc_id: relevance}}")):
        pairs = items_of(judged, f"qrels[{query_id!r}]", "{doc_id: relevance}")
        for doc_id, relevance in sorted(pairs):
            if not isinstance(relevance, Integral):
                raise DataError(
                    f"The relevance of {doc_id!r} for {query_id!r} is {relevance!r:.60}, which is "
                    "not a whole number. Pass kb.qrels."
                )
            lines.append(_line((query_id, 0, doc_id, int(relevance))))
    return _write("".join(lines), path)


def from_trec(path: str | Path) -> dict[str, dict[str, float]]:
    """Read a TREC run file; a missing file or malformed line is a `DataError` naming it."""
    run: dict[str, dict[str, float]] = {}
    for place, line in read_lines(Path(path), "Pass a run file, as to_trec writes it."):
        fields = line.split()
        if len(fields) != 6:
            raise DataError(f"{place}: a run line has 6 fields (qid Q0 docid rank score tag).")
        query_id, _, doc_id, _, score, _ = fields
        try:
            value = float(score)
        except ValueError:
            value = math.nan
        if not is_finite(value):
            raise DataError(f"{place}: the score must be a finite number; got {score!r}.")
        if doc_id in run.setdefault(query_id, {}):
            raise DataError(f"{place}: {doc_id} was already ranked for {query_id}.")
        run[query_id][doc_id] = value
    return run


def qrels_from_trec(path: str | Path) -> dict[str, dict[str, int]]:
    """Read a TREC qrels file; a missing file or malformed line is a `DataError` naming it."""
    qrels: dict[str, dict[str, int]] = {}
    for place, line in read_lines(Path(path), "Pass a qrels file, as qrels_to_trec writes it."):
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
        if check_unicode(word, f"{word!r}").split() != [word]:
            raise DataError(
                f"{word!r} cannot be written to a TREC file: ids and tags have no spaces."
            )
    return " ".join(words) + "\n"


def _write(text: str, path: str | Path | None) -> str:
    if path is not None:
        write_atomically(Path(path), text.encode())
    return text
