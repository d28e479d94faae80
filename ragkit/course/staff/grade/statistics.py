"""Summarise a class's marks: how each item and each student did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ragkit.course.staff.grade.catalogue import LabSheet
from ragkit.course.staff.grade.state import Graded

LOW = 0.5
FEW = 3  # fewer students than this have no correlation


@dataclass(frozen=True)
class Total:
    """One student's sum for one lab, over what has a score; `outcomes` counts `Mark.outcome`."""

    student: str
    lab: str
    earned: float
    possible: float
    waiting: int
    outcomes: Mapping[str, int]

    @property
    def share(self) -> float:
        """Earned of possible, from 0 to 1."""
        return self.earned / self.possible if self.possible else 0.0

    @property
    def notes(self) -> str:
        """How many items had each outcome but "correct", in words; "" if there are none."""
        counted = sorted((word, n) for word, n in self.outcomes.items() if word != "correct")
        return ", ".join(f"{n} {word}" for word, n in counted)


@dataclass(frozen=True)
class ItemFigures:
    """How one item went: the mean share of its points, and its correlation with the rest.

    `discrimination` is the correlation over students of the item with the sum of the other items
    (corrected item-total correlation; Nunnally & Bernstein 1994, chapter 8); None if it is not
    defined. Near 0 or below, the item measures something other than the rest, or its key is wrong.
    """

    lab: str
    item: str
    mean: float
    discrimination: float | None
    scored: int
    unread: int


def totals(graded: Iterable[Graded]) -> list[Total]:
    """Each student's sum for each lab, in the order of the results."""
    return [
        Total(
            one.student,
            one.lab,
            round(sum(mark.score for mark in one.marks if mark.score is not None), 2),
            sum(mark.max_score for mark in one.marks if mark.score is not None),
            sum(mark.score is None for mark in one.marks),
            Counter(mark.outcome for mark in one.marks),
        )
        for one in graded
    ]


def item_figures(graded: Sequence[Graded], sheets: Mapping[str, LabSheet]) -> list[ItemFigures]:
    """The figures of every item of which at least one student has a score.

    While an item has unread answers its figures are those of the few that need no reading.
    """
    found = []
    for lab, sheet in sheets.items():
        shares = _shares([one for one in graded if one.lab == lab], len(sheet.items))
        for place, item in enumerate(sheet.items):
            own = shares[:, place]
            scored, unread = int((~np.isnan(own)).sum()), int(np.isnan(own).sum())
            if scored:
                rest = np.nansum(np.delete(shares, place, axis=1), axis=1)
                mean = float(np.nanmean(own))
                found.append(
                    ItemFigures(lab, item.name, mean, _correlation(own, rest), scored, unread)
                )
    return found


def mistakes(graded: Iterable[Graded]) -> list[tuple[str, str, int]]:
    """(item, mistake, how many students), the most common first."""
    counted = Counter(
        (mark.item, mark.mistake) for one in graded for mark in one.marks if mark.mistake
    )
    return [(item, mistake, n) for (item, mistake), n in sorted(counted.items(), key=_commonest)]


def needs_help(all_totals: Iterable[Total]) -> list[tuple[Total, str]]:
    """Whom to talk to, and why; the lowest share first."""
    found = [(total, why) for total in all_totals if (why := _why(total))]
    return sorted(found, key=lambda pair: (pair[0].share, pair[0].student, pair[0].lab))


def _why(total: Total) -> str:
    items = sum(total.outcomes.values())
    for outcome, why in (
        ("missing", "handed in nothing"),
        ("crash", "the notebook could not be run"),
        ("timeout", "the notebook did not end in time"),
        ("duplicate notebook", "handed in more than one notebook"),
        ("not attempted", "attempted nothing"),
    ):
        if total.outcomes.get(outcome) == items:
            return why
    if total.possible and total.share < LOW:
        left = total.outcomes.get("not attempted", 0) + total.outcomes.get("missing", 0)
        return f"{total.share:.0%} of the points" + (f", {left} items left open" if left else "")
    return ""


def _shares(graded: Sequence[Graded], count: int) -> np.ndarray:
    """Share of the points, float [students, items], nan where nobody has scored it."""
    rows = [
        [np.nan if mark.score is None else mark.score / mark.max_score for mark in one.marks]
        for one in graded
    ]
    return np.array(rows, dtype=float).reshape(-1, count)


def _correlation(own: np.ndarray, rest: np.ndarray) -> float | None:
    known = ~np.isnan(own)
    own, rest = own[known], rest[known]
    if len(own) < FEW or np.ptp(own) == 0 or np.ptp(rest) == 0:
        return None
    return float(np.corrcoef(own, rest)[0, 1])


def _commonest(counted: tuple[tuple[str, str], int]) -> tuple[int, str, str]:
    (item, mistake), n = counted
    return -n, item, mistake
