"""The figures of the theory pages: each is drawn by a function, and shows what it draws today."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from matplotlib.image import imread

from ragkit.course.staff import registry

COMMITTED = {path.stem: path for path in (ROOT / "theory" / "figures").glob("*.png")}


def test_every_committed_figure_has_a_function_and_every_function_its_figure() -> None:
    assert set(registry.figures()) == set(COMMITTED)


@pytest.mark.parametrize("name", sorted(COMMITTED))
def test_a_committed_figure_is_what_its_function_draws_today(name: str, tmp_path: Path) -> None:
    registry.figures()[name]().savefig(tmp_path / "fresh.png")
    fresh, committed = imread(tmp_path / "fresh.png"), imread(COMMITTED[name])
    assert fresh.shape == committed.shape
    assert np.abs(fresh - committed).mean() < 0.005  # rounding may move an edge by a pixel
