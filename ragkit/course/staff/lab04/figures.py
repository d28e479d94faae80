"""The figures of theory page 04."""

from __future__ import annotations

from ragkit.course.staff.lab04.figures_space import FIGURES as SPACE
from ragkit.course.staff.lab04.figures_tuning import FIGURES as TUNING

FIGURES = {**SPACE, **TUNING}
