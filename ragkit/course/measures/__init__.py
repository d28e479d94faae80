"""What the ledger measures: every number that prose quotes, from the models and the data.

One module a lab, one for the claims page, one for MiniLM's backends, two for timings. Quoting is
the business of `results`.
"""

from __future__ import annotations

from tempfile import TemporaryDirectory

from ragkit.cache import EmbeddingCache
from ragkit.course.measures import backends, claims, grading, lab01, lab02, lab03, timings
from ragkit.course.measures.base import Entry

DETERMINISTIC = (lab01, lab02, lab03, claims, backends)

__all__ = ["Entry", "measure_all", "measure_timings"]


def measure_all() -> dict[str, Entry]:
    """Measure every entry that another run must reproduce, with nothing kept from before."""
    with TemporaryDirectory() as folder:
        cache = EmbeddingCache(folder)
        return {key: entry for module in DETERMINISTIC for key, entry in module.measure(cache)}


def measure_timings() -> dict[str, Entry]:
    """Measure what depends on the machine."""
    return dict(timings.measure()) | dict(grading.measure())
