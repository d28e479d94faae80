"""The state of a report between runs: its seed, finished students, and the marks people gave.

It lies in `REPORT/.state`, one file per student and lab, each written whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import platform
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, get_args

from ragkit.course.layout import course_root
from ragkit.course.staff.grade.catalogue import LabSheet, sheet
from ragkit.course.staff.grade.scoring import Delivery, Mark
from ragkit.course.verdict import Status
from ragkit.errors import DataError, ModelError
from ragkit.files import write_atomically
from ragkit.weights.published import MINILM, folder_sha256, locate


@dataclass(frozen=True)
class Graded:
    """The marks of one student for one lab, and what the run of the notebook cost."""

    student: str
    lab: str
    marks: Sequence[Mark]
    seconds: float = 0.0
    peak_memory: int = 0


@dataclass(frozen=True)
class ClassResult:
    """All that was graded, the sheets it was graded by, and how well submissions were contained."""

    graded: list[Graded]
    sheets: dict[str, LabSheet]
    isolated: bool
    reason: str


@dataclass(frozen=True)
class HandMark:
    """What a person gave to one text."""

    mark: float
    comment: str = ""


@dataclass(frozen=True)
class State:
    """The folder that keeps a report's state between runs."""

    folder: Path

    def seed(self, wanted: int | None) -> int:
        """The seed of the hidden inputs: as wanted, or that of the report, or a new one."""
        path = self.folder / "seed.json"
        if wanted is None:
            stored = _load(path)
            wanted = stored["seed"] if stored else secrets.randbits(48)
        _save(path, {"seed": wanted})
        return wanted

    def load(self, student: str, lab: str, key: str) -> Graded | None:
        """The result that was stored for a student and lab, if it was made under the same key."""
        stored = _load(self._path(student, lab))
        if not stored or stored.get("key") != key:
            return None
        return _graded(stored)

    def save(self, graded: Graded, key: str) -> None:
        """Store a result under its key."""
        _save(self._path(graded.student, graded.lab), {"key": key, **asdict(graded)})

    def save_class(self, result: ClassResult) -> None:
        """Store a whole class, so that marks can be read back without grading again."""
        content = {
            "graded": [asdict(one) for one in result.graded],
            "labs": list(result.sheets),
            "isolated": result.isolated,
            "reason": result.reason,
        }
        _save(self.folder / "class.json", content)

    def load_class(self) -> ClassResult:
        """The class that was graded last; `DataError` if there is none."""
        stored = _load(self.folder / "class.json")
        if stored is None:
            raise DataError(f"{self.folder.parent}: nothing was graded here. Give --out REPORT.")
        try:
            graded = [_graded(one) for one in stored["graded"]]
        except (KeyError, TypeError, ValueError):  # another version's statuses or fields
            raise DataError(
                f"{self.folder.parent} was graded by another version of the course. Grade again; "
                "the marks that people gave are not lost."
            ) from None
        used = {number: sheet(number) for number in stored["labs"]}
        for one in graded:
            if [mark.item for mark in one.marks] != [item.name for item in used[one.lab].items]:
                raise DataError(
                    f"{self.folder.parent}: lab {one.lab} asks other items now than when this was "
                    "graded. Grade again; the marks that people gave are not lost."
                )
        return ClassResult(graded, used, stored["isolated"], stored["reason"])

    def hand_marks(self) -> dict[str, HandMark]:
        """The marks that people gave, by the id of the answer."""
        stored = _load(self.folder / "marks.json") or {}
        return {answer: HandMark(**mark) for answer, mark in stored.items()}

    def save_hand_marks(self, marks: Mapping[str, HandMark]) -> None:
        """Replace the marks that people gave."""
        _save(self.folder / "marks.json", {a: asdict(m) for a, m in sorted(marks.items())})

    def _path(self, student: str, lab: str) -> Path:
        name = hashlib.sha256(student.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        return self.folder / "students" / f"{name}-{lab}.json"


# what computes the right answers, and the students' own
_COMPUTES = (
    *("numpy", "scipy", "torch", "onnxruntime", "tokenizers", "transformers"),
    *("sentence-transformers", "faiss-cpu", "bm25s"),
)


def course_digest(root: Path | None = None) -> str:
    """A hash of all that decides a mark, so that no mark outlives a change of it.

    That is the code of ragkit, with the metrics and encoders that give right answers; the labs'
    sources; the data that both read; the encoder's weights; Python and the packages that compute.
    """
    root = root or course_root()
    digest = hashlib.sha256()
    for path in _deciding_files(root):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(root).as_posix()} {content}\n".encode())
    versions = [f"{name} {_version(name)}" for name in _COMPUTES]
    digest.update("\n".join([platform.python_version(), *versions, _weights()]).encode())
    return digest.hexdigest()


def _deciding_files(root: Path) -> list[Path]:
    data = (root / "data" / name for name in ("verb_grammar", "minigpt"))
    read = (path for folder in data for path in folder.rglob("*") if path.is_file())
    return sorted([*(root / "ragkit").rglob("*.py"), *(root / "solutions").glob("*.py"), *read])


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "missing"


def _weights() -> str:
    """What the encoder's vectors depend on; a class may be graded where it is not installed."""
    try:
        return folder_sha256(locate(MINILM).folder)
    except ModelError:
        return "missing"


def _graded(stored: Mapping[str, Any]) -> Graded:
    """A stored result; KeyError, TypeError or ValueError for one of another version."""
    marks = [Mark(**mark) for mark in stored["marks"]]
    for mark in marks:
        if mark.status not in get_args(Status) or mark.delivery not in get_args(Delivery):
            raise ValueError(f"{mark.status!r} or {mark.delivery!r} is unknown")
    return Graded(stored["student"], stored["lab"], marks, stored["seconds"], stored["peak_memory"])


def _load(path: Path) -> dict[str, Any] | None:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}). Delete it to grade again.") from None
    return stored if isinstance(stored, dict) else None


def _save(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (json.dumps(content, indent=1) + "\n").encode())
