"""Every number of data/results.json is measured again, and read by prose, a figure or a lab.

The cache is this run's own, so a score comes from it only if this run has computed it.
"""

from __future__ import annotations

import inspect
import json
import os
import re
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar
from unittest.mock import MagicMock

import pytest

from ragkit.cache.outputs import EmbeddingCache
from ragkit.course import ledger
from ragkit.course.layout import labs
from ragkit.course.staff import registry
from ragkit.course.staff.lab02 import experiments_chunks as lab02
from ragkit.errors import DataError

PARTS = registry.experiments()
CUTS = [
    "headings",
    *(f"{s}-{n}" for s in ("fixed", "sliding", "sentences") for n in lab02.SEARCHED),
]


def stored() -> dict[str, Any]:
    """What `ragkit results` has written, without what `make bench` has."""
    return json.loads(ledger.path().read_text(encoding="utf-8"))


class Measured:
    """A part of the ledger: xdist spreads tests by class, and each part takes long."""

    part: ClassVar[str]

    def test_a_fresh_measurement_agrees_with_the_ledger(self) -> None:
        module, whole = PARTS[self.part], os.environ.get("RAGKIT_LEDGER") == "whole"
        part = None if whole else getattr(module, "sample", None)  # of what takes very long
        fresh = dict((part or module.measure)(EmbeddingCache()))
        kept = {key: entry for key, entry in stored().items() if key.split(".")[0] == self.part}
        assert fresh.keys() <= kept.keys()
        assert part or fresh.keys() == kept.keys()
        for key, entry in fresh.items():
            if "value" in entry:
                close = pytest.approx(kept[key]["value"], abs=kept[key]["tolerance"])
                assert entry["value"] == close, key


for _part in sorted(PARTS, reverse=True):  # the longest first
    globals()[f"Test{_part.title()}"] = type(f"Test{_part.title()}", (Measured,), {"part": _part})


def test_the_ledger_has_no_part_that_nothing_measures() -> None:
    assert {key.split(".")[0] for key in stored()} == set(PARTS)


class Recording(dict):
    """The ledger, which remembers the keys that were read."""

    def __init__(self) -> None:
        super().__init__(ledger.load())
        self.read: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        self.read.add(key)
        return super().__getitem__(key)


def test_every_key_of_the_ledger_is_read_by_prose_a_figure_or_a_lab(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured = Recording()
    monkeypatch.setattr(ledger, "load", lambda: measured)
    for page in ledger.pages():
        for pattern in (ledger.QUOTE, ledger.TABLE):
            measured.read |= {m["key"] for m in pattern.finditer(page.read_text(encoding="utf-8"))}
    for draw in registry.figures().values():
        if "ledger.load()" in inspect.getsource(draw):
            draw()
    for lab in labs():
        run_the_cells_that_read_the_ledger(lab.source.read_text(encoding="utf-8"))
    measured.read |= {  # sentences that quote no number: test_lab02.py
        f"lab02.{cut}.dev.{score}" for cut in CUTS for score in ("hit_rate@5", "budget")
    }
    unread = stored().keys() - measured.read
    assert not unread, f"nobody reads {sorted(unread)}: quote it, or do not measure it"


def run_the_cells_that_read_the_ledger(source: str) -> None:
    """Run a lab's cells that use what `ledger.load()` returned, and draw nothing."""
    names = {"ledger": SimpleNamespace(load=ledger.load), "plots": MagicMock()}
    for variable in re.findall(r"^(\w+) = ledger\.load\(\)", source, re.MULTILINE):
        for cell in re.split(r"^# %%.*\n", source, flags=re.MULTILINE):
            if re.search(rf"^[^#\n]*\b{variable}\b", cell, re.MULTILINE):
                with suppress(NameError):  # what an earlier cell measured, and printed after
                    exec(cell, names)  # noqa: S102  our own lab


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

    def test_a_table_without_rows_is_filled_and_leaves_the_rest_alone(self, course: Path) -> None:
        ledger.write({"lab.x": {"value": 0.5}, "lab.t": {"text": "| a |"}}, ledger.path())
        mark, end = "[//]: # (t:lab.t)", "[//]: # (/t)"
        page = f"{mark}\n\n{end}\n\nText.\n\n{mark}\n\nold\n\n{end}\n"
        (course / "page.md").write_text(page)
        ledger.requote()
        table = f"{mark}\n\n| a |\n\n{end}\n"
        assert (course / "page.md").read_text() == f"{table}\nText.\n\n{table}"

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
