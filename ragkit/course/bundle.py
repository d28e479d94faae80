"""The students' bundle: labs, theory, data and ragkit, without one answer.

What computes an answer stays out: the exercises, the drills' declarations, the solved labs, the
measures, the tests and the grader. The checks come along as data (`sealed`), so that a student is
told at once what is right, and what went wrong.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

from ragkit.course import check, sealed
from ragkit.course.drills import DRILLS
from ragkit.course.exercises.base import Exercise
from ragkit.course.layout import course_root, labs
from ragkit.errors import DataError

WITHHELD = (
    "check.py",
    "bundle.py",
    "pages.py",
    "exercises",
    "figures",
    "grade",
    "measures",
    "drills/__init__.py",
    "drills/lab*.py",
)
_CHECK = '''"""The checks that a lab calls, such as `check.mean_pool(mean_pool)`. None raises."""

from pathlib import Path

from ragkit.course.sealed import read_checks

globals().update(read_checks(Path(__file__).with_name("checks.json")))
'''
_DRILLS = '''"""Checks of the drills: `drills.check("01_1", drill_01_1)`, which never raises."""

from functools import cache
from pathlib import Path
from typing import Any

from ragkit.course.drills.asking import ask
from ragkit.course.drills.properties import word_overlap
from ragkit.course.verdict import Verdict

__all__ = ["check", "word_overlap"]


@cache
def _drills() -> dict[str, Any]:
    from ragkit.course.sealed import read_drills

    return read_drills(Path(__file__).with_name("drills.json"))


def check(drill: str, answer: Any) -> Verdict:
    """Print and return the verdict on one drill's answer; `drill` reads `01_1`."""
    return ask(_drills(), drill, answer)
'''
_SILENT = '''"""Checks that say nothing."""

from typing import Any


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return lambda *_, **__: None
'''
_LINK = re.compile(r"\[(?P<words>[^\]]*)\]\((?P<target>[^)\s#]+)(?:#[^)]*)?\)")
_ANSWERS = re.compile(r" ·\n[^\n|]*-ref\.[^\n]*")  # the pointer under a theory page's title
_JUNK = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "*.pyc", "_data")


def write_bundle(out: Path) -> list[Path]:
    """Write the bundle into `out`, which must be new or empty; return its files, sorted."""
    out = out.resolve()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out} exists and is not empty. Choose a new folder for the bundle.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as folder:
        made = Path(folder) / out.name
        _copy_course(made)
        if out.exists():
            out.rmdir()
        os.rename(made, out)
    return sorted(path for path in out.rglob("*") if path.is_file())


def write_library(folder: Path, silent: bool = False) -> None:
    """Write `ragkit` without answers into `folder`, and the sealed checks with it.

    With `silent` there are no checks either: they say nothing, which is what the grader wants.
    """
    source, target = course_root() / "ragkit", folder / "ragkit"
    shutil.copytree(source, target, ignore=_JUNK)
    course = target / "course"
    for pattern in WITHHELD:
        for path in course.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    if silent:
        (course / "check.py").write_text(_SILENT, encoding="utf-8")
        (course / "drills" / "__init__.py").write_text(_SILENT, encoding="utf-8")
        return
    (course / "check.py").write_text(_CHECK, encoding="utf-8")
    (course / "drills" / "__init__.py").write_text(_DRILLS, encoding="utf-8")
    exercises = [entry for entry in vars(check).values() if isinstance(entry, Exercise)]
    sealed.write_checks([exercise.check() for exercise in exercises], course / "checks.json")
    sealed.write_drills(DRILLS, course / "drills" / "drills.json")


def _copy_course(made: Path) -> None:
    root = course_root()
    shutil.copytree(root / "handout", made, ignore=_JUNK)
    write_library(made)
    for name in ("data", "theory"):
        shutil.copytree(root / name, made / name, ignore=_JUNK)
    (made / "labs").mkdir()
    for lab in labs():
        shutil.copy(lab.student, made / "labs")
    for name in ("setup.mk", "pyproject.toml", "requirements.lock", "LICENSE", "LICENSE-DATA"):
        shutil.copy(root / name, made)
    for page in made.rglob("*.md"):
        page.write_text(_without_dead_links(page, made), encoding="utf-8")


def _without_dead_links(page: Path, made: Path) -> str:
    """The text of a page in which a link to something outside the bundle is words alone."""

    def kept(match: re.Match[str]) -> str:
        target = match["target"]
        alive = "://" in target or (page.parent / target).exists()
        return match[0] if alive else match["words"]

    text = _ANSWERS.sub("", page.read_text(encoding="utf-8"))
    return _LINK.sub(kept, text)
