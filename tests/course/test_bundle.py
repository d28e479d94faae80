"""The students' bundle: nothing in it answers, and its checks judge as those of the course do."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import translations
from conftest import ROOT
from solvers import SOLVERS

from ragkit.course import drills as open_drills
from ragkit.course import ledger, sealed
from ragkit.course.drills.base import Choice, Number, Text
from ragkit.course.ledger import QUOTE
from ragkit.course.staff import bundle as bundling
from ragkit.course.staff import registry
from ragkit.course.staff.bundle import write_bundle
from ragkit.errors import DataError

EXERCISES = registry.exercises()
TESTS = ROOT / "tests" / "helpers"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("class") / "bundle"
    write_bundle(out)
    return out


@pytest.fixture(scope="module")
def texts(bundle: Path) -> dict[str, str]:
    """Each file of the bundle with its white space folded; hints may quote a line of an answer."""
    hints = re.compile(r"<summary>Hint</summary>.*?</details>", re.DOTALL)
    return {
        str(path.relative_to(bundle)): folded(hints.sub("", path.read_bytes().decode("latin-1")))
        if path.suffix in (".safetensors", ".png")
        else folded(hints.sub("", path.read_text(encoding="utf-8")))
        for path in bundle.rglob("*")
        if path.is_file()
    }


def folded(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def found(lines: Iterable[str], texts: Mapping[str, str]) -> list[tuple[str, str]]:
    """Which lines stand in which files, as they are or as JSON writes them."""
    return [
        (name, line)
        for line in lines
        for form in {line, json.dumps(line, ensure_ascii=False)[1:-1], json.dumps(line)[1:-1]}
        for name, text in texts.items()
        if form in text
    ]


def solution_lines() -> set[str]:
    sources = [path.read_text(encoding="utf-8") for path in ROOT.glob("solutions/*.py")]
    blocks = re.findall(
        r"# BEGIN SOLUTION[^\n]*\n(.*?)# END SOLUTION", "\n".join(sources), re.DOTALL
    )
    lines = {folded(re.sub(r"  # .*", "", line)) for text in blocks for line in text.splitlines()}
    return {line for line in lines if len(line) > 12}


def reference_lines() -> set[str]:
    pages_ = [path.read_text(encoding="utf-8") for path in ROOT.glob("solutions/*-ref*.md")]
    lines = {folded(line) for text in pages_ for line in text.splitlines()}
    known = ("**Drill", "**Cuestión", "from ragkit")  # the theory page has these too
    long = {line for line in lines if len(folded(QUOTE.sub("", line))) > 40}
    return {line for line in long if not line.startswith(known)}


def rubric_sentences() -> set[str]:
    texts = [
        part
        for drill in registry.drills().values()
        for part in drill.parts
        if isinstance(part, Text)
    ]
    return {folded(sentence) for part in texts for sentence in part.rubric}


def makers_of_cases_and_mistakes() -> set[str]:
    """The names of what draws the hidden cases, and the source of each mistake."""
    secrets = set()
    for path in (ROOT / "ragkit/course/staff").glob("lab*/exercises*.py"):
        source = path.read_text(encoding="utf-8")
        secrets |= set(re.findall(r"\b_\w+_cases\b", source))
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Lambda):
                secrets.add(folded(ast.get_source_segment(source, node) or ""))
    return secrets


def test_the_bundle_has_the_whole_ledger_in_one_file(bundle: Path) -> None:
    found = json.loads((bundle / "data" / "results.json").read_text(encoding="utf-8"))
    assert found == ledger.load()
    assert "time.embed_query" in found  # lab 02 reads it, and benchmarks/ stays behind
    assert not (bundle / "benchmarks").exists()


SECRETS = {
    "solutions": (solution_lines, 80),
    "reference answers": (reference_lines, 400),
    "rubrics": (rubric_sentences, 25),
    "cases and mistakes": (makers_of_cases_and_mistakes, 100),
}


@pytest.mark.parametrize("kind", SECRETS)
def test_the_bundle_holds_no_line_of_an_answer(texts: dict[str, str], kind: str) -> None:
    lines, least = SECRETS[kind]
    secret = lines()
    assert len(secret) >= least
    assert found(secret, texts) == []


@pytest.mark.parametrize("kind", SECRETS)
def test_a_line_that_leaks_would_be_found(kind: str) -> None:
    for line in SECRETS[kind][0]():
        page = {"page.md": f"before {line} after", "lab.ipynb": json.dumps([line])}
        assert {name for name, _ in found([line], page)} == set(page)


def test_the_library_is_that_of_the_course_without_staff(bundle: Path) -> None:
    def sources(root: Path) -> dict[str, str]:
        paths = {path.relative_to(root).as_posix(): path for path in root.rglob("*.py")}
        return {name: p.read_text() for name, p in paths.items() if "course/staff/" not in name}

    assert (ROOT / "ragkit/course/staff/registry.py").is_file()
    assert not (bundle / "ragkit/course/staff").exists()
    assert sources(bundle / "ragkit") == sources(ROOT / "ragkit")
    for folder in ("solutions", "tests", "tools", "benchmarks"):
        assert not (bundle / folder).exists()


def test_the_labs_are_those_of_the_course(bundle: Path) -> None:
    labs = {path.name: path.read_bytes() for path in (bundle / "labs").iterdir()}
    assert labs == {path.name: path.read_bytes() for path in (ROOT / "labs").glob("*.ipynb")}


def test_no_link_leads_nowhere_or_out_of_the_bundle(bundle: Path) -> None:
    dead = []
    for path in bundle.rglob("*.md"):
        page = translations.read(path)
        written = re.findall(r'(?:href|src)="([^"]+)"', page.text)
        for target in [*page.links, *(image for _, image in page.images), *written]:
            file, _, anchor = target.partition("#")
            if "://" in file:
                continue
            end = (path.parent / file).resolve() if file else path
            alive = end.exists() and end.is_relative_to(bundle.resolve())
            if not alive or (anchor and anchor not in translations.read(end).anchors):
                dead.append((path.name, target))
    assert dead == []


def test_every_file_that_the_project_and_the_makefile_name_exists(bundle: Path) -> None:
    project = tomllib.loads((bundle / "pyproject.toml").read_text())
    hatch = project["tool"]["hatch"]
    makefile = (bundle / "Makefile").read_text() + (bundle / "setup.mk").read_text()
    named = [
        project["project"]["readme"],
        *project["project"]["license-files"],
        hatch["version"]["path"],
        *hatch["build"]["targets"]["wheel"]["packages"],
        *hatch["build"]["targets"]["wheel"]["force-include"],
        *re.findall(r"\b[\w-]+\.(?:lock|toml|txt|md|mk|py|ipynb)\b", makefile),
        *re.findall(r"--requirement (\S+)", makefile),
    ]
    assert "requirements.lock" in named
    assert [name for name in named if not (bundle / name).exists()] == []
    for script in project["project"]["scripts"].values():
        module, _, function = script.partition(":")
        assert f"def {function}(" in (bundle / f"{module.replace('.', '/')}.py").read_text()


# Writing it


def test_the_files_of_the_bundle_are_returned(bundle: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    files = write_bundle(empty)
    assert files == sorted(path for path in empty.rglob("*") if path.is_file())
    again = {path.relative_to(empty): path.read_bytes() for path in files}
    assert again == {
        path.relative_to(bundle): path.read_bytes() for path in bundle.rglob("*") if path.is_file()
    }
    assert list(tmp_path.iterdir()) == [empty]


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_is_there_is_refused_and_left_untouched(tmp_path: Path, kind: str) -> None:
    out = tmp_path / "out"
    mine = out / "mine.txt" if kind == "folder" else out
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    with pytest.raises(DataError, match="not empty"):
        write_bundle(out)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine]
    assert mine.read_text() == "mine"


def test_a_failure_half_way_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copytree

    def failing(source: Path, *arguments: Any, **options: Any) -> Any:
        if Path(source).name == "theory":
            raise OSError("no space left")
        return copy(source, *arguments, **options)

    monkeypatch.setattr(bundling.shutil, "copytree", failing)
    with pytest.raises(OSError, match="no space"):
        write_bundle(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_the_current_folder_can_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert write_bundle(Path())


# Its checks and drills

ODD = """{
    "stub": lambda *_: (_ for _ in ()).throw(NotImplementedError),
    "none": lambda *_: None,
    "raising": lambda *_: 1 / 0,
    "lazy": lambda *_: zip("ab", "ab"),
    "ragged": lambda *_: [[1], [2, 3]],
    "nan": lambda *_: float("nan"),
    "number": lambda *_: 12345,
    "nothing": None,
}"""
BECAUSE = " ".join(f"reason{letter}" for letter in "abcdefghijklmnopqrstuvwxyz")


def drill_answers() -> list[tuple[str, Any]]:
    """Right answers, each known mistake, wrong ones, other units and forms; as JSON holds them."""
    answers: list[tuple[str, Any]] = []
    for name, drill in registry.drills().items():
        if not all(isinstance(part, Number | Choice | Text) for part in drill.parts):
            continue
        right = [BECAUSE if isinstance(part, Text) else part.right for part in drill.parts]
        tried = [right, right[:-1], [*right, 1], "many", {}, 5, None, "", [None] * len(right)]
        for place, part in enumerate(drill.parts):
            wrong = ["too short", " ", None, 3.7, "7 apples", [1, 2], True, "12.5 KiB", "3 min"]
            if isinstance(part, Number):
                wrong += [*part.mistakes, part.right * 1.5, f"{part.right} {part.unit}"]
            elif isinstance(part, Choice):
                wrong += [*part.mistakes, f" {part.right.upper()}_"]
            tried += [[*right[:place], entry, *right[place + 1 :]] for entry in wrong]
        alone = len(right) == 1  # then the entry is the answer
        answers += [
            (name, entry[0] if alone and isinstance(entry, list) and entry else entry)
            for entry in tried
        ]
    return [
        *answers,
        ("01_1", ["360 KiB", "360 KiB"]),
        ("01_1", ["368.640", "0,352 MiB"]),
        ("01_1", ["0.36864 MB", "368.640"]),
        ("03_1", [800, 1, "7200 ms"]),
        ("03_3", ["78 %", False, BECAUSE]),
        ("01_3", ["a b c", "c b a", BECAUSE]),
        ("01_3", ["a b c", "c b a"]),
        ("02_3", [[1, 0], [[10, 10], [1, 0.5], [0.1, 0]]]),
        ("02_3", [[1, 0], [[10, 10], [1, 0.5], [0, 0]]]),
        ("02_3", [1, 2]),
        ("09_9", 1),
    ]


SCRIPT = f"""
import contextlib, json, sys
request = json.load(sys.stdin)
sys.path.append(request["tests"])
import ragkit
from ragkit.course import check, drills
from solvers import SOLVERS
odd = eval(compile({ODD!r}, "odd", "eval"))
words_of = lambda verdict: [verdict.status, verdict.message]
with contextlib.redirect_stdout(sys.stderr):
    found = {{
        "file": ragkit.__file__,
        "checks": [words_of(getattr(check, n)(f)) for n, fs in SOLVERS.items() for f in fs],
        "odd": [words_of(getattr(check, n)(f)) for n in SOLVERS for f in odd.values()],
        "drills": [words_of(drills.check(name, answer)) for name, answer in request["answers"]],
    }}
print(json.dumps(found))
"""


def environment(bundle: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(bundle), "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture(scope="module")
def judged(bundle: Path) -> dict[str, Any]:
    """What the bundle says, in a process that has no other ragkit."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps({"tests": str(TESTS), "answers": drill_answers()}),
        cwd=bundle / "labs",
        env=environment(bundle),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert Path(found["file"]).is_relative_to(bundle)
    return found


def words_of(verdict: Any) -> list[str]:
    return [verdict.status, verdict.message]


def test_the_bundle_accepts_what_the_course_accepts(judged: dict[str, Any]) -> None:
    functions = [(name, function) for name, three in SOLVERS.items() for function in three]
    assert set(SOLVERS) == set(EXERCISES)
    assert judged["checks"] == [words_of(EXERCISES[name].judge(f)) for name, f in functions]
    assert judged["checks"] == [["correct", ""]] * len(functions)


def test_the_bundle_says_of_odd_functions_what_the_course_says(judged: dict[str, Any]) -> None:
    odd = eval(compile(ODD, "odd", "eval"))
    assert judged["odd"] == [words_of(EXERCISES[n].judge(f)) for n in SOLVERS for f in odd.values()]


@pytest.mark.parametrize("name", EXERCISES)
def test_the_checks_in_the_bundle_name_each_mistake_as_the_course_does(
    bundle: Path, name: str
) -> None:
    bundled = sealed.read_checks(bundle / "ragkit/course/checks.json")[name]
    for mistake in EXERCISES[name].mistakes:
        verdict = bundled.judge(mistake.wrong)
        assert words_of(verdict) == words_of(EXERCISES[name].judge(mistake.wrong))
        assert mistake.message in verdict.message


def test_the_inputs_in_the_bundle_have_the_types_of_the_course(bundle: Path) -> None:
    bundled = sealed.read_checks(bundle / "ragkit/course/checks.json")
    for name, exercise in EXERCISES.items():
        for mine, theirs in zip(bundled[name].keys, exercise.check().keys, strict=True):
            pairs = zip(mine.case.arguments, theirs.case.arguments, strict=True)
            for argument, original in pairs:
                assert type(argument) is type(original), name
                assert repr(argument) == repr(original), name
                assert getattr(argument, "dtype", None) == getattr(original, "dtype", None), name


def test_the_bundle_says_of_drills_what_the_course_says(
    judged: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    answers = drill_answers()
    expected = [words_of(open_drills.check(name, answer)) for name, answer in answers]
    differing = [
        (answer, mine, theirs)
        for answer, mine, theirs in zip(answers, judged["drills"], expected, strict=True)
        if mine != theirs
    ]
    assert differing == []
    statuses = {status for status, _ in expected}
    assert statuses == {"correct", "incorrect", "recorded", "not attempted"}


# What needs the answers says so

COMMANDS = ["grade x --out y", "bundle --out z", "results", "editions"]


@pytest.fixture(scope="module")
def refusals(
    bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[int, str, str]]:
    """Exit status, stdout and stderr of each command; side by side, since each takes a second."""
    folder = tmp_path_factory.mktemp("refused")
    running = {
        command: subprocess.Popen(
            [sys.executable, "-m", "ragkit", *command.split()],
            cwd=folder,
            env=environment(bundle),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for command in COMMANDS
    }
    outputs = {command: process.communicate() for command, process in running.items()}
    assert list(folder.iterdir()) == []
    return {command: (running[command].returncode, *outputs[command]) for command in COMMANDS}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_needs_the_answers_says_so_in_a_sentence(
    refusals: dict[str, tuple[int, str, str]], command: str
) -> None:
    status, out, complaint = refusals[command]
    assert (status, out) == (2, "")
    assert re.fullmatch(r"ragkit: [^\n]*students' bundle is not\.\n", complaint)


def test_help_lists_only_what_works_in_the_bundle(bundle: Path, tmp_path: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "ragkit", "--help"],
        cwd=tmp_path,
        env=environment(bundle),
        capture_output=True,
        check=True,
        text=True,
    )
    listed = set(re.findall(r"^\W+([a-z-]+)  ", shown.stdout, re.MULTILINE))
    assert {"ask", "work", "progress", "reset", "validate"} <= listed
    assert not listed & {"editions", "results", "bundle", "grade"}


def test_copies_progress_reset_and_validate_need_nothing_that_the_bundle_lacks(
    bundle: Path, tmp_path: Path
) -> None:
    """Each in a process that imports the bundle's library, in a copy of the bundle."""
    own = shutil.copytree(bundle, tmp_path / "own")

    def ragkit(*arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "ragkit", *arguments],
            cwd=own,
            env=environment(own),
            capture_output=True,
            check=False,
            text=True,
        )
        return done.returncode, done.stdout, done.stderr

    lab = "work/01-embeddings-and-biencoders.ipynb"
    assert f"copied  {lab}" in ragkit("work")[1]
    path = own / lab
    path.write_text(path.read_text("utf-8").replace("drill_01_1 = None", "drill_01_1 = (1, 2)"))
    status, out, errors = ragkit("validate", lab)
    assert (status, errors) == (1, "")
    assert re.search(r"drill_01_1 +the check says: ✗ incorrect", out)
    assert "the stub is back" in ragkit("reset", "01_1")[1]
    assert len(json.loads(ragkit("progress", "--json")[1])) > 40
