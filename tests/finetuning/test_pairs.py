"""Pairs of a question and a document that answers it, and the batches they come in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from students import write_base

import ragkit
from ragkit.finetuning.pairs import (
    FEWEST,
    Pair,
    allowed,
    right_ids,
    shuffled_batches,
    taught_split,
    training_pairs,
)

IDS = "abcdef"
right_sets = st.sets(st.sampled_from(IDS), min_size=1)


def numbered(count: int) -> list[Pair]:
    return [Pair(f"q{i}", f"question {i}", f"d{i}", frozenset({f"d{i}"})) for i in range(count)]


# From a knowledge base


def test_there_is_a_pair_for_each_right_answer_in_the_order_of_the_questions(
    tmp_path: Path,
) -> None:
    right = [[2], [1, 0], [3], [0], [3], [2], [1]]
    folder = write_base(tmp_path / "base", "wxyz", [(f"ask {i}", r) for i, r in enumerate(right)])
    pairs = training_pairs(taught_split(folder))
    assert [(pair.query_id, pair.doc_id) for pair in pairs] == [
        (f"q{number}", f"d{document}")
        for number, documents in enumerate(right)
        for document in sorted(documents)
    ]
    assert [pair.query for pair in pairs][:3] == ["ask 0", "ask 1", "ask 1"]
    assert [set(pair.right) for pair in pairs][:3] == [{"d2"}, {"d0", "d1"}, {"d0", "d1"}]


def test_only_a_relevance_above_0_makes_an_answer(tmp_path: Path) -> None:
    folder = write_base(tmp_path / "base", "wxyz", [(f"ask {i}", [0, 1]) for i in range(FEWEST)])
    file = folder / "qrels" / "train.tsv"
    file.write_text(file.read_text().replace("d1\t1", "d1\t0"))
    assert {pair.right for pair in training_pairs(taught_split(folder))} == {frozenset({"d0"})}
    assert right_ids({"a": 2, "b": 0, "c": 1}) == {"a", "c"}


def test_too_few_pairs_are_refused_and_counted(tmp_path: Path) -> None:
    enough, few = (
        taught_split(write_base(tmp_path / str(n), "wxyz", [(f"ask {i}", [0]) for i in range(n)]))
        for n in (FEWEST, FEWEST - 1)
    )
    assert len(training_pairs(enough)) == FEWEST
    with pytest.raises(ragkit.DataError, match=f"'train' has 7 pairs .* needs {FEWEST}.*Add"):
        training_pairs(few)


def test_a_base_that_nobody_judged_has_no_pairs(tmp_path: Path) -> None:
    folder = write_base(tmp_path / "base", "wxyz", [("ask", [0])])
    (folder / "qrels" / "train.tsv").unlink()
    with pytest.raises(ragkit.DataError, match="has 0 pairs"):
        training_pairs(taught_split(folder))


# The split


@pytest.fixture
def splits(tmp_path: Path) -> Path:
    """One question in each of train, dev and test."""
    folder = write_base(tmp_path / "base", "wxyz", [("t", [0]), ("d", [1]), ("e", [2])])
    for number, split in enumerate(("train", "dev", "test")):
        (folder / "qrels" / f"{split}.tsv").write_text(f"q{number}\td{number}\t1\n")
    return folder


def test_train_is_taught_before_dev_and_another_split_only_by_name(splits: Path) -> None:
    assert [q.text for q in taught_split(splits).queries] == ["t"]
    assert [q.text for q in taught_split(splits, "dev").queries] == ["d"]
    (splits / "qrels" / "train.tsv").unlink()
    assert [q.text for q in taught_split(splits).queries] == ["d"]
    assert [q.text for q in taught_split(splits, "test").queries] == ["e"]


def test_test_is_not_taught_unless_it_is_named(splits: Path) -> None:
    (splits / "qrels" / "train.tsv").unlink()
    (splits / "qrels" / "dev.tsv").unlink()
    with pytest.raises(ragkit.DataError, match="no split 'dev'; it has test"):
        taught_split(splits)


def test_the_courses_own_base_is_taught_on_dev(kb: ragkit.KnowledgeBase) -> None:
    taught = taught_split(None)
    assert taught.split == "dev"
    assert not {q.query_id for q in taught.queries} & {q.query_id for q in kb.queries}


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ragkit.DataError, match="no such folder"):
        taught_split(tmp_path / "nowhere")


# Batches


@given(count=st.integers(0, 40), size=st.integers(2, 12), seed=st.integers(0, 99))
def test_batches_hold_each_pair_once_but_for_one_left_alone(
    count: int, size: int, seed: int
) -> None:
    pairs = numbered(count)
    batches = list(shuffled_batches(pairs, size, np.random.default_rng(seed)))
    drawn = [pair for batch in batches for pair in batch]
    assert len(set(drawn)) == len(drawn) == count - (count % size == 1)
    assert set(drawn) <= set(pairs)
    assert all(len(batch) == size for batch in batches[:-1])
    assert all(2 <= len(batch) <= size for batch in batches[-1:])


def test_the_order_is_drawn_anew_for_each_pass() -> None:
    pairs, rng = numbered(20), np.random.default_rng(0)
    first, second = (list(shuffled_batches(pairs, 20, rng)) for _ in range(2))
    assert first != second
    assert first == list(shuffled_batches(pairs, 20, np.random.default_rng(0)))
    assert first != [pairs]


# What may serve as a negative


@given(
    rights=st.lists(right_sets, min_size=1, max_size=6),
    more=st.lists(st.sampled_from(IDS), max_size=4),
    data=st.data(),
)
def test_a_question_meets_its_own_document_and_what_does_not_answer_it(
    rights: list[set[str]], more: list[str], data: st.DataObject
) -> None:
    batch = [
        Pair(f"q{i}", "?", data.draw(st.sampled_from(sorted(right))), frozenset(right))
        for i, right in enumerate(rights)
    ]
    columns = [pair.doc_id for pair in batch] + more
    mask = allowed(batch, columns)
    assert mask.shape == (len(batch), len(columns))
    for row, pair in enumerate(batch):
        met = {column for column in range(len(columns)) if mask[row, column]}
        wrong = {column for column in range(len(columns)) if columns[column] not in pair.right}
        assert met == wrong | {row}
