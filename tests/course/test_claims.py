"""The experiments behind the claims page: areas within a question, builds without shared words."""

from __future__ import annotations

import re

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu, permutation_test

from ragkit.course.staff.claims import experiments
from ragkit.scoring.evaluation import Report
from ragkit.vectors import Vectors, unit_rows


def test_areas_are_those_of_mann_and_whitney() -> None:
    rng = np.random.default_rng(0)
    cosines = rng.normal(size=(20, 9)).round(1).astype(np.float32)  # with ties
    right = np.arange(9) < rng.integers(1, 4, size=20)[:, None]
    found = experiments.areas_within(cosines, right)
    for area, scores, is_right in zip(found, cosines, right, strict=True):
        answers, others = scores[is_right], scores[~is_right]
        expected = mannwhitneyu(answers, others).statistic / (len(answers) * len(others))
        assert area == pytest.approx(expected)


def test_a_question_is_compared_with_its_own_documents_only() -> None:
    cosines = np.array([[0.9, 0.8], [0.2, 0.1]], dtype=np.float32)
    right = np.array([[True, False], [True, False]])
    assert experiments.areas_within(cosines, right).tolist() == [1, 1]  # though 0.2 is below 0.8


def test_the_two_wordings_of_the_builds_share_no_word() -> None:
    first, second = (
        set(re.findall(r"\w+", " ".join(wording).lower()))
        for wording in zip(*experiments.PATTERNS, strict=True)
    )
    assert first.isdisjoint(second)
    subjects = [word for subject in experiments.SUBJECTS for word in subject.split()]
    assert len({*subjects} - first - second) == len(subjects)
    assert all(pattern.count("{}") == 1 for row in experiments.PATTERNS for pattern in row)


def bags(texts: list[str]) -> Vectors:
    """Unit vectors of word counts, the least that an encoder can do."""
    words = sorted({word for text in texts for word in text.lower().split()})
    counts = [[text.lower().split().count(word) for word in words] for text in texts]
    return unit_rows(np.array(counts, dtype=np.float32))


def test_words_alone_see_no_build() -> None:
    within, between = experiments.pattern_cosines(bags)
    assert within.min() > 0.5
    assert between == pytest.approx(0)


def test_the_cosines_are_those_of_the_sentences() -> None:
    rng = np.random.default_rng(1)
    seen: dict[str, Vectors] = {}

    def encode(texts: list[str]) -> Vectors:
        rows = unit_rows(rng.normal(size=(len(texts), 8)).astype(np.float32))
        seen.update(zip(texts, rows, strict=True))
        return rows

    within, between = experiments.pattern_cosines(encode)
    patterns, subjects = experiments.PATTERNS, experiments.SUBJECTS

    def mean(one: str, other: str) -> float:
        pairs = [(s, t) for s in subjects for t in subjects if s != t]
        return float(np.mean([seen[one.format(s)] @ seen[other.format(t)] for s, t in pairs]))

    assert between[1, 4] == pytest.approx(mean(patterns[1][0], patterns[4][1]))
    both = [mean(wording, wording) for wording in patterns[2]]
    assert within[2] == pytest.approx(np.mean(both))


def test_the_permutation_test_is_that_of_scipy() -> None:
    cells = np.random.default_rng(2).normal(size=(5, 5)) + 0.5 * np.eye(5)
    off = ~np.eye(5, dtype=bool)
    found = experiments.matched(cells)
    assert found["value"] == pytest.approx(np.diag(cells).mean() - cells[off].mean())

    def distance(way: NDArray[np.int64]) -> float:
        return abs(float(cells[np.arange(5), way].mean() - cells.mean()))

    expected = permutation_test(
        (np.arange(5),),
        distance,
        permutation_type="pairings",
        n_resamples=np.inf,
        alternative="greater",
        vectorized=False,
    )
    assert found["p"] == pytest.approx(expected.pvalue)


def test_a_mean_over_runs_is_taken_question_by_question() -> None:
    runs = [Report({experiments.METRIC: {"a": first, "b": 1.0}}) for first in (0.0, 1.0)]
    assert experiments.mean_report(runs).per_query[experiments.METRIC] == {"a": 0.5, "b": 1.0}
