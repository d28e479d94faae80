"""Intervals and tests of hits: scipy, published tables and simulation are the oracles."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import ragkit
from ragkit.scoring.proportions import mcnemar_p_value, paired_interval, wilson_interval
from ragkit.scoring.stats import bootstrap_interval, detectable_difference, holm

Hits = NDArray[np.float64]


def report_of(hits: Hits | list[float]) -> ragkit.Report:
    return ragkit.Report({"hit_rate@1": {f"q{n}": float(hit) for n, hit in enumerate(hits)}})


def paired(both: int, only_a: int, only_b: int, neither: int) -> tuple[Hits, Hits]:
    """Two lists of hits with these counts of pairs."""
    counts = [both, only_a, only_b, neither]
    return tuple(
        np.repeat(np.array(row, dtype=float), counts) for row in ((1, 1, 0, 0), (1, 0, 1, 0))
    )


counts = st.tuples(*[st.integers(0, 30)] * 4).filter(any)


# One share


@given(hits=st.integers(0, 60), misses=st.integers(0, 60), confidence=st.sampled_from([0.5, 0.95]))
def test_the_interval_of_a_share_is_the_wilson_interval_of_scipy(
    hits: int, misses: int, confidence: float
) -> None:
    n = hits + misses
    if n:
        peer = scipy.stats.binomtest(hits, n).proportion_ci(confidence, method="wilson")
        found = report_of([1.0] * hits + [0.0] * misses).interval("hit_rate@1", confidence)
        assert found == pytest.approx((peer.low, peer.high), abs=1e-12)


def test_a_share_of_1_has_an_interval_with_a_width() -> None:
    low, high = report_of([1.0] * 24).interval("hit_rate@1")
    assert (low, high) == (pytest.approx(24 / (24 + 1.959964**2)), 1.0)


def test_scores_between_0_and_1_keep_the_bootstrap() -> None:
    values = [0.0, 1.0, 0.5] * 10
    assert report_of(values).interval("hit_rate@1") == bootstrap_interval(np.array(values))


@pytest.mark.parametrize("confidence", [95, 0, 1, math.nan, None])
def test_a_confidence_that_is_no_probability_is_refused_for_shares_too(confidence: float) -> None:
    with pytest.raises(ragkit.EvaluationError, match="confidence"):
        report_of([0.0, 1.0]).interval("hit_rate@1", confidence=confidence)


def test_near_1_wilson_covers_the_true_share_where_the_bootstrap_does_not() -> None:
    n, share = 24, 0.95
    chance = scipy.stats.binom(n, share).pmf(np.arange(n + 1))  # of each number of hits

    def coverage(intervals: list[tuple[float, float]]) -> float:
        return float(
            sum(p for p, (low, high) in zip(chance, intervals, strict=True) if low <= share <= high)
        )

    hits = [np.repeat([1.0, 0.0], [h, n - h]) for h in range(n + 1)]
    assert coverage([wilson_interval(h, n) for h in range(n + 1)]) > 0.93
    assert coverage([bootstrap_interval(values) for values in hits]) < 0.75


# Two shares of the same queries


def test_the_paired_interval_is_the_published_one() -> None:
    # Fagerland, Lydersen & Laake, Statistics in Medicine 2014: Newcombe's interval for data of
    # Bentur et al. 2009 is (-0.507, -0.026)
    assert paired_interval(*paired(1, 1, 7, 12)) == pytest.approx((-0.507, -0.026), abs=5e-4)


@given(counts=counts)
def test_the_paired_interval_contains_the_difference_and_mirrors(
    counts: tuple[int, int, int, int],
) -> None:
    a, b = paired(*counts)
    low, high = paired_interval(a, b)
    assert -1 <= low <= a.mean() - b.mean() <= high <= 1
    assert paired_interval(b, a) == pytest.approx((-high, -low))
    assert low < high


@pytest.mark.parametrize(
    ("n", "shares"), [(39, (0.85, 0.1, 0.03, 0.02)), (232, (0.6, 0.1, 0.06, 0.24))]
)
def test_the_paired_interval_covers_the_true_difference(
    n: int, shares: tuple[float, float, float, float]
) -> None:
    drawn = np.random.default_rng(3).multinomial(n, shares, size=2000)
    truth = shares[1] - shares[2]
    covered = [
        low <= truth <= high for low, high in (paired_interval(*paired(*row)) for row in drawn)
    ]
    assert np.mean(covered) > 0.93


@given(counts=counts)
def test_the_p_value_of_hits_is_the_exact_binomial_test_of_scipy(
    counts: tuple[int, int, int, int],
) -> None:
    _, only_a, only_b, _ = counts
    n = only_a + only_b
    peer = scipy.stats.binomtest(only_a, n).pvalue if n else 1.0
    assert mcnemar_p_value(*paired(*counts)) == pytest.approx(peer, abs=1e-12)


def test_compare_uses_them_for_hits_and_for_nothing_else() -> None:
    a, b = paired(20, 9, 2, 5)
    found = ragkit.compare(report_of(a), report_of(b), "hit_rate@1")
    assert (found.interval, found.p_value) == (paired_interval(a, b), mcnemar_p_value(a, b))
    graded = ragkit.compare(report_of(a), report_of(b / 2), "hit_rate@1")
    assert graded.interval == bootstrap_interval(a - b / 2)


# Power and several tests


def test_the_detectable_difference_is_found_in_four_of_five_experiments() -> None:
    n, deviation = 60, 0.4
    rng = np.random.default_rng(1)
    wanted = detectable_difference(rng.normal(0, deviation, size=100_000)) * (100_000 / n) ** 0.5
    drawn = rng.normal(wanted, deviation, size=(4000, n))
    found = scipy.stats.ttest_1samp(drawn, 0, axis=1).pvalue < 0.05
    assert 0.76 < found.mean() < 0.82


def test_a_comparison_says_what_it_could_have_seen() -> None:
    a, b = paired(20, 9, 2, 5)
    found = ragkit.compare(report_of(a), report_of(b), "hit_rate@1")
    assert found.detectable == pytest.approx(2.80159 * (a - b).std(ddof=1) / 6, rel=1e-5)
    assert math.isnan(ragkit.compare(report_of([1.0]), report_of([0.0]), "hit_rate@1").detectable)


def step_down(p_values: dict[str, float], level: float) -> set[str]:
    """Holm's procedure in his words: reject while the smallest p left is at most level / left."""
    left, rejected = dict(p_values), set()
    while left:
        smallest = min(left, key=left.__getitem__)
        if left[smallest] > level / len(left):
            break
        rejected.add(smallest)
        del left[smallest]
    return rejected


def test_holm_on_a_small_family() -> None:
    found = holm({"a": 0.01, "b": 0.04, "c": 0.03})
    assert found == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06})
    assert list(found) == ["a", "b", "c"]


@given(p_values=st.dictionaries(st.text(max_size=2), st.integers(1, 999).map(lambda i: i / 1000)))
def test_adjusted_values_below_the_level_are_those_that_the_procedure_rejects(
    p_values: dict[str, float],
) -> None:
    for level in (0.0505, 0.2005):  # no product of a p and a count is near them
        below = {name for name, p in holm(p_values).items() if p <= level + 1e-12}
        assert below == step_down(p_values, level + 1e-12)
