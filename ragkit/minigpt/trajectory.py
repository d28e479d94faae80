"""What a training run does to the token table: the table at some steps, and the loss."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer
from torch import Tensor

from ragkit.minigpt.model import MiniGPT, MiniGPTConfig
from ragkit.minigpt.train import LossPoint, TrainingPlan, train
from ragkit.vectors import Vectors

STEPS = (0, 25, 50, 100, 200, 400, 600)


@dataclass(frozen=True, slots=True)
class Trajectory:
    """The states of one run, float32 [V, d] each, by step; and its loss curve.

    `tables` are the token table, `outputs` the rows that score the next token: of a tied model the
    same arrays. `best` is the point of the lowest validation loss, whose state is always there.
    """

    tables: dict[int, Vectors]
    outputs: dict[int, Vectors]
    curve: list[LossPoint]
    best: LossPoint
    tokenizer: Tokenizer


def follow(
    corpus: Path,
    plan: TrainingPlan | None = None,
    config: MiniGPTConfig | None = None,
    steps: Iterable[int] = STEPS,
    on_step: Callable[[int, float], None] | None = None,
) -> Trajectory:
    """Train as `train` does, and keep the token table at `steps` (0 is before the first).

    Steps that the plan does not reach are left out. Raises what `train` raises.
    """
    wanted = frozenset(steps)
    tables: dict[int, Vectors] = {}
    outputs: dict[int, Vectors] = {}

    def keep(step: int, model: MiniGPT) -> None:
        tables[step] = _copy(model.table.weight)
        outputs[step] = tables[step] if model.output is None else _copy(model.output.weight)

    def watch(step: int, model: MiniGPT) -> None:
        if step in wanted:
            keep(step, model)

    trained = train(corpus, plan, config, on_step=on_step, watch=watch)
    keep(trained.best.step, trained.model)
    return Trajectory(tables, outputs, trained.curve, trained.best, trained.tokenizer)


def _copy(weight: Tensor) -> Vectors:
    rows: Vectors = weight.detach().numpy().copy()
    return rows
