"""The later exercises of lab 04: which negatives are negatives, hard ones, a teacher's margins."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from ragkit.course.staff.exercise import Array, Case, Exercise, Mistake


def _mask_cases(rng: Generator) -> list[Case]:
    return [
        _mask_case(rng, 4, "", "4 questions"),
        _mask_case(rng, 5, "shared", "5 questions"),
        _mask_case(rng, 4, "mined", "4 questions, 4 documents more"),
        _mask_case(rng, 4, "unjudged", "4 questions, 2 documents more"),
    ]


_KINDS = {
    "": "questions with different documents, one of which answers another question too",
    "shared": "two questions with the same document",
    "mined": "mined documents after the batch's own",
    "unjudged": "a question whose own document is not marked relevant",
}


def _mask_case(rng: Generator, pairs: int, special: str, detail: str) -> Case:
    """Rows of the documents in the columns of a batch, and which document answers which question.

    The document of question 3 answers question 1 as well, and not the other way round.
    """
    count = 9
    rows = rng.permutation(count)
    own, others = rows[:pairs], rows[pairs:]
    if (own == np.arange(pairs)).any():  # a document's number must not be its column
        return _mask_case(rng, pairs, special, detail)
    columns = own
    relevant = np.zeros((pairs, count), dtype=bool)
    relevant[np.arange(pairs), own] = True
    relevant[1, own[3]] = True
    if special == "shared":
        own[2] = own[0]
        relevant[2] = relevant[0]
    if special == "mined":
        relevant[0, others[1]] = True  # a second answer to question 0, nobody's own document
        columns = np.r_[own, others[0], others[1], own[2], others[0]]
    if special == "unjudged":
        relevant[2] = False
        columns = np.r_[own, others[0], own[2]]
    return Case((columns, relevant), _KINDS[special], detail)


def _mask(columns: Array, relevant: Array) -> Array:
    """Which columns each question may meet: its own document, and what does not answer it."""
    own = np.eye(len(relevant), len(columns), dtype=bool)
    allowed: Array = own | ~relevant[:, columns]
    return allowed


def _by_equal_documents(columns: Array, relevant: Array) -> Array:
    own = np.eye(len(relevant), len(columns), dtype=bool)
    allowed: Array = own | (columns[: len(relevant), None] != columns)
    return allowed


def _transposed(columns: Array, relevant: Array) -> Array:
    """What question j has for answers, in the row of the question whose document it is."""
    pairs = len(relevant)
    allowed = _mask(columns, relevant)
    allowed[:, :pairs] = allowed[:, :pairs].T
    return allowed


def _with_more(columns: Array, relevant: Array, value: bool) -> Array:
    """The mask with one value for every column after the batch's own documents."""
    allowed = _mask(columns, relevant)
    allowed[:, len(relevant) :] = value
    return allowed


negative_mask = Exercise(
    name="negative_mask",
    cases=_mask_cases,
    expected=_mask,
    mistakes=[
        Mistake(
            "the question's own document is left out; it must stay, or there is no positive.",
            lambda columns, relevant: ~relevant[:, columns],
        ),
        Mistake(
            "only the same document is left out; another one that answers the question must go "
            "too.",
            _by_equal_documents,
        ),
        Mistake(
            "a question's own document is let in wherever it occurs; in another column it would "
            "be a negative, and it is none.",
            lambda columns, relevant: (
                ~relevant[:, columns] | (columns[: len(relevant), None] == columns)
            ),
        ),
        Mistake(
            "rows and columns are exchanged: row i is question i, and its own answers matter.",
            _transposed,
        ),
        Mistake(
            "a document is left out for all questions because it answers one; each question has "
            "a row of its own.",
            lambda columns, relevant: (
                np.eye(len(relevant), len(columns), dtype=bool) | ~relevant.any(axis=0)[columns]
            ),
        ),
        Mistake(
            "`columns` is not used: column j is document `columns[j]`, not document j.",
            lambda columns, relevant: _mask(np.arange(len(columns)), relevant),
        ),
        Mistake(
            "the columns after the batch's own documents are missing.",
            lambda columns, relevant: _mask(columns[: len(relevant)], relevant),
        ),
        Mistake(
            "the columns after the batch's own documents are all let in; they may hold answers.",
            lambda columns, relevant: _with_more(columns, relevant, True),
        ),
        Mistake(
            "the columns after the batch's own documents are all left out; mined documents are "
            "negatives too.",
            lambda columns, relevant: _with_more(columns, relevant, False),
        ),
        Mistake(
            "this marks what must be left out; return True where a document may stay.",
            lambda columns, relevant: ~_mask(columns, relevant),
        ),
        Mistake(
            "every document is let in.",
            lambda columns, relevant: np.ones((len(relevant), len(columns))),
            trivial=True,
        ),
        Mistake(
            "only the question's own document is let in; without negatives there is no contrast.",
            lambda columns, relevant: np.eye(len(relevant), len(columns)),
            trivial=True,
        ),
    ],
)


def _mining_cases(rng: Generator) -> list[Case]:
    scores, teacher, relevant = _judged(rng)
    near = np.where(relevant, teacher, np.maximum(teacher, teacher[relevant].max() - 1))
    return [
        Case((scores, teacher, relevant, 3, 1.0), "a twin that comes first", "k=3, margin 1"),
        Case((scores, teacher, relevant, 5, 0.0), "a margin of 0", "k=5"),
        Case((scores, teacher, relevant, 20, 1.0), "fewer that pass than k", "k=20, margin 1"),
        Case((scores, near, relevant, 3, 1.0), "a question for which none passes", "k=3, margin 1"),
        Case(
            (*_many_equal(rng), 20, 2 / 2**14),
            "many equal scores, small margins",
            "60 documents, k=20",
        ),
    ]


def _judged(rng: Generator) -> tuple[Array, Array, Array]:
    """Scores below -1, a teacher's (multiples of 1/4, so that margins are exact), what is right.

    Five documents are right: the teacher's best, the one of the highest score, the one in the first
    row, that in the last, and the worst; and wrong ones lie between any two of them. Further wrong
    ones are above the best, level with it, and at a margin of exactly 1.
    """
    best = float(rng.integers(16, 24)) / 4
    # how far below its best the teacher puts them, by falling score
    below = [0.5, 3, 1, 2, 0, -2, 0, 4.25, 5, 4.75, 4, 5.25, 6.5, 4.5, 5.75, 7.5]
    rows = rng.permutation(len(below))
    right = [10, 4, 8, 1, 13]  # in the order of their rows
    rows[right] = np.sort(rows[right])
    scores, teacher = np.zeros((2, len(below)))
    scores[rows] = (np.linspace(-1.1, -1.8, len(below)) + rng.uniform(0, 0.04, len(below))).round(3)
    teacher[rows] = best - np.array(below)
    relevant = np.zeros(len(below), dtype=bool)
    relevant[rows[right]] = True
    return scores, teacher, relevant


def _many_equal(rng: Generator) -> tuple[Array, Array, Array]:
    """Sixty documents with four different scores: an order that only the rule for ties fixes."""
    scores = rng.permutation(np.tile([0.75, 0.5, 0.25, 0.125], 15))
    teacher = rng.integers(-8, 7, size=60) / 2**14
    relevant = np.arange(60) == rng.integers(60)
    teacher[relevant] = 7 / 2**14
    return scores, teacher, relevant


def _order(scores: Array) -> Array:
    """Row numbers by falling score, of equal ones the lower first."""
    return np.argsort(-scores, kind="stable")


def _mined(
    scores: Array,
    teacher: Array,
    relevant: Array,
    k: int,
    margin: float,
    *,
    bar: float | None = None,
) -> Array:
    """The k wrong rows of the highest score that the teacher puts below its bar less the margin."""
    highest = teacher[relevant].max() if bar is None else bar
    order = _order(scores)
    kept: Array = order[~relevant[order] & (teacher[order] < highest - margin)]
    return kept[:k]


def _cut_before_filter(
    scores: Array, teacher: Array, relevant: Array, k: int, margin: float
) -> Array:
    first = _order(scores)[:k]
    kept: Array = first[~relevant[first] & (teacher[first] < teacher[relevant].max() - margin)]
    return kept


def _cut_before_teacher(
    scores: Array, teacher: Array, relevant: Array, k: int, margin: float
) -> Array:
    order = _order(scores)
    first = order[~relevant[order]][:k]
    kept: Array = first[teacher[first] < teacher[relevant].max() - margin]
    return kept


def _places_in_what_passes(
    scores: Array, teacher: Array, relevant: Array, k: int, margin: float
) -> Array:
    passing = ~relevant & (teacher < teacher[relevant].max() - margin)
    return _order(scores[passing])[:k]


def _barred_at_the_end(
    scores: Array, teacher: Array, relevant: Array, k: int, margin: float
) -> Array:
    passing = ~relevant & (teacher < teacher[relevant].max() - margin)
    return _order(np.where(passing, scores, -np.inf))[:k]


hard_negatives = Exercise(
    name="hard_negatives",
    cases=_mining_cases,
    expected=_mined,
    mistakes=[
        Mistake(
            "right documents are among them; a negative must be wrong.",
            lambda s, t, r, k, m: _order(s)[t[_order(s)] < t[r].max() - m][:k],
        ),
        Mistake(
            "the teacher is not asked: the twin that it takes for an answer is still there.",
            lambda s, t, r, k, m: _mined(s, t, r, k, m, bar=np.inf),
        ),
        Mistake(
            "the list is cut to k before it is filtered, so too few are left.",
            _cut_before_filter,
        ),
        Mistake(
            "the list is cut to k before the teacher is asked, so too few are left.",
            _cut_before_teacher,
        ),
        Mistake(
            "these are the easiest, with the lowest scores; take the highest.",
            lambda s, t, r, k, m: _mined(-s, t, r, k, m),
        ),
        Mistake(
            "they are in the teacher's order; keep the order of the scores.",
            lambda s, t, r, k, m: _mined(t, t, r, k, m),
        ),
        Mistake(
            "they are in the order of their rows; the highest score comes first.",
            lambda s, t, r, k, m: _mined(np.zeros(len(s)), t, r, k, m),
        ),
        Mistake(
            "the bar lies a margin above the best right document; it must lie below.",
            lambda s, t, r, k, m: _mined(s, t, r, k, -m),
        ),
        Mistake(
            "the margin is not used.",
            lambda s, t, r, k, m: _mined(s, t, r, k, 0.0),
        ),
        Mistake(
            "a document exactly `margin` below is let in; it must be more than that.",
            lambda s, t, r, k, m: _mined(s, t, r, k, m - 2.0**-20),
        ),
        Mistake(
            "the bar is set by the worst right document; it must be the best for the teacher.",
            lambda s, t, r, k, m: _mined(s, t, r, k, m, bar=t[r].min()),
        ),
        Mistake(
            "the bar is set by the right document with the highest score; it must be the best "
            "for the teacher.",
            lambda s, t, r, k, m: _mined(s, t, r, k, m, bar=t[np.where(r, s, -np.inf).argmax()]),
        ),
        Mistake(
            "the bar is set by the first right document; it must be the best for the teacher.",
            lambda s, t, r, k, m: _mined(s, t, r, k, m, bar=t[r.argmax()]),
        ),
        Mistake(
            "a document that the teacher puts far above the right one passes; only below will do.",
            lambda s, t, r, k, m: _order(s)[(~r & (abs(t[r].max() - t) > m))[_order(s)]][:k],
        ),
        Mistake(
            "these are places in a shorter list; return the rows of `scores`.",
            _places_in_what_passes,
        ),
        Mistake(
            "where fewer than k pass, documents that were barred fill the end.",
            _barred_at_the_end,
        ),
        Mistake(
            "of equal scores the lower row must come first.",
            lambda s, t, r, k, m: len(s) - 1 - _mined(s[::-1], t[::-1], r[::-1], k, m),
        ),
        Mistake(
            "the list is not cut to k.",
            lambda s, t, r, k, m: _mined(s, t, r, len(s), m),
        ),
        Mistake("nothing is found.", lambda *_: [], trivial=True),
        Mistake(
            "these are the first k rows of the ranking, unfiltered.",
            lambda s, t, r, k, m: _order(s)[:k],
            trivial=True,
        ),
    ],
)


def _margin_cases(rng: Generator) -> list[Case]:
    size = int(rng.integers(3, 5))
    shifted, taught = _scores(rng, 3, 4)
    taught += rng.permutation([10.0, 20.0, 30.0])[:, None]
    return [
        Case(tuple(_scores(rng, 1, 3)), "one question, two documents more"),
        Case(tuple(_scores(rng, size, size)), "as many documents as questions", f"{size} of each"),
        Case(tuple(_scores(rng, 3, 5)), "two mined documents more", "3 questions"),
        Case((shifted, taught), "a teacher whose scores lie higher", "3 questions"),
    ]


def _scores(rng: Generator, rows: int, columns: int) -> Array:
    """A student's and a teacher's scores float [2, rows, columns], in quarters.

    In the first row they disagree about the first wrong document and agree that the next is better
    than the right one: margins have both signs. In the last row both have a margin of 0.
    """
    scores = rng.normal(size=(2, rows, columns)) * np.array([2, 4])[:, None, None]
    scores[:, 0, 1] = scores[:, 0, 0] + [2, -3]
    scores[:, 0, 2] = scores[:, 0, 0] + [1, 5]
    rounded: Array = np.round(4 * scores) / 4
    if rows > 1:
        rounded[:, -1, 0] = rounded[:, -1, rows - 1]
    return rounded


def _margins(scores: Array) -> Array:
    """How far each wrong document lies below its question's right one: float [B, C - 1]."""
    rows, columns = scores.shape
    wrong = ~np.eye(rows, columns, dtype=bool)
    below: Array = (np.diagonal(scores)[:, None] - scores)[wrong].reshape(rows, columns - 1)
    return below


def _squares(student: Array, teacher: Array) -> Array:
    squares: Array = (_margins(student) - _margins(teacher)) ** 2
    return squares


def _all_squares(student: Array, teacher: Array) -> Array:
    """Those of the right documents included, which are 0."""
    gaps = student - teacher
    squares: Array = (np.diagonal(gaps)[:, None] - gaps) ** 2
    return squares


def _batch_alone(student: Array, teacher: Array) -> float:
    """Without the columns after the batch's own: NaN for one question, which has no margin left."""
    squares = _squares(student[:, : len(student)], teacher[:, : len(student)])
    return float(squares.mean()) if squares.size else float("nan")


margin_mse = Exercise(
    name="margin_mse",
    cases=_margin_cases,
    expected=lambda student, teacher: _squares(student, teacher).mean(),
    mistakes=[
        Mistake(
            "scores are compared; compare margins, which a shift of all scores leaves as they are.",
            lambda s, t: ((s - t) ** 2).mean(),
        ),
        Mistake(
            "the right documents count too; their margin to themselves is always 0.",
            lambda s, t: _all_squares(s, t).mean(),
        ),
        Mistake(
            "this is the sum; return the mean.",
            lambda s, t: _squares(s, t).sum(),
        ),
        Mistake(
            "the sum is divided by the number of questions; divide it by that of all margins.",
            lambda s, t: _squares(s, t).sum() / len(s),
        ),
        Mistake(
            "half of it is missing: the mean of the squares has no factor ½.",
            lambda s, t: _squares(s, t).mean() / 2,
        ),
        Mistake(
            "absolute differences are averaged; square them.",
            lambda s, t: np.sqrt(_squares(s, t)).mean(),
        ),
        Mistake(
            "the root is taken; the loss is the mean of the squares.",
            lambda s, t: np.sqrt(_squares(s, t).mean()),
        ),
        Mistake(
            "the differences are averaged before they are squared, so they cancel each other.",
            lambda s, t: (_margins(s) - _margins(t)).mean() ** 2,
        ),
        Mistake(
            "the sign of the margins is lost; a wrong document above the right one has a negative "
            "margin.",
            lambda s, t: ((abs(_margins(s)) - abs(_margins(t))) ** 2).mean(),
        ),
        Mistake(
            "the margins are added; take their difference.",
            lambda s, t: ((_margins(s) + _margins(t)) ** 2).mean(),
        ),
        Mistake(
            "the teacher is not used.",
            lambda s, t: (_margins(s) ** 2).mean(),
        ),
        Mistake(
            "the first column is taken for the right document; it is that of the diagonal.",
            lambda s, t: (((s[:, :1] - s) - (t[:, :1] - t))[:, 1:] ** 2).mean(),
        ),
        Mistake(
            "the columns after the batch's own documents are missing.",
            _batch_alone,
        ),
        Mistake("this is 0 whatever the scores.", lambda *_: 0.0, trivial=True),
    ],
)
