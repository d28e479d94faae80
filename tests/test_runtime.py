"""The switches of the process: how many threads numeric work takes."""

from __future__ import annotations

import os

import pytest

from ragkit.runtime import threads


@pytest.fixture(autouse=True)
def _many_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of 61 cores, of which this process may use three; nothing is asked for."""
    monkeypatch.delenv("RAGKIT_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 61)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {0, 7, 60}, raising=False)


def test_the_default_is_the_cores_that_this_process_may_use() -> None:
    assert threads() == 3


def test_where_no_system_call_tells_them_apart_the_default_is_all_cores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")  # macOS and Windows have none
    assert threads() == 61


def test_a_machine_that_does_not_know_its_cores_works_with_one_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert threads() == 1


def test_the_environment_variable_comes_before_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGKIT_THREADS", "5")
    assert threads() == 5
