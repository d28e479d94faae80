"""The teaching side: editions and the ledger."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

import ragkit
from ragkit.course import ledger
from ragkit.course.layout import labs
from ragkit.course.staff import editions


def test_committed_notebooks_match_their_sources() -> None:
    assert editions.drift() == []


def test_drift_is_found(tmp_path: Path) -> None:
    (tmp_path / "solutions").mkdir()
    (tmp_path / "labs").mkdir()
    source = tmp_path / "solutions" / "01-x.py"
    source.write_text("# %%\nprint(1)\n")
    lab = labs(tmp_path)[0]
    for path, solved in ((lab.student, False), (lab.solved, True)):
        nbformat.write(editions.build(source, solved), path)
    assert editions.drift(tmp_path) == []
    source.write_text("# %%\nprint(2)\n")
    assert len(editions.drift(tmp_path)) == 2


def test_student_edition_holds_no_line_of_a_solution() -> None:
    for lab in labs():
        source = lab.source.read_text(encoding="utf-8")
        student = lab.student.read_text(encoding="utf-8")
        blocks = re.findall(r"# BEGIN SOLUTION[^\n]*\n(.*?)# END SOLUTION", source, re.DOTALL)
        lines = [line.strip() for block in blocks for line in block.splitlines()]
        telling = [line for line in lines if len(line) > 12]
        assert len(telling) > 20
        assert not [line for line in telling if line.replace('"', '\\"') in student]
        assert "SOLUTION" not in student


def test_every_exercise_states_difficulty_and_minutes_and_has_a_hint_and_a_check() -> None:
    for lab in labs():
        source = lab.source.read_text(encoding="utf-8")
        exercises = re.split(r"(?m)^# ### Exercise ", source)[1:]
        assert 4 <= len(exercises) <= 6
        for text in exercises:
            assert re.search(r"\*Difficulty [●○]{3} · \d+ minutes\*", text)
            assert "<summary>Hint</summary>" in text
            assert re.search(r"(?m)^check\.\w+\(\w+\)$", text)


def test_every_section_has_a_spanish_summary() -> None:
    for lab in labs():
        sections = re.split(r"(?m)^# ## \d+ · ", lab.source.read_text(encoding="utf-8"))[1:]
        for section in sections:
            assert "🇪🇸 **Resumen.**" in section, section[:40]


def test_a_markdown_cell_stands_before_every_code_cell_but_a_check() -> None:
    for lab in labs():
        cells = editions.build(lab.source, solved=False).cells
        for before, cell in pairwise(cells):
            if cell.cell_type == "code" and not cell.source.startswith("check."):
                assert before.cell_type == "markdown", cell.source[:60]


def test_code_cells_are_short() -> None:
    for lab in labs():
        cells = editions.build(lab.source, solved=False).cells
        lengths = sorted(len(c.source.splitlines()) for c in cells if c.cell_type == "code")
        assert lengths[len(lengths) // 2] <= 8


def test_every_committed_code_cell_was_executed_without_error_or_warning() -> None:
    for lab in labs():
        for path in (lab.student, lab.solved):
            code = [c for c in nbformat.read(path, 4).cells if c.cell_type == "code" and c.source]
            assert all(cell.execution_count for cell in code)
            outputs = [output for cell in code for output in cell.outputs]
            assert not [o for o in outputs if o.output_type == "error"]
            assert not [o for o in outputs if o.get("name") == "stderr"]


def test_unbalanced_solution_mark_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "01-x.py"
    source.write_text("# %%\n# BEGIN SOLUTION\nx = 1\n")
    with pytest.raises(ragkit.DataError, match="partner"):
        editions.build(source, solved=False)


def test_prose_quotes_the_ledger() -> None:
    assert ledger.stale_quotes() == []


@pytest.mark.parametrize(
    ("part", "before", "after"),
    [
        ("", "0.93", "0.94"),
        (":points", "7", "94"),
        (":low", "0", "1"),
        (":low:points", "0.0", "91.0"),
        (":high", "0.000", "0.950"),
        (":n", "3", "10"),
        (":p", "0.05", "0.02"),
    ],
)
def test_a_stale_quote_is_found_and_filled_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str, before: str, after: str
) -> None:
    monkeypatch.setattr(ledger, "course_root", lambda: tmp_path)
    (tmp_path / "data").mkdir()
    page = tmp_path / "README.md"
    page.write_text(f"It is <!--r:a.b{part}-->{before}<!--/r--> here.")
    ledger.update({"a.b": {"value": 0.941, "interval": [0.91, 0.95], "n": 10, "p": 0.02}})
    assert page.read_text() == f"It is <!--r:a.b{part}-->{after}<!--/r--> here."
    assert ledger.stale_quotes() == []
    page.write_text(page.read_text().replace(after, before))
    assert len(ledger.stale_quotes()) == 1


def test_a_stale_table_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "course_root", lambda: tmp_path)
    (tmp_path / "data").mkdir()
    page = tmp_path / "README.md"
    page.write_text("[//]: # (t:a.b)\n\npending\n\n[//]: # (/t)")
    ledger.update({"a.b": {"text": "| x |"}})
    assert ledger.stale_quotes() == []
    page.write_text(page.read_text().replace("x", "y"))
    assert len(ledger.stale_quotes()) == 1


def test_what_is_filled_in_begins_no_line_with_a_comment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "course_root", lambda: tmp_path)
    (tmp_path / "data").mkdir()
    page = tmp_path / "README.md"
    page.write_text(
        "It is <!--r:a.b-->0.1<!--/r-->, and\nthen <!--r:a.b-->0.1<!--/r-->.\n\n"
        "[//]: # (t:a.c)\n\npending\n\n[//]: # (/t)\n"
    )
    ledger.update({"a.b": {"value": 0.9}, "a.c": {"text": "| x |\n|---|\n| 1 |"}})
    assert page.read_text() == (
        "It is <!--r:a.b-->0.9<!--/r-->, and\nthen <!--r:a.b-->0.9<!--/r-->.\n\n"
        "[//]: # (t:a.c)\n\n| x |\n|---|\n| 1 |\n\n[//]: # (/t)\n"
    )


def test_an_unknown_quote_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "course_root", lambda: tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "README.md").write_text("<!--r:no.such-->1<!--/r-->")
    with pytest.raises(ragkit.DataError, match=r"no\.such"):
        ledger.update({"a.b": {"value": 1.0}})
