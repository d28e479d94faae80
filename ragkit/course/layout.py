"""Find the parts of a checkout: its root, the labs' sources, the notebooks made from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ragkit.errors import DataError
from ragkit.runtime import data_dir


@dataclass(frozen=True, slots=True)
class Lab:
    """One lab: its source and the two notebooks made from it."""

    source: Path

    @property
    def solved(self) -> Path:
        """The solved edition, beside the source."""
        return self.source.with_suffix(".ipynb")

    @property
    def student(self) -> Path:
        """The student edition, in labs/."""
        return self.source.parent.parent / "labs" / f"{self.source.stem}.ipynb"


def labs(root: Path | None = None) -> list[Lab]:
    """Every lab of a checkout, in order; `DataError` if there is none, as in a bundle."""
    folder = (root or course_root()) / "solutions"
    sources = [Lab(path) for path in sorted(folder.glob("[0-9][0-9]-*.py"))]
    if not sources:
        raise DataError(
            f"{folder}: no lab sources. This needs a clone of the whole repository, which the "
            "students' bundle is not."
        )
    return sources


def student_labs(root: Path | None = None) -> list[Path]:
    """Every notebook as it is handed out, in order; a bundle has no other notebooks."""
    return sorted(((root or course_root()) / "labs").glob("[0-9][0-9]-*.ipynb"))


def has_answers() -> bool:
    """True in a clone, which has what no student gets; false in a students' bundle."""
    return Path(__file__).with_name("staff").is_dir()


def work_folder(root: Path | None = None) -> Path:
    """The folder of the student's own copies, which no command overwrites."""
    return (root or course_root()) / "work"


def course_root() -> Path:
    """The folder that labs/, solutions/ and data/ are in."""
    return data_dir().parent
