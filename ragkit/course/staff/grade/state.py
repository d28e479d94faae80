"""What a report remembers between runs: the seed, finished students, and the marks people gave.

It lies in `REPORT/.state`, one file a student and lab, each written whole or not at all.
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
from typing import Any

from ragkit.course.layout import course_root
from ragkit.course.staff.grade.catalogue import LabSheet, sheet
from ragkit.course.staff.grade.scoring import Mark
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
    """The folder in which a report remembers."""

    folder: Path

    def seed(self, wanted: int | None) -> int:
        """The seed of the hidden inputs: as wanted, or that of the report, or a new one."""
        path = self.folder / "seed.json"
        if wanted is None:
            kept = _load(path)
            wanted = kept["seed"] if kept else secrets.randbits(48)
        _save(path, {"seed": wanted})
        return wanted

    def load(self, student: str, lab: str, key: str) -> Graded | None:
        """The kept result, if it was made under the same key."""
        kept = _load(self._path(student, lab))
        if not kept or kept.get("key") != key:
            return None
        return _graded(kept)

    def save(self, graded: Graded, key: str) -> None:
        """Keep a result under its key."""
        _save(self._path(graded.student, graded.lab), {"key": key, **asdict(graded)})

    def save_class(self, result: ClassResult) -> None:
        """Keep a whole class, so that marks can be read back without grading again."""
        content = {
            "graded": [asdict(one) for one in result.graded],
            "labs": list(result.sheets),
            "isolated": result.isolated,
            "reason": result.reason,
        }
        _save(self.folder / "class.json", content)

    def load_class(self) -> ClassResult:
        """The class that was graded last; `DataError` if there is none."""
        kept = _load(self.folder / "class.json")
        if kept is None:
            raise DataError(f"{self.folder.parent}: nothing was graded here. Give --out REPORT.")
        graded = [_graded(one) for one in kept["graded"]]
        used = {number: sheet(number) for number in kept["labs"]}
        for one in graded:
            if [mark.item for mark in one.marks] != [item.name for item in used[one.lab].items]:
                raise DataError(
                    f"{self.folder.parent}: lab {one.lab} asks other items now than when this was "
                    "graded. Grade again; the marks are kept."
                )
        return ClassResult(graded, used, kept["isolated"], kept["reason"])

    def hand_marks(self) -> dict[str, HandMark]:
        """The marks that people gave, by the id of the answer."""
        kept = _load(self.folder / "marks.json") or {}
        return {answer: HandMark(**mark) for answer, mark in kept.items()}

    def keep_hand_marks(self, marks: Mapping[str, HandMark]) -> None:
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


def _graded(kept: Mapping[str, Any]) -> Graded:
    """A result as it was kept."""
    marks = [Mark(**mark) for mark in kept["marks"]]
    return Graded(kept["student"], kept["lab"], marks, kept["seconds"], kept["peak_memory"])


def _load(path: Path) -> dict[str, Any] | None:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}). Delete it to grade again.") from None
    return kept if isinstance(kept, dict) else None


def _save(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (json.dumps(content, indent=1) + "\n").encode())
