"""When to stop: after the epoch that answers best the questions that training never saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ragkit.checks import check_count
from ragkit.documents.kb import KnowledgeBase
from ragkit.errors import DataError
from ragkit.finetuning.encoder import TrainableEncoder
from ragkit.finetuning.pairs import FEWEST, Pair
from ragkit.finetuning.train import FineTuningPlan, Lesson, fine_tune
from ragkit.scoring.evaluation import Report, evaluate
from ragkit.search.retrievers import DenseRetriever

CHOSEN_BY = "mrr@10"  # it moves with every place, so a few questions say more than by a hit rate
FEWEST_HELD_OUT = 4  # questions
FOLDS = 5  # a fifth is held out


@dataclass(frozen=True, slots=True)
class Stop:
    """What was held out, its `CHOSEN_BY` before training and after each epoch, and the best."""

    held_out: int
    curve: list[float]
    epoch: int


def held_out_folds(pairs: Sequence[Pair], folds: int, seed: int = 0) -> list[set[str]]:
    """The ids of the questions in each of `folds` parts of nearly the same size, at random.

    Raises `DataError` for fewer than two folds, or more than there are questions.
    """
    ids = sorted({pair.query_id for pair in pairs})
    check_count(folds, "folds", least=2, most=len(ids))
    order = np.random.default_rng(seed).permutation(len(ids))
    return [{ids[i] for i in order[fold::folds]} for fold in range(folds)]


def taught_and_held(
    kb: KnowledgeBase, pairs: Sequence[Pair], folds: int = FOLDS, seed: int = 0
) -> tuple[list[Pair], set[str]]:
    """The pairs to train on, and the ids of the questions that are held out: one fold of them.

    Raises `DataError` if too few of either would be left.
    """
    held: set[str] = set()
    if len({pair.query_id for pair in pairs}) > FEWEST_HELD_OUT:
        held = held_out_folds(pairs, folds, seed)[0]
    taught = [pair for pair in pairs if pair.query_id not in held]
    if len(taught) < FEWEST or len(held) < FEWEST_HELD_OUT:
        raise DataError(
            f"{kb.path}: {len(pairs)} pairs are too few to hold some out: {len(taught)} to train "
            f"on and {len(held)} questions to choose by would be left; {FEWEST} and "
            f"{FEWEST_HELD_OUT} are needed. Add judged questions."
        )
    return taught, held


def fine_tune_until_best(
    encoder: TrainableEncoder,
    kb: KnowledgeBase,
    lesson: Lesson,
    plan: FineTuningPlan | None = None,
    *,
    folds: int = FOLDS,
    on_step: Callable[[int, float], None] | None = None,
) -> Stop:
    """Train on all but the first of `folds` parts of the questions; keep the best epoch's weights.

    Best is the highest `CHOSEN_BY` on the part that was held out; of equals the earliest, and epoch
    0, the encoder as it came, is among them. Raises `DataError` if too few pairs are left.
    """
    seed = (plan or FineTuningPlan()).seed
    taught, held = taught_and_held(kb, lesson.pairs, folds, seed)

    def judge() -> float:
        return score(encoder, kb, held).mean[CHOSEN_BY]

    curve, best = [judge()], encoder.weights()

    def on_epoch(_: int) -> None:
        nonlocal best
        curve.append(judge())
        if curve[-1] > max(curve[:-1]):
            best = encoder.weights()

    rest = Lesson(taught, lesson.texts, lesson.negatives, lesson.teacher)
    fine_tune(encoder, rest, plan, on_step=on_step, on_epoch=on_epoch)
    encoder.load(best)
    return Stop(len(held), curve, curve.index(max(curve)))


def score(
    encoder: TrainableEncoder, kb: KnowledgeBase, query_ids: set[str] | None = None
) -> Report:
    """`CHOSEN_BY` of a dense search with `encoder`, for all judged questions or some of them."""
    asked = [q for q in kb.queries if query_ids is None or q.query_id in query_ids]
    run = DenseRetriever(encoder).fit(kb.documents).run(asked)
    return evaluate({q.query_id: kb.qrels[q.query_id] for q in asked}, run, CHOSEN_BY)
