"""Trained weights are kept under what made them: trained once, read back, never mixed up."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

import ragkit
from ragkit.cache.weights import WeightCache

RECIPE = {"start": "abc", "plan": {"epochs": 4, "rate": 2e-5}}


class Training:
    """A training that counts how often it ran."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self) -> dict[str, torch.Tensor]:
        self.runs += 1
        return weights()


def weights() -> dict[str, torch.Tensor]:
    matrix = torch.arange(6.0).reshape(2, 3)
    return {"matrix": matrix, "turned": matrix.T, "count": torch.tensor(7)}


def assert_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert set(one) == set(other)
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=0, atol=0)


@pytest.fixture
def cache(tmp_path: Path) -> WeightCache:
    return WeightCache(tmp_path)


@pytest.fixture
def train() -> Training:
    return Training()


def test_what_was_trained_is_read_back(cache: WeightCache, train: Training) -> None:
    assert_same(cache.fetch(RECIPE, train), weights())
    assert_same(cache.fetch(RECIPE, train), weights())
    assert (train.runs, cache.misses, cache.hits) == (1, 1, 1)
    assert_same(WeightCache(cache.root).fetch(RECIPE, train), weights())
    assert train.runs == 1


def test_weights_that_share_memory_are_kept_apart(cache: WeightCache) -> None:
    table = torch.ones(3, 2)
    for _ in range(2):  # a language model may read and write by one table
        kept = cache.fetch(RECIPE, lambda: {"table": table, "output": table})
        assert_same(kept, {"table": table, "output": table})
    assert cache.hits == 1


def test_the_order_of_a_recipes_keys_does_not_count(cache: WeightCache, train: Training) -> None:
    cache.fetch(RECIPE, train)
    turned = {"plan": {"rate": 2e-5, "epochs": 4}, "start": "abc"}
    assert list(turned) != list(RECIPE)
    cache.fetch(turned, train)
    assert train.runs == 1


@pytest.mark.parametrize(
    "other",
    [
        {**RECIPE, "start": "abd"},
        {**RECIPE, "plan": {"epochs": 5, "rate": 2e-5}},
        {**RECIPE, "plan": {"epochs": 4, "rate": 2.0000001e-5}},
        {**RECIPE, "more": None},
        {"plan": RECIPE["plan"]},
    ],
)
def test_another_recipe_is_trained(cache: WeightCache, train: Training, other: dict) -> None:
    cache.fetch(RECIPE, train)
    cache.fetch(other, train)
    assert (train.runs, cache.hits) == (2, 0)


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[:-1],
        lambda whole: whole + b" ",
        lambda whole: whole[:-4] + b"\xff\xff\xff\xff",
        lambda whole: b"x" * 200,
    ],
    ids=["empty", "cut", "longer", "altered", "another file"],
)
def test_a_damaged_file_warns_and_is_trained_again(
    cache: WeightCache, train: Training, damage: Callable[[bytes], bytes]
) -> None:
    cache.fetch(RECIPE, train)
    file = cache.path_of(RECIPE)
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    with pytest.warns(ragkit.RagkitWarning, match=r"weights are trained again"):
        again = cache.fetch(RECIPE, train)
    assert_same(again, weights())
    assert file.read_bytes() == whole
    assert (train.runs, cache.misses, cache.hits) == (2, 2, 0)


def test_a_folder_that_cannot_be_written_is_reported_once(tmp_path: Path, train: Training) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = WeightCache(tmp_path / "file" / "cache")
    with pytest.warns(ragkit.RagkitWarning, match="RAGKIT_CACHE") as caught:
        found = [cache.fetch(RECIPE, train) for _ in range(2)]
    assert len(caught) == 1
    for one in found:
        assert_same(one, weights())
    assert (train.runs, cache.misses, cache.hits) == (2, 2, 0)


def test_what_is_kept_is_read_where_nothing_can_be_written(
    cache: WeightCache, train: Training
) -> None:
    cache.fetch(RECIPE, train)
    lock = cache.path_of(RECIPE).with_suffix(".lock")
    lock.unlink(missing_ok=True)
    lock.mkdir()  # root may write everywhere, but not to a folder
    with pytest.warns(ragkit.RagkitWarning, match="cannot be written"):
        assert_same(cache.fetch(RECIPE, train), weights())
    assert (train.runs, cache.hits) == (1, 1)


@pytest.mark.parametrize("error", [OSError("no such corpus"), ValueError("diverged")])
def test_a_training_that_fails_is_neither_repeated_nor_kept(
    cache: WeightCache, train: Training, error: Exception
) -> None:
    runs = []

    def fails() -> dict[str, torch.Tensor]:
        runs.append(1)
        raise error

    with pytest.raises(type(error), match=str(error)):
        cache.fetch(RECIPE, fails)
    assert len(runs) == 1
    assert_same(cache.fetch(RECIPE, train), weights())
    assert train.runs == 1


def test_two_threads_that_want_the_same_train_it_once(tmp_path: Path) -> None:
    runs, both = [], threading.Barrier(2, timeout=60)

    def slow() -> dict[str, torch.Tensor]:
        runs.append(1)
        second_waits.wait(timeout=60)
        return weights()

    second_waits = threading.Event()

    def fetch(number: int) -> tuple[dict[str, torch.Tensor], WeightCache]:
        cache = WeightCache(tmp_path)
        both.wait()
        if number:
            second_waits.set()
        return cache.fetch(RECIPE, slow), cache

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(fetch, range(2)))
    assert len(runs) == 1
    assert sorted(cache.hits for _, cache in found) == [0, 1]
    for one, _ in found:
        assert_same(one, weights())


_OTHER = """
import sys, torch
from ragkit.cache.weights import WeightCache

def train():
    print("training", flush=True)
    sys.stdin.readline()
    return {"from": torch.tensor([2.0])}

WeightCache(sys.argv[1]).fetch({"a": 1}, train)
"""


def test_a_process_waits_for_what_another_trains(tmp_path: Path, train: Training) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", _OTHER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with other, ThreadPoolExecutor(1) as pool:
        assert other.stdout.readline() == "training\n"  # so it holds the lock
        waiting = pool.submit(WeightCache(tmp_path).fetch, {"a": 1}, train)
        other.communicate("\n", timeout=60)
        assert_same(waiting.result(timeout=60), {"from": torch.tensor([2.0])})
    assert (other.returncode, train.runs) == (0, 0)
