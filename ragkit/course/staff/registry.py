"""Find every lab's exercises, drills, experiments and figures by their file names, in one loop.

`labNN/` contains `exercises*.py` (each `Exercise` in them counts), `drills.py` with `DRILLS`,
`experiments.py` with `measure(cache)`, and `figures.py` with `FIGURES`. A new lab is a new
folder; one with experiments alone measures what no lab shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import TYPE_CHECKING

from ragkit.cache.outputs import EmbeddingCache
from ragkit.course.drills.base import Drill
from ragkit.course.layout import course_root
from ragkit.course.staff.entries import Entry
from ragkit.course.staff.exercise import Exercise

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HERE = Path(__file__).parent


def exercises() -> dict[str, Exercise]:
    """Every exercise of the course, by the name of the function that students write."""
    return {
        name: entry
        for module in _modules("exercises*")
        for name, entry in vars(module).items()
        if isinstance(entry, Exercise)
    }


def drills() -> dict[str, Drill]:
    """Every drill of the course, by its number, such as `01_1`."""
    return {name: drill for module in _modules("drills") for name, drill in module.DRILLS.items()}


def experiments() -> dict[str, ModuleType]:
    """The modules that measure the ledger, by their folder's name, with which their keys begin."""
    return {module.__name__.split(".")[-2]: module for module in _modules("experiments")}


def figures() -> dict[str, Callable[[], Figure]]:
    """The function that draws each figure of the theory pages, by the name of its file."""
    return {name: draw for module in _modules("figures") for name, draw in module.FIGURES.items()}


def measure_all() -> dict[str, Entry]:
    """Measure every entry of the ledger, beginning with an empty cache."""
    with TemporaryDirectory() as folder:
        cache = EmbeddingCache(folder)
        return {k: entry for part in experiments().values() for k, entry in part.measure(cache)}


def draw_all(folder: Path | None = None) -> list[Path]:
    """Draw every figure into theory/figures/, as PNG without a date or version inside."""
    folder = folder or course_root() / "theory" / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, draw in figures().items():
        drawn.append(folder / f"{name}.png")
        draw().savefig(drawn[-1], metadata={"Software": None})
    return drawn


def _modules(pattern: str) -> Iterator[ModuleType]:
    """The modules whose file names match, folder by folder."""
    for path in sorted(_HERE.glob(f"*/{pattern}.py")):
        yield import_module(f"{__package__}.{path.parent.name}.{path.stem}")
