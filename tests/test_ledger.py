"""Every number that prose quotes, measured again and compared with data/results.json."""

from __future__ import annotations

from types import ModuleType

import pytest

from ragkit.course import measures, results


@pytest.mark.parametrize("module", measures.DETERMINISTIC, ids=lambda m: m.__name__.split(".")[-1])
def test_a_fresh_measurement_agrees_with_the_ledger(module: ModuleType) -> None:
    fresh, ledger = dict(module.measure()), results.load()
    (part,) = {key.split(".")[0] for key in fresh}
    assert fresh.keys() == {key for key in ledger if key.split(".")[0] == part}
    for key, entry in fresh.items():
        if "value" in entry:
            stored = ledger[key]
            close = pytest.approx(stored["value"], abs=stored["tolerance"])
            assert entry["value"] == close, key
