"""Measure what lab 04 quotes: the space that training makes, and what fine-tuning MiniLM gives."""

from __future__ import annotations

from ragkit.cache.outputs import EmbeddingCache
from ragkit.course.staff.entries import Entries
from ragkit.course.staff.lab04.experiments_controls import measure_controls
from ragkit.course.staff.lab04.experiments_space import measure_space
from ragkit.course.staff.lab04.experiments_tuning import measure_first_seed, measure_tuning


def measure(cache: EmbeddingCache) -> Entries:
    """Measure every entry of lab 04: some 22 minutes of one core, nearly all of it training."""
    yield from measure_space(cache)
    yield from measure_tuning(cache)


def sample(cache: EmbeddingCache) -> Entries:
    """Measure what needs no training, and the two runs that the lab trains too."""
    yield from measure_controls(cache)
    yield from measure_first_seed(cache)
