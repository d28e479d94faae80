"""Mined negatives are wrong, come in the order of the ranking, and pass the teacher."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from students import write_base

import ragkit
from ragkit.finetuning.negatives import mine, teacher_scores
from ragkit.finetuning.pairs import Pair

IDS = "abcdefgh"
PAIR = Pair("q", "?", "a", frozenset("ac"))
RUN = {"q": {"a": 9.0, "b": 8.0, "c": 7.0, "d": 6.0, "e": 6.0, "f": 1.0}}
TEACHER = {"q": {"a": 3.0, "b": 3.5, "c": 4.0, "d": 2.0, "e": 4.0, "f": -1.0}}

scores = st.fixed_dictionaries({i: st.integers(-3, 3).map(float) for i in IDS})
rights = st.sets(st.sampled_from(IDS), min_size=1)


@given(run=scores, right=rights, per_pair=st.integers(1, 9))
def test_the_first_wrong_documents_of_the_ranking_are_taken(
    run: dict[str, float], right: set[str], per_pair: int
) -> None:
    pair = Pair("q", "?", min(right), frozenset(right))
    wrong = sorted(set(IDS) - right, key=lambda i: (-run[i], i))
    assert mine({"q": run}, [pair], per_pair) == {"q": wrong[:per_pair]}


@given(run=scores, teacher=scores, right=rights, margin=st.integers(0, 4))
def test_what_the_teacher_takes_for_an_answer_is_left_out(
    run: dict[str, float], teacher: dict[str, float], right: set[str], margin: int
) -> None:
    pair = Pair("q", "?", min(right), frozenset(right))
    best = max(teacher[i] for i in right)
    kept = [i for i in mine({"q": run}, [pair], 9)["q"] if best - teacher[i] > margin]
    assert mine({"q": run}, [pair], 9, teacher={"q": teacher}, margin=margin) == {"q": kept}


def test_one_is_mined_unless_more_are_asked_for() -> None:
    assert mine(RUN, [PAIR]) == {"q": ["b"]}
    assert mine(RUN, [PAIR], 3) == {"q": ["b", "d", "e"]}


def test_the_teacher_passes_on_to_what_ranks_lower() -> None:
    assert mine(RUN, [PAIR], teacher=TEACHER) == {"q": ["b"]}
    assert mine(RUN, [PAIR], 9, teacher=TEACHER) == {"q": ["b", "d", "f"]}
    assert mine(RUN, [PAIR], teacher=TEACHER, margin=1.0) == {"q": ["d"]}
    assert mine(RUN, [PAIR], teacher=TEACHER, margin=9.0) == {"q": []}


def test_a_question_with_two_answers_is_mined_once() -> None:
    other = Pair("q", "?", "c", PAIR.right)
    assert mine(RUN, [PAIR, other], 2) == mine(RUN, [PAIR], 2)


@pytest.mark.parametrize("per_pair", [0, -1, 1.5, True, "2"])
def test_a_number_that_is_no_count_is_refused(per_pair: int) -> None:
    with pytest.raises(ragkit.DataError, match="per_pair"):
        mine(RUN, [PAIR], per_pair)


@pytest.mark.parametrize("missing", ["a", "d"])
def test_a_document_without_the_teachers_score_is_named(missing: str) -> None:
    partial = {"q": {i: score for i, score in TEACHER["q"].items() if i != missing}}
    with pytest.raises(ragkit.DataError, match=f"teacher has no score of '{missing}' for 'q'"):
        mine(RUN, [PAIR], teacher=partial)


@pytest.mark.parametrize("run", [{}, {"p": RUN["q"]}])
def test_a_question_without_a_ranking_or_a_teacher_is_named(run: dict) -> None:
    with pytest.raises(ragkit.DataError, match="'q'"):
        mine(run, [PAIR])
    with pytest.raises(ragkit.DataError, match="'q'"):
        mine(RUN, [PAIR], teacher=run)


def test_the_teacher_scores_what_was_ranked_and_what_is_right(
    tmp_path: Path, reranker: ragkit.CrossEncoderReranker
) -> None:
    texts = ["The past of eat is ate.", "The past of go is went.", "Cats.", "Dogs."]
    folder = write_base(tmp_path, texts, [("past of eat", [0]), ("past of go", [1, 0])], "dev")
    kb = ragkit.load_kb(folder, "dev")
    scored = teacher_scores(reranker, kb, {"q0": {"d2": 1.0, "d0": 0.0}, "q1": {"d3": 1.0}})
    assert {i: set(found) for i, found in scored.items()} == {
        "q0": {"d0", "d2"},
        "q1": {"d0", "d1", "d3"},
    }
    for query in kb.queries:
        hits = reranker.rank(query.text, [kb.by_id[i] for i in scored[query.query_id]])
        assert scored[query.query_id] == pytest.approx({h.doc_id: h.score for h in hits}, abs=1e-4)
