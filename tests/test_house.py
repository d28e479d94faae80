"""How the house is built: rooms in the order of the data, one wall, and every package declared."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from conftest import ROOT
from packaging.requirements import Requirement

import ragkit.runtime

GROUND = {"errors", "checks", "files", "ranking", "vectors", "runtime"}
ROOMS = (
    "documents",
    "weights",
    "minigpt",
    "encoders",
    "search",
    "scoring",
    "cache",
    "finetuning",
    "course",
    "cli",
)
THROUGH_THE_WALL = {"ragkit/course/check.py", "ragkit/course/drills/__init__.py"}
MODULES = sorted((ROOT / "ragkit").rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OWN = {"ragkit", "benchmarks", "tests", "conftest", "translations", "st_faiss"} | {
    path.parent.name if path.stem == "__init__" else path.stem
    for path in (ROOT / "tests").rglob("*.py")
}


def imports(path: Path, *, run: bool = False) -> Iterator[str]:
    """The absolute modules that a file imports; with `run`, not those for type checkers alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = set()
    for node in ast.walk(tree):
        if run and isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            skipped |= set(ast.walk(node))
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def floor(parts: Iterable[str]) -> int:
    """How high a module of ragkit lies, by the parts of its name after `ragkit`."""
    room = next(iter(parts), "cli")
    return ROOMS.index(room) + 1 if room in ROOMS else 0


def module(path: Path) -> list[str]:
    return list(path.relative_to(ROOT / "ragkit").with_suffix("").parts)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_every_module_lies_in_a_room_or_on_the_ground() -> None:
    at_the_root = {path.stem for path in (ROOT / "ragkit").glob("*.py")}
    assert at_the_root == GROUND | {"__init__", "__main__"}
    folders = {path.name for path in (ROOT / "ragkit").iterdir() if path.is_dir()}
    assert folders - {"__pycache__", "_data"} == set(ROOMS)


@pytest.mark.parametrize("path", [p for p in MODULES if p.stem != "__main__"], ids=name)
def test_no_room_imports_a_higher_one(path: Path) -> None:
    here = floor(module(path))
    used = [m.split(".")[1:] for m in imports(path) if m.startswith("ragkit.")]
    assert [".".join(parts) for parts in used if floor(parts) > here] == []


def test_only_the_checks_look_through_the_wall() -> None:
    course = [path for path in MODULES if "course" in path.parts and "staff" not in path.parts]
    looking = {
        name(path)
        for path in course
        if any(m.startswith("ragkit.course.staff") for m in imports(path, run=True))
    }
    assert looking == THROUGH_THE_WALL


def test_runtime_alone_reads_the_variables_of_the_environment_and_names_each() -> None:
    reading = re.compile(r'environ(?:\.get\(|\[)\s*"(RAGKIT_\w+)"')
    read = {name(p): set(reading.findall(p.read_text(encoding="utf-8"))) for p in MODULES}
    readers = {path: variables for path, variables in read.items() if variables}
    documented = set(re.findall(r"^- `(RAGKIT_\w+)=", ragkit.runtime.__doc__ or "", re.MULTILINE))
    assert readers == {"ragkit/runtime.py": documented}


@pytest.mark.parametrize("lab", sorted((ROOT / "ragkit/course/staff").glob("lab*")), ids=name)
def test_a_lab_knows_nothing_of_another(lab: Path) -> None:
    used = {m for path in lab.glob("*.py") for m in imports(path)}
    labs = {match[1] for m in used if (match := re.match(r"ragkit\.course\.staff\.(lab\d\d)", m))}
    assert labs <= {lab.name}


def declared(*extras: str) -> set[str]:
    """The distributions that the project and these extras require, with what extras they name."""
    lines = [*PROJECT["dependencies"]]
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    found = [Requirement(line) for line in lines]
    own = [extra for r in found if r.name == PROJECT["name"] for extra in r.extras]
    names = {r.name.lower() for r in found if r.name != PROJECT["name"]}
    return names | declared(*own) if own else names


def undeclared(paths: Iterable[Path], allowed: set[str]) -> set[str]:
    """The packages that these files import and that none of the allowed distributions brings."""
    bring = packages_distributions()
    tops = {m.split(".")[0] for path in paths for m in imports(path)}
    strangers = tops - sys.stdlib_module_names - OWN
    return {top for top in strangers if not {d.lower() for d in bring.get(top, [])} & allowed}


IN_COURSE = [path for path in MODULES if "course" in path.parts]
STAFF = [path for path in IN_COURSE if "staff" in path.parts]
PARTS = {
    "the library and its command": ([p for p in MODULES if p not in IN_COURSE], declared()),
    "what students get": ([p for p in IN_COURSE if p not in STAFF], declared("labs")),
    "the labs": (sorted(ROOT.glob("solutions/*.py")), declared("labs")),
    "staff and tools": ([*STAFF, *ROOT.glob("tools/*.py")], declared("grade")),
    "benchmarks": (sorted(ROOT.glob("benchmarks/*.py")), declared("bench", "grade")),
    "tests": (sorted(ROOT.glob("tests/**/*.py")), declared("dev")),
}


@pytest.mark.parametrize("part", PARTS)
def test_every_imported_package_is_declared(part: str) -> None:
    paths, allowed = PARTS[part]
    assert paths
    assert undeclared(paths, allowed) == set()


def test_a_package_that_is_not_declared_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import numpy\nfrom scipy.stats import kendalltau\n")
    assert undeclared([tmp_path / "a.py"], declared()) == {"scipy"}
