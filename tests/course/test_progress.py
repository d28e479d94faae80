"""The latest verdicts: recorded by notebooks in work/ alone, kept whole, and shown."""

from __future__ import annotations

import json
import re
import threading
from datetime import datetime
from pathlib import Path

import nbformat
import pytest
import student_work as student
from nbclient import NotebookClient

from ragkit.course.tables import plain_text
from ragkit.course.verdict import Verdict
from ragkit.course.work import items, overview, progress
from ragkit.errors import RagkitWarning

RIGHT, WRONG = Verdict("correct"), Verdict("incorrect", "no")
HERE = "import ragkit.course.layout as l; l.data_dir = lambda: __import__('pathlib').Path({!r})"
CALLS = (
    "from ragkit.course.work import overview, progress",
    "from ragkit.course.verdict import Verdict",
    "print(progress.record('hit_rate', Verdict('incorrect')))",
    "print(progress.record('hit_rate', Verdict('correct')))",
    "print(progress.record('01_2', Verdict('recorded')))",
    "overview.show()",
)


@pytest.fixture
def course(tmp_path: Path) -> Path:
    student.course(tmp_path)
    (tmp_path / "work").mkdir()
    return tmp_path


def run_in(folder: Path, *calls: str) -> list[str]:
    """Run cells in a kernel in a folder of a course; what each printed or displayed."""
    folder.mkdir(exist_ok=True)
    sources = [HERE.format(str(folder.parent / "data")), *calls]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    where = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, kernel_name="python3", resources=where).execute()
    return [
        "".join(o.text if o.output_type == "stream" else o.data["text/plain"] for o in cell.outputs)
        for cell in notebook.cells[1:]
    ]


# Where verdicts are recorded


def test_a_notebook_in_work_records_its_verdicts_and_shows_them(course: Path) -> None:
    *_, shown = run_in(course / "work", *CALLS)
    shown = re.sub(r"\x1b\[[\d;]*m", "", shown)  # colours
    seen = progress.load(course / "work")
    assert {name: one.status for name, one in seen.items()} == {
        "hit_rate": "correct",
        "01_2": "recorded",
    }
    assert all(datetime.fromisoformat(one.date).tzinfo for one in seen.values())
    assert "1.3 ○  1.4 ✓  1.5 ○" in shown
    assert "1 ○  2 ✎  3 ○" in shown
    assert "2 of 11" in shown


def test_a_person_in_labs_is_sent_to_work_once(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAGKIT_QUIET")
    printed = run_in(course / "labs", *CALLS)
    assert ["make lab" in text for text in printed] == [False, False, True, False, False, False]


@pytest.mark.parametrize("folder", ["labs", "solutions"])
def test_a_notebook_elsewhere_records_nothing(course: Path, folder: str) -> None:
    *printed, shown = run_in(course / folder, *CALLS)
    assert printed[2:] == ["✗ incorrect\n", "✓ correct\n", "✎ recorded\n"]
    assert shown == "In your own copy of this lab, in work/, a table here shows how far you are.\n"
    assert list((course / "work").iterdir()) == []


def test_a_program_in_work_that_is_no_notebook_records_nothing(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragkit.course.layout.data_dir", lambda: course / "data")
    monkeypatch.chdir(course / "work")
    assert progress.record("hit_rate", RIGHT) is RIGHT
    assert list((course / "work").iterdir()) == []


def test_a_file_that_cannot_be_written_is_a_sentence(
    course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "folder_of_this_notebook", lambda: course / "work")
    (course / "work" / progress.FILE).mkdir()
    assert progress.record("hit_rate", RIGHT) is RIGHT
    assert "This verdict is not kept" in capsys.readouterr().out


def test_nothing_is_recorded_after_a_pause(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "folder_of_this_notebook", lambda: course / "work")
    monkeypatch.setattr(progress, "_paused", False)
    progress.pause()
    progress.record("hit_rate", RIGHT)
    assert progress.load(course / "work") == {}


def test_the_checks_of_a_lab_record_what_they_say(course: Path) -> None:
    run_in(
        course / "work",
        "from ragkit.course import check, drills",
        "check.hit_rate(lambda rankings, qrels, k: 0.5)",
        "check.normalise(3)",
        f'drills.check("01_1", None); drills.check("01_2", {student.TEXT!r})',
        'drills.check("01_5", object()); drills.check("99_9", 1)',
        "check.top_k.judge(print);",
    )
    seen = progress.load(course / "work")
    assert {name: one.status for name, one in seen.items()} == {
        "hit_rate": "incorrect",
        "normalise": "incorrect",
        "01_1": "not attempted",
        "01_2": "recorded",
        "01_5": "incorrect",
    }


# The file


def test_the_latest_verdict_counts(tmp_path: Path) -> None:
    for verdict in (RIGHT, WRONG):
        progress.store("hit_rate", verdict.status, tmp_path)
    assert progress.load(tmp_path)["hit_rate"].status == "incorrect"


def test_notebooks_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    names = [f"f{number}" for number in range(24)]
    writers = [
        threading.Thread(target=progress.store, args=(name, "correct", tmp_path)) for name in names
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(progress.load(tmp_path)) == sorted(names)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"format": 2, "verdicts": {}}',
        '{"format": 1, "verdicts": []}',
        '{"format": 1, "verdicts": {"f": {"status": "correct"}}}',
        '{"format": 1, "verdicts": {"f": {"status": "great", "date": "2026-01-01"}}}',
        '{"format": 1, "verdicts": {"f": {"status": "correct", "date": "today"}}}',
        "[" * 100_000,
    ],
    ids=range(10),
)
def test_a_damaged_file_is_set_aside_and_not_lost(tmp_path: Path, content: str) -> None:
    (tmp_path / progress.FILE).write_text(content)
    (tmp_path / "progress-damaged-1.json").write_text("an older one")
    with pytest.warns(RagkitWarning, match=r"is damaged, and is now progress-damaged-2\.json"):
        progress.store("hit_rate", "correct", tmp_path)
    assert (tmp_path / "progress-damaged-2.json").read_text() == content
    assert (tmp_path / "progress-damaged-1.json").read_text() == "an older one"
    assert list(progress.load(tmp_path)) == ["hit_rate"]


# The tables


def test_the_table_has_every_item_with_its_sign_and_date() -> None:
    labs = items.all_labs()
    seen = {
        "hit_rate": progress.Seen("correct", "2026-03-01T10:20:30+01:00"),
        "info_nce": progress.Seen("incorrect", "2026-03-02T10:20:30+01:00"),
        "01_2": progress.Seen("recorded", "2026-03-03T10:20:30+01:00"),
        "of an older edition": progress.Seen("correct", "2026-03-03T10:20:30+01:00"),
    }
    lines = plain_text(overview.full_table(labs, seen)).splitlines()
    [hit_rate] = [line for line in lines if "1.4 hit_rate" in line]
    assert hit_rate.split()[:3] == ["✓", "1.4", "hit_rate"]
    assert hit_rate.split()[3:] == ["Hit", "rate", "correct", "2026-03-01", "10:20"]
    signs = [line.lstrip()[0] for line in lines if any(s in line[:4] for s in "✓✗✎○")]
    everything = [item for lab in labs for item in lab.items]
    assert (signs.count("✓"), signs.count("✗"), signs.count("✎")) == (2, 1, 1)  # and the legend
    assert signs.count("○") == len(everything) - 3
    assert "Embeddings and bi-encoders: 2 of 11" in "\n".join(lines)


def test_the_data_has_every_item_with_its_verdict() -> None:
    labs = items.all_labs()
    seen = {"hit_rate": progress.Seen("correct", "2026-03-01T10:20:30+01:00")}
    rows = json.loads(json.dumps(overview.as_data(labs, seen)))
    [row] = [row for row in rows if row["date"]]
    assert row == {
        "lab": "01",
        "kind": "exercise",
        "name": "hit_rate",
        "number": "1.4",
        "title": "Hit rate",
        "status": "correct",
        "date": "2026-03-01T10:20:30+01:00",
    }
    assert len(rows) == sum(len(lab.items) for lab in labs)
    assert {row["status"] for row in rows} == {"correct", "not attempted"}
