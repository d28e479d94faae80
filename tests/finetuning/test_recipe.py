"""One training for one recipe: read back if nothing has changed, done again if anything has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from students import PAIRS, TEXTS

from ragkit.cache.weights import WeightCache
from ragkit.finetuning.encoder import TrainableEncoder
from ragkit.finetuning.recipe import fine_tune_once, recipe
from ragkit.finetuning.train import FineTuningPlan, Lesson

PLAN = FineTuningPlan(epochs=1)
TEACHER = {p.query_id: {i: 5.0 * (i == p.doc_id) for i in TEXTS} for p in PAIRS}
LESSON = Lesson(PAIRS, TEXTS, {"q0": ["go"]}, TEACHER)


def test_the_same_training_is_done_once(student_folder: Path, tmp_path: Path) -> None:
    steps: list[int] = []
    found = []
    for _ in range(2):
        student = TrainableEncoder(student_folder)
        before = student.fingerprint
        cache = WeightCache(tmp_path)
        now = fine_tune_once(student, LESSON, PLAN, cache, on_step=lambda n, _: steps.append(n))
        assert student.fingerprint != before
        assert not student.model.training
        found.append((now, cache.misses, cache.hits, student.fingerprint))
    assert [one[:3] for one in found] == [(True, 1, 0), (False, 0, 1)]
    assert found[0][3] == found[1][3]
    assert steps == [1]


@pytest.mark.parametrize(
    ("lesson", "plan"),
    [
        (replace(LESSON, pairs=PAIRS[::-1]), PLAN),
        (replace(LESSON, pairs=[replace(PAIRS[0], query="ate"), *PAIRS[1:]]), PLAN),
        (replace(LESSON, pairs=[replace(PAIRS[0], doc_id="go"), *PAIRS[1:]]), PLAN),
        (replace(LESSON, pairs=[replace(PAIRS[0], right=frozenset(TEXTS)), *PAIRS[1:]]), PLAN),
        (replace(LESSON, texts={**TEXTS, "sun": "The sun sets."}), PLAN),
        (replace(LESSON, negatives=None), PLAN),
        (replace(LESSON, negatives={"q0": ["sun"]}), PLAN),
        (replace(LESSON, teacher=None), PLAN),
        (replace(LESSON, teacher={**TEACHER, "q0": {"eat": 5.1}}), PLAN),
        *(
            (LESSON, replace(PLAN, **{name: value}))
            for name, value in {
                "epochs": 2,
                "batch": 31,
                "rate": 2.1e-5,
                "weight_decay": 0.0,
                "temperature": 0.06,
                "seed": 1,
            }.items()
        ),
    ],
)
def test_whatever_changes_the_weights_changes_the_recipe(
    student_folder: Path, lesson: Lesson, plan: FineTuningPlan
) -> None:
    student = TrainableEncoder(student_folder)
    assert recipe(student, lesson, plan) != recipe(student, LESSON, PLAN)


def test_other_weights_to_begin_with_change_the_recipe(student_folder: Path) -> None:
    student = TrainableEncoder(student_folder)
    before = recipe(student, LESSON, PLAN)
    assert recipe(TrainableEncoder(student_folder), LESSON, PLAN) == before
    with torch.no_grad():
        next(student.model.parameters())[0, 0] += 1
    assert recipe(student, LESSON, PLAN) != before


def test_the_order_of_a_mapping_changes_nothing(student_folder: Path) -> None:
    student = TrainableEncoder(student_folder)
    turned = replace(
        LESSON,
        texts=dict(reversed(TEXTS.items())),
        teacher=dict(reversed(TEACHER.items())),
    )
    assert recipe(student, turned, PLAN) == recipe(student, LESSON, PLAN)
