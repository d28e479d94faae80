"""Remember the latest verdict on each exercise and drill, between sessions.

A verdict is recorded when a check is run in a notebook in the course's work/ folder, and nowhere
else. All verdicts are in work/progress.json.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import get_args

from ragkit.course.layout import course_root, work_folder
from ragkit.course.verdict import Status, Verdict
from ragkit.errors import RagkitError, RagkitWarning
from ragkit.files import write_atomically
from ragkit.runtime import quiet

FILE = "progress.json"
_FORMAT = 1
_PATIENCE = 10.0  # seconds to wait for another notebook that is writing
_paused = False


@dataclass(frozen=True, slots=True)
class Seen:
    """The latest verdict on an item, and when it was given (ISO 8601, local time)."""

    status: Status
    date: str


def record(name: str, verdict: Verdict) -> Verdict:
    """Remember a verdict on `hit_rate` or `01_4`, if this is a notebook in work/; return it.

    Nothing is raised: if the file cannot be written, a sentence is printed, and so it is, once, in
    a notebook of labs/, which looks like the student's copy.
    """
    folder = folder_of_this_notebook()
    if folder is None:
        _send_to_work()
    elif not _paused:
        try:
            store(name, verdict.status, folder)
        except OSError as error:
            print(f"(This verdict is not kept: {folder / FILE}: {error.strerror or error}.)")
    return verdict


def pause() -> None:
    """Record nothing more in this process."""
    global _paused
    _paused = True


def store(name: str, status: Status, folder: Path) -> None:
    """Write one verdict into the file in `folder`, under a lock; `OSError` if that fails."""
    from filelock import FileLock

    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f".{FILE}.lock", timeout=_PATIENCE):
        seen = load(folder)
        seen[name] = Seen(status, datetime.now().astimezone().isoformat(timespec="seconds"))
        _write(folder / FILE, seen)


def load(folder: Path | None = None) -> dict[str, Seen]:
    """The latest verdicts by name; none if nothing was recorded.

    A damaged file is renamed and named in a `RagkitWarning`. Raises `OSError` if the file cannot be
    read.
    """
    path = (folder or work_folder()) / FILE
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    try:
        return _parsed(content)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        _set_aside(path)
        return {}


def folder_of_this_notebook() -> Path | None:
    """The course's work/ folder, if this process is the kernel of a notebook in it."""
    return work_folder().resolve() if _runs_in("work") else None


@cache
def _send_to_work() -> None:
    if _runs_in("labs") and not quiet():
        print("(Not kept: this is labs/, for reading. Work in your copy in work/: make lab)")


def _runs_in(name: str) -> bool:
    """Whether this process is the kernel of a notebook in that folder of the course."""
    ipython = sys.modules.get("IPython")
    if ipython is None or not hasattr(ipython.get_ipython(), "kernel"):
        return False
    try:
        return Path.cwd().resolve() == (course_root() / name).resolve()
    except (RagkitError, OSError):
        return False


def _parsed(content: bytes) -> dict[str, Seen]:
    data = json.loads(content)
    if data["format"] != _FORMAT:
        raise ValueError("another format")
    seen = {name: Seen(**entry) for name, entry in data["verdicts"].items()}
    for one in seen.values():
        if one.status not in get_args(Status):
            raise ValueError("another status")
        datetime.fromisoformat(one.date)
    return seen


def _write(path: Path, seen: Mapping[str, Seen]) -> None:
    verdicts = {name: {"status": one.status, "date": one.date} for name, one in seen.items()}
    data = {"format": _FORMAT, "verdicts": verdicts}
    write_atomically(path, (json.dumps(data, ensure_ascii=False, indent=1) + "\n").encode())


def _set_aside(path: Path) -> None:
    number = 1
    while (aside := path.with_name(f"{path.stem}-damaged-{number}.json")).exists():
        number += 1
    os.replace(path, aside)
    words = f"{path} is damaged, and is now {aside.name}. Run the checks again."
    warnings.warn(words, RagkitWarning, stacklevel=2)
