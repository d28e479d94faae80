"""Fine-tuning: the loop that moves questions towards their documents, and away from the others.

AdamW at a constant rate (Loshchilov & Hutter 2019). What is learnt from is either the labels, by
InfoNCE, or a teacher's scores, by margin-MSE.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ragkit.checks import check_count, is_finite
from ragkit.encoders.losses import info_nce, margin_mse
from ragkit.errors import DataError
from ragkit.finetuning.encoder import TrainableEncoder
from ragkit.finetuning.negatives import Scores
from ragkit.finetuning.pairs import Pair, allowed, shuffled_batches
from ragkit.runtime import LARGEST_SEED


@dataclass(frozen=True, slots=True)
class FineTuningPlan:
    """The settings of a run; `rate` is AdamW's, per step.

    Raises `DataError` for a count below 1, a batch below 2, a seed that torch does not accept, a
    rate or temperature that is not above 0, or a weight decay below 0.
    """

    epochs: int = 4
    batch: int = 32
    rate: float = 2e-5
    weight_decay: float = 0.01
    temperature: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        check_count(self.epochs, "epochs")
        check_count(self.batch, "batch", least=2)
        check_count(self.seed, "seed", least=0, most=LARGEST_SEED)
        for name in ("rate", "temperature", "weight_decay"):
            value, may_be_0 = getattr(self, name), name == "weight_decay"
            is_number = is_finite(value) and not isinstance(value, bool)
            if not (is_number and (value > 0 or (may_be_0 and value == 0))):
                bound = "0 or above" if may_be_0 else "above 0"
                raise DataError(f"{name} must be a number {bound}; got {value!r:.60}.")

    def steps(self, pairs: int) -> int:
        """How many optimiser steps so many pairs make."""
        whole, rest = divmod(pairs, self.batch)
        return self.epochs * (whole + (rest > 1))


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a run learns from: pairs, the text of each document by id, and, if wanted, more.

    `negatives` gives each question further wrong documents (`negatives.mine`); with `teacher`, the
    scores of each question's pair and negatives, the run imitates these and reads no label.
    """

    pairs: Sequence[Pair]
    texts: Mapping[str, str]
    negatives: Mapping[str, Sequence[str]] | None = None
    teacher: Scores | None = None


def fine_tune(
    encoder: TrainableEncoder,
    lesson: Lesson,
    plan: FineTuningPlan | None = None,
    *,
    on_step: Callable[[int, float], None] | None = None,
    on_epoch: Callable[[int], None] | None = None,
) -> list[float]:
    """Train `encoder` in place; return the loss of each step.

    `on_step(step, loss)` follows each step and `on_epoch(epoch)` each pass over the pairs, both
    counted from 1. The same lesson and plan give the same weights on one machine; another may draw
    another dropout.
    """
    plan = plan or FineTuningPlan()
    order = np.random.default_rng(plan.seed)
    optimiser = torch.optim.AdamW(
        encoder.model.parameters(), lr=plan.rate, weight_decay=plan.weight_decay
    )
    losses: list[float] = []
    for epoch in range(1, plan.epochs + 1):
        with _training(encoder, seed=plan.seed + epoch):
            for batch in shuffled_batches(lesson.pairs, plan.batch, order):
                losses.append(_step(encoder, optimiser, batch, lesson, plan.temperature))
                if on_step is not None:
                    on_step(len(losses), losses[-1])
        if on_epoch is not None:
            on_epoch(epoch)
    return losses


@contextmanager
def _training(encoder: TrainableEncoder, seed: int) -> Iterator[None]:
    """Dropout on, drawn from `seed`; the caller's random numbers stay as they are."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed % (LARGEST_SEED + 1))
        encoder.model.train()
        try:
            yield
        finally:
            encoder.model.eval()


def _step(
    encoder: TrainableEncoder,
    optimiser: torch.optim.Optimizer,
    batch: Sequence[Pair],
    lesson: Lesson,
    temperature: float,
) -> float:
    """One optimiser step; returns the loss before it."""
    loss = batch_loss(encoder, batch, lesson, temperature)
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
    optimiser.step()
    return loss.item()


def batch_loss(
    encoder: TrainableEncoder, batch: Sequence[Pair], lesson: Lesson, temperature: float
) -> Tensor:
    """The loss of one batch, a scalar that gradients flow through."""
    own = [pair.doc_id for pair in batch]
    mined = (lesson.negatives or {}).get
    more = [doc_id for pair in batch for doc_id in mined(pair.query_id, ())]
    doc_ids = own + more
    queries = encoder.embed([pair.query for pair in batch])  # [B, d]
    distinct = list(dict.fromkeys(doc_ids))  # a text in several columns is encoded once
    places = torch.tensor([distinct.index(doc_id) for doc_id in doc_ids])
    documents = encoder.embed([lesson.texts[i] for i in distinct])[places]  # [B + H, d]
    if lesson.teacher is not None:
        cosines = queries @ documents.T
        return margin_mse(cosines / temperature, _scores_of(lesson.teacher, batch, doc_ids))
    pairs, negatives = documents[: len(own)], documents[len(own) :]
    mask = allowed(batch, doc_ids)
    return info_nce(queries, pairs, temperature, negatives=negatives, allowed=mask)


def _scores_of(teacher: Scores, batch: Sequence[Pair], doc_ids: Sequence[str]) -> Tensor:
    """What the teacher gave each question with each document, float [B, C]; NaN if nothing."""
    rows = [[teacher[pair.query_id].get(i, torch.nan) for i in doc_ids] for pair in batch]
    return torch.tensor(rows)
