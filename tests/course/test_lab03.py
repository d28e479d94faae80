"""Lab 03: the library answers its exercises too, the verdicts on its drills, what it measures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import ragkit
from ragkit.course import check, ledger
from ragkit.course.staff.exercise import Exercise
from ragkit.course.staff.lab03 import experiments as lab03
from ragkit.course.staff.lab03 import experiments_dev as lab03_dev
from ragkit.course.staff.lab03 import experiments_pairs as lab03_pairs
from ragkit.course.staff.lab03 import runs
from ragkit.ranking import hits, ranked
from ragkit.scoring.metrics import mrr, ndcg
from ragkit.scoring.proportions import wilson_interval
from ragkit.search.fusion import reciprocal_rank_fusion


def library_two_stage(first: Any, cross: Any, depth: int, k: int) -> Any:
    """The tie rule of the library, with row numbers written as ids of equal length."""
    candidates = ranked([(f"{row:03}", s) for row, s in enumerate(first)], depth)
    second = ranked([(doc_id, cross[int(doc_id)]) for doc_id, _ in candidates], k)
    return [int(doc_id) for doc_id, _ in second]


def library_rrf(ranks: Any, k: int) -> Any:
    """Ranks as scores: right as long as no case skips a rank."""
    rankings = [
        {str(document): -float(rank) for document, rank in enumerate(row) if rank} for row in ranks
    ]
    fused = reciprocal_rank_fusion(rankings, k)
    return [fused.get(str(document), 0.0) for document in range(np.shape(ranks)[1])]


def _named(relevance: Any) -> tuple[list[str], dict[str, int]]:
    ids = [f"d{place}" for place in range(len(relevance))]
    return ids, dict(zip(ids, map(int, relevance), strict=True))


def library_mrr(relevance: Any, k: int) -> Any:
    named = [_named(row) for row in relevance]
    return np.mean([mrr(ids[:k], judged) for ids, judged in named])


def library_ndcg(relevance: Any, judged: Any, k: int) -> Any:
    """The retrieved documents keep their places; those that were missed get ids of their own."""
    ids, found = _named(relevance)
    missed = Counter(map(int, judged)) - Counter(r for r in found.values() if r)
    unseen = {f"m{n}": r for n, r in enumerate(missed.elements()) if r}
    return ndcg(ids[:k], found | unseen, k)


@pytest.mark.parametrize(
    ("exercise", "function"),
    [
        (check.two_stage, library_two_stage),
        (check.rrf, library_rrf),
        (check.mrr_at_k, library_mrr),
        (check.ndcg_at_k, library_ndcg),
    ],
)
def test_the_library_gives_the_right_answers(exercise: Exercise, function: Callable) -> None:
    verdict = exercise.judge(function)
    assert verdict.status == "correct", verdict.message


def words(text: str) -> Counter[str]:
    return Counter(ragkit.BM25Retriever.words(text))


def test_a_minimal_pair_differs_in_order_or_in_a_word_or_three() -> None:
    pairs = lab03_pairs.lab_pairs()
    kinds = {*lab03_pairs.KINDS_OF_PAIRS, lab03_pairs.CONTROL}
    assert {kind: len(rows) for kind, rows in pairs.items()} == dict.fromkeys(kinds, 8)
    for kind, rows in pairs.items():
        for _, right, wrong in rows:
            assert right != wrong
            if kind in ("negation", lab03_pairs.CONTROL):
                assert ((words(right) - words(wrong)) + (words(wrong) - words(right))).total() <= 3
            else:
                assert words(right) == words(wrong)


def test_the_control_asks_the_other_question_about_the_same_two_texts() -> None:
    pairs = lab03_pairs.lab_pairs()
    for negated, turned in zip(pairs["negation"], pairs[lab03_pairs.CONTROL], strict=True):
        assert turned[1:] == negated[:0:-1]
        assert turned[0] != negated[0]


def test_what_was_not_reordered_follows_in_the_first_stage_s_order() -> None:
    first = {"q": {"a": 0.9, "b": 0.8, "c": 0.7, "d": 0.6}}
    logits = {"q": {"a": -11.0, "b": -10.0, "d": 9.0}}
    [run] = lab03_dev.reordered_above_the_rest(first, logits, 2).values()
    assert sorted(run, key=run.__getitem__, reverse=True) == ["b", "a", "c", "d"]


class Scored:
    """A first stage and a reranker with given scores."""

    def __init__(self, scores: dict[str, float]) -> None:
        self.scores = scores
        self.documents = {i: ragkit.Document(i, i) for i in scores}

    def search(self, query: str, k: int = 10) -> list[ragkit.Hit]:
        return hits(self.scores.items(), k)

    def rank(self, query: str, documents: Any, top_k: int | None = None) -> list[ragkit.Hit]:
        return hits(((d.doc_id, self.scores[d.doc_id]) for d in documents), top_k)


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("weight", [0.1, 0.5, 1.0])
def test_two_stages_from_known_scores_are_those_of_the_library(depth: int, weight: float) -> None:
    first, second = (
        {"a": 0.9, "b": 0.8, "c": 0.7, "d": 0.6},
        {"a": -1.0, "b": 3.0, "c": 2.0, "d": 9.0},
    )
    library = ragkit.TwoStageRetriever(Scored(first), Scored(second), depth, weight)
    expected = {hit.doc_id: hit.score for hit in library.search("any", 9)}
    assert runs.two_stages({"q": first}, {"q": second}, depth, weight)["q"] == expected


def test_the_settings_taken_to_test_are_those_that_dev_chose() -> None:
    measured = ledger.load()
    chosen = lab03_dev.CHOSEN, lab03_dev.WEIGHT, lab03_dev.LEXICAL
    assert lab03_dev.choose(measured) == chosen
    names = ("depth", "weight", "lexical")
    assert tuple(measured[f"lab03.chosen.{name}"]["value"] for name in names) == chosen


def test_the_cheapest_of_equal_depths_is_chosen() -> None:
    flat = {
        f"lab03.dev.depth-{d}.weight-{w}": 0.5 for d in lab03_dev.DEPTHS for w in lab03_dev.WEIGHTS
    }
    flat |= {f"lab03.dev.lexical-{w}": 0.5 for w in lab03_dev.WEIGHTS} | {"lab03.dev.minilm": 0.5}
    peaks = {"depth-5.weight-0.6": 0.6, "depth-10.weight-0.3": 0.691, "depth-50.weight-0.2": 0.7}
    scores = flat | {f"lab03.dev.{key}": peak for key, peak in peaks.items()}
    made = {f"{key}.mrr@10": {"value": score, "n": 100} for key, score in scores.items()}
    assert lab03_dev.choose(made)[:2] == (10, 0.3)


def test_the_ledger_agrees_with_itself() -> None:
    measured = ledger.load()
    pairs = [
        measured[f"lab03.teacher.pairs.{who}"] for who in ("both", "student", "teacher", "neither")
    ]
    assert sum(entry["value"] for entry in pairs) == pairs[0]["n"]
    balance = measured["lab03.teacher.balance"]
    assert balance["value"] == pairs[2]["value"] - pairs[1]["value"]
    assert balance["interval"][0] <= balance["value"] <= balance["interval"][1]
    for model in ("bi", "cross"):
        alone, total = (
            measured[f"lab03.pairs.{model}.{kind}"]["value"] for kind in ("word_order", "all")
        )
        assert alone <= total <= alone + 16


def test_the_adjusted_p_values_follow_holm() -> None:
    """Sorted, times 4, 3, 2, 1, never falling."""
    measured = ledger.load()
    names = sorted(lab03.PLANNED, key=lambda name: measured[f"lab03.planned.{name}.mrr@10"]["p"])
    before = 0.0
    for factor, name in zip((4, 3, 2, 1), names, strict=True):
        before = max(before, min(1.0, factor * measured[f"lab03.planned.{name}.mrr@10"]["p"]))
        assert measured[f"lab03.planned.{name}.holm"]["value"] == pytest.approx(before)


def test_the_coverage_of_both_intervals_is_what_a_simulation_finds() -> None:
    measured = ledger.load()
    hits_drawn = np.random.default_rng(1).binomial(lab03.QUESTIONS, lab03.SHARE, size=20_000)
    for name, interval in (
        ("bootstrap", lab03.bootstrap),
        ("wilson", lambda n: wilson_interval(n, lab03.QUESTIONS)),
    ):
        bounds = {n: interval(n) for n in set(hits_drawn.tolist())}
        covered = np.mean(
            [bounds[n][0] <= lab03.SHARE <= bounds[n][1] for n in hits_drawn.tolist()]
        )
        assert measured[f"lab03.coverage.{name}"]["value"] == pytest.approx(covered, abs=0.02)
    flat = np.mean(hits_drawn == lab03.QUESTIONS)
    assert measured["lab03.coverage.no-width"]["value"] == pytest.approx(flat, abs=0.02)


def test_reranking_five_candidates_reads_five_places_only() -> None:
    measured = ledger.load()
    kept = measured["lab03.dev.whole-lists.mrr@10"]["value"]
    assert measured["lab03.dev.depth-5.weight-1.0.mrr@10"]["value"] <= kept
