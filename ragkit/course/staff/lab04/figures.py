"""The figures of theory page 04."""

from __future__ import annotations

from ragkit.course.staff.lab04.figures_space import FIGURES as SPACE

FIGURES = {**SPACE}
