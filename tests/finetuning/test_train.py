"""The loop: what a batch costs, that it learns what it is taught, and that it is repeatable."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from students import PAIRS, TEXTS, pair

import ragkit
from ragkit.finetuning.encoder import TrainableEncoder, sha256_of_weights
from ragkit.finetuning.pairs import shuffled_batches
from ragkit.finetuning.train import FineTuningPlan, Lesson, batch_loss, fine_tune

LESSON = Lesson(PAIRS, TEXTS)
PLAN = FineTuningPlan(epochs=2, batch=2)
MANY = FineTuningPlan(epochs=12)
TEACHER = {p.query_id: {i: 5.0 * (i == p.doc_id) for i in TEXTS} for p in PAIRS}


@pytest.fixture
def student(student_folder: Path) -> TrainableEncoder:
    return TrainableEncoder(student_folder)


def loss(encoder: TrainableEncoder, lesson: Lesson, temperature: float = 0.05) -> float:
    """What all pairs in one batch cost, without dropout."""
    with torch.no_grad():
        return batch_loss(encoder, lesson.pairs, lesson, temperature).item()


def trained(folder: Path, lesson: Lesson = LESSON, plan: FineTuningPlan = PLAN) -> str:
    """The sum of the weights that a lesson makes of the student."""
    student = TrainableEncoder(folder)
    fine_tune(student, lesson, plan)
    return sha256_of_weights(student.weights())


# What a batch costs


def test_a_batch_of_distinct_documents_costs_what_sentence_transformers_says() -> None:
    minilm = TrainableEncoder()
    theirs = MultipleNegativesRankingLoss(minilm.model, scale=10.0)
    texts = TEXTS | {f"hard {p.query_id}": f"Not this: {p.query}" for p in PAIRS}
    hard = {p.query_id: [f"hard {p.query_id}"] for p in PAIRS}
    columns = [
        [p.query for p in PAIRS],
        [TEXTS[p.doc_id] for p in PAIRS],
        [texts[f"hard {p.query_id}"] for p in PAIRS],
    ]
    for lesson, count in ((LESSON, 2), (Lesson(PAIRS, texts, hard), 3)):
        with torch.no_grad():
            expected = theirs([minilm.model.preprocess(c) for c in columns[:count]], None).item()
        assert loss(minilm, lesson, 0.1) == pytest.approx(expected, abs=1e-5)


def test_no_right_answer_is_a_negative(student: TrainableEncoder) -> None:
    both = [pair(0, "past of eat", "eat", "go"), pair(1, "gone", "go", "eat")]
    mined = {"q0": ["go"], "q1": ["eat"]}
    assert loss(student, Lesson(both, TEXTS, mined)) == 0.0
    taken_for_wrong = [replace(one, right=frozenset({one.doc_id})) for one in both]
    assert loss(student, Lesson(taken_for_wrong, TEXTS)) > 0.1
    assert loss(student, Lesson(both, TEXTS, {"q0": ["cat"]})) > 0.1


def test_a_text_in_several_columns_is_read_once(
    student: TrainableEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[list[str]] = []
    embed = student.embed
    monkeypatch.setattr(student, "embed", lambda texts: [read.append(texts), embed(texts)][1])
    pairs = [PAIRS[0], pair(1, "eaten", "eat"), PAIRS[2]]
    loss(student, Lesson(pairs, TEXTS, {"q0": ["cat", "dog"], "q2": ["dog", "eat"]}))
    assert [sorted(texts) for texts in read] == [
        sorted(one.query for one in pairs),
        sorted(TEXTS[i] for i in ("eat", "cat", "dog")),
    ]


# Learning


@pytest.mark.parametrize(
    "lesson",
    [LESSON, Lesson(PAIRS, TEXTS, {"q0": ["go"]}), Lesson(PAIRS, TEXTS, teacher=TEACHER)],
    ids=["labels", "hard negatives", "teacher"],
)
def test_what_is_taught_is_learnt(student: TrainableEncoder, lesson: Lesson) -> None:
    """With a teacher the loss is the distance of the margins from the teacher's."""
    before = loss(student, lesson)
    fine_tune(student, lesson, MANY)
    assert loss(student, lesson) < 0.2 * before


def test_a_pass_reads_labels_but_with_a_teacher_none(student_folder: Path) -> None:
    everything = [replace(one, right=frozenset(TEXTS)) for one in PAIRS]
    taught, untaught = (Lesson(pairs, TEXTS, teacher=TEACHER) for pairs in (PAIRS, everything))
    assert trained(student_folder, taught) == trained(student_folder, untaught)
    assert trained(student_folder) != trained(student_folder, Lesson(everything, TEXTS))
    assert trained(student_folder) != trained(student_folder, taught)


# Repeatable


def test_a_seed_makes_the_weights_whatever_was_drawn_before(student_folder: Path) -> None:
    first = trained(student_folder)
    torch.rand(3)
    assert trained(student_folder) == first
    assert trained(student_folder, plan=replace(PLAN, seed=1)) != first
    assert trained(student_folder, plan=replace(PLAN, seed=2**64 - 1)) != first


def test_the_seed_draws_order_and_dropout(student_folder: Path) -> None:
    """In one batch of all pairs the order is nothing; in eval mode it is all that is drawn."""
    costs = []
    for seed in (0, 1):
        student = TrainableEncoder(student_folder)
        [cost] = fine_tune(student, LESSON, FineTuningPlan(epochs=1, seed=seed))
        costs.append(cost)
    assert abs(costs[0] - costs[1]) > 1e-3
    assert abs(costs[0] - loss(TrainableEncoder(student_folder), LESSON)) > 1e-3


@pytest.mark.parametrize("ends", ["as planned", "in an error"])
def test_no_random_state_is_touched(student: TrainableEncoder, ends: str) -> None:
    def on_step(step: int, _: float) -> None:
        if ends == "in an error":
            raise KeyboardInterrupt

    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    try:
        fine_tune(student, LESSON, PLAN, on_step=on_step)
    except KeyboardInterrupt:
        assert ends == "in an error"
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])
    assert random.getstate() == before[2]
    assert not any(module.training for module in student.model.modules())


def test_dropout_is_on_in_a_step_and_off_after_a_pass(student: TrainableEncoder) -> None:
    told: list[tuple[str, int, bool]] = []
    costs: list[float] = []

    def on_step(step: int, cost: float) -> None:
        told.append(("step", step, student.model.training))
        costs.append(cost)

    def on_epoch(epoch: int) -> None:
        told.append(("epoch", epoch, student.model.training))

    losses = fine_tune(student, LESSON, PLAN, on_step=on_step, on_epoch=on_epoch)
    assert told == [
        ("step", 1, True),
        ("step", 2, True),  # of five pairs the last is alone in its batch
        ("epoch", 1, False),
        ("step", 3, True),
        ("step", 4, True),
        ("epoch", 2, False),
    ]
    assert losses == costs
    assert len(losses) == PLAN.steps(len(PAIRS))


# The plan


@given(pairs=st.integers(0, 60), batch=st.integers(2, 20), epochs=st.integers(1, 3))
def test_a_plan_counts_the_steps_that_are_made(pairs: int, batch: int, epochs: int) -> None:
    many, rng = [PAIRS[0]] * pairs, np.random.default_rng(0)
    made = sum(len(list(shuffled_batches(many, batch, rng))) for _ in range(epochs))
    assert FineTuningPlan(epochs=epochs, batch=batch).steps(pairs) == made


@pytest.mark.parametrize(
    "setting",
    [
        *({name: 0} for name in ("epochs", "batch", "rate", "temperature")),
        *({name: -1} for name in ("epochs", "seed", "rate", "temperature", "weight_decay")),
        *({name: True} for name in FineTuningPlan.__dataclass_fields__),
        *({name: "2"} for name in FineTuningPlan.__dataclass_fields__),
        *({name: math.nan} for name in FineTuningPlan.__dataclass_fields__),
        *({name: math.inf} for name in FineTuningPlan.__dataclass_fields__),
        *({name: None} for name in ("epochs", "rate")),
        {"batch": 1},
        {"epochs": 1.5},
        {"seed": 2**64},
        {"seed": 10**30},
    ],
    ids=str,
)
def test_a_plan_that_cannot_be_followed_is_refused_by_name(setting: dict) -> None:
    with pytest.raises(ragkit.DataError, match=next(iter(setting))):
        FineTuningPlan(**setting)


def test_a_plan_without_weight_decay_and_with_the_largest_seed_is_one() -> None:
    assert FineTuningPlan(weight_decay=0.0, seed=2**64 - 1).weight_decay == 0
