"""What the ledger measures: every number that prose quotes, from the models and the data.

One module a lab. Quoting the numbers is the business of `ragkit.course.results`.
"""

from ragkit.course.measures import lab01
from ragkit.course.measures.base import Entry


def measure_all() -> dict[str, Entry]:
    """Measure every entry of the ledger, with no cache."""
    return dict(lab01.measure())


__all__ = ["Entry", "measure_all"]
