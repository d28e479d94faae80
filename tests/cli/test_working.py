"""`ragkit work`, `progress`, `reset` and `validate`, as a student calls them."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import student_work as student
from processes import Run, is_one_sentence

from ragkit.course.work import copies, progress


@pytest.fixture(autouse=True)
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("ragkit.course.layout.data_dir", lambda: tmp_path / "data")
    return student.course(tmp_path)


def test_work_says_what_it_copied_and_what_it_kept(run: Run, course: Path) -> None:
    first = run("work")
    assert (first.status, first.err) == (0, "")
    (course / "work" / student.LAB).unlink()
    names = sorted(lab.name for lab in (course / "labs").iterdir())
    assert first.out.splitlines() == [f"copied  work/{name}" for name in names]
    kept = [f"{'copied' if n == student.LAB else 'kept  '}  work/{n}" for n in names]
    assert run("work").out.splitlines() == kept


def test_work_opens_the_first_new_lab_and_later_the_folder(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []

    def open_jupyter(place: str, options: tuple[str, ...]) -> int:
        opened.append((place, list(options)))
        return 3

    monkeypatch.setattr(copies, "open_jupyter", open_jupyter)
    assert run("work", "--open").status == 3
    assert run("work", "--open", "--", "--no-browser").status == 3
    assert opened == [(f"work/{student.LAB}", []), ("work", ["--no-browser"])]


def test_options_without_open_are_a_mistake(run: Run) -> None:
    assert is_one_sentence(run("work", "--", "--no-browser"))


def test_a_file_in_the_place_of_work_is_a_mistake(run: Run, course: Path) -> None:
    (course / "work").touch()
    for command in (["work"], ["progress"], ["reset", "1.4"]):
        assert is_one_sentence(run(*command)), command


def test_without_labs_each_command_says_what_is_missing(run: Run, course: Path) -> None:
    (course / "labs").rename(course / "elsewhere")
    for command in (["work"], ["reset", "1.4"], ["validate", course / "elsewhere" / student.LAB]):
        assert is_one_sentence(run(*command)), command


def test_progress_shows_all_labs_or_one(run: Run, course: Path) -> None:
    progress.store("hit_rate", "correct", course / "work")
    shown = run("progress")
    assert (shown.status, shown.err) == (0, "")
    assert "1 of 11" in shown.out
    assert "4.5 margin_mse" in shown.out
    assert "4.5 margin_mse" not in run("progress", "--lab", "01").out
    rows = run("progress", "--json", "--lab", "01").data
    assert [row["name"] for row in rows if row["status"] == "correct"] == ["hit_rate"]
    assert is_one_sentence(run("progress", "--lab", "99"))


def test_damaged_progress_is_a_warning(run: Run, course: Path) -> None:
    (course / "work").mkdir()
    (course / "work" / progress.FILE).write_text("{")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        shown = run("progress", "--json")
    assert (shown.status, {row["status"] for row in shown.data}) == (0, {"not attempted"})
    assert "is damaged, and is now progress-damaged-1.json" in shown.err


def test_reset_says_what_it_did_and_how_to_see_it(run: Run, course: Path) -> None:
    run("work")
    student.rewrite(course / "work" / student.LAB, "def hit_rate", student.STUB, "    return 1")
    done = run("reset", "1.4")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"1.4 hit_rate in work/{student.LAB}: the stub is back.")
    assert "File → Reload Notebook from Disk, then run the cell" in done.out
    assert "Nothing was changed" in run("reset", "hit_rate").out


def test_reset_of_what_is_not_there_is_one_sentence(run: Run) -> None:
    assert is_one_sentence(run("reset", "9.9"))
    assert is_one_sentence(run("reset", "1.4"))  # no copy yet


def test_validate_ends_in_1_if_something_would_be_missing(run: Run, course: Path) -> None:
    run("work")
    looked = run("validate", course / "work" / student.LAB)
    assert (looked.status, looked.err) == (1, "")
    assert "✗ 1.4 hit_rate" in looked.out
    assert "0 of 11 answers would be found." in looked.out
    assert "the grader allows 60 s" in looked.out


def test_validate_of_what_is_no_notebook_is_one_sentence(run: Run, course: Path) -> None:
    (course / "a.ipynb").write_text("x")
    assert is_one_sentence(run("validate", course / "a.ipynb"))
    assert is_one_sentence(run("validate", course))


def test_ask_without_a_question_gives_an_example(run: Run) -> None:
    asked = run("ask")
    assert is_one_sentence(asked)
    assert 'ragkit ask "past participle of eat?"' in asked.err
