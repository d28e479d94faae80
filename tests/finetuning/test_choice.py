"""When to stop: by questions that training never saw, at the earliest of the best epochs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from students import write_base, write_lesson

import ragkit
from ragkit.finetuning import choice
from ragkit.finetuning.choice import CHOSEN_BY, Stop, fine_tune_until_best, held_out_folds, score
from ragkit.finetuning.encoder import TrainableEncoder
from ragkit.finetuning.pairs import Pair, taught_split, training_pairs
from ragkit.finetuning.train import FineTuningPlan, Lesson


def asked(*answers: int) -> list[Pair]:
    """A question for each number, with so many right answers and a pair for each."""
    return [
        Pair(f"q{i}", "?", f"d{j}", frozenset(f"d{k}" for k in range(count)))
        for i, count in enumerate(answers)
        for j in range(count)
    ]


# Folds


@given(
    answers=st.lists(st.integers(1, 3), min_size=2, max_size=40),
    seed=st.integers(0, 99),
    data=st.data(),
)
def test_folds_part_the_questions_and_are_of_one_size(
    answers: list[int], seed: int, data: st.DataObject
) -> None:
    folds = data.draw(st.integers(2, len(answers)))
    parts = held_out_folds(asked(*answers), folds, seed)
    assert len(parts) == folds
    assert sorted(i for part in parts for i in part) == sorted(f"q{i}" for i in range(len(answers)))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert len(parts[0]) == max(map(len, parts))


def test_the_seed_draws_the_folds_and_the_order_of_pairs_does_not() -> None:
    pairs = asked(*[2] * 20)
    assert held_out_folds(pairs, 4) == held_out_folds(pairs[::-1], 4, seed=0)
    assert held_out_folds(pairs, 4) != held_out_folds(pairs, 4, seed=1)
    first = held_out_folds(pairs, 4)[0]
    assert first != {f"q{i}" for i in range(5)}


@pytest.mark.parametrize("folds", [0, 1, 7, 2.5, True])
def test_folds_that_cannot_be_are_refused(folds: int) -> None:
    with pytest.raises(ragkit.DataError, match="folds"):
        held_out_folds(asked(1, 1, 2, 1, 1, 1), folds)


# The epoch


class Counting:
    """Stands in for the encoder: its weights are the number of epochs that it was taught."""

    def __init__(self) -> None:
        self.epoch = 0

    def weights(self) -> dict[str, int]:
        return {"epoch": self.epoch}

    def load(self, weights: dict[str, int]) -> None:
        self.epoch = weights["epoch"]


Told = SimpleNamespace


@pytest.fixture
def stop_after(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Told]:
    """Run the choice over a given curve; tells what was trained on, judged by, and kept."""

    def run(
        curve: Sequence[float], pairs: Sequence[Pair] = tuple(asked(*[1] * 20)), seed: int = 0
    ) -> Told:
        told = Told(encoder=Counting(), lesson=None, judged=[])

        def train(encoder: Counting, lesson: Lesson, plan: FineTuningPlan, **on: Callable) -> None:
            told.lesson = lesson
            for epoch in range(1, plan.epochs + 1):
                encoder.epoch = epoch
                on["on_epoch"](epoch)

        def judge(encoder: Counting, kb: object, ids: set[str]) -> Told:
            told.judged.append(ids)
            return Told(mean={CHOSEN_BY: curve[encoder.epoch]})

        monkeypatch.setattr(choice, "fine_tune", train)
        monkeypatch.setattr(choice, "score", judge)
        lesson = Lesson(pairs, {"d0": "text"}, {"q0": ["d0"]}, {"q0": {"d0": 1.0}})
        plan = FineTuningPlan(epochs=len(curve) - 1, seed=seed)
        told.stop = fine_tune_until_best(told.encoder, Told(path="base"), lesson, plan)
        return told

    return run


@pytest.mark.parametrize(
    ("curve", "best"),
    [
        ([0.5, 0.6, 0.7], 2),
        ([0.5, 0.7, 0.6], 1),
        ([0.7, 0.6, 0.5], 0),
        ([0.5, 0.5, 0.5], 0),
        ([0.5, 0.7, 0.7], 1),
        ([0.5, 0.4, 0.5], 0),
        ([0.5, 0.6, 0.5, 0.7, 0.7, 0.2], 3),
        ([0.0, 0.0], 0),
    ],
)
def test_the_weights_of_the_earliest_best_epoch_are_kept(
    stop_after: Callable[..., Told], curve: list[float], best: int
) -> None:
    told = stop_after(curve)
    assert told.stop == Stop(held_out=4, curve=curve, epoch=best)
    assert told.encoder.epoch == best


@pytest.mark.parametrize("seed", [0, 1])
def test_what_is_held_out_is_judged_and_never_taught(
    stop_after: Callable[..., Told], seed: int
) -> None:
    pairs = asked(*[1, 3, 2] * 8)
    told = stop_after([0.5, 0.6], pairs, seed)
    held = held_out_folds(pairs, 5, seed)[0]
    assert told.judged == [held, held]
    assert told.stop.held_out == len(held) == 5
    assert told.lesson.pairs == [pair for pair in pairs if pair.query_id not in held]
    assert {pair.query_id for pair in told.lesson.pairs} | held == {f"q{i}" for i in range(24)}


def test_the_rest_of_the_lesson_is_taught_as_it_is(stop_after: Callable[..., Told]) -> None:
    lesson = stop_after([0.5, 0.6]).lesson
    assert lesson.texts == {"d0": "text"}
    assert (lesson.negatives, lesson.teacher) == ({"q0": ["d0"]}, {"q0": {"d0": 1.0}})


@pytest.mark.parametrize(
    ("answers", "left"),
    [
        ([1] * 15, "12 to train on and 3 questions"),
        ([4] * 4, "16 to train on and 0 questions"),
        ([9], "9 to train on and 0 questions"),
        ([1] * 3, "3 to train on and 0 questions"),
    ],
    ids=["15 questions", "4 questions", "1 question", "3 pairs"],
)
def test_too_few_to_hold_some_out_are_refused_before_training(
    stop_after: Callable[..., Told], answers: list[int], left: str
) -> None:
    message = rf"base: {sum(answers)} pairs are too few .* {left} .*8 and 4 are needed. Add"
    with pytest.raises(ragkit.DataError, match=message):
        stop_after([0.5, 0.6], asked(*answers))
    assert stop_after([0.5, 0.6], asked(*[1] * 16)).stop.held_out == 4


# All of it together


def test_a_student_learns_what_it_had_wrong(student_folder: Path, tmp_path: Path) -> None:
    kb = taught_split(write_lesson(tmp_path / "base"))
    student = TrainableEncoder(student_folder)
    assert set(score(student, kb).mean.values()) == {0.5}
    lesson = Lesson(training_pairs(kb), {d.doc_id: d.full_text for d in kb.documents})
    steps: list[int] = []
    plan = FineTuningPlan(epochs=12)
    stop = fine_tune_until_best(student, kb, lesson, plan, on_step=lambda n, _: steps.append(n))
    assert (stop.held_out, stop.curve[0], max(stop.curve)) == (4, 0.5, 1.0)
    assert stop.curve[stop.epoch] == 1.0
    assert stop.curve.index(1.0) == stop.epoch
    assert steps == list(range(1, plan.steps(16) + 1))
    held = held_out_folds(lesson.pairs, 5)[0]
    assert score(student, kb, held).mean[CHOSEN_BY] == 1.0


def test_a_score_is_of_the_questions_that_are_named(student_folder: Path, tmp_path: Path) -> None:
    texts = ["cats", "dogs", "sun"]
    questions = [("cats", [0]), ("dogs", [1]), ("sun", [0, 1])]
    kb = taught_split(write_base(tmp_path / "base", texts, questions))
    student = TrainableEncoder(student_folder)
    report = score(student, kb, {"q0", "q2"})
    assert report.mean == {"mrr@10": 0.75}  # its own word is found first
    assert score(student, kb).mean["mrr@10"] == pytest.approx(5 / 6)
