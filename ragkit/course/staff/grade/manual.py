"""Write `manual.csv`, the texts that a person must read, and read the marks that come back in it.

Answers are grouped by question, shuffled and without names. Beside each are the key points of the
rubric with the student's closest sentence and its cosine: a hint where to look, never a score.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from math import inf, isfinite
from pathlib import Path

from ragkit.course.drills.properties import encode
from ragkit.course.staff.grade.catalogue import Item, LabSheet
from ragkit.course.staff.grade.scoring import Mark
from ragkit.course.staff.grade.state import Graded, HandMark
from ragkit.course.staff.grade.tables import safe_cell, write_table
from ragkit.errors import DataError

COLUMNS = (
    "question",
    "answer_id",
    "answer",
    "max_score",
    "mark",
    "comment",
    "key points, each with the closest sentence (a hint by similarity, not a score)",
)
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|\n{2,}")
MAX_SENTENCES = 60


@dataclass(frozen=True)
class Reading:
    """One text to be read; no file that a reader opens says whose it is."""

    item: Item
    text: str
    answer_id: str
    measured: str = ""


def readings(graded: Sequence[Graded], sheets: Mapping[str, LabSheet]) -> list[Reading]:
    """Every text that waits for a person, by question, in an order that gives nobody away."""
    found = [
        Reading(item, mark.answer, answer_id(one.student, item.name, mark.answer), mark.feedback)
        for one in graded
        for item, mark in zip(sheets[one.lab].items, one.marks, strict=True)
        if mark.status == "recorded"
    ]
    places = {item.name: n for n, item in enumerate(i for s in sheets.values() for i in s.items)}
    return sorted(found, key=lambda reading: (places[reading.item.name], reading.answer_id))


def answer_id(student: str, item: str, text: str) -> str:
    """The name of an answer in `manual.csv`: the same for the same text, naming no student."""
    content = "\0".join((item, text, student)).encode("utf-8", "surrogatepass")
    return hashlib.sha256(content).hexdigest()[:12]


def write(waiting: Sequence[Reading], marks: Mapping[str, HandMark], path: Path) -> None:
    """Write `manual.csv`, with the marks of earlier readings in it."""
    rows = [
        _row(reading, hint, marks.get(reading.answer_id))
        for reading, hint in zip(waiting, _hints(waiting), strict=True)
    ]
    # with a byte order mark, without which a spreadsheet does not take it for UTF-8
    write_table(path, COLUMNS, rows, encoding="utf-8-sig")


def _row(reading: Reading, hint: str, by_hand: HandMark | None) -> list[str]:
    return [
        reading.item.name,
        reading.answer_id,
        safe_cell(reading.text),
        f"{reading.item.points:g}",
        f"{by_hand.mark:g}" if by_hand else "",
        safe_cell(by_hand.comment) if by_hand else "",
        safe_cell(f"{reading.measured}\n{hint}".strip()),
    ]


def read(path: Path, most_of: Mapping[str, float]) -> dict[str, HandMark | None]:
    """Read the marks in `manual.csv`, None for a blank. `DataError` names a line that is wrong.

    `most_of` has the points of each known answer; any other answer may have any mark.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file. `ragkit grade` writes it.") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8. Save it as 'CSV UTF-8'.") from None
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    csv.field_size_limit(2**24)
    rows = csv.DictReader(StringIO(text), delimiter=delimiter)
    wanted = ("answer_id", "mark")
    if missing := [name for name in wanted if name not in (rows.fieldnames or [])]:
        raise DataError(f"{path}: there is no column {missing[0]!r}. Keep the header as it was.")
    try:
        return dict(_marks(rows, path, most_of))
    except csv.Error as error:
        raise DataError(f"{path}, line {rows.line_num}: this is not CSV ({error}).") from None


def updated(
    earlier: Mapping[str, HandMark], found: Mapping[str, HandMark | None]
) -> dict[str, HandMark]:
    """The earlier marks after a file was read: its marks replace them, its blanks remove them."""
    others = {answer: mark for answer, mark in earlier.items() if answer not in found}
    return others | {answer: mark for answer, mark in found.items() if mark is not None}


def _marks(
    rows: csv.DictReader[str], path: Path, most_of: Mapping[str, float]
) -> Iterator[tuple[str, HandMark | None]]:
    for row in rows:
        answer, written = row["answer_id"], (row["mark"] or "").strip()
        if not answer:
            continue
        if not written:
            yield answer, None
            continue
        where = f"{path}, line {rows.line_num}, answer {answer}"
        try:
            mark, most = float(written.replace(",", ".")), most_of.get(answer, inf)
        except ValueError:
            raise DataError(f"{where}: the mark {written!r} is not a number.") from None
        if not (0 <= mark <= most and isfinite(mark)):
            raise DataError(f"{where}: the mark {written} is not between 0 and {most:g}.")
        yield answer, HandMark(mark, (row.get("comment") or "").strip())


def with_hand_marks(graded: Sequence[Graded], marks: Mapping[str, HandMark]) -> list[Graded]:
    """The same results with the marks that people gave; what has none stays ungraded."""
    return [
        replace(
            one,
            marks=[
                _marked(mark, marks.get(answer_id(one.student, mark.item, mark.answer)))
                for mark in one.marks
            ],
        )
        for one in graded
    ]


def _marked(mark: Mark, by_hand: HandMark | None) -> Mark:
    if mark.status != "recorded" or by_hand is None:
        return mark
    full = by_hand.mark == mark.max_score
    return replace(
        mark,
        status="correct" if full else "incorrect",
        score=by_hand.mark,
        feedback=by_hand.comment,
    )


def _hints(waiting: Sequence[Reading]) -> list[str]:
    """For each text, the key points of its rubric, each with the sentence nearest to it."""
    sentences = [_sentences(reading.text) for reading in waiting]
    points = sorted({point for reading in waiting for point in reading.item.rubric})
    if not points:
        return [""] * len(waiting)
    distinct = sorted({sentence for own in sentences for sentence in own})
    vectors = dict(zip(points + distinct, encode(points + distinct), strict=True))
    return [
        "\n".join(
            f"• {point}\n   closest ({cosine:.2f}): {sentence}"
            for point in reading.item.rubric
            for cosine, sentence in [max((float(vectors[point] @ vectors[s]), s) for s in own)]
        )
        for reading, own in zip(waiting, sentences, strict=True)
    ]


def _sentences(text: str) -> list[str]:
    parts = [" ".join(part.split()) for part in _SENTENCE.split(text)]
    return [part[:500] for part in parts if part][:MAX_SENTENCES] or [text[:500] or "-"]
