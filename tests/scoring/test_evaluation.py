"""Reports, their intervals, and comparisons; scipy is the oracle of the statistics."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import ragkit
from ragkit.ranking import ranked, ranked_ids
from ragkit.scoring.stats import bootstrap_interval

QRELS = {"q1": {"d1": 1}, "q2": {"d2": 1}, "q3": {"d3": 1}}
RUN = {"q1": {"d1": 0.9, "d2": 0.1}, "q2": {"d1": 0.8, "d2": 0.7}}

eighths = st.integers(0, 8).map(lambda number: number / 8)


def report_of(scores: NDArray[np.float64] | list[float], metric: str = "m") -> ragkit.Report:
    return ragkit.Report({metric: {f"q{n}": float(score) for n, score in enumerate(scores)}})


# Reports


def test_a_report_holds_each_metric_of_each_judged_query() -> None:
    report = ragkit.evaluate(QRELS, RUN, ["hit_rate@1", "mrr@10"])
    assert report.per_query == {
        "hit_rate@1": {"q1": 1.0, "q2": 0.0, "q3": 0.0},
        "mrr@10": {"q1": 1.0, "q2": 0.5, "q3": 0.0},
    }


def test_a_report_gives_the_mean_of_each_metric() -> None:
    mean = ragkit.evaluate(QRELS, RUN, ["hit_rate@1", "mrr@10"]).mean
    assert mean == pytest.approx({"hit_rate@1": 1 / 3, "mrr@10": 0.5})


def test_one_metric_may_be_given_as_a_string() -> None:
    assert ragkit.evaluate(QRELS, RUN, "mrr@10") == ragkit.evaluate(QRELS, RUN, ["mrr@10"])


def test_metrics_of_different_depth_do_not_disturb_each_other() -> None:
    together = ragkit.evaluate(QRELS, RUN, ["mrr@1", "mrr@2", "mrr", "recall@1"]).per_query
    for metric, scores in together.items():
        assert ragkit.evaluate(QRELS, RUN, metric).per_query[metric] == scores


def test_values_are_in_the_order_of_the_query_ids() -> None:
    report = ragkit.evaluate(QRELS, RUN, "mrr@10")
    assert report.query_ids == ["q1", "q2", "q3"]
    np.testing.assert_array_equal(report.values("mrr@10"), [1.0, 0.5, 0.0])


def test_a_metric_that_was_not_evaluated_is_refused_with_those_that_were() -> None:
    with pytest.raises(ragkit.EvaluationError, match=r"no 'ndcg@10'; it has mrr@10"):
        ragkit.evaluate(QRELS, RUN, "mrr@10").interval("ndcg@10")


def test_equal_scores_are_ordered_by_doc_id_ascending() -> None:
    tied = {"q": {"d2": 0.5, "d10": 0.5, "d1": 0.5}}
    first = {d: ragkit.evaluate({"q": {d: 1}}, tied, "mrr").mean["mrr"] for d in tied["q"]}
    assert first == pytest.approx({"d1": 1.0, "d10": 1 / 2, "d2": 1 / 3})


def test_the_order_of_the_run_does_not_matter() -> None:
    backwards = {q: dict(reversed(scores.items())) for q, scores in reversed(RUN.items())}
    metrics = ["mrr@10", "ndcg@10"]
    assert ragkit.evaluate(QRELS, RUN, metrics) == ragkit.evaluate(QRELS, backwards, metrics)


def test_a_run_of_a_retriever_with_no_answers_scores_0() -> None:
    assert ragkit.evaluate(QRELS, {}, "mrr@10").mean == {"mrr@10": 0.0}


@given(scores=st.dictionaries(st.sampled_from([f"d{n}" for n in range(12)]), eighths))
def test_the_ids_alone_are_ranked_as_pairs_are(scores: dict[str, float]) -> None:
    assert ranked_ids(scores, 5) == [doc_id for doc_id, _ in ranked(scores.items(), 5)]


# Some of the queries


def test_only_keeps_the_queries_asked_for() -> None:
    part = ragkit.evaluate(QRELS, RUN, ["hit_rate@1", "mrr@10"]).only(["q2", "q3"])
    assert part.per_query == {
        "hit_rate@1": {"q2": 0.0, "q3": 0.0},
        "mrr@10": {"q2": 0.5, "q3": 0.0},
    }
    assert part.mean["mrr@10"] == 0.25


def test_only_leaves_the_report_as_it_was() -> None:
    report = ragkit.evaluate(QRELS, RUN, "mrr@10")
    report.only(["q1"])
    assert report.query_ids == ["q1", "q2", "q3"]


@pytest.mark.parametrize("query_ids", [["q9"], ["q1", "q9"], [], "q1"])
def test_only_refuses_queries_that_the_report_lacks(query_ids: list[str]) -> None:
    with pytest.raises(ragkit.EvaluationError, match="No such queries"):
        ragkit.evaluate(QRELS, RUN, "mrr@10").only(query_ids)


# Intervals


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95])
@pytest.mark.parametrize("kind", ["all distinct", "tenths"])
def test_an_interval_is_the_percentile_bootstrap_of_scipy(kind: str, confidence: float) -> None:
    rng = np.random.default_rng(5)
    values = rng.beta(2, 1, size=400)
    if kind == "tenths":  # few distinct values are drawn in another way
        values = values.round(1)
    peer = scipy.stats.bootstrap(
        (values,),
        np.mean,
        method="percentile",
        confidence_level=confidence,
        n_resamples=10_000,
        rng=np.random.default_rng(6),
    ).confidence_interval
    interval = report_of(values).interval("m", confidence=confidence)
    assert interval == pytest.approx((peer.low, peer.high), abs=0.004)


@given(scores=st.lists(eighths, min_size=1, max_size=40))
@settings(max_examples=25, deadline=None)
def test_an_interval_lies_within_the_scores(scores: list[float]) -> None:
    low, high = bootstrap_interval(np.array(scores))
    assert min(scores) - 1e-12 <= low <= high <= max(scores) + 1e-12


def test_an_interval_is_reproducible() -> None:
    report = report_of(np.random.default_rng(1).random(50))
    assert report.interval("m") == report.interval("m") == report.interval("m", seed=0)


def test_another_seed_gives_a_slightly_different_interval() -> None:
    report = report_of(np.random.default_rng(1).random(50))
    assert report.interval("m", seed=1) != report.interval("m", seed=2)
    assert report.interval("m", seed=1) == pytest.approx(report.interval("m", seed=2), abs=0.01)


def test_an_interval_does_not_touch_the_global_random_state() -> None:
    before = np.random.get_state()[1].tolist()
    report_of([0.0, 0.5, 1.0]).interval("m")
    assert np.random.get_state()[1].tolist() == before


def test_scores_that_are_all_alike_have_an_interval_of_no_width() -> None:
    assert report_of([0.5] * 20).interval("m") == pytest.approx((0.5, 0.5))


@pytest.mark.parametrize("confidence", [95, -0.1, 0, 1, math.nan, None, "0.95"])
def test_a_confidence_that_is_no_probability_is_refused(confidence: float) -> None:
    with pytest.raises(ragkit.EvaluationError, match="confidence"):
        report_of([0.0, 1.0]).interval("m", confidence=confidence)


# Comparisons


def test_a_comparison_holds_the_difference_of_the_means() -> None:
    comparison = ragkit.compare(report_of([1.0, 0.5, 1.0]), report_of([0.5, 0.5, 0.0]), "m")
    assert (comparison.metric, comparison.queries) == ("m", 3)
    assert comparison.difference == pytest.approx(0.5)


@given(pairs=st.lists(st.tuples(eighths, eighths), min_size=1, max_size=9))
@settings(max_examples=40, deadline=None)
def test_the_p_value_is_that_of_the_exact_permutation_test(
    pairs: list[tuple[float, float]],
) -> None:
    a, b = np.array([*pairs, (0.5, 0.5)]).T  # not all 0 or 1, and a pair that changes nothing
    n, differences = len(a), a - b
    signs = 1 - 2 * (np.arange(2**n)[:, None] >> np.arange(n) & 1)
    exact = np.mean(np.abs(signs @ differences) >= abs(differences.sum()) - 1e-9)
    found = ragkit.compare(report_of(a), report_of(b), "m").p_value
    assert found == pytest.approx(exact, abs=0.03)  # six standard errors of 10,000 draws


def test_the_p_value_is_that_of_scipy() -> None:
    rng = np.random.default_rng(2)
    a = rng.random(60)
    b = a - rng.normal(0.05, 0.2, size=60)
    peer = scipy.stats.permutation_test(
        (a, b),
        lambda x, y: np.mean(x - y),
        permutation_type="samples",
        n_resamples=9_999,
        rng=np.random.default_rng(3),
    )
    assert ragkit.compare(report_of(a), report_of(b), "m").p_value == pytest.approx(
        peer.pvalue, abs=0.02
    )


@given(pairs=st.lists(st.tuples(eighths, eighths), min_size=1, max_size=30))
@settings(max_examples=25, deadline=None)
def test_comparing_the_other_way_round_turns_the_sign_and_nothing_else(
    pairs: list[tuple[float, float]],
) -> None:
    a, b = (report_of(list(scores)) for scores in zip(*pairs, strict=True))
    there, back = ragkit.compare(a, b, "m"), ragkit.compare(b, a, "m")
    assert there.difference == -back.difference
    assert there.p_value == back.p_value


def test_comparing_the_other_way_round_mirrors_the_interval() -> None:
    rng = np.random.default_rng(9)
    a, b = report_of(rng.random(200)), report_of(rng.random(200))
    low, high = ragkit.compare(b, a, "m").interval
    assert ragkit.compare(a, b, "m").interval == pytest.approx((-high, -low), abs=0.005)


def test_a_comparison_pairs_scores_by_query_and_not_by_place() -> None:
    a = ragkit.Report({"m": {"q1": 1.0, "q2": 0.0, "q3": 0.5}})
    b = ragkit.Report({"m": {"q3": 0.5, "q2": 0.0, "q1": 1.0}})
    assert ragkit.compare(a, b, "m").interval == (0.0, 0.0)


def test_the_interval_of_a_comparison_is_the_bootstrap_of_the_differences() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.random(200), rng.random(200)
    peer = scipy.stats.bootstrap(
        (a - b,), np.mean, method="percentile", n_resamples=10_000, rng=np.random.default_rng(7)
    ).confidence_interval
    found = ragkit.compare(report_of(a), report_of(b), "m").interval
    assert found == pytest.approx((peer.low, peer.high), abs=0.005)


def test_a_run_compared_with_itself_has_p_1_and_no_difference() -> None:
    report = report_of([0.0, 0.5, 1.0])
    comparison = ragkit.compare(report, report, "m")
    assert (comparison.difference, comparison.p_value) == (0.0, 1.0)
    assert comparison.interval == (0.0, 0.0)


def test_a_clear_difference_has_a_p_value_that_is_small_and_never_0() -> None:
    comparison = ragkit.compare(report_of([0.9] * 40), report_of([0.1] * 40), "m")
    assert comparison.p_value == pytest.approx(1 / 10_001)


def test_a_comparison_is_reproducible() -> None:
    rng = np.random.default_rng(8)
    a, b = report_of(rng.random(30)), report_of(rng.random(30))
    assert ragkit.compare(a, b, "m") == ragkit.compare(a, b, "m")


# What is refused


def test_a_query_that_is_not_judged_is_refused_by_name() -> None:
    with pytest.raises(ragkit.EvaluationError, match="'q9'"):
        ragkit.evaluate(QRELS, {"q1": {"d1": 1.0}, "q9": {"d1": 1.0}}, "mrr@10")


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf, None, "high"])
def test_a_score_that_is_not_a_finite_number_is_refused_by_query_and_document(
    score: float,
) -> None:
    with pytest.raises(ragkit.EvaluationError, match=r"'d7' for 'q2'"):
        ragkit.evaluate(QRELS, {"q1": {"d1": 1.0}, "q2": {"d1": 1.0, "d7": score}}, "mrr@10")


@pytest.mark.parametrize("relevance", [0.5, "1", None])
def test_a_relevance_that_is_no_whole_number_is_refused(relevance: int) -> None:
    with pytest.raises(ragkit.EvaluationError, match=r"'d7' for 'q2' .* not a whole number"):
        ragkit.evaluate({"q1": {"d1": 1}, "q2": {"d7": relevance}}, {}, "mrr@10")


def test_numpy_relevances_and_scores_are_numbers() -> None:
    qrels, run = {"q": {"a": np.int64(1)}}, {"q": {"a": np.float32(1), "b": np.uint8(2)}}
    assert ragkit.evaluate(qrels, run, "mrr@10").mean["mrr@10"] == 0.5


@pytest.mark.parametrize("score", [10**400, math.nan])
def test_the_one_bad_score_of_a_query_is_named_wherever_it_stands(score: float) -> None:
    scores = {f"d{n}": n / 8 for n in range(5)}
    for doc_id in scores:
        with pytest.raises(ragkit.EvaluationError, match=f"'{doc_id}' for 'q1'"):
            ragkit.evaluate(QRELS, {"q1": scores | {doc_id: score}}, "mrr@10")


def test_unsigned_scores_are_ranked_from_the_highest() -> None:
    run = {"q": {"a": np.uint8(1), "b": np.uint8(0), "c": np.uint8(200)}}
    assert ragkit.evaluate({"q": {"c": 1}}, run, "mrr").mean["mrr"] == 1.0


def test_run_and_qrels_the_wrong_way_round_are_refused_with_the_order() -> None:
    with pytest.raises(ragkit.EvaluationError, match=r"evaluate\(qrels, run, metrics\)"):
        ragkit.evaluate({"q1": {"d1": 0.25}}, {"q1": {"d1": 1}}, "mrr@10")


@pytest.mark.parametrize("ranking", [["d1"], [ragkit.Hit("d1", 1.0, 1)], "d1", None])
def test_a_list_in_place_of_a_map_is_refused(ranking: dict[str, float]) -> None:
    with pytest.raises(ragkit.EvaluationError, match=r"run\['q1'\] is \w+, not \{doc_id: number\}"):
        ragkit.evaluate(QRELS, {"q1": ranking}, "mrr@10")
    with pytest.raises(ragkit.EvaluationError, match=r"qrels\['q1'\] is \w+, not"):
        ragkit.evaluate({"q1": ranking}, RUN, "mrr@10")


@pytest.mark.parametrize("other", [None, ["q1"], "q1", ragkit.RandomRetriever()])
def test_what_is_no_map_of_queries_is_refused(other: Any) -> None:
    kind = type(other).__name__
    with pytest.raises(ragkit.EvaluationError, match=rf"^run is {kind}, not \{{query_id: "):
        ragkit.evaluate(QRELS, other, "mrr@10")
    with pytest.raises(ragkit.EvaluationError, match=rf"^qrels is {kind}, not .* kb\.qrels"):
        ragkit.evaluate(other, RUN, "mrr@10")


@pytest.mark.parametrize("metrics", [None, 10, [None], "mrr@" + "9" * 5000])
def test_what_is_no_metric_is_refused_with_those_there_are(metrics: Any) -> None:
    with pytest.raises(ragkit.EvaluationError, match=r"Unknown metric .*Use hit_rate, mrr"):
        ragkit.evaluate(QRELS, RUN, metrics)


@pytest.mark.parametrize("reports", [(None, None), ("m", report_of([1.0])), (RUN, RUN)])
def test_only_reports_are_compared(reports: Any) -> None:
    with pytest.raises(ragkit.EvaluationError, match=r"compare\(report_a, report_b, metric\)"):
        ragkit.compare(*reports, "m")


@pytest.mark.parametrize("qrels", [{}, {"q1": {}}])
def test_empty_qrels_are_refused(qrels: dict[str, dict[str, int]]) -> None:
    with pytest.raises(ragkit.EvaluationError, match="at least one metric and one judged query"):
        ragkit.evaluate(qrels, {}, "mrr@10")


def test_no_metrics_are_refused() -> None:
    with pytest.raises(ragkit.EvaluationError, match="at least one metric"):
        ragkit.evaluate(QRELS, RUN, [])


def test_reports_on_different_queries_are_not_compared() -> None:
    with pytest.raises(ragkit.EvaluationError, match=r"different queries \(2 differ.*'q1'"):
        ragkit.compare(report_of([1.0, 0.5, 0.0]), report_of([1.0]), "m")


def test_a_metric_that_one_report_lacks_is_not_compared() -> None:
    with pytest.raises(ragkit.EvaluationError, match="Both reports must contain 'm'"):
        ragkit.compare(report_of([1.0]), report_of([1.0], metric="other"), "m")


def test_the_means_of_a_report_are_computed_once() -> None:
    report = ragkit.evaluate({"q": {"d": 1}}, {"q": {"d": 1.0}}, ["mrr", "recall"])
    assert report.mean is report.mean
    assert report == ragkit.evaluate({"q": {"d": 1}}, {"q": {"d": 1.0}}, ["mrr", "recall"])


@pytest.mark.parametrize("place", [0, 200, 399])
def test_every_one_of_many_distinct_values_is_drawn(place: int) -> None:
    values = np.linspace(0.0, 1.0, 400)
    values[place] = 4_000.0  # drawn about once in each resample, and adds 10 to its mean
    low, high = bootstrap_interval(values)
    assert low < 1
    assert 20 < high < 50
