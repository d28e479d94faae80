"""`validate` says what the grader would not find, by the grader's own rules, and writes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import student_work as student
from conftest import ROOT

from ragkit.course.work import copies, validating
from ragkit.course.work.rehearsing import Rehearsal
from ragkit.course.work.validating import Report, validate
from ragkit.errors import DataError

TEXT = repr(student.TEXT)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """The student's copy of lab 01."""
    student.course(tmp_path)
    list(copies.copy_labs(tmp_path))
    return tmp_path / "work" / student.LAB


def looked_at(path: Path, limit: float = 60.0) -> Report:
    return validate(path, path.parent.parent, limit)


def problems(report: Report) -> dict[str, str]:
    return {one.item.variable: one.problem for one in report.found if one.problem}


def test_of_an_untouched_lab_everything_is_missing_and_nothing_is_written(mine: Path) -> None:
    before = {path: path.read_bytes() for path in mine.parent.iterdir()}
    report = looked_at(mine)
    assert len(problems(report)) == len(report.found) == 11
    assert set(problems(report).values()) == {"not answered: it is as it was handed out"}
    assert (report.complete, report.problems, report.notes) == (False, [], [])
    assert {path: path.read_bytes() for path in mine.parent.iterdir()} == before


def test_of_the_solved_lab_nothing_is_missing() -> None:
    report = validate(ROOT / "solutions" / student.LAB)
    assert (problems(report), report.problems, report.notes) == ({}, [], [])
    assert report.complete
    assert {one.verdict[0] for one in report.found} <= {"✓", "✎"}
    assert 0 < report.seconds < 60


def test_each_problem_is_named(mine: Path) -> None:
    """All in one notebook, which is run once."""
    student.rewrite(mine, "def mean_pool", student.STUB, f"    x = 1\n{student.STUB}")
    student.rewrite(
        mine, "def normalise", "def normalise(rows):", "normalise = 3\ndef other(rows):"
    )
    student.rewrite(mine, "def top_k", "def top_k", "def top_kk")
    student.rewrite(mine, "def hit_rate", student.STUB, "    return 0.5")
    student.rewrite(mine, "def info_nce", student.STUB, "    raise KeyError(1)")
    student.rewrite(mine, "drill_01_1 = ", "None", "(1, 2)")
    student.rewrite(mine, "drill_01_2 = ", '""', '"too few words"')
    student.rewrite(mine, "drill_01_3 = ", "None", '(None or "")')
    student.rewrite(mine, "drill_01_4 = ", '""', TEXT)
    student.add(
        mine, "def hit_rate(rankings, qrels, k):\n    return 1.0", "drill_01_5 = 1 / 0", "a b"
    )
    report = looked_at(mine)
    found = problems(report)
    assert found.pop("mean_pool").startswith("raise NotImplementedError is still under your code")
    assert found.pop("normalise") == "this is not a function"
    assert found.pop("top_k") == "not there: no cell defines it"
    assert found.pop("mean_cosine") == "not answered: it is as it was handed out"
    assert found.pop("drill_01_2") == "too few words (3); explain it in 20 or more."
    assert found.pop("drill_01_3") == "not answered"
    assert found.pop("drill_01_5") == "not there after the notebook ran"
    assert found == {}
    by_name = {one.item.variable: one for one in report.found}
    assert by_name["hit_rate"].note.endswith("; the last one counts")
    assert by_name["hit_rate"].note.startswith("answered in code cells ")
    assert by_name["drill_01_1"].verdict.startswith("✗ incorrect")
    assert by_name["drill_01_4"].verdict.startswith("✎ recorded")
    [broken] = report.problems
    assert re.search(r"Python cannot read code cell \d+ \(a b\): SyntaxError", broken)
    assert any("drill_01_5 = 1 / 0) fails: ZeroDivisionError" in note for note in report.notes)


def test_a_short_reason_is_found_behind_a_wrong_number(mine: Path) -> None:
    student.rewrite(mine, "drill_01_5 = ", "None", '(9.9, "uniform", "because")')
    assert problems(looked_at(mine))["drill_01_5"] == "too few words (1); explain it in 20 or more."


def test_magics_shell_commands_and_progress_do_nothing(mine: Path) -> None:
    student.add(
        mine,
        "%lsmagic\n!touch touched\nx = 1",
        "from ragkit.course.verdict import Verdict\nfrom ragkit.course.work import progress\n"
        "progress.folder_of_this_notebook = lambda: __import__('pathlib').Path('.')\n"
        "progress.record('hit_rate', Verdict('correct'))",
    )
    before = sorted(mine.parent.iterdir())
    assert looked_at(mine).notes == []
    assert sorted(mine.parent.iterdir()) == before


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("while True:\n    pass", r"Code cell \d+ was still running after 6 s\."),
        ("import os\nos._exit(3)", r"Code cell \d+ ended the Python process\."),
    ],
)
def test_what_does_not_end_is_stopped_and_said(mine: Path, code: str, words: str) -> None:
    student.add(mine, code)
    report = looked_at(mine, limit=6.0)
    assert [bool(re.match(words, problem)) for problem in report.problems] == [True]
    assert not report.complete


# The file


def rename(path: Path, name: str) -> Path:
    return path.rename(path.with_name(name))


@pytest.mark.parametrize("name", ["01-ada.ipynb", "ada.ipynb"])
def test_another_name_is_a_note_if_the_lab_can_be_told(
    mine: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(validating, "rehearse", lambda *_: Rehearsal())  # nothing is run
    report = looked_at(rename(mine, name))
    assert report.lab.number == "01"
    [note] = report.notes
    assert student.LAB in note


def without_drills(path: Path) -> Path:
    path.write_text('{"cells": []}')
    return rename(path, "ada.ipynb")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (without_drills, "would not know which lab this is"),
        (lambda path: path.with_name("none.ipynb"), "no such file"),
        (lambda path: path.parent, "cannot be read"),
        (lambda path: ROOT / "README.md", "not a notebook"),
    ],
)
def test_what_cannot_be_looked_at_is_an_error(
    mine: Path, spoil: Callable[[Path], Path], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        validate(spoil(mine), mine.parent.parent)
