"""Fusion of runs by their scores, and the two stages that use it; fusion by ranks is tested with
the retrievers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_ranx import AS_PLAIN_PYTHON, ranx

import ragkit
from ragkit import Document, Hit, Query
from ragkit.search.fusion import convex_combination, min_max

SCORES = {"a": 9.0, "b": 5.0, "c": 7.0}


def only(scores: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """A run of one query."""
    return {"q": dict(scores)}


# Scores from 0 to 1


def test_the_lowest_becomes_0_and_the_highest_1() -> None:
    assert min_max(SCORES) == {"a": 1.0, "b": 0.0, "c": 0.5}


@pytest.mark.parametrize("scores", [{"a": 3.5}, {"a": -2.0, "b": -2.0}, {"a": 0, "b": 0}])
def test_equal_scores_all_become_0(scores: dict[str, float]) -> None:
    assert min_max(scores) == dict.fromkeys(scores, 0.0)


def test_no_scores_stay_none() -> None:
    assert min_max({}) == {}


finite = st.floats(-1e300, 1e300)
lists = st.dictionaries(st.sampled_from("abcdefgh"), finite, min_size=1, max_size=8)


@given(scores=lists)
@settings(max_examples=100, deadline=None)
def test_scaling_lies_between_0_and_1_and_turns_no_pair_round(scores: dict[str, float]) -> None:
    scaled = min_max(scores)
    assert all(0 <= value <= 1 for value in scaled.values())
    for one in scores:
        for other in scores:
            if scores[one] > scores[other]:
                assert scaled[one] >= scaled[other]


@given(scores=st.dictionaries(st.sampled_from("abcdefgh"), st.integers(-9, 9), min_size=1))
@settings(max_examples=50, deadline=None)
def test_neither_a_shift_nor_a_scale_changes_it(scores: dict[str, int]) -> None:
    changed = {doc_id: 3.0 * score - 40 for doc_id, score in scores.items()}
    assert min_max(changed) == pytest.approx(min_max(scores))


# The convex combination


def test_a_combination_worked_by_hand() -> None:
    # a: 0.25 * 1 + 0.75 * 0; b: 0.25 * 0 + 0.75 * 1; c: 0.25 * 0.5; d: 0.75 * 0.4
    fused = convex_combination([only(SCORES), only({"a": 0.1, "b": 0.6, "d": 0.3})], [0.25, 0.75])
    assert fused["q"] == pytest.approx({"b": 0.75, "d": 0.3, "a": 0.25, "c": 0.125})
    assert list(fused["q"]) == ["b", "d", "a", "c"]


def test_a_document_that_a_list_lacks_gets_0_from_it() -> None:
    fused = convex_combination([only({"a": 2.0, "b": 1.0}), only({"c": 2.0, "d": 1.0})], [0.4, 0.6])
    assert fused["q"] == {"c": 0.6, "a": 0.4, "b": 0.0, "d": 0.0}


def test_a_query_that_a_run_lacks_takes_what_the_other_has() -> None:
    fused = convex_combination([{"q": SCORES, "r": {}}, {"s": SCORES}], [0.5, 0.5])
    assert fused == {
        "q": {"a": 0.5, "c": 0.25, "b": 0.0},
        "r": {},
        "s": {"a": 0.5, "c": 0.25, "b": 0.0},
    }


def test_equal_sums_are_ordered_by_id() -> None:
    run = only({"d2": 1.0, "d10": 1.0, "d1": 0.0})
    assert list(convex_combination([run], [1.0])["q"]) == ["d10", "d2", "d1"]


def test_all_the_weight_on_one_run_gives_its_order() -> None:
    other = only({"a": 0.0, "b": 1.0, "c": 0.5})
    assert list(convex_combination([only(SCORES), other], [1, 0])["q"]) == ["a", "c", "b"]
    assert list(convex_combination([only(SCORES), other], [0, 1])["q"]) == ["b", "c", "a"]


def test_what_went_in_is_left_as_it_was() -> None:
    run, weights = only(SCORES), [1.0]
    convex_combination([run], weights)
    assert (run, weights) == (only(SCORES), [1.0])


def test_scores_and_weights_of_numpy_are_numbers() -> None:
    run = only({"a": np.float32(2), "b": np.float32(1)})
    fused = convex_combination([run, run], np.array([0.5, 0.5]))
    assert fused == only({"a": 1.0, "b": 0.0})
    assert type(fused["q"]["a"]) is float


grid = st.integers(-20, 20).map(lambda n: n / 4)
ranked = st.dictionaries(st.sampled_from("abcdefgh"), grid, min_size=1, max_size=8)


@given(one=ranked, other=ranked, share=st.integers(0, 10))
@settings(max_examples=40, deadline=None)
def test_it_is_the_weighted_sum_of_ranx(
    one: dict[str, float], other: dict[str, float], share: int
) -> None:
    weights = [share / 10, 1 - share / 10]
    with AS_PLAIN_PYTHON:
        expected = ranx.fuse(
            runs=[ranx.Run(only(one)), ranx.Run(only(other))],
            norm="min-max",
            method="wsum",
            params={"weights": weights},
        )
    fused = convex_combination([only(one), only(other)], weights)
    assert fused["q"] == pytest.approx(dict(expected.run["q"]), abs=1e-6)


@pytest.mark.parametrize("weights", [[], [1.0], [0.2, 0.3, 0.5], None, 0.5])
def test_as_many_weights_as_runs(weights: Any) -> None:
    with pytest.raises(ragkit.DataError, match=r"2 runs and the weights are .*as many weights"):
        convex_combination([only(SCORES), only(SCORES)], weights)


def test_no_runs_cannot_be_combined() -> None:
    with pytest.raises(ragkit.DataError, match="0 runs"):
        convex_combination([], [])


@pytest.mark.parametrize(
    "weights", [[0.5, 0.6], [-0.5, 1.5], [math.nan, 1.0], [math.inf, 0.0], ["a", 1.0], [None, 1]]
)
def test_weights_that_are_no_shares_are_refused(weights: Any) -> None:
    with pytest.raises(ragkit.DataError, match="numbers from 0 to 1 that add up to 1"):
        convex_combination([only(SCORES), only(SCORES)], weights)


def test_shares_that_add_up_but_for_rounding_are_taken() -> None:
    assert convex_combination([only(SCORES)] * 10, [0.1] * 10)["q"]["a"] == pytest.approx(1)


@pytest.mark.parametrize("score", [math.nan, math.inf, "9", None])
def test_a_score_that_is_no_finite_number_is_named(score: Any) -> None:
    with pytest.raises(ragkit.DataError, match=r"runs\[1\]\['q'\] gives 'b' the score"):
        convex_combination([only(SCORES), only({"a": 1.0, "b": score})], [0.5, 0.5])


@pytest.mark.parametrize("run", [None, [SCORES], {"q": [Hit("a", 1.0, 1)]}, SCORES])
def test_what_is_no_run_is_refused(run: Any) -> None:
    with pytest.raises(ragkit.DataError, match=r"runs\[1\].* is \w+, not \{"):
        convex_combination([only(SCORES), run], [0.5, 0.5])


# Two stages that keep the first stage's score


class ScoredRetriever:
    """A `Retriever` with the same scores for every query."""

    def __init__(self, scores: Mapping[str, float]) -> None:
        self.scores = dict(scores)
        self.documents = {doc_id: Document(doc_id, f"text of {doc_id}") for doc_id in scores}

    def search(self, query: str, k: int = 10) -> list[Hit]:
        best = sorted(self.scores.items(), key=lambda pair: (-pair[1], pair[0]))[:k]
        return [Hit(doc_id, score, rank) for rank, (doc_id, score) in enumerate(best, start=1)]

    def run(self, queries: Sequence[Query], k: int = 10) -> dict[str, dict[str, float]]:
        return {q.query_id: {h.doc_id: h.score for h in self.search(q.text, k)} for q in queries}


class ScoredReranker:
    """A `Reranker` with the same scores for every query."""

    def __init__(self, scores: Mapping[str, float]) -> None:
        self.scores = dict(scores)

    def predict(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        return np.array([self.scores[text.split()[-1]] for _, text in pairs], dtype=np.float32)

    def rank(
        self, query: str, documents: Sequence[Document], top_k: int | None = None
    ) -> list[Hit]:
        best = sorted(documents, key=lambda d: (-self.scores[d.doc_id], d.doc_id))[:top_k]
        return [Hit(d.doc_id, self.scores[d.doc_id], n) for n, d in enumerate(best, start=1)]


FIRST = {"a": 0.9, "b": 0.8, "c": 0.5, "d": 0.1}
SECOND = {"a": -8.0, "b": -2.0, "c": 4.0, "d": 11.0}


def staged(depth: int = 3, weight: float = 1.0) -> ragkit.TwoStageRetriever:
    two = ragkit.TwoStageRetriever(ScoredRetriever(FIRST), ScoredReranker(SECOND))
    return two.with_depth(depth).with_weight(weight)


def found(pipeline: ragkit.TwoStageRetriever, k: int = 10) -> dict[str, float]:
    return {hit.doc_id: hit.score for hit in pipeline.search("anything", k)}


def test_by_default_the_reranker_alone_orders_and_scores() -> None:
    plain = ragkit.TwoStageRetriever(ScoredRetriever(FIRST), ScoredReranker(SECOND), depth=3)
    assert plain.weight == 1
    assert found(plain) == {"c": 4.0, "b": -2.0, "a": -8.0}


def test_a_weight_mixes_both_scores_scaled_over_the_candidates() -> None:
    # first stage of a, b, c: 1, 0.75, 0; reranker: 0, 0.5, 1; d is no candidate
    mixed = found(staged(weight=0.4))
    assert mixed == pytest.approx({"b": 0.2 + 0.45, "a": 0.6, "c": 0.4})
    assert list(mixed) == ["b", "a", "c"]


def test_at_weight_0_the_first_stage_keeps_its_order() -> None:
    assert list(found(staged(depth=4, weight=0.0))) == ["a", "b", "c", "d"]


def test_it_is_the_convex_combination_of_the_two_runs() -> None:
    second = {doc_id: SECOND[doc_id] for doc_id in "abc"}
    first = {doc_id: FIRST[doc_id] for doc_id in "abc"}
    expected = convex_combination([only(second), only(first)], [0.7, 0.3])
    [run] = staged(weight=0.7).run([Query("q", "anything")]).values()
    assert run == pytest.approx(expected["q"])


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("depth", [1, 2, 3, 4, 9])
def test_a_smaller_k_is_the_start_of_a_larger_one(weight: float, depth: int) -> None:
    pipeline = staged(depth, weight)
    longest = pipeline.search("anything", 9)
    assert len(longest) == min(depth, 4)
    for k in range(1, 9):
        assert pipeline.search("anything", k) == longest[:k]


def test_depth_and_weight_are_set_apart_and_leave_the_pipeline_as_it_was() -> None:
    pipeline = staged(depth=3)
    mixed = pipeline.with_weight(0.25)
    assert (pipeline.depth, pipeline.weight) == (3, 1.0)
    assert (mixed.depth, mixed.weight) == (3, 0.25)
    assert (mixed.with_depth(7).depth, mixed.with_depth(7).weight) == (7, 0.25)
    assert mixed.first_stage is pipeline.first_stage


@pytest.mark.parametrize("weight", [-0.1, 1.1, math.nan, math.inf, "0.5", None, True])
def test_a_weight_outside_0_to_1_is_refused(weight: Any) -> None:
    with pytest.raises(ragkit.DataError, match="weight must be a number from 0 to 1"):
        staged().with_weight(weight)
    with pytest.raises(ragkit.DataError, match="weight must be a number from 0 to 1"):
        ragkit.TwoStageRetriever(ScoredRetriever(FIRST), ScoredReranker(SECOND), weight=weight)


def test_a_weight_of_numpy_is_a_number() -> None:
    assert type(staged().with_weight(np.float32(0.5)).weight) is float


def test_a_reranker_that_returns_nan_is_named() -> None:
    broken = ragkit.TwoStageRetriever(ScoredRetriever(FIRST), ScoredReranker(SECOND), weight=0.5)
    broken.reranker.scores["b"] = math.nan  # type: ignore[attr-defined]
    with pytest.raises(ragkit.DataError, match="The reranker gives 'b' the score nan"):
        broken.search("anything")


def test_no_candidates_give_no_hits() -> None:
    empty = ragkit.TwoStageRetriever(ScoredRetriever({}), ScoredReranker({}), weight=0.5)
    assert empty.search("anything") == []
