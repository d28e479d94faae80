"""Lab 03: the library answers its exercises too, the verdicts on its drills, what it measures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import ragkit
from ragkit.course import check, drills, ledger
from ragkit.course.staff.exercise import Exercise
from ragkit.course.staff.lab03 import experiments as lab03
from ragkit.course.staff.lab03 import experiments_pairs as lab03_pairs
from ragkit.ranking import ranked
from ragkit.scoring.metrics import mrr, ndcg
from ragkit.search.retrievers import reciprocal_rank_fusion

LONG = "because " * 25


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


@pytest.mark.parametrize(
    ("drill", "answer", "status", "words"),
    [
        ("03_1", None, "not attempted", ""),
        ("03_1", (1000, 1, 7), "correct", ""),
        ("03_1", (1000.0, 1.0, 7.0), "correct", ""),
        ("03_1", (32, 1, 7), "incorrect", "batch"),
        ("03_1", (1001, 1, 7), "incorrect", "part of each pair"),
        ("03_1", (1, 1000, 7), "incorrect", "bi-encoder"),
        ("03_1", (1000, 1001, 7), "incorrect", "in advance"),
        ("03_1", (1000, 0, 7), "incorrect", "new"),
        ("03_1", (1000, 1, 7000), "incorrect", "milliseconds"),
        ("03_1", "a thousand", "incorrect", "form"),
        ("03_2", (0.444, 0.624), "correct", ""),
        ("03_2", (4 / 9, 0.6240), "correct", ""),
        ("03_2", (0.667, 0.624), "incorrect", "counts as 0"),
        ("03_2", (0.5, 0.624), "incorrect", "mean rank"),
        ("03_2", (0.444, 1.018), "incorrect", "DCG"),
        ("03_2", (0.444, 0.467), "incorrect", "log2"),
        ("03_2", (0.444, 0.5), "incorrect", "second document"),
        ("03_3", (0.87, "no", LONG), "correct", ""),
        ("03_3", (0.87, "No ", LONG), "correct", ""),
        ("03_3", (0.99, "no", LONG), "incorrect", "depth 50"),
        ("03_3", (1.0, "no", LONG), "incorrect", "bring back"),
        ("03_3", (0.87, "yes", LONG), "incorrect", "mislead"),
        ("03_3", (0.87, "no", "short"), "incorrect", "20"),
        ("03_4", ("c", 2088, LONG), "correct", ""),
        ("03_4", ("C", 2100, LONG), "correct", ""),
        ("03_4", ("a", 2088, LONG), "incorrect", "does not show"),
        ("03_4", ("b", 2088, LONG), "incorrect", "losses"),
        ("03_4", ("d", 2088, LONG), "incorrect", "hypothesis"),
        ("03_4", ("c", 696, LONG), "incorrect", "square root"),
        ("03_4", ("c", 0, LONG), "incorrect", "how many times"),
        ("03_4", ("c", 2088, "short"), "incorrect", "20"),
        ("03_5", "", "not attempted", ""),
        ("03_5", "Never.", "incorrect", "20"),
        ("03_5", LONG, "recorded", ""),
    ],
)
def test_drill_verdicts(drill: str, answer: Any, status: str, words: str) -> None:
    verdict = drills.check(drill, answer)
    assert verdict.status == status, verdict.message
    assert words in verdict.message


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


def test_what_was_not_reranked_follows_in_the_first_stage_s_order() -> None:
    first = {"q": {"a": 0.9, "b": 0.8, "c": 0.7, "d": 0.6}}
    logits = {"q": {"a": -11.0, "b": -10.0, "d": 9.0}}
    [run] = lab03.reranked_above_the_rest(first, logits, 2).values()
    assert sorted(run, key=run.__getitem__, reverse=True) == ["b", "a", "c", "d"]


def test_sixteen_test_questions_have_two_or_three_right_documents() -> None:
    counts = Counter(len(right) for right in ragkit.load_kb().qrels.values())
    assert sum(counts.values()) == 232
    assert counts[2] + counts[3] == 16
    assert counts[1] == 232 - 16


def test_the_ledger_holds_every_depth_before_and_after() -> None:
    measured = ledger.load()
    for depth in lab03.DEPTHS:
        before, after, gain = (
            measured[f"lab03.test.{name}.mrr@10"]
            for name in ("depth-0", f"depth-{depth}", f"depth-{depth}-0")
        )
        assert gain["value"] == pytest.approx(after["value"] - before["value"])
        assert gain["interval"][0] <= gain["value"] <= gain["interval"][1]


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
        kinds = [
            measured[f"lab03.pairs.{model}.{kind}"]["value"] for kind in lab03_pairs.KINDS_OF_PAIRS
        ]
        assert sum(kinds) == measured[f"lab03.pairs.{model}.all"]["value"]
    assert measured["lab03.test.depth-10-0.hit_rate@1"]["value"] == pytest.approx(
        measured["lab01.minilm-rerank-minilm.hit_rate@1"]["value"], abs=1e-9
    )


def test_reranking_five_candidates_leaves_the_five_the_same() -> None:
    measured = ledger.load()
    for split in ("test", "dev"):
        before = measured[f"lab03.{split}.depth-0.hit_rate@5"]["value"]
        assert measured[f"lab03.{split}.depth-5.hit_rate@5"]["value"] == before
        assert measured[f"lab03.{split}.depth-5.hit_rate@1"]["value"] <= before
