"""Metrics are trec_eval's: peers agree on random runs, and paper agrees on small ones.

Scores in the random runs are distinct, because the two peers break ties by rules of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_ranx import AS_PLAIN_PYTHON, ranx

import ragkit
from ragkit.scoring.metrics import METRICS, ndcg, parse_metric, precision

Qrels = dict[str, dict[str, int]]
Run = dict[str, dict[str, float]]

DOCUMENTS = [f"d{number}" for number in range(12)]
TREC_NAMES = {"hit_rate": "success", "recall": "recall", "ndcg": "ndcg_cut", "precision": "P"}
TREC_WHOLE = {"recall": "set_recall", "mrr": "recip_rank", "ndcg": "ndcg", "precision": "set_P"}


@st.composite
def rankings(draw: st.DrawFn) -> dict[str, float]:
    """One query's run with distinct scores, inserted in no particular order."""
    ranking = draw(st.lists(st.sampled_from(DOCUMENTS), min_size=1, unique=True))
    scores = draw(st.permutations(range(len(ranking))))
    return {doc_id: score / 8 - 0.5 for doc_id, score in zip(ranking, scores, strict=True)}


@st.composite
def judged_runs(draw: st.DrawFn) -> tuple[Qrels, Run]:
    """Graded qrels, zeros included, and a run that answers some of their queries."""
    judgements = st.dictionaries(st.sampled_from(DOCUMENTS), st.integers(0, 3), min_size=1)
    qrels = draw(
        st.dictionaries(st.sampled_from(["q1", "q2", "q3", "q10"]), judgements, min_size=1)
    )
    answered = draw(st.lists(st.sampled_from(sorted(qrels)), min_size=1, unique=True))
    return qrels, {query_id: draw(rankings()) for query_id in answered}


def trec_scores(qrels: Qrels, run: Run, measure: str) -> dict[str, float]:
    """What trec_eval says; like `trec_eval -c`, a query missing from the run scores 0."""
    scores = pytrec_eval.RelevanceEvaluator(qrels, {measure}).evaluate(run)
    name = measure.replace(".", "_")
    return {query_id: scores.get(query_id, {name: 0.0})[name] for query_id in qrels}


def cut(run: Run, k: int) -> Run:
    return {q: dict(sorted(s.items(), key=lambda pair: -pair[1])[:k]) for q, s in run.items()}


# Peers


@pytest.mark.parametrize("name", TREC_NAMES)
@given(judged_run=judged_runs(), k=st.integers(1, 15))
@settings(max_examples=60, deadline=None)
def test_a_metric_with_a_cut_off_is_that_of_trec_eval(
    name: str, judged_run: tuple[Qrels, Run], k: int
) -> None:
    qrels, run = judged_run
    report = ragkit.evaluate(qrels, run, f"{name}@{k}")
    expected = trec_scores(qrels, run, f"{TREC_NAMES[name]}.{k}")
    assert report.per_query[f"{name}@{k}"] == pytest.approx(expected, abs=1e-9)


@given(judged_run=judged_runs(), k=st.integers(1, 15))
@settings(max_examples=60, deadline=None)
def test_mrr_is_the_recip_rank_of_trec_eval_on_the_cut_run(
    judged_run: tuple[Qrels, Run], k: int
) -> None:
    qrels, run = judged_run
    report = ragkit.evaluate(qrels, run, f"mrr@{k}")
    expected = trec_scores(qrels, cut(run, k), "recip_rank")
    assert report.per_query[f"mrr@{k}"] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", TREC_WHOLE)
@given(judged_run=judged_runs())
@settings(max_examples=40, deadline=None)
def test_a_metric_without_a_cut_off_reads_the_whole_ranking_as_trec_eval_does(
    name: str, judged_run: tuple[Qrels, Run]
) -> None:
    qrels, run = judged_run
    expected = trec_scores(qrels, run, TREC_WHOLE[name])
    assert ragkit.evaluate(qrels, run, name).per_query[name] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", METRICS)
@given(judged_run=judged_runs(), k=st.integers(1, 15))
@settings(max_examples=40, deadline=None)
def test_a_metric_string_means_what_it_means_in_ranx(
    name: str, judged_run: tuple[Qrels, Run], k: int
) -> None:
    qrels, run = judged_run
    metric = f"{name}@{k}"
    with AS_PLAIN_PYTHON:
        peer = ranx.Run(run)
        ranx.evaluate(ranx.Qrels(qrels), peer, metric, make_comparable=True)
    assert ragkit.evaluate(qrels, run, metric).per_query[metric] == pytest.approx(
        dict(peer.scores[metric]), abs=1e-9
    )


@pytest.mark.parametrize("measure", ["ndcg_cut.3", "P.3", "recall.3", "success.3", "recip_rank"])
def test_a_negative_judgement_counts_as_not_relevant(measure: str) -> None:
    qrels, run = {"q": {"a": -1, "b": 2, "c": -2}}, {"q": {"a": 3.0, "b": 2.0, "c": 1.0}}
    ours = {v: k for k, v in TREC_NAMES.items()} | {"recip_rank": "mrr"}
    metric = f"{ours[measure.removesuffix('.3')]}@3"
    expected = trec_scores(qrels, run, measure)
    assert ragkit.evaluate(qrels, run, metric).per_query[metric] == pytest.approx(expected)


# By hand: the ranking is d4 d2 d9 d1; d1 is judged 3, d2 1, d3 2, d4 0

RANKING = ["d4", "d2", "d9", "d1"]
JUDGED = {"d1": 3, "d2": 1, "d3": 2, "d4": 0}
DCG = 1 / math.log2(3) + 3 / math.log2(5)
IDEAL_DCG = 3 + 2 / math.log2(3) + 1 / math.log2(4)


@pytest.mark.parametrize(
    ("metric", "score"),
    [
        ("hit_rate@1", 0.0),
        ("hit_rate@2", 1.0),
        ("recall@1", 0.0),
        ("recall@2", 1 / 3),
        ("recall@4", 2 / 3),
        ("recall", 2 / 3),
        ("mrr@1", 0.0),
        ("mrr@2", 1 / 2),
        ("mrr", 1 / 2),
        ("precision@2", 1 / 2),
        ("precision@3", 1 / 3),
        ("precision", 2 / 4),
        ("ndcg@1", 0.0),
        ("ndcg@2", (1 / math.log2(3)) / (3 + 2 / math.log2(3))),
        ("ndcg@4", DCG / IDEAL_DCG),
        ("ndcg", DCG / IDEAL_DCG),
    ],
)
def test_a_metric_gives_the_number_worked_by_hand(metric: str, score: float) -> None:
    assert parse_metric(metric)(RANKING, JUDGED) == pytest.approx(score, abs=1e-12)


def test_precision_divides_by_the_cut_off_even_when_the_ranking_is_shorter() -> None:
    assert parse_metric("precision@10")(["d1"], JUDGED) == pytest.approx(0.1)


@pytest.mark.parametrize("name", METRICS)
def test_an_empty_ranking_scores_0(name: str) -> None:
    assert parse_metric(name)([], JUDGED) == parse_metric(f"{name}@5")([], JUDGED) == 0.0


@pytest.mark.parametrize("name", METRICS)
def test_a_query_without_a_relevant_document_scores_0(name: str) -> None:
    assert parse_metric(f"{name}@5")(RANKING, {"d4": 0, "d2": 0}) == 0.0


@pytest.mark.parametrize("name", ["hit_rate", "mrr", "ndcg", "recall"])
def test_the_ideal_ranking_scores_1(name: str) -> None:
    assert parse_metric(f"{name}@3")(["d1", "d3", "d2"], JUDGED) == pytest.approx(1.0)


# A metric function called by itself

EACH = pytest.mark.parametrize("score", METRICS.values(), ids=METRICS)


@EACH
@given(ranking=st.permutations(DOCUMENTS), k=st.integers(1, 15))
def test_a_metric_reads_no_further_than_the_cut_off_it_is_given(
    score: Callable[..., float], ranking: list[str], k: int
) -> None:
    judged = {doc_id: number % 4 for number, doc_id in enumerate(DOCUMENTS)}
    unread = [f"unjudged {doc_id}" for doc_id in ranking[k:]]
    assert score(ranking, judged, k) == score(ranking[:k] + unread, judged, k)
    assert 0 <= score(ranking, judged, k) <= 1


def test_two_of_two_places_are_all_of_them_and_no_more() -> None:
    judged = {"a": 1, "b": 1, "c": 1}
    assert precision(["a", "b", "c"], judged, k=2) == 1.0
    assert ndcg(["a", "b"], judged, k=1) == 1.0


@EACH
def test_a_repeated_document_counts_once_at_its_first_place(score: Callable[..., float]) -> None:
    judged = {"d1": 3, "d2": 1}
    repeated, replaced = ["x", "d1", "d1", "d2"], ["x", "d1", "y", "d2"]
    for k in (1, 2, 3, 4, None):
        assert score(repeated, judged, k) == score(replaced, judged, k)


@EACH
@pytest.mark.parametrize("k", [0, -1, True, False, 2.0, "2"])
def test_a_cut_off_that_is_no_whole_number_from_1_up_is_refused(
    score: Callable[..., float], k: int
) -> None:
    with pytest.raises(ragkit.EvaluationError, match="cut-off k must be"):
        score(RANKING, JUDGED, k)


# The mean


@pytest.mark.parametrize("name", METRICS)
@given(judged_run=judged_runs(), k=st.integers(1, 15))
@settings(max_examples=25, deadline=None)
def test_the_mean_is_over_all_judged_queries(
    name: str, judged_run: tuple[Qrels, Run], k: int
) -> None:
    qrels, run = judged_run
    metric = f"{name}@{k}"
    report = ragkit.evaluate(qrels, run, metric)
    answered = sum(report.per_query[metric][query_id] for query_id in run)
    assert report.mean[metric] == pytest.approx(answered / len(qrels), abs=1e-12)


def test_a_query_missing_from_the_run_scores_0_and_lowers_the_mean() -> None:
    report = ragkit.evaluate({"q1": {"d1": 1}, "q2": {"d1": 1}}, {"q1": {"d1": 0.5}}, "mrr@10")
    assert report.per_query["mrr@10"] == {"q1": 1.0, "q2": 0.0}
    assert report.mean == {"mrr@10": 0.5}


# Names


def test_a_metric_keeps_its_name_and_cut_off() -> None:
    metric = parse_metric("ndcg@10")
    assert (metric.name, metric.k) == ("ndcg@10", 10)


@pytest.mark.parametrize(
    "name",
    [
        *("", "map", "ndgc@10", "MRR@10", "hit-rate@5", "mrr @5", "mrr@5\n", "@5"),
        *("mrr@", "mrr@0", "mrr@-1", "mrr@1.5", "mrr@05", "hit_rate@five", "mrr@٣"),
        *(None, 5),
    ],
)
def test_an_unknown_metric_is_refused_and_the_known_ones_are_named(name: object) -> None:
    with pytest.raises(ragkit.EvaluationError, match="Use hit_rate, mrr, ndcg, precision, recall"):
        parse_metric(name)  # type: ignore[arg-type]


def test_evaluate_refuses_an_unknown_metric_among_known_ones() -> None:
    with pytest.raises(ragkit.EvaluationError, match="'map'"):
        ragkit.evaluate({"q": {"d": 1}}, {"q": {"d": 1.0}}, ["mrr@10", "map"])
