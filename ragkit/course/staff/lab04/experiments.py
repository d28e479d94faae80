"""Measure what lab 04 quotes: the space that training makes, and what fine-tuning MiniLM gives."""

from __future__ import annotations

from ragkit.cache.outputs import EmbeddingCache
from ragkit.course.staff.entries import Entries
from ragkit.course.staff.lab04.experiments_space import ONE_RUN, measure_space
from ragkit.course.staff.lab04.experiments_tuning import measure_tuning


def measure(cache: EmbeddingCache) -> Entries:
    """Measure every entry of lab 04: some 22 minutes of one core, nearly all of it training."""
    yield from measure_space(cache)
    yield from measure_tuning(cache)


def sample(cache: EmbeddingCache) -> Entries:
    """Measure the entries of the first seed alone: those of the runs that the lab trains too."""
    yield from measure_space(cache, ONE_RUN)
    yield from measure_tuning(cache, seeds=(0,))
