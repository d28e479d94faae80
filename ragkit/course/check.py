"""The checks that a lab calls: `check.mean_pool(mean_pool)` prints one line and never raises."""

from ragkit.course.exercises.base import Case, Exercise, Mistake
from ragkit.course.exercises.lab01 import (
    hit_rate,
    info_nce,
    mean_cosine,
    mean_pool,
    normalise,
    top_k,
)

__all__ = [
    "Case",
    "Exercise",
    "Mistake",
    "hit_rate",
    "info_nce",
    "mean_cosine",
    "mean_pool",
    "normalise",
    "top_k",
]
