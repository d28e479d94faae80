"""Every number of data/results.json is measured again, and read by prose, a figure or a lab.

The cache is this run's own, so a score comes from it only if this run has computed it.
"""

from __future__ import annotations

import inspect
import re
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, ClassVar
from unittest.mock import MagicMock

import numpy as np
import pytest

from ragkit.cache.outputs import EmbeddingCache
from ragkit.course import ledger
from ragkit.course.layout import labs
from ragkit.course.staff import registry
from ragkit.course.staff.lab02 import experiments as lab02

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
    parts = {key.split(".")[0] for key in ledger.load()}
    assert parts - {"bench", "time"} == set(PARTS)


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
    test_the_prose_reports_what_the_rule_chooses_on_dev()  # sentences that quote no number
    test_the_five_best_cuts_on_dev_fall_on_test_and_four_others_rise()
    unread = {key for key in measured.keys() - measured.read if key.split(".")[0] not in ELSEWHERE}
    assert not unread, f"nobody reads {sorted(unread)}: quote it, or do not measure it"


def run_the_cells_that_read_the_ledger(source: str) -> None:
    """Run a lab's cells that use what `ledger.load()` returned, and draw nothing."""
    names = {"ledger": SimpleNamespace(load=ledger.load), "plots": MagicMock()}
    for variable in re.findall(r"^(\w+) = ledger\.load\(\)", source, re.MULTILINE):
        for cell in re.split(r"^# %%.*\n", source, flags=re.MULTILINE):
            if re.search(rf"^[^#\n]*\b{variable}\b", cell, re.MULTILINE):
                with suppress(NameError):  # what an earlier cell measured, and printed after
                    exec(cell, names)  # noqa: S102  our own lab


def values(split: str, score: str) -> dict[str, float]:
    stored = ledger.load()
    return {cut: stored[f"lab02.{cut}.{split}.{score}"]["value"] for cut in CUTS}


def test_the_prose_reports_what_the_rule_chooses_on_dev() -> None:
    for score, chosen in (("hit_rate@5", lab02.CHOSEN), ("budget", lab02.CHOSEN_IN_BUDGET)):
        dev = values("dev", score)
        assert [cut for cut in dev if dev[cut] == max(dev.values())] == [chosen]


def test_the_five_best_cuts_on_dev_fall_on_test_and_four_others_rise() -> None:
    dev, test, stored = values("dev", "hit_rate@5"), values("test", "hit_rate@5"), ledger.load()
    order = sorted(dev, key=dev.__getitem__, reverse=True)
    assert all(test[cut] < dev[cut] for cut in order[:5])
    assert sum(test[cut] > dev[cut] for cut in order[5:]) == 4
    mean = stored["lab02.searched.dev.mean"]["value"]
    assert mean == pytest.approx(np.mean(list(dev.values())))
    assert stored["lab02.searched.test.mean"]["value"] == pytest.approx(mean, abs=0.01)
