"""Train once: weights are kept under the hash of everything that made them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ragkit.encoders.losses
from ragkit.cache.weights import WeightCache
from ragkit.finetuning.encoder import TrainableEncoder, sha256_of_weights
from ragkit.finetuning.train import FineTuningPlan, Lesson, fine_tune

if TYPE_CHECKING:
    from torch import Tensor


def fine_tune_once(
    encoder: TrainableEncoder,
    lesson: Lesson,
    plan: FineTuningPlan | None = None,
    cache: WeightCache | None = None,
    *,
    on_step: Callable[[int, float], None] | None = None,
) -> bool:
    """`fine_tune`, or the weights of an earlier run that was the same in everything.

    Returns True if it trained now. What a run depends on: the encoder's weights, the lesson, the
    plan, the releases of torch and transformers, and the code of this package.
    """
    plan, cache = plan or FineTuningPlan(), cache or WeightCache()
    before = cache.misses

    def train() -> dict[str, Tensor]:
        fine_tune(encoder, lesson, plan, on_step=on_step)
        return encoder.weights()

    encoder.load(cache.fetch(recipe(encoder, lesson, plan), train))
    return cache.misses > before


def recipe(encoder: TrainableEncoder, lesson: Lesson, plan: FineTuningPlan) -> dict[str, Any]:
    """Everything that the weights after `fine_tune` depend on, by name."""
    pairs = [[p.query_id, p.query, p.doc_id, sorted(p.right)] for p in lesson.pairs]
    parts = [pairs, lesson.texts, lesson.negatives, lesson.teacher]
    return {
        "start": sha256_of_weights(encoder.model.state_dict()),
        "lesson": hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest(),
        "plan": asdict(plan),
        "torch": version("torch"),
        "transformers": version("transformers"),
        "code": _code_sha256(),
    }


@cache
def _code_sha256() -> str:
    files = [*sorted(Path(__file__).parent.glob("*.py")), Path(ragkit.encoders.losses.__file__)]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
