"""Every number of data/results.json is measured again, and read by prose, a figure or a lab.

The cache is this run's own, so a score comes from it only if this run has computed it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from ragkit.cache.outputs import EmbeddingCache
from ragkit.course import ledger
from ragkit.course.layout import labs
from ragkit.course.staff import registry
from ragkit.errors import DataError

PARTS = registry.experiments()
ELSEWHERE = {"backends", "bench", "time"}  # parts whose keys no experiment of a lab makes
CUTS = [
    "headings",
    *(f"{s}-{n}" for s in ("fixed", "sliding", "sentences") for n in lab02.SEARCHED),
]


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
    stored = json.loads(ledger.path().read_text(encoding="utf-8"))
    assert {key.split(".")[0] for key in stored} == set(PARTS)


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course with one page, one number that every machine gives, and one that it does not."""
    monkeypatch.setattr(ledger, "course_root", lambda: tmp_path)
    for folder in ("data", "benchmarks"):
        (tmp_path / folder).mkdir()
    (tmp_path / "page.md").write_text("<!--r:lab.x-->0.0<!--/r--> <!--r:time.y-->0<!--/r-->\n")
    ledger.write({"lab.x": {"value": 0.5}}, ledger.path())
    _bench(tmp_path, {"time.y": {"value": 7.0}})
    return tmp_path


def _bench(course: Path, entries: dict[str, dict[str, float]]) -> None:
    file = course / "benchmarks" / "results.json"
    file.write_text(json.dumps({"parts": {}, "quoted": entries}), encoding="utf-8")


class TestBothFiles:
    def test_a_page_quotes_both(self, course: Path) -> None:
        assert len(ledger.stale_quotes()) == 2
        assert ledger.requote() == [course / "page.md"]
        assert ledger.stale_quotes() == []
        assert ledger.QUOTE.findall((course / "page.md").read_text()) == [
            ("lab.x", "", "", "0.5"),
            ("time.y", "", "", "7"),
        ]

    def test_a_new_measurement_leaves_the_other_file_alone(self, course: Path) -> None:
        ledger.update({"lab.x": {"value": 0.25}})
        assert ledger.load() == {"lab.x": {"value": 0.25}, "time.y": {"value": 7.0}}
        assert json.loads(ledger.path().read_text()).keys() == {"lab.x"}

    def test_a_key_in_both_is_an_error(self, course: Path) -> None:
        _bench(course, {"lab.x": {"value": 0.5}})
        with pytest.raises(DataError, match=r"'lab.x' is in .*data.* and in .*benchmarks"):
            ledger.load()

    def test_a_damaged_file_names_the_command_that_writes_it(self, course: Path) -> None:
        (course / "benchmarks" / "results.json").write_text("{")
        with pytest.raises(DataError, match="Run: make bench"):
            ledger.load()

    def test_without_benchmarks_the_ledger_is_one_file(self, course: Path) -> None:
        (course / "benchmarks" / "results.json").unlink()
        assert ledger.load().keys() == {"lab.x"}
