"""The cache of training runs reads back what it would train, and nothing made of other things."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ragkit
from ragkit.cache.trajectories import TrajectoryCache
from ragkit.minigpt.model import MiniGPTConfig
from ragkit.minigpt.train import TrainingPlan
from ragkit.minigpt.trajectory import Trajectory

TIED = MiniGPTConfig(vocabulary=280, context=16, width=8, layers=1, heads=1)
UNTIED = replace(TIED, tied=False)
PLAN = TrainingPlan(steps=4, warm_up=1, batch=2, window=8, validate_every=2)
STEPS = (0, 1, 3)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    file = tmp_path / "corpus.txt"
    file.write_text("She has eaten the bread.\nWe wrote a letter.\n" * 60, encoding="utf-8")
    return file


@pytest.fixture
def cache(tmp_path: Path) -> TrajectoryCache:
    return TrajectoryCache(tmp_path / "cache")


def files(cache: TrajectoryCache) -> list[Path]:
    return [path for path in cache.root.rglob("*") if path.is_file()]


def assert_equal(one: Trajectory, other: Trajectory) -> None:
    assert (one.curve, one.best) == (other.curve, other.best)
    assert one.tokenizer.to_str() == other.tokenizer.to_str()
    for mine, others in ((one.tables, other.tables), (one.outputs, other.outputs)):
        assert list(mine) == list(others)
        for step, rows in mine.items():
            np.testing.assert_array_equal(rows, others[step])


@pytest.mark.parametrize("config", [TIED, UNTIED], ids=["tied", "untied"])
def test_what_is_read_back_is_what_was_trained(
    cache: TrajectoryCache, corpus: Path, config: MiniGPTConfig
) -> None:
    trained = cache.follow(corpus, PLAN, config, STEPS)
    read = cache.follow(corpus, PLAN, config, STEPS)
    assert (cache.misses, cache.hits, len(files(cache))) == (1, 1, 1)
    assert_equal(read, trained)


@pytest.mark.parametrize(
    "other",
    [{"plan": replace(PLAN, seed=1)}, {"config": UNTIED}, {"steps": (0, 1)}],
    ids=["seed", "tying", "steps"],
)
def test_another_run_is_trained(
    cache: TrajectoryCache, corpus: Path, other: dict[str, Any]
) -> None:
    same = {"plan": PLAN, "config": TIED, "steps": STEPS}
    for arguments in (same, {**same, **other}):
        cache.follow(corpus, **arguments)
    assert (cache.misses, cache.hits) == (2, 0)


def test_another_text_is_trained_on(cache: TrajectoryCache, corpus: Path) -> None:
    cache.follow(corpus, PLAN, TIED, STEPS)
    corpus.write_text(corpus.read_text() + "They went home.\n")
    cache.follow(corpus, PLAN, TIED, STEPS)
    assert cache.misses == 2


def test_a_damaged_run_is_trained_again_with_a_warning(
    cache: TrajectoryCache, corpus: Path
) -> None:
    trained = cache.follow(corpus, PLAN, TIED, STEPS)
    (file,) = files(cache)
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.warns(ragkit.RagkitWarning, match="cut short or altered.*trained again"):
        assert_equal(cache.follow(corpus, PLAN, TIED, STEPS), trained)
    assert_equal(cache.follow(corpus, PLAN, TIED, STEPS), trained)
    assert (cache.misses, cache.hits) == (2, 1)


def test_a_folder_that_cannot_be_written_is_reported_and_the_run_returned(
    corpus: Path, tmp_path: Path
) -> None:
    cache = TrajectoryCache(tmp_path / "file")
    cache.root.write_text("")
    with pytest.warns(ragkit.RagkitWarning, match="cannot be written"):
        run = cache.follow(corpus, PLAN, TIED, STEPS)
    assert list(run.tables)[:3] == list(STEPS)


def test_a_missing_corpus_is_a_data_error(cache: TrajectoryCache, tmp_path: Path) -> None:
    with pytest.raises(ragkit.DataError, match="no such file"):
        cache.follow(tmp_path / "nowhere.txt", PLAN, TIED)
