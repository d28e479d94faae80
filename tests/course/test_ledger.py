"""Every number that prose quotes, measured again and compared with data/results.json.

The cache is this run's own, so a score comes from it only if this run has computed it.
"""

from __future__ import annotations

from typing import ClassVar

import pytest

from ragkit.cache.outputs import EmbeddingCache
from ragkit.course import ledger
from ragkit.course.staff import registry

PARTS = registry.experiments()


class Measured:
    """A part of the ledger: xdist spreads tests by class, and each part takes long."""

    part: ClassVar[str]

    def test_a_fresh_measurement_agrees_with_the_ledger(self) -> None:
        fresh = dict(PARTS[self.part].measure(EmbeddingCache()))
        stored = {k: entry for k, entry in ledger.load().items() if k.split(".")[0] == self.part}
        assert fresh.keys() == stored.keys()
        for key, entry in fresh.items():
            if "value" in entry:
                close = pytest.approx(stored[key]["value"], abs=stored[key]["tolerance"])
                assert entry["value"] == close, key


for _part in sorted(PARTS, reverse=True):  # the longest first
    globals()[f"Test{_part.title()}"] = type(f"Test{_part.title()}", (Measured,), {"part": _part})


def test_the_ledger_has_no_part_that_nothing_measures() -> None:
    parts = {key.split(".")[0] for key in ledger.load()}
    assert parts - {"bench", "time"} == set(PARTS)
