"""Every number that prose quotes, measured again and compared with data/results.json.

The cache is this run's own, so a score comes from it only if this run has computed it.

One class a part: the tests are spread over workers by class, and each of these takes long.
"""

from __future__ import annotations

from types import ModuleType

import pytest

from ragkit.cache import EmbeddingCache
from ragkit.course import measures, results
from ragkit.course.measures import backends, claims, lab01, lab02, lab03


def assert_measured_again(module: ModuleType) -> None:
    fresh, ledger = dict(module.measure(EmbeddingCache())), results.load()
    (part,) = {key.split(".")[0] for key in fresh}
    assert fresh.keys() == {key for key in ledger if key.split(".")[0] == part}
    for key, entry in fresh.items():
        if "value" in entry:
            stored = ledger[key]
            close = pytest.approx(stored["value"], abs=stored["tolerance"])
            assert entry["value"] == close, key


class TestLab03:
    def test_a_fresh_measurement_agrees_with_the_ledger(self) -> None:
        assert_measured_again(lab03)


class TestLab02:
    def test_a_fresh_measurement_agrees_with_the_ledger(self) -> None:
        assert_measured_again(lab02)


class TestLab01:
    def test_a_fresh_measurement_agrees_with_the_ledger(self) -> None:
        assert_measured_again(lab01)


class TestBackends:
    def test_a_fresh_measurement_agrees_with_the_ledger(self) -> None:
        assert_measured_again(backends)


class TestClaims:
    def test_a_fresh_measurement_agrees_with_the_ledger(self) -> None:
        assert_measured_again(claims)

    def test_no_part_of_the_ledger_is_left_out(self) -> None:
        assert set(measures.DETERMINISTIC) == {backends, claims, lab01, lab02, lab03}
