"""`reset` brings a stub back and loses nothing: not the answer, and no byte of other cells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
import student_work as student

from ragkit.course.work import copies, notebooks, progress
from ragkit.course.work.cells import make_plan
from ragkit.course.work.resetting import reset
from ragkit.errors import DataError

ANSWER = "    return 0.5  # ``` my own"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """The student's copy of lab 01."""
    student.course(tmp_path)
    list(copies.copy_labs(tmp_path))
    return tmp_path / "work" / student.LAB


def root(mine: Path) -> Path:
    return mine.parent.parent


def stub(mine: Path, text: str) -> str:
    """The cell as it was handed out."""
    return student.source(student.cell_with(student.load(root(mine) / "labs" / mine.name), text))


def kept(notebook: Any) -> list[str]:
    cells = [student.source(c) for c in notebook["cells"] if c["cell_type"] == "markdown"]
    return [text for text in cells if text.startswith("**Kept on ")]


def answers(mine: Path, name: str) -> list[int]:
    return make_plan(notebooks.read(mine).code, [], [name]).answered[name]


@pytest.mark.parametrize("name", ["1.4", "hit_rate"])
def test_the_stub_is_back_and_the_answer_is_below_it(mine: Path, name: str) -> None:
    student.rewrite(mine, "def hit_rate", student.STUB, ANSWER)
    old = student.source(student.cell_with(student.load(mine), "def hit_rate"))
    done = reset(name, root(mine))
    notebook = student.load(mine)
    cells = [student.source(cell) for cell in notebook["cells"]]
    place = cells.index(stub(mine, "def hit_rate"))
    [shown] = kept(notebook)
    assert cells[place + 1] == shown
    assert shown.endswith(f"your 1.4 hit_rate**\n\n````python\n{old}\n````")
    assert (done.changed, done.kept, answers(mine, "hit_rate")) == (True, 1, [])
    nbformat.validate(nbformat.read(mine, as_version=4))


@pytest.mark.parametrize("name", ["01_4", "drill_01_4"])
def test_a_drill_is_reset_too(mine: Path, name: str) -> None:
    student.rewrite(mine, "drill_01_4 = ", '""', '"my text"')
    reset(name, root(mine))
    notebook = student.load(mine)
    assert stub(mine, "drill_01_4 = ") in map(student.source, notebook["cells"])
    assert ['drill_01_4 = "my text"' in text for text in kept(notebook)] == [True]
    assert answers(mine, "drill_01_4") == []


def test_other_cells_stay_byte_for_byte(mine: Path) -> None:
    student.rewrite(mine, "def hit_rate", student.STUB, ANSWER)
    student.add(mine, "x = 1")
    text = mine.read_text(encoding="utf-8")
    odd = '"metadata": {"mine":\t1e2, "é": "\\u00e9 \\ud83d"}'
    text = text.replace('"id": "added-0",\n   "metadata": {}', f'"id": "added-0",\n   {odd}')
    mine.write_text(text.replace("\n", "\r\n"), encoding="utf-8", newline="")
    before = notebooks.read(mine)
    reset("1.4", root(mine))
    after = notebooks.read(mine)
    place = next(n for n, cell in enumerate(before.cells) if "def hit_rate" in cell.source)
    old = [before.raw(n) for n in range(len(before.cells)) if n != place]
    new = [after.raw(n) for n in range(len(after.cells)) if n not in (place, place + 1)]
    assert old == new
    assert any(odd in raw for raw in new)
    assert after.text[: after.cells[0].start] == before.text[: before.cells[0].start]
    assert after.text[after.cells[-1].end :] == before.text[before.cells[-1].end :]
    assert after.cells[place].id == before.cells[place].id


def test_a_moved_and_split_answer_is_found_by_its_name(mine: Path) -> None:
    """The helper above it and what stands below stay in the code."""
    notebook = student.load(mine)
    notebook["cells"].remove(student.cell_with(notebook, "def hit_rate"))
    student.save(mine, notebook)
    function = "@staticmethod\ndef hit_rate(\n    a, b, k\n):\n    return 1\n    # end"
    code = f"import math\n\n{function}\n\ny = 2"
    student.add(mine, "z = 1", code)
    reset("1.4", root(mine))
    notebook = student.load(mine)
    definition = stub(mine, "def hit_rate")
    cell = student.cell_with(notebook, "import math")
    assert student.source(cell) == f"import math\n\n{definition}\n\ny = 2"
    assert [code in text for text in kept(notebook)] == [True]


def test_several_definitions_are_all_kept_and_one_stub_comes_back(mine: Path) -> None:
    student.rewrite(mine, "def hit_rate", student.STUB, ANSWER)
    student.add(mine, "def hit_rate(a, b, k):\n    return 1", "hit_rate = lambda *_: 2\nx = 3")
    assert reset("1.4", root(mine)).kept == 3
    notebook = student.load(mine)
    assert [("return 0.5" in k, "return 1" in k, "lambda" in k) for k in kept(notebook)] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
    ]
    assert student.source(student.cell_with(notebook, "x = 3")) == "x = 3"
    [plan] = [make_plan(notebooks.read(mine).code, [], ["hit_rate"])]
    assert (plan.answered["hit_rate"], plan.stubs) == ([], {"hit_rate"})


def test_an_answer_beside_the_stub_is_taken_out_and_the_stub_stays(mine: Path) -> None:
    student.add(mine, "def hit_rate(a, b, k):\n    return 1")
    before = notebooks.read(mine)
    assert reset("1.4", root(mine)).kept == 1
    after = notebooks.read(mine)
    assert [cell.source for cell in after.cells[:-1]] == [c.source for c in before.cells[:-1]]
    assert len(kept(student.load(mine))) == 1


@pytest.mark.parametrize(
    "code",
    [
        "def hit_rate(a, b, k)\n    return 1",
        "%%time\n\ndef hit_rate(a, b, k):\n    return 1",
        "\n\n%matplotlib inline\ndef hit_rate(a, b, k):\n    return 1",
        "!ls \\\n   -l\ndef hit_rate(a, b, k):\n    return 1",
        "x = 1; hit_rate = 3",
    ],
)
def test_odd_cells_are_kept_whole_and_answer_no_more(mine: Path, code: str) -> None:
    notebook = student.load(mine)
    student.cell_with(notebook, "def hit_rate")["source"] = code
    student.save(mine, notebook)
    reset("1.4", root(mine))
    [shown] = kept(student.load(mine))
    assert code in shown
    plan = make_plan(notebooks.read(mine).code, [], ["hit_rate"])
    assert (plan.answered["hit_rate"], plan.stubs, plan.broken) == ([], {"hit_rate"}, {})


@pytest.mark.parametrize(("name", "text"), [("1.4", "def hit_rate"), ("01_4", "drill_01_4 = ")])
def test_a_cell_that_was_deleted_comes_back_in_its_place(mine: Path, name: str, text: str) -> None:
    before = student.load(mine)
    after = student.load(mine)
    after["cells"].remove(student.cell_with(after, text))
    mine.write_text(json.dumps(after), encoding="utf-8")  # all on one line
    others = notebooks.read(mine)
    assert reset(name, root(mine)).kept == 0
    assert student.load(mine) == before
    raws = [notebooks.read(mine).raw(place) for place in range(len(before["cells"]))]
    assert [raw for raw in raws if "\n" not in raw] == [
        others.raw(place) for place in range(len(others.cells))
    ]


def test_a_stub_is_left_alone(mine: Path) -> None:
    before = mine.read_bytes()
    assert not reset("1.4", root(mine)).changed
    assert mine.read_bytes() == before


def test_a_recorded_verdict_becomes_not_attempted(mine: Path) -> None:
    student.rewrite(mine, "def hit_rate", student.STUB, ANSWER)
    progress.store("hit_rate", "correct", mine.parent)
    reset("1.4", root(mine))
    assert progress.load(mine.parent)["hit_rate"].status == "not attempted"


def test_a_missing_copy_is_a_sentence(mine: Path) -> None:
    mine.unlink()
    with pytest.raises(DataError, match="`ragkit work` copies the labs"):
        reset("1.4", root(mine))


def test_a_lab_that_lost_its_stub_is_a_sentence(mine: Path) -> None:
    student.rewrite(root(mine) / "labs" / mine.name, "def hit_rate", student.STUB, ANSWER)
    before = mine.read_bytes()
    with pytest.raises(DataError, match=r"the stub of 1\.4 hit_rate is not in it"):
        reset("1.4", root(mine))
    assert mine.read_bytes() == before
