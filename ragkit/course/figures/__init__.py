"""The figures of the theory pages, one module a lab, all drawn by `ragkit.plots`."""

from __future__ import annotations

from pathlib import Path

from ragkit.course.figures import lab01, lab03
from ragkit.course.layout import course_root

LABS = (lab01, lab03)


def draw_all(folder: Path | None = None) -> list[Path]:
    """Draw every figure into theory/figures/, as PNG without a date or version inside."""
    folder = folder or course_root() / "theory" / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for lab in LABS:
        for name, figure in lab.figures():
            drawn.append(folder / f"{name}.png")
            figure.savefig(drawn[-1], metadata={"Software": None})
    return drawn
