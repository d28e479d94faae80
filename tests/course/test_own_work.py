"""Making the editions never overwrites what somebody wrote in a notebook of labs/."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import student_work as student
from conftest import ROOT

from ragkit.course.staff import editions
from ragkit.course.staff.own_work import find_own_work
from ragkit.errors import DataError


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """Lab 01 in a course of its own, with its source."""
    student.course(tmp_path)
    for path in (tmp_path / "labs").glob("0[234]*"):
        path.unlink()
    (tmp_path / "solutions").mkdir()
    for ending in (".py", ".ipynb"):
        name = Path(student.LAB).with_suffix(ending)
        shutil.copy(ROOT / "solutions" / name, tmp_path / "solutions")
    return tmp_path / "labs" / student.LAB


def fill_a_stub(lab: Path) -> None:
    student.rewrite(lab, "def hit_rate", student.STUB, "    return 0.5")


def answer_a_drill(lab: Path) -> None:
    student.rewrite(lab, "drill_01_1 = None", "None", "(76800, 0.073)")


def answer_in_a_new_cell(lab: Path) -> None:
    student.add(lab, "def top_k(scores, k):\n    return scores[:k]")


def add_a_note(lab: Path) -> None:
    student.add(lab, "print('to remember')")


WAYS: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "a filled stub": (fill_a_stub, ("hit_rate",)),
    "an answered drill": (answer_a_drill, ("drill_01_1",)),
    "an answer in a new cell": (answer_in_a_new_cell, ("top_k",)),
    "a new cell": (add_a_note, ()),
}


@pytest.mark.parametrize("way", WAYS)
def test_own_work_is_refused_before_anything_is_run(
    lab: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(editions, "execute", lambda *_: pytest.fail("it ran"))
    work, names = WAYS[way]
    work(lab)
    before = lab.read_bytes()
    with pytest.raises(DataError) as refused:
        list(editions.write_all(lab.parent.parent))
    assert lab.read_bytes() == before
    said = str(refused.value)
    assert f"labs/{lab.name}: 1 cell changed or added by hand" in said
    assert all(name in said for name in names)
    assert f"mv labs/{lab.name} work/{lab.name}" in said
    assert f"git checkout labs/{lab.name}" in said


@pytest.mark.parametrize("way", WAYS)
def test_drift_says_the_same_and_nothing_else_of_that_notebook(lab: Path, way: str) -> None:
    WAYS[way][0](lab)
    [found] = find_own_work(lab.parent.parent)
    assert (found.names, found.cells) == (WAYS[way][1], 1)
    about = [said for said in editions.drift(lab.parent.parent) if "labs/" in said]
    assert about == [str(found)]


def test_the_advice_overwrites_nothing_in_work_either(lab: Path) -> None:
    fill_a_stub(lab)
    work = lab.parent.parent / "work"
    work.mkdir()
    (work / lab.name).touch()
    [found] = find_own_work(lab.parent.parent)
    assert f"mv labs/{lab.name} work/{lab.stem}-2.ipynb" in str(found)


def test_a_source_that_moved_on_is_no_work_of_somebody(lab: Path) -> None:
    """Also where it gives away what was an exercise, or asks for what was given."""
    source = lab.parent.parent / "solutions" / f"{lab.stem}.py"
    text = source.read_text(encoding="utf-8")
    text = text.replace("def pad(rows):", "def pad(some_rows):")
    source.write_text(text + "\n# %%\ncheck.pad(pad)\n", encoding="utf-8")
    assert find_own_work(lab.parent.parent) == []
    assert editions.drift(lab.parent.parent) != []


def test_outputs_and_deleted_cells_are_no_work_of_somebody(lab: Path) -> None:
    notebook = student.load(lab)
    del notebook["cells"][5]
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = []
    student.save(lab, notebook)
    assert find_own_work(lab.parent.parent) == []


def test_a_notebook_that_cannot_be_read_is_not_overwritten(lab: Path) -> None:
    lab.write_text("<<<<<<< ours", encoding="utf-8")
    with pytest.raises(DataError, match="not a notebook"):
        list(editions.write_all(lab.parent.parent))


def test_the_committed_labs_hold_nobodys_work() -> None:
    assert find_own_work() == []
