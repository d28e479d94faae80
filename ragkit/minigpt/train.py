"""Train MiniGPT on the course corpus: seeded, on a CPU, in about a minute.

AdamW with linear warm-up and cosine decay (Loshchilov & Hutter 2017, 2019). The sentences are
shuffled once; a tenth is held out for validation, and the weights of the lowest loss on it win.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import save as as_safetensors
from tokenizers import Tokenizer
from torch import Tensor

from ragkit.checks import check_count
from ragkit.errors import DataError
from ragkit.files import write_atomically
from ragkit.minigpt.corpus import training_sentences
from ragkit.minigpt.model import MiniGPT, MiniGPTConfig, first_model
from ragkit.minigpt.tokenizer import END, train_tokenizer
from ragkit.runtime import LARGEST_SEED, import_torch

LONGEST_GRADIENT = 1.0  # longer ones are scaled down to this norm (Pascanu et al. 2013)


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """The settings of a training run; times are in optimiser steps.

    Raises `DataError` for a count below 1 (`warm_up` may be 0), or a seed that torch does not
    accept.
    """

    steps: int = 600
    warm_up: int = 60
    batch: int = 32
    window: int = 64
    peak_rate: float = 3e-3
    weight_decay: float = 0.1
    validate_every: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "window", "validate_every"):
            check_count(getattr(self, name), name)
        check_count(self.warm_up, "warm_up", least=0)
        check_count(self.seed, "seed", least=0, most=LARGEST_SEED)


@dataclass(frozen=True, slots=True)
class LossPoint:
    """One point of the loss curve, in nats per token."""

    step: int
    train: float
    validation: float


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained model, its tokenizer and its loss curve; `best` is where its weights are from."""

    model: MiniGPT
    tokenizer: Tokenizer
    curve: list[LossPoint]
    best: LossPoint


def train(
    corpus: Path,
    plan: TrainingPlan | None = None,
    config: MiniGPTConfig | None = None,
    on_step: Callable[[int, float], None] | None = None,
    watch: Callable[[int, MiniGPT], None] | None = None,
) -> Trained:
    """Train on a text file with one sentence per line; `on_step(step, loss)` follows each step.

    `watch(step, model)` sees the model itself, before the first step (as step 0) and after each; it
    copies what it wants to keep, and must neither change the model nor draw random numbers.

    The same corpus, plan, config and thread count give the same weights on one machine. Raises
    `DataError` for a corpus that is missing, or too small to train on.
    """
    plan, config = plan or TrainingPlan(), config or MiniGPTConfig()
    import_torch()
    sentences = training_sentences(corpus)
    random.Random(plan.seed).shuffle(sentences)
    held_out = len(sentences) // 10
    tokenizer = train_tokenizer(sentences[held_out:], config.vocabulary)
    validation = _stream(tokenizer, sentences[:held_out])
    training = _stream(tokenizer, sentences[held_out:])
    if len(validation) <= plan.window + 1:
        raise DataError(
            f"{corpus}: {len(sentences)} sentences are too few to train on. "
            f"The validation tenth needs more than {plan.window + 1} tokens."
        )
    model = first_model(config, plan.seed)
    if watch is not None:
        watch(0, model)
    curve, best = _optimise(model, training, validation, plan, on_step, watch)
    return Trained(model.eval(), tokenizer, curve, best)


def save(trained: Trained, folder: Path) -> None:
    """Write `tokenizer.json`, `model.safetensors` and `loss.json` to `folder`, each atomically."""
    config = {name: str(value) for name, value in asdict(trained.model.config).items()}
    curve = {"best_step": trained.best.step, "curve": [asdict(p) for p in trained.curve]}
    weights = {name: t.contiguous() for name, t in trained.model.state_dict().items()}
    write_atomically(folder / "model.safetensors", as_safetensors(weights, metadata=config))
    write_atomically(folder / "tokenizer.json", trained.tokenizer.to_str(pretty=True).encode())
    write_atomically(folder / "loss.json", f"{json.dumps(curve, indent=1)}\n".encode())


def learning_rate(step: int, plan: TrainingPlan) -> float:
    """The rate at a step: a linear rise to `peak_rate`, then half a cosine to a tenth of it."""
    if step < plan.warm_up:
        return plan.peak_rate * (step + 1) / plan.warm_up
    progress = (step - plan.warm_up) / max(1, plan.steps - plan.warm_up)
    return plan.peak_rate * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * progress)))


class BestWeights:
    """Keeps a copy of a model's weights at the lowest validation loss so far; of equals, the first.

    Until a loss is finite, these are the weights that the model began with, as step 0.
    """

    def __init__(self, model: MiniGPT) -> None:
        self._point = LossPoint(0, math.inf, math.inf)
        self._weights = _copy(model)

    def offer(self, point: LossPoint, model: MiniGPT) -> None:
        """Copy the weights of `model` if `point` has a lower validation loss than any before."""
        if point.validation < self._point.validation:
            self._point, self._weights = point, _copy(model)

    def restore(self, model: MiniGPT) -> LossPoint:
        """Load the best weights into `model` and return their point."""
        model.load_state_dict(self._weights)
        return self._point


def _copy(model: MiniGPT) -> dict[str, Tensor]:
    return {name: t.clone() for name, t in model.state_dict().items()}


def _optimise(
    model: MiniGPT,
    training: Tensor,
    validation: Tensor,
    plan: TrainingPlan,
    on_step: Callable[[int, float], None] | None,
    watch: Callable[[int, MiniGPT], None] | None,
) -> tuple[list[LossPoint], LossPoint]:
    """Run the plan; leave in `model` the weights of the lowest validation loss."""
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=plan.weight_decay)
    generator = torch.Generator().manual_seed(plan.seed)
    curve: list[LossPoint] = []
    best = BestWeights(model)
    for step in range(plan.steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, plan)
        model.train()
        loss = model.loss(_sample(training, plan, generator))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
        torch.nn.utils.clip_grad_norm_(model.parameters(), LONGEST_GRADIENT)
        optimiser.step()
        if on_step is not None:
            on_step(step + 1, loss.item())
        if watch is not None:
            watch(step + 1, model)
        if (step + 1) % plan.validate_every == 0 or step + 1 == plan.steps:
            curve.append(LossPoint(step + 1, loss.item(), _validate(model, validation, plan)))
            best.offer(curve[-1], model)
    return curve, best.restore(model)


def _sample(tokens: Tensor, plan: TrainingPlan, generator: torch.Generator) -> Tensor:
    """A batch of random windows, int64 [batch, window + 1]."""
    starts = torch.randint(len(tokens) - plan.window, (plan.batch,), generator=generator)
    return torch.stack([tokens[s : s + plan.window + 1] for s in starts])


@torch.no_grad()
def _validate(model: MiniGPT, tokens: Tensor, plan: TrainingPlan) -> float:
    """Mean loss over the validation stream, cut into consecutive windows."""
    model.eval()
    windows = tokens.unfold(0, plan.window + 1, plan.window)  # [n, window + 1]
    return model.loss(windows).item()


def _stream(tokenizer: Tokenizer, sentences: list[str]) -> Tensor:
    """All sentences as one row of token ids, int64 [n], each closed by the end token."""
    end = tokenizer.token_to_id(END)
    ids = [i for encoding in tokenizer.encode_batch(sentences) for i in [*encoding.ids, end]]
    return torch.tensor(ids)
