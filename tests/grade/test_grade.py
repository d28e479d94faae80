"""Grading made-up classes: right scores whatever a submission tries, and the machine unharmed."""

from __future__ import annotations

import ast
import inspect
import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import psutil
import pytest
from hostile import LITTER
from solvers import SOLVERS
from submissions import PRIVATE, Submission, a_class

import ragkit
from ragkit.course.layout import course_root, labs
from ragkit.course.staff import editions
from ragkit.course.staff.grade import answers, batch, sandbox
from ragkit.course.staff.grade.batch import Job, grade
from ragkit.course.staff.grade.child import records
from ragkit.course.staff.grade.report import write_report
from ragkit.course.staff.grade.sandbox import Collected, Limits, Sandbox, open_sandbox
from ragkit.course.staff.grade.scoring import Mark
from ragkit.course.staff.grade.state import ClassResult, Graded

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs POSIX: processes in a sandbox")

SECRET = "the-secret-of-the-instructor-4711"
# what never ends, or eats what it gets, is graded with less of everything
ENDLESS = ("timeout", "memory", "bomb", "odd-objects", "long-list", "forged")
ROOMY = Limits(seconds=60, call_seconds=20, memory=3 * 2**30)
TIGHT = Limits(seconds=8, call_seconds=2, memory=2**30)
SHORT = Limits(seconds=3, call_seconds=2, memory=2**30)  # for what times out whatever it gets


def nothing(*_: Any) -> None:
    pass


def hand_in(folder: Path, notebooks: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, notebook in notebooks.items():
        (folder / f"{name}.ipynb").write_bytes(notebook)
    return folder


def solved(lab: str = "01", edition: bool = True) -> Any:
    [source] = [one.source for one in labs() if one.source.stem.startswith(lab)]
    return editions.build(source, edition)


def as_bytes(notebook: Any) -> bytes:
    return nbformat.writes(notebook).encode()


def by_item(graded: Graded) -> dict[str, Mark]:
    return {mark.item: mark for mark in graded.marks}


@pytest.fixture(scope="module")
def spy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spy")
    (folder / "secret.txt").write_text(SECRET)
    return folder


@pytest.fixture(scope="module")
def submissions(spy: Path) -> dict[str, Submission]:
    return {one.name: one for one in a_class(spy)}


def limits_of(one: Submission) -> Limits:
    timeout = "incorrect, timeout"
    if one.expected.get("*") == timeout:
        return SHORT
    endless = any(word in one.name for word in ENDLESS) or timeout in one.expected.values()
    return TIGHT if endless else ROOMY


@pytest.fixture(scope="module", autouse=True)
def tokens() -> Iterator[list[str]]:
    """What marks the processes of every submission that this module runs."""
    made: list[str] = []

    def token(size: int) -> str:
        made.append(secrets.token_hex(size))
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandbox, "token_hex", token)
        yield made


@pytest.fixture(scope="module")
def results(
    submissions: dict[str, Submission],
    tmp_path_factory: pytest.TempPathFactory,
    tokens: list[str],
) -> list[ClassResult]:
    """The whole class, graded and reported: what ends by itself, and what does not."""
    folder = tmp_path_factory.mktemp("class")
    found = []
    for name, limits in (("ends", ROOMY), ("endless", TIGHT), ("loops", SHORT)):
        part = {n: s.notebook for n, s in submissions.items() if limits_of(s) == limits}
        handed_in = hand_in(folder / f"{name}-in", part)
        # four at a time: whoever waits for a limit leaves the processor to the others
        job = Job(handed_in, folder / name, lab="01", jobs=4, limits=limits, seed=5)
        found.append(grade(job, nothing, nothing))
        write_report(found[-1], folder / name)
    return found


@pytest.fixture(scope="module")
def marks(results: list[ClassResult]) -> dict[str, dict[str, Mark]]:
    return {one.student: by_item(one) for result in results for one in result.graded}


@pytest.fixture(scope="module")
def pages(results: list[ClassResult], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Every file of the class's report, by its name."""
    out = tmp_path_factory.mktemp("report")
    write_report(results[0], out)
    files = [path for path in out.rglob("*.*") if path.is_file() and ".state" not in path.parts]
    return {path.name: path.read_text(encoding="utf-8") for path in files}


def test_the_class_is_large_and_complete(
    submissions: dict[str, Submission], marks: dict[str, dict[str, Mark]]
) -> None:
    assert len(submissions) >= 30
    assert set(marks) == set(submissions)


def every_mark(
    submissions: dict[str, Submission], marks: dict[str, dict[str, Mark]]
) -> Iterator[tuple[Submission, Mark]]:
    for name, one in submissions.items():
        for mark in marks[name].values():
            yield one, mark


def described(mark: Mark) -> str:
    """The status and, unless it is complete, the delivery."""
    return mark.status if mark.delivery == "complete" else f"{mark.status}, {mark.delivery}"


def test_every_submission_gets_its_statuses_and_deliveries(
    submissions: dict[str, Submission], marks: dict[str, dict[str, Mark]]
) -> None:
    wrong = [
        f"{one.name}: {mark.item} is {found}, not {wanted} ({mark.feedback[:80]})"
        for one, mark in every_mark(submissions, marks)
        if (wanted := one.expected.get(mark.item, one.expected.get("*")))
        not in (None, found := described(mark))
    ]
    assert not wrong


def fits(score: float, wanted: float | tuple[float, float]) -> bool:
    if isinstance(wanted, tuple):
        return wanted[0] <= score < wanted[1]
    return score == pytest.approx(wanted)


def test_every_submission_gets_its_scores(
    submissions: dict[str, Submission], marks: dict[str, dict[str, Mark]]
) -> None:
    wrong = [
        f"{one.name}: {mark.item} scores {mark.score}, not {wanted} ({mark.feedback[:80]})"
        for one, mark in every_mark(submissions, marks)
        if (wanted := one.scores.get(mark.item, one.scores.get("*"))) is not None
        and mark.score is not None
        and not fits(mark.score, wanted)
    ]
    assert not wrong


def test_a_submission_that_could_not_run_has_every_item_with_score_0(
    marks: dict[str, dict[str, Mark]],
) -> None:
    for name in ("empty", "not-json", "exit-in-cell", "loop-in-cell"):
        assert {mark.delivery for mark in marks[name].values()} <= {"crash", "timeout"}
        assert {mark.score for mark in marks[name].values()} == {0.0}


def survivors(tokens: list[str]) -> list[psutil.Process]:
    """Processes whose environment says that one of our submissions started them."""
    left = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("RAGKIT_GRADE") in tokens:
                left.append(process)
        except psutil.Error:
            continue
    return left


def test_no_process_survives(results: list[ClassResult], tokens: list[str]) -> None:
    assert len(tokens) > 100
    assert not survivors(tokens)


def test_nothing_is_written_outside(results: list[ClassResult], spy: Path) -> None:
    if not all(result.isolated for result in results):
        pytest.skip("this system gives no namespaces; the report says so")
    assert [path.name for path in spy.iterdir()] == ["secret.txt"]
    places = [tempfile.gettempdir(), "/var/tmp", "/dev/shm", str(Path.home()), sys.prefix]
    places += [str(course_root()), str(Path(ragkit.__file__).parent), *sys.path]
    assert not [place for place in places if (Path(place) / LITTER).exists()]


def test_nothing_private_is_read(results: list[ClassResult], pages: dict[str, str]) -> None:
    if not all(result.isolated for result in results):
        pytest.skip("this system gives no namespaces; the report says so")
    assert not [name for name, text in pages.items() if SECRET in text]
    of_others = {"half-done.html", "half-done.json", "manual.csv"}
    assert not [name for name, text in pages.items() if PRIVATE in text and name not in of_others]


def test_without_namespaces_a_class_is_graded_and_nothing_survives(
    submissions: dict[str, Submission], tmp_path: Path, tokens: list[str]
) -> None:
    names = ("perfect", "exit-in-cell", "detached-fork", "loop-in-function", "untouched")
    part = {name: submissions[name].notebook for name in names}
    job = Job(hand_in(tmp_path / "in", part), tmp_path, "01", limits=TIGHT, isolate=False)
    found = {one.student: by_item(one) for one in grade(job, nothing, nothing).graded}
    for name in names:
        wanted = submissions[name].expected
        assert all(
            described(mark) == wanted.get(item, wanted.get("*", described(mark)))
            for item, mark in found[name].items()
        )
    assert not survivors(tokens)


# The same notebook, the same report; what is done stays done


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".state" not in path.parts and path.name != "timings.csv"
    }


def test_the_same_notebooks_give_the_same_report(
    submissions: dict[str, Submission], tmp_path: Path
) -> None:
    names = ("perfect", "half-done", "mistakes-1", "wrong-drills", "markup", "empty")
    part = {name: submissions[name].notebook for name in names}
    handed_in = hand_in(tmp_path / "in", part)
    for name in ("one", "other"):  # each draws a seed of its own
        out = tmp_path / name
        write_report(grade(Job(handed_in, out, jobs=2, limits=ROOMY), nothing, nothing), out)
    assert everything(tmp_path / "one") == everything(tmp_path / "other")
    assert len(everything(tmp_path / "one")) == 3 + 2 * len(names)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The notebooks that are run from here on."""
    ran: list[bytes] = []
    run = Sandbox.run

    def counting(self: Sandbox, notebook: bytes, *arguments: Any) -> Any:
        ran.append(notebook)
        return run(self, notebook, *arguments)

    monkeypatch.setattr(Sandbox, "run", counting)
    return ran


def test_who_is_done_is_not_graded_again(
    submissions: dict[str, Submission], tmp_path: Path, counted: list[bytes]
) -> None:
    part = {name: submissions[name].notebook for name in ("half-done", "mistakes-1")}
    job = Job(hand_in(tmp_path / "in", part), tmp_path / "out", limits=ROOMY)
    first = grade(job, nothing, nothing)
    counted.clear()
    stored: list[bool] = []
    assert grade(job, nothing, lambda _, known: stored.append(known)).graded == first.graded
    assert stored == [True, True]
    assert not set(counted) & set(part.values())
    (tmp_path / "in" / "half-done.ipynb").write_bytes(submissions["untouched"].notebook)
    again = {one.student: by_item(one) for one in grade(job, nothing, nothing).graded}
    assert again["half-done"]["mean_pool"].status == "not attempted"


def test_an_interrupt_loses_nobody_who_is_done(
    submissions: dict[str, Submission], tmp_path: Path, counted: list[bytes]
) -> None:
    part = {name: submissions[name].notebook for name in ("half-done", "mistakes-1", "mistakes-2")}
    job = Job(hand_in(tmp_path / "in", part), tmp_path / "out", jobs=1, limits=ROOMY)

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade(job, nothing, interrupt)
    counted.clear()
    assert len(grade(job, nothing, nothing).graded) == 3
    assert len(set(counted) & set(part.values())) == 2


# The canary


@pytest.mark.parametrize("edition", [True, False])
def test_a_broken_environment_stops_grading(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, edition: bool
) -> None:
    build = editions.build
    monkeypatch.setattr(batch, "build", lambda source, _: build(source, edition))
    handed_in = hand_in(tmp_path / "in", {"ada": as_bytes(solved())})
    with pytest.raises(ragkit.DataError, match="environment is broken") as error:
        grade(Job(handed_in, tmp_path / "out"), nothing, nothing)
    assert "mean_pool" in str(error.value)
    assert ("solved" if not edition else "untouched") in str(error.value)


# Public check and grader agree


def with_answers(lab: str, answers: dict[str, str]) -> bytes:
    """The solved lab with other functions in place of its answers."""
    notebook = solved(lab)
    for cell in notebook.cells:
        for name, source in answers.items():
            if cell.cell_type == "code" and f"def {name}(" in cell.source:
                cell.source = source
    return as_bytes(notebook)


def source_of(function: Callable[..., Any], name: str) -> str:
    return f"{inspect.getsource(function)}\n\n{name} = {function.__name__}"


def lab_of(name: str) -> str:
    [lab] = [one.source.stem[:2] for one in labs() if f"check.{name}(" in one.source.read_text()]
    return lab


def test_three_other_right_answers_to_each_exercise_score_everything(tmp_path: Path) -> None:
    for which in range(3):
        for lab in ("01", "02", "03"):
            written = {
                name: source_of(functions[which], name)
                for name, functions in SOLVERS.items()
                if lab_of(name) == lab
            }
            hand_in(tmp_path / "in" / f"solver-{which}", {f"{lab}-x": with_answers(lab, written)})
    result = grade(Job(tmp_path / "in", tmp_path / "out", limits=ROOMY), nothing, nothing)
    short = [
        f"{one.student} {mark.item} {mark.score} {mark.feedback}"
        for one in result.graded
        for mark in one.marks
        if mark.item in SOLVERS and mark.score != mark.max_score
    ]
    assert not short
    assert sum(mark.item in SOLVERS for one in result.graded for mark in one.marks) == 51


# What leaves the grader


def test_no_input_reaches_the_report(tmp_path: Path) -> None:
    """A function that gives away all its inputs, in every way it can."""
    tell = """
def mean_pool(states, mask):
    leak = f"LEAK {states.ravel()[:3].tolist()}"
    print(leak)
    globals()["drill_01_2"] = globals()["drill_01_4"] = leak
    mean_pool.__doc__ = leak
    if len(states) % 2:
        return leak
    raise type(leak, (Exception,), {})(leak)
"""
    handed_in = hand_in(tmp_path / "in", {"tell": with_answers("01", {"mean_pool": tell})})
    result = grade(Job(handed_in, tmp_path / "out", limits=ROOMY), nothing, nothing)
    write_report(result, tmp_path / "out")
    [mark] = [m for m in result.graded[0].marks if m.item == "mean_pool"]
    assert mark.score == 0
    for name, content in everything(tmp_path / "out").items():
        assert b"LEAK [" not in content, name


def test_the_inputs_are_other_ones_in_each_report(tmp_path: Path) -> None:
    keys = [batch.sheets()["01"].keys(seed)["mean_pool"] for seed in (1, 2)]
    (first, *_), (second, *_) = keys
    same = first.expected.shape == second.expected.shape
    assert not (same and np.allclose(first.expected, second.expected))


def test_a_sandbox_holds_no_answer(tmp_path: Path) -> None:
    with open_sandbox([]) as opened:
        held = "\n".join(path.read_text(errors="replace") for path in opened.folder.rglob("*.py"))
    assert "def mean_pool" not in held
    assert "_pooling_cases" not in held
    assert "the padding is not masked" not in held


def feedback(sentences: Sequence[Mark]) -> str:
    return " ".join(mark.feedback for mark in sentences)


def test_named_mistakes_are_told(
    submissions: dict[str, Submission], marks: dict[str, dict[str, Mark]]
) -> None:
    sentences = feedback(
        [m for n in submissions if n.startswith("mistakes") for m in marks[n].values()]
    )
    for words in ("padding is not masked", "multiplied by τ", "off-by-one", "argmin"):
        assert words in sentences


# What an attack on the grader once found


def with_cell(source: str) -> bytes:
    notebook = solved()
    notebook.cells.append(nbformat.v4.new_code_cell(source))
    return as_bytes(notebook)


def test_devices_and_sockets_of_the_machine_are_out_of_reach(tmp_path: Path) -> None:
    look = "import os\ndrill_01_2 = repr((sorted(os.listdir('/dev')), os.listdir('/run')))"
    handed_in = hand_in(tmp_path / "in", {"looks": with_cell(look)})
    result = grade(Job(handed_in, tmp_path / "out", limits=ROOMY), nothing, nothing)
    if not result.isolated:
        pytest.skip("this system gives no namespaces; the report says so")
    devices, sockets = ast.literal_eval(by_item(result.graded[0])["drill_01_2"].answer)
    assert set(devices) == {"fd", "full", "null", "random", "shm", "urandom", "zero"}
    assert sockets == []


@pytest.mark.parametrize(
    "answer",
    [
        "np.zeros((10**12, 0))",
        "['word ' * 3000] * 40",
        "{n * (2**61 - 1): 0 for n in range(12_000)}",  # all of one hash
    ],
)
def test_no_value_stops_a_class(tmp_path: Path, answer: str) -> None:
    cell = f"import numpy as np\ndrill_01_1 = drill_01_2 = {answer}"
    handed_in = hand_in(tmp_path / "in", {"odd": with_cell(cell), "fine": with_cell("x = 1")})
    job = Job(handed_in, tmp_path / "out", limits=ROOMY)
    for _ in range(2):  # the report is read back the second time
        write_report(grade(job, nothing, nothing), tmp_path / "out")
    [fine, odd] = [by_item(one) for one in grade(job, nothing, nothing).graded]
    assert fine["drill_01_1"].status == "correct"
    assert odd["drill_01_1"].score == 0


def test_inputs_are_sent_once_and_nothing_counts_after() -> None:
    name: Any = []
    for _ in range(900):
        name = [name]
    late = records.with_value(records.drill("d", records.place([], False, "")), 1)
    nested = {**records.ready(), records.NAME: name}
    assert answers.read(Collected(records=[late, records.ready()])).values == {"d": 1}
    found = answers.read(Collected(records=[records.ready(), late, nested]))
    assert found.ready
    assert not found.values


def test_what_is_hashed_is_what_is_run(
    submissions: dict[str, Submission],
    tmp_path: Path,
    counted: list[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A notebook that changes after it was read is graded anew the next time."""
    first, second = submissions["half-done"].notebook, submissions["untouched"].notebook
    handed_in = hand_in(tmp_path / "in" / "ada", {"01-mine": first})
    file = handed_in / "01-mine.ipynb"
    job = Job(tmp_path / "in", tmp_path / "out", limits=ROOMY)
    read, reads = Path.read_bytes, list[Path]()

    def changing(self: Path) -> bytes:
        content = read(self)
        if self == file:
            reads.append(self)
            self.write_bytes(second)
        return content

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", changing)
        once = by_item(grade(job, nothing, nothing).graded[0])
    assert len(reads) == 1
    assert first in counted
    assert once["mean_pool"].status == "correct"
    again = by_item(grade(job, nothing, nothing).graded[0])
    assert again["mean_pool"].status == "not attempted"
