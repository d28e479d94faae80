"""What a report says: rows, pages, JSON, marks of people; who handed in what; the command line."""

from __future__ import annotations

import csv
import inspect
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from typer.testing import CliRunner

import ragkit
from ragkit.cli import app as cli
from ragkit.course.layout import labs
from ragkit.course.staff import editions
from ragkit.course.staff.grade import manual, state
from ragkit.course.staff.grade.catalogue import sheet, sheets
from ragkit.course.staff.grade.report import Written, write_report
from ragkit.course.staff.grade.scoring import Mark, unrun
from ragkit.course.staff.grade.state import ClassResult, Graded, HandMark, State
from ragkit.course.staff.grade.statistics import item_figures, needs_help, totals
from ragkit.course.staff.grade.submissions import find_submissions
from ragkit.course.staff.grade.tables import COLUMNS, safe_cell
from ragkit.scoring.metrics import ndcg

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs POSIX: processes in a sandbox")


HOSTILE = '=HYPERLINK("x")<script>alert(1)</script>"\'&'
STEMS = {number: one.lab.source.stem for number, one in sheets().items()}


def graded(student: str, **changed: Mark) -> Graded:
    """Lab 01 of one student: everything right and unread, but for the marks in `changed`."""
    marks = []
    for item in sheet("01").items:
        usual = Mark(item.name, "correct", item.points, item.points)
        if item.kind == "text":
            usual = Mark(item.name, "recorded", None, 1.0, "", f"{student} on {item.name}.")
        marks.append(changed.get(item.name, usual))
    return Graded(student, "01", marks, 1.5, 10**8)


def report(out: Path, *results: Graded) -> Written:
    result = ClassResult(list(results), {"01": sheet("01")}, True, "")
    State(out / ".state").save_class(result)
    return write_report(result, out)


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(path.read_text(encoding="utf-8-sig"))))


# Rows and pages


def test_grades_have_a_row_for_each_student_and_item(tmp_path: Path) -> None:
    report(tmp_path, graded("ada"), graded("bob"))
    found = rows(tmp_path / "grades.csv")
    assert tuple(found[0]) == COLUMNS
    assert len(found) == 2 * len(sheet("01").items)
    by_item = {row["item"]: row for row in found if row["student"] == "ada"}
    assert by_item["mean_pool"]["score"] == by_item["mean_pool"]["max_score"] == "2"
    assert by_item["drill_01_2"] | {"score": ""} == by_item["drill_01_2"]
    assert by_item["drill_01_2"]["status"] == "recorded"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n@x"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert safe_cell(text).startswith("'")
    assert not safe_cell(f"a{text}").startswith("'")


class Tags(HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.attributes: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        self.attributes += [name for name, _ in attrs]


def test_whatever_a_student_wrote_is_escaped(tmp_path: Path) -> None:
    wrong = Mark("mean_pool", "incorrect", 0.0, 2.0, HOSTILE, HOSTILE, HOSTILE)
    text = Mark("drill_01_2", "recorded", None, 1.0, "", HOSTILE)
    student = "=1+1 <img src=x onerror=alert(1)>"
    report(tmp_path, graded(student, mean_pool=wrong, drill_01_2=text))
    pages = [tmp_path / "class.html", tmp_path / "feedback" / f"{student}.html"]
    for page in pages:
        tags = Tags(page.read_text(encoding="utf-8"))
        assert not {"script", "img", "iframe", "link", "object"} & set(tags.found)
        assert not [name for name in tags.attributes if name.startswith("on")]
    for path in (tmp_path / "grades.csv", tmp_path / "manual.csv", tmp_path / "timings.csv"):
        for row in rows(path):
            assert not [cell for cell in row.values() if cell.lstrip().startswith(("=", "@"))]


def test_pages_need_no_other_file_and_no_network(tmp_path: Path) -> None:
    report(tmp_path, graded("ada"))
    for page in (tmp_path / "class.html", tmp_path / "feedback" / "ada.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.findall(r'(?:src|href)="(?:https?:)?//', text)
        assert "default-src 'none'" in text


def test_links_of_the_class_report_lead_to_the_students(tmp_path: Path) -> None:
    from urllib.parse import unquote

    names = ["ada", "Núñez & Co", "a#b?c%20d"]
    report(tmp_path, *(graded(name) for name in names))
    links = re.findall(r'<a href="([^"]+)"', (tmp_path / "class.html").read_text(encoding="utf-8"))
    assert {Path(unquote(link)).stem for link in links} == set(names)
    assert all((tmp_path / unquote(link)).is_file() for link in links)


def test_feedback_tells_what_was_asked_given_and_wrong(tmp_path: Path) -> None:
    feedback = "On texts of different lengths, padded: the padding is not masked."
    wrong = Mark("mean_pool", "incorrect", 1.33, 2.0, feedback, "def mean_pool(states, mask): ...")
    report(tmp_path, graded("ada", mean_pool=wrong))
    page = (tmp_path / "feedback" / "ada.html").read_text(encoding="utf-8")
    for words in ("Mean pooling", "def mean_pool(states, mask): ...", feedback, "1.33 of 2"):
        assert words in page
    assert "4 answers wait" in page


def test_gradescope_gets_its_format(tmp_path: Path) -> None:
    wrong = Mark("mean_pool", "incorrect", 1.0, 2.0, "Half.")
    report(tmp_path, graded("ada", mean_pool=wrong))
    content = json.loads((tmp_path / "gradescope" / "ada.json").read_text())
    tests = {test["name"]: test for test in content["tests"]}
    assert len(tests) == len(sheet("01").items)
    assert tests["01 mean_pool"]["status"] == "failed"
    assert tests["01 top_k"]["status"] == "passed"
    assert "score" not in tests["01 drill_01_2"]
    assert content["score"] == sum(test.get("score", 0) for test in content["tests"])


def test_item_figures_are_those_of_pandas() -> None:
    rng = np.random.default_rng(3)
    names = [item.name for item in sheet("01").items]
    table = pd.DataFrame(rng.integers(0, 5, size=(12, len(names))) / 4, columns=names)
    results = [
        graded(f"s{n}", **{name: Mark(name, "correct", row[name], 1.0) for name in names})
        for n, row in table.iterrows()
    ]
    for figures in item_figures(results, {"01": sheet("01")}):
        rest = table.drop(columns=figures.item).sum(axis=1)
        assert figures.mean == pytest.approx(table[figures.item].mean())
        assert figures.discrimination == pytest.approx(table[figures.item].corr(rest))


def test_who_needs_help_is_named_with_the_reason() -> None:
    zeros = {item.name: Mark(item.name, "not attempted", 0.0, 1.0) for item in sheet("01").items}
    half = {name: mark for n, (name, mark) in enumerate(zeros.items()) if n < 8}
    whole = {
        student: {mark.item: mark for mark in unrun(sheet("01").items, delivery, "why")}
        for student, delivery in (
            ("eve", "crash"),
            ("kim", "timeout"),
            ("lee", "missing"),
            ("max", "duplicate notebook"),
        )
    }
    marks = {"ada": {}, "bob": zeros, "ian": half, **whole}
    found = needs_help(totals([graded(student, **own) for student, own in marks.items()]))
    reasons = {total.student: why for total, why in found}
    assert reasons == {
        "bob": "attempted nothing",
        "eve": "the notebook could not be run",
        "ian": reasons["ian"],
        "kim": "the notebook did not end in time",
        "lee": "handed in nothing",
        "max": "handed in more than one notebook",
    }
    assert "open" in reasons["ian"]


def test_who_answers_everything_in_two_cells_has_not_handed_in_two_notebooks() -> None:
    twice = [replace(mark, delivery="duplicate") for mark in graded("ada").marks]
    assert needs_help(totals([Graded("ada", "01", twice)])) == []


def test_a_row_says_how_good_an_answer_is_and_how_it_was_handed_in(tmp_path: Path) -> None:
    twice = Mark("mean_pool", "correct", 2.0, 2.0, "The last counts.", delivery="duplicate")
    report(tmp_path, graded("ada", mean_pool=twice))
    [row] = [row for row in rows(tmp_path / "grades.csv") if row["item"] == "mean_pool"]
    assert (row["status"], row["delivery"]) == ("correct", "duplicate")
    page = (tmp_path / "feedback" / "ada.html").read_text(encoding="utf-8")
    assert "correct (duplicate)" in page
    content = json.loads((tmp_path / "gradescope" / "ada.json").read_text())
    assert content["tests"][0]["output"] == "correct (duplicate). The last counts."


# Marks of people


def mark_by_hand(path: Path, change: Callable[[dict[str, str]], None]) -> None:
    found = rows(path)
    for row in found:
        change(row)
    text = StringIO()
    writer = csv.DictWriter(text, list(found[0]))
    writer.writeheader()
    writer.writerows(found)
    path.write_text(text.getvalue(), encoding="utf-8-sig")


def test_texts_are_prepared_without_names_and_by_question(tmp_path: Path) -> None:
    texts = {
        name: f"The meaning is spread. {word} is mine."
        for name, word in {"ada": "Cat", "bob": "Dog", "eve": "Cow"}.items()
    }
    report(
        tmp_path,
        *(
            graded(n, drill_01_2=Mark("drill_01_2", "recorded", None, 1.0, "", t))
            for n, t in texts.items()
        ),
    )
    found = rows(tmp_path / "manual.csv")
    questions = [row["question"] for row in found]
    assert questions == sorted(questions, key=questions.index)
    own = [row for row in found if row["question"] == "drill_01_2"]
    assert sorted(row["answer"] for row in own) == sorted(texts.values())
    assert [row["answer_id"] for row in own] == sorted(row["answer_id"] for row in own)
    hint = own[0]["key points, each with the closest sentence (a hint by similarity, not a score)"]
    assert hint.count("closest (") == len(sheet("01").items[7].rubric)
    assert "The meaning is spread." in hint
    assert not [row for row in own if row["mark"]]


def test_marks_come_back_any_number_of_times(tmp_path: Path) -> None:
    file = tmp_path / "manual.csv"
    assert report(tmp_path, graded("ada"), graded("bob")).unread == 8
    ids = [row["answer_id"] for row in rows(file)]
    by_id = dict(zip(ids, ["1", "0", "0,5", ""] * 2, strict=True))
    mark_by_hand(file, lambda row: row.update(mark=by_id[row["answer_id"]], comment="=well"))
    result = State(tmp_path / ".state").load_class()
    for _ in range(2):
        written = write_report(result, tmp_path, marked=file)
        assert written.unread == 2
        assert [row["mark"] for row in rows(file)] == ["1", "0", "0.5", ""] * 2
    scores = [r["score"] for r in rows(tmp_path / "grades.csv") if r["item"] == "drill_01_2"]
    assert sorted(scores) == ["0", "1"]
    mark_by_hand(file, lambda row: row.update(mark=""))
    assert write_report(result, tmp_path, marked=file).unread == 8


def test_grading_again_keeps_marks_that_were_not_read_back(tmp_path: Path) -> None:
    report(tmp_path, graded("ada"))
    mark_by_hand(tmp_path / "manual.csv", lambda row: row.update(mark="1"))
    assert report(tmp_path, graded("ada"), graded("bob")).unread == 4
    changed = Mark("drill_01_2", "recorded", None, 1.0, "", "Another text.")
    assert report(tmp_path, graded("ada", drill_01_2=changed)).unread == 1
    assert report(tmp_path, graded("ada")).unread == 0


def test_marks_of_a_lab_that_has_changed_since_are_not_read_in(tmp_path: Path) -> None:
    one = graded("ada")
    result = ClassResult([Graded("ada", "01", one.marks[1:])], {"01": sheet("01")}, True, "")
    State(tmp_path / ".state").save_class(result)
    with pytest.raises(ragkit.DataError, match="Grade again"):
        State(tmp_path / ".state").load_class()


@pytest.mark.parametrize(
    "change",
    [
        lambda mark: mark.update(status="needs-manual"),
        lambda mark: mark.update(given=mark.pop("answer")),
        lambda mark: mark.pop("item"),
    ],
)
def test_a_report_of_another_version_asks_to_grade_again(
    tmp_path: Path, change: Callable[[dict[str, object]], None]
) -> None:
    report(tmp_path, graded("ada"))
    file = tmp_path / ".state" / "class.json"
    content = json.loads(file.read_text())
    change(content["graded"][0]["marks"][0])
    file.write_text(json.dumps(content))
    with pytest.raises(ragkit.DataError, match="another version"):
        State(tmp_path / ".state").load_class()


def as_saved_by(program: str, text: str) -> bytes:
    if program == "semicolons":
        table = list(csv.reader(StringIO(text)))
        out = StringIO()
        csv.writer(out, delimiter=";", lineterminator="\r\n").writerows(table)
        return out.getvalue().encode("utf-8-sig")
    return text.encode("utf-8" if program == "no mark" else "utf-8-sig")


@pytest.mark.parametrize("program", ["comma", "semicolons", "no mark"])
def test_a_spreadsheet_may_save_it_its_own_way(tmp_path: Path, program: str) -> None:
    report(tmp_path, graded("ada"))
    file = tmp_path / "manual.csv"
    mark_by_hand(file, lambda row: row.update(mark="0.5"))
    file.write_bytes(as_saved_by(program, file.read_text(encoding="utf-8-sig")))
    assert set(manual.read(file, {}).values()) == {HandMark(0.5)}


@pytest.mark.parametrize(
    ("mark", "words"),
    [("2", "between 0 and 1"), ("-1", "between"), ("good", "not a number"), ("nan", "between")],
)
def test_a_mark_that_cannot_be_is_refused_and_nothing_changes(
    tmp_path: Path, mark: str, words: str
) -> None:
    report(tmp_path, graded("ada"))
    file = tmp_path / "manual.csv"
    before = (tmp_path / "grades.csv").read_bytes()
    ids = [row["answer_id"] for row in rows(file)]
    mark_by_hand(file, lambda row: row.update(mark=mark if row["answer_id"] == ids[-1] else "1"))
    marked = file.read_bytes()
    with pytest.raises(ragkit.DataError, match=words) as error:
        write_report(State(tmp_path / ".state").load_class(), tmp_path, marked=file)
    assert "line" in str(error.value)
    assert (tmp_path / "grades.csv").read_bytes() == before
    assert file.read_bytes() == marked


# Who handed in what


def folder(tmp_path: Path, *files: str, content: str = "{}") -> Path:
    for name in files:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path / "in"


def found(place: Path, lab: str | None = None) -> list[tuple[str, str, str]]:
    return [
        (one.student, one.lab, one.path.name if one.path else "")
        for one in find_submissions(place, STEMS, lab)
    ]


def test_both_layouts_are_read(tmp_path: Path) -> None:
    place = folder(
        tmp_path, "ada/01-embeddings-and-biencoders.ipynb", "bob/01-mine.ipynb", "eve.ipynb"
    )
    assert [student for student, _, _ in found(place)] == ["ada", "bob", "eve"]
    assert {lab for _, lab, _ in found(place)} == {"01"}


def test_other_files_are_passed_over(tmp_path: Path) -> None:
    place = folder(
        tmp_path,
        "ada/01-a.ipynb",
        "ada/.ipynb_checkpoints/01-a-checkpoint.ipynb",
        "ada/notes.txt",
        ".hidden/01-a.ipynb",
        "readme.md",
    )
    assert found(place) == [("ada", "01", "01-a.ipynb")]


def test_a_notebook_of_another_name_is_known_by_its_drills(tmp_path: Path) -> None:
    place = folder(tmp_path, "ada.ipynb", content='{"x": "drill_02_1 = 3; drill_02_2"}')
    assert found(place) == [("ada", "02", "ada.ipynb")]


def test_a_lab_that_a_student_did_not_hand_in_is_missing(tmp_path: Path) -> None:
    place = folder(tmp_path, "ada/01-a.ipynb", "ada/02-a.ipynb", "bob/01-a.ipynb")
    assert ("bob", "02", "") in found(place)
    assert len(found(place, "01")) == 2


def test_the_labs_own_name_comes_first_and_else_two_are_too_many(tmp_path: Path) -> None:
    place = folder(tmp_path, "ada/01-embeddings-and-biencoders.ipynb", "ada/01-old.ipynb")
    assert found(place) == [("ada", "01", "01-embeddings-and-biencoders.ipynb")]
    folder(tmp_path, "bob/01-new.ipynb", "bob/01-old.ipynb")
    [_, bob] = find_submissions(place, STEMS, None)
    assert "2 notebooks" in bob.problem


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    place = folder(tmp_path, "ada.ipynb")
    (place / "eve.ipynb").symlink_to("/etc/hostname")
    assert [one.problem for one in find_submissions(place, STEMS, "01")] == [
        "",
        "The notebook is a link to another file.",
    ]


# The command


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(cli.app, [str(a) for a in arguments], standalone_mode=False)
    if isinstance(result.exception, ragkit.RagkitError):
        return 2, str(result.exception)
    if result.exception:
        raise result.exception
    return result.exit_code, result.output


def test_a_class_is_graded_marked_and_graded_again_from_the_command_line(tmp_path: Path) -> None:
    [source, *_] = [lab.source for lab in labs()]
    place, out = tmp_path / "in", tmp_path / "out"
    place.mkdir()
    for name, solved in (("ada", True), ("bob", False)):
        (place / f"{name}.ipynb").write_text(nbformat.writes(editions.build(source, solved)))
    status, output = run("grade", place, "--out", out)
    assert status == 0
    assert "2 students graded" in output
    assert "5 answers wait" in output
    mark_by_hand(out / "manual.csv", lambda row: row.update(mark="1"))
    status, output = run("grade", "--manual", out / "manual.csv")
    assert status == 0
    assert "wait" not in output
    by_student = {row["student"]: 0.0 for row in rows(out / "grades.csv")}
    for row in rows(out / "grades.csv"):
        by_student[row["student"]] += float(row["score"])
    assert by_student == {"ada": 19.0, "bob": 0.0}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["grade"], "ragkit grade SUBMISSIONS --out REPORT"),
        (["grade", "{tmp}/none", "--out", "{tmp}/out"], "not a folder"),
        (["grade", "{tmp}", "--out", "{tmp}-out"], "no notebooks"),
        (["grade", "{tmp}", "--out", "{tmp}-out", "--lab", "09"], "no lab '09'"),
        (["grade", "--manual", "{tmp}/manual.csv"], "nothing was graded here"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(
    tmp_path: Path, arguments: list[str], words: str
) -> None:
    status, output = run(*(argument.format(tmp=tmp_path) for argument in arguments))
    assert status == 2
    assert words in output


def test_a_report_may_not_stand_among_the_submissions(tmp_path: Path) -> None:
    place = folder(tmp_path, "ada/01-a.ipynb")
    status, output = run("grade", place, "--out", place)
    assert status == 2
    assert "another folder" in output


def test_every_item_can_be_asked_about() -> None:
    for one in sheets().values():
        names = [item.name for item in one.items]
        assert len(names) == len(set(names))
        for item in one.items:
            assert len(item.question) > 60, item.name
            assert item.points > 0
            assert not re.search(r"<details>|BEGIN SOLUTION", item.question)
            assert item.kind != "text" or len(item.rubric) >= 3


# What a kept mark depends on


def source_of(thing: object) -> Path:
    return Path(inspect.getfile(thing)).relative_to(ROOT)


DECIDING = [
    source_of(ragkit.evaluate),
    source_of(ndcg),
    source_of(ragkit.MiniLMEncoder),
    source_of(ragkit.DenseRetriever),
    source_of(State),
    next(ROOT.glob("solutions/01-*.py")).relative_to(ROOT),
    Path("data/verb_grammar/corpus.jsonl"),
    Path("data/verb_grammar/qrels/test.tsv"),
    Path("data/minigpt/model.safetensors"),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of what a digest may read."""
    root = tmp_path_factory.mktemp("checkout")
    only = shutil.ignore_patterns("__pycache__", "*.ipynb", ".ipynb_checkpoints")
    for folder in ("ragkit", "solutions", "data"):
        shutil.copytree(ROOT / folder, root / folder, ignore=only)
    return root


@pytest.mark.parametrize("file", DECIDING, ids=str)
def test_the_digest_moves_with_every_file_that_decides_a_mark(copy: Path, file: Path) -> None:
    before, content = state.course_digest(copy), (copy / file).read_bytes()
    (copy / file).write_bytes(content + b"\n")
    after = state.course_digest(copy)
    (copy / file).write_bytes(content)
    assert after != before == state.course_digest(copy)


def test_the_digest_moves_with_the_packages_and_weights_that_compute(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [state.course_digest(copy)]
    with monkeypatch.context() as patch:
        patch.setattr(state.metadata, "version", lambda name: "0.0")
        found.append(state.course_digest(copy))
    monkeypatch.setattr(state, "folder_sha256", lambda folder: "other files")
    found.append(state.course_digest(copy))
    assert len(set(found)) == 3


def test_a_mark_may_be_kept_where_no_weights_are_installed(
    copy: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RAGKIT_MODELS", str(tmp_path / "nowhere"))
    assert len(state.course_digest(copy)) == 64
