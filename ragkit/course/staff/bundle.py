"""Write the students' bundle: labs, theory, data and ragkit, without any reference answer.

`ragkit.course.staff`, the solved labs and the tests stay out. The checks come along as data
(`sealed`), so that students learn at once what is right and what went wrong.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

from ragkit.course import check, drills, ledger, sealed
from ragkit.course.layout import course_root, labs
from ragkit.course.staff import registry
from ragkit.errors import DataError

_LINK = re.compile(r"\[(?P<words>[^\]]*)\]\((?P<target>[^)\s#]+)(?:#[^)]*)?\)")
_ANSWERS = re.compile(r" ·\n[^\n|]*-ref\.[^\n]*")  # the link under a theory page's title
_JUNK = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "*.pyc", "_data")
_WITHHELD = shutil.ignore_patterns("staff", "__pycache__", "*.pyc", "_data")


def write_bundle(out: Path) -> list[Path]:
    """Write the bundle into `out` and return its files, sorted.

    Raises `DataError` unless `out` is a new or an empty folder.
    """
    out = out.resolve()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out} exists and is not empty. Choose a new folder for the bundle.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as folder:
        bundle = Path(folder) / out.name
        _copy_course(bundle)
        if out.exists():
            out.rmdir()
        os.rename(bundle, out)
    return sorted(path for path in out.rglob("*") if path.is_file())


def write_library(folder: Path, silent: bool = False) -> None:
    """Write `ragkit` without reference answers, and the sealed checks with it, into `folder`.

    With `silent`, checks that print nothing take their place; the grader uses those.
    """
    course = folder / "ragkit" / "course"
    shutil.copytree(course_root() / "ragkit", folder / "ragkit", ignore=_WITHHELD)
    if silent:
        for place in (course / "check.py", course / "drills" / "__init__.py"):
            shutil.copy(Path(__file__).with_name("silent.py"), place)
        return
    checks = [exercise.check() for exercise in registry.exercises().values()]
    sealed.write_checks(checks, course / check.SEALED.name)
    sealed.write_drills(registry.drills(), course / "drills" / drills.SEALED.name)


def _copy_course(bundle: Path) -> None:
    root = course_root()
    shutil.copytree(root / "handout", bundle, ignore=_JUNK)
    write_library(bundle)
    for name in ("data", "theory"):
        shutil.copytree(root / name, bundle / name, ignore=_JUNK)
    ledger.write(ledger.load(), bundle / "data" / "results.json")  # with the times a lab reads
    (bundle / "labs").mkdir()
    for lab in labs():
        shutil.copy(lab.student, bundle / "labs")
    for name in ("setup.mk", "pyproject.toml", "requirements.lock", "LICENSE", "LICENSE-DATA"):
        shutil.copy(root / name, bundle)
    for page in bundle.rglob("*.md"):
        page.write_text(_without_dead_links(page), encoding="utf-8")


def _without_dead_links(page: Path) -> str:
    """The page's text, in which links to what the bundle lacks are replaced by their words."""

    def linked(match: re.Match[str]) -> str:
        target = match["target"]
        alive = "://" in target or (page.parent / target).exists()
        return match[0] if alive else match["words"]

    text = _ANSWERS.sub("", page.read_text(encoding="utf-8"))
    return _LINK.sub(linked, text)
