"""The small GPT: torch as the oracle of its parts, and a tiny training run as the proof."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch.nn import functional
from torch.optim.optimizer import register_optimizer_step_pre_hook

import ragkit
from ragkit.minigpt.corpus import corpus_file
from ragkit.minigpt.model import CausalSelfAttention, MiniGPT, MiniGPTConfig, first_model
from ragkit.minigpt.tokenizer import END, train_tokenizer
from ragkit.minigpt.train import Trained, TrainingPlan, learning_rate, save, train
from ragkit.minigpt.trajectory import follow

COMMITTED = ROOT / "data" / "minigpt"
SMALL = MiniGPTConfig(vocabulary=300, context=32, width=16, layers=2, heads=4, dropout=0.1)
UNTIED = replace(SMALL, tied=False)
PLAN = TrainingPlan(steps=30, warm_up=5, batch=8, window=16, validate_every=10, seed=7)
PEOPLE = ["I", "you", "she", "the teacher", "my brother", "we", "they", "a student"]
VERBS = ["wrote", "has eaten", "was writing", "will go", "had gone", "broke", "has chosen"]
OBJECTS = ["a letter", "the bread", "home", "two books", "it again", "the old song"]


@pytest.fixture(scope="module")
def model() -> MiniGPT:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return MiniGPT(SMALL).eval()


@pytest.fixture(scope="module")
def ids() -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(SMALL.vocabulary, (4, SMALL.context), generator=generator)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    sentences = [f"{p} {v} {o}." for p in PEOPLE for v in VERBS for o in OBJECTS]
    file.write_text("\n".join(sentences) + "\n", encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def losses() -> list[tuple[int, float]]:
    return []


@pytest.fixture(scope="module")
def trained(corpus: Path, losses: list[tuple[int, float]]) -> Trained:
    return train(corpus, PLAN, SMALL, on_step=lambda step, loss: losses.append((step, loss)))


# The model


@pytest.mark.parametrize("position", [0, 1, 15, 31])
def test_a_later_token_never_changes_earlier_logits(
    model: MiniGPT, ids: torch.Tensor, position: int
) -> None:
    changed = ids.clone()
    changed[:, position] = (changed[:, position] + 1) % SMALL.vocabulary
    with torch.inference_mode():
        before, after = model(ids), model(changed)
    torch.testing.assert_close(after[:, :position], before[:, :position], atol=0, rtol=0)
    assert not torch.allclose(after[:, position], before[:, position])


def test_a_later_token_sees_every_earlier_one(model: MiniGPT, ids: torch.Tensor) -> None:
    embedded = model.table(ids[:1]).detach().requires_grad_()
    x = embedded + model.positions(torch.arange(SMALL.context))
    for block in model.blocks:
        x = block(x)
    model.norm(x)[0, -1, 0].backward()
    assert (embedded.grad[0].abs().sum(dim=1) > 0).all()


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_attention_is_torchs_scaled_dot_product_attention(heads: int) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(heads)
        attention = CausalSelfAttention(MiniGPTConfig(width=16, heads=heads)).eval()
        x = torch.randn(3, 11, 16)
    with torch.inference_mode():
        q, k, v = (
            part.unflatten(-1, (heads, -1)).transpose(1, 2)
            for part in attention.project_in(x).split(16, dim=-1)
        )
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        wanted = attention.project_out(mixed.transpose(1, 2).flatten(-2))
        torch.testing.assert_close(attention(x), wanted, atol=1e-6, rtol=1e-5)


def test_the_output_layer_is_the_table(model: MiniGPT, ids: torch.Tensor) -> None:
    with torch.inference_mode():
        torch.testing.assert_close(
            model(ids), functional.linear(model.hidden(ids), model.table.weight)
        )
    vocabulary_sized = [n for n, p in model.named_parameters() if SMALL.vocabulary in p.shape]
    assert vocabulary_sized == ["table.weight"]


def test_the_tied_table_learns_from_both_ends(model: MiniGPT, ids: torch.Tensor) -> None:
    model.zero_grad()
    model.loss(ids).backward()
    unused = set(range(SMALL.vocabulary)) - set(ids.flatten().tolist())
    assert all(model.table.weight.grad[token].abs().sum() > 0 for token in list(unused)[:5])


def test_an_untied_output_layer_has_rows_of_its_own(model: MiniGPT, ids: torch.Tensor) -> None:
    with torch.random.fork_rng():
        untied = first_model(UNTIED, seed=0).eval()
    with torch.inference_mode():
        wanted = functional.linear(untied.hidden(ids), untied.output.weight)
        torch.testing.assert_close(untied(ids), wanted)
    assert not torch.equal(untied.output.weight, untied.table.weight)
    own = UNTIED.vocabulary * UNTIED.width
    assert untied.parameter_count == model.parameter_count + own


def test_an_untied_table_learns_from_the_tokens_it_reads_alone(ids: torch.Tensor) -> None:
    with torch.random.fork_rng():
        model = first_model(UNTIED, seed=0)
    model.loss(ids).backward()
    unread = sorted(set(range(SMALL.vocabulary)) - set(ids[:, :-1].flatten().tolist()))
    assert model.table.weight.grad[unread].abs().sum() == 0
    assert (model.output.weight.grad[unread].abs().sum(dim=1) > 0).all()


def test_tied_or_not_a_seed_begins_with_the_same_weights_and_draws_the_same_numbers() -> None:
    with torch.random.fork_rng():
        begun = [(first_model(config, seed=3), torch.rand(5)) for config in (SMALL, UNTIED)]
    (tied, next_tied), (untied, next_untied) = begun
    own = untied.state_dict()
    assert all(torch.equal(own.pop(name), w) for name, w in tied.state_dict().items())
    assert list(own) == ["output.weight"]
    assert own["output.weight"].std().item() == pytest.approx(0.02, rel=0.1)
    assert torch.equal(next_tied, next_untied)


def test_the_parameter_count_is_the_sum_by_hand(model: MiniGPT) -> None:
    d = SMALL.width
    block = (d * 3 * d + 3 * d) + (d * d + d) + (d * 4 * d + 4 * d) + (4 * d * d + d) + 2 * 2 * d
    wanted = SMALL.vocabulary * d + SMALL.context * d + SMALL.layers * block + 2 * d
    assert model.parameter_count == wanted


def test_the_loss_is_the_mean_surprise_of_the_next_token(model: MiniGPT, ids: torch.Tensor) -> None:
    with torch.inference_mode():
        logits = model(ids[:, :-1]).double().numpy()
        loss = model.loss(ids).item()
    log_sums = np.log(np.exp(logits).sum(axis=-1))
    right = np.take_along_axis(logits, ids[:, 1:, None].numpy(), axis=-1)[..., 0]
    assert loss == pytest.approx((log_sums - right).mean(), abs=1e-5)


def test_an_untrained_model_is_about_as_good_as_guessing(model: MiniGPT, ids: torch.Tensor) -> None:
    with torch.inference_mode():
        assert model.loss(ids).item() == pytest.approx(math.log(SMALL.vocabulary), abs=0.1)


def test_dropout_is_off_when_not_training(model: MiniGPT, ids: torch.Tensor) -> None:
    with torch.inference_mode():
        torch.testing.assert_close(model(ids), model(ids), atol=0, rtol=0)


# The tokenizer


@given(st.text(min_size=1, max_size=30))
def test_any_string_survives_the_tokenizer(trained: Trained, text: str) -> None:
    ids = trained.tokenizer.encode(text).ids
    assert trained.tokenizer.decode(ids).removeprefix(" ") == text.removeprefix(" ")
    assert all(0 <= token < SMALL.vocabulary for token in ids)


def test_the_tokenizer_keeps_to_its_vocabulary() -> None:
    tokenizer = train_tokenizer(["write wrote written"] * 5, vocabulary=270)
    assert tokenizer.get_vocab_size() <= 270
    assert tokenizer.token_to_id(END) == 0


# The schedule


def test_the_rate_rises_in_equal_steps_to_the_peak() -> None:
    rates = [learning_rate(step, PLAN) for step in range(PLAN.warm_up)]
    np.testing.assert_allclose(rates, PLAN.peak_rate * np.arange(1, 6) / 5)


def test_after_the_warm_up_the_rate_is_torchs_cosine_annealing() -> None:
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=PLAN.peak_rate)
    peer = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimiser, T_max=PLAN.steps - PLAN.warm_up, eta_min=PLAN.peak_rate / 10
    )
    for step in range(PLAN.warm_up, PLAN.steps + 1):
        assert learning_rate(step, PLAN) == pytest.approx(peer.get_last_lr()[0], rel=1e-6)
        optimiser.step()
        peer.step()


def test_after_the_warm_up_the_rate_only_falls() -> None:
    rates = [learning_rate(step, PLAN) for step in range(PLAN.warm_up, PLAN.steps + 1)]
    assert all(a > b for a, b in pairwise(rates))
    assert rates[-1] == pytest.approx(PLAN.peak_rate / 10)


@pytest.mark.parametrize("steps", [1, 10, 60, 61])
def test_a_run_no_longer_than_its_warm_up_has_a_schedule(steps: int) -> None:
    plan = TrainingPlan(steps=steps)
    assert all(0 < learning_rate(step, plan) <= plan.peak_rate for step in range(steps))


# Training


def test_a_short_run_lowers_the_loss(trained: Trained) -> None:
    assert trained.best.validation < math.log(SMALL.vocabulary) - 0.3
    assert trained.curve[-1].train < trained.curve[0].train


@pytest.mark.usefixtures("trained")
def test_every_step_is_reported_in_order(losses: list[tuple[int, float]]) -> None:
    assert [step for step, _ in losses] == list(range(1, 31))
    assert losses[0][1] == pytest.approx(math.log(SMALL.vocabulary), abs=0.1)


def test_the_curve_has_a_point_at_each_validation(trained: Trained) -> None:
    assert [point.step for point in trained.curve] == [10, 20, 30]
    assert trained.best == min(trained.curve, key=lambda point: point.validation)


def test_the_last_step_is_always_validated(corpus: Path) -> None:
    plan = TrainingPlan(steps=3, batch=2, window=16, validate_every=2)
    assert [point.step for point in train(corpus, plan, SMALL).curve] == [2, 3]


def test_the_same_seed_gives_the_same_weights_bit_for_bit(corpus: Path, trained: Trained) -> None:
    torch.rand(3)  # the state that a run finds must not matter
    again = train(corpus, PLAN, SMALL)
    assert again.curve == trained.curve
    assert again.tokenizer.to_str() == trained.tokenizer.to_str()
    weights = trained.model.state_dict()
    assert all(torch.equal(w, weights[name]) for name, w in again.model.state_dict().items())


def test_another_seed_gives_other_weights(corpus: Path, trained: Trained) -> None:
    plan = TrainingPlan(steps=2, batch=8, window=16, seed=8)
    other = train(corpus, plan, SMALL)
    assert not torch.equal(other.model.table.weight, trained.model.table.weight)


def test_who_watches_sees_every_step_from_the_first_weights_on(
    corpus: Path, trained: Trained
) -> None:
    seen = {}

    def watch(step: int, model: MiniGPT) -> None:
        seen[step] = {name: t.clone() for name, t in model.state_dict().items()}

    watched = train(corpus, PLAN, SMALL, watch=watch)
    assert list(seen) == list(range(31))
    with torch.random.fork_rng():
        first = first_model(SMALL, PLAN.seed).state_dict()
    assert all(torch.equal(w, first[name]) for name, w in seen[0].items())
    kept = watched.model.state_dict()
    assert all(torch.equal(w, kept[name]) for name, w in seen[watched.best.step].items())
    assert watched.curve == trained.curve  # that it was watched changes nothing


def test_the_untrained_encoder_is_step_0_of_the_courses_own_run() -> None:
    tables = follow(corpus_file(), TrainingPlan(steps=1), steps=[0]).tables
    own = ragkit.MiniGPTEncoder.untrained().model.table.weight.detach().numpy()
    np.testing.assert_array_equal(own, tables[0])


@pytest.mark.parametrize("config", [SMALL, UNTIED], ids=["tied", "untied"])
def test_a_trajectory_has_the_tables_at_the_steps_and_the_kept_one(
    corpus: Path, config: MiniGPTConfig
) -> None:
    run, trained = follow(corpus, PLAN, config, [0, 5, 99]), train(corpus, PLAN, config)
    assert list(run.tables) == list(run.outputs) == [0, 5, trained.best.step]
    assert (run.curve, run.best) == (trained.curve, trained.best)
    assert run.tokenizer.to_str() == trained.tokenizer.to_str()
    table = trained.model.table.weight.detach().numpy()
    np.testing.assert_array_equal(run.tables[run.best.step], table)
    assert not np.array_equal(run.tables[5], run.tables[0])
    same = [run.tables[step] is run.outputs[step] for step in run.tables]
    assert same == [config.tied] * 3


def validation_loss(corpus: Path, trained: Trained, plan: TrainingPlan) -> float:
    """The mean loss over consecutive windows of the tenth that was kept apart."""
    sentences = corpus.read_text(encoding="utf-8").splitlines()
    random.Random(plan.seed).shuffle(sentences)
    kept = sentences[: len(sentences) // 10]
    end = trained.tokenizer.token_to_id(END)
    tokens = torch.tensor([i for s in kept for i in [*trained.tokenizer.encode(s).ids, end]])
    starts = range(0, len(tokens) - plan.window, plan.window)
    with torch.inference_mode():
        windows = [tokens[None, s : s + plan.window + 1] for s in starts]
        return float(np.mean([trained.model.loss(window).item() for window in windows]))


def test_the_best_validation_loss_is_that_of_the_kept_weights(
    corpus: Path, trained: Trained
) -> None:
    assert validation_loss(corpus, trained, PLAN) == pytest.approx(
        trained.best.validation, abs=1e-4
    )


@pytest.mark.parametrize(
    ("losses", "kept"),
    [
        ([3.0, 2.0, 1.0], 3),
        ([1.0, 2.0, 3.0], 1),
        ([3.0, 1.0, 2.0], 2),
        ([3.0, 1.0, 1.0], 2),  # of equals, the first
        ([math.nan, 2.0, math.nan], 2),
    ],
)
def test_the_weights_of_the_lowest_validation_loss_are_kept(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, losses: list[float], kept: int
) -> None:
    given_losses, seen = iter(losses), []

    def validate(model: MiniGPT, *_: object) -> float:
        seen.append({name: t.clone() for name, t in model.state_dict().items()})
        return next(given_losses)

    monkeypatch.setattr("ragkit.minigpt.train._validate", validate)
    plan = TrainingPlan(steps=3, warm_up=0, batch=2, window=16, validate_every=1)
    run = train(corpus, plan, SMALL)
    assert (run.best.step, run.best.validation) == (kept, losses[kept - 1])
    weights = run.model.state_dict()
    equal = [all(torch.equal(w, weights[name]) for name, w in state.items()) for state in seen]
    assert equal == [step == kept for step in (1, 2, 3)]


@pytest.mark.parametrize(("factor", "longest"), [(1e3, 1.0), (1e-3, 0.1)])
def test_a_gradient_longer_than_1_is_cut_to_1(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, factor: float, longest: float
) -> None:
    norms = []

    def note(optimiser: torch.optim.Optimizer, *_: object) -> None:
        parameters = optimiser.param_groups[0]["params"]
        norms.append(torch.nn.utils.get_total_norm([p.grad for p in parameters]).item())

    loss = MiniGPT.loss  # scaled, so that the length is far from 1 whatever the rounding
    monkeypatch.setattr(MiniGPT, "loss", lambda model, ids: factor * loss(model, ids))
    hook = register_optimizer_step_pre_hook(note)
    try:
        train(corpus, TrainingPlan(steps=2, batch=2, window=16), SMALL)
    finally:
        hook.remove()
    assert len(norms) == 2
    assert max(norms) < longest + 1e-3
    assert longest != 1 or min(norms) > 0.99


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, 0) for name in ("steps", "batch", "window", "validate_every")),
        *(("warm_up", -1), ("seed", -1), ("seed", 2**64), ("steps", 2.5)),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused(name: str, value: int) -> None:
    with pytest.raises(ragkit.DataError, match=f"{name} must be"):
        TrainingPlan(**{name: value})


@pytest.mark.parametrize("lines", [0, 1, 9, 30])
def test_a_corpus_too_small_is_refused(tmp_path: Path, lines: int) -> None:
    (tmp_path / "corpus.txt").write_text("I eat.\n" * lines)
    with pytest.raises(ragkit.DataError, match=rf"{lines} sentences are too few"):
        train(tmp_path / "corpus.txt", PLAN, SMALL)


def test_a_missing_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ragkit.DataError, match=r"nowhere\.txt: no such file"):
        train(tmp_path / "nowhere.txt", PLAN, SMALL)


def test_a_corpus_that_is_not_utf8_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "corpus.txt").write_bytes(b"I eat.\ncaf\xe9\n")
    with pytest.raises(ragkit.DataError, match=r"corpus\.txt:2: byte 4 is not UTF-8"):
        train(tmp_path / "corpus.txt", PLAN, SMALL)


# Files


def test_saved_files_load_into_the_same_encoder(trained: Trained, tmp_path: Path) -> None:
    save(trained, tmp_path / "new" / "folder")
    encoder = ragkit.MiniGPTEncoder(tmp_path / "new" / "folder", source="hidden")
    assert encoder.model.config == SMALL
    ids = torch.tensor([encoder.token_ids("she wrote it")])
    assert ids[0].tolist() == trained.tokenizer.encode("she wrote it").ids
    with torch.inference_mode():
        torch.testing.assert_close(encoder.model(ids), trained.model(ids), atol=0, rtol=0)


def test_an_untied_model_is_untied_when_it_is_loaded(corpus: Path, tmp_path: Path) -> None:
    plan = TrainingPlan(steps=2, batch=2, window=16)
    trained = train(corpus, plan, UNTIED)
    save(trained, tmp_path)
    model = ragkit.MiniGPTEncoder(tmp_path).model
    assert model.config == UNTIED
    assert torch.equal(model.output.weight, trained.model.output.weight)


def test_a_checkpoint_that_does_not_say_so_is_tied(trained: Trained, tmp_path: Path) -> None:
    save(trained, tmp_path)
    file = tmp_path / "model.safetensors"
    with safe_open(file, framework="pt") as stream:
        sizes = stream.metadata()
    assert sizes.pop("tied") == "True"
    save_file(load_file(file), file, metadata=sizes)
    assert ragkit.MiniGPTEncoder(tmp_path).model.config == SMALL


@pytest.mark.parametrize("tied", ["False", "perhaps"])
def test_a_checkpoint_that_is_wrong_about_it_is_refused(
    trained: Trained, tmp_path: Path, tied: str
) -> None:
    save(trained, tmp_path)
    file = tmp_path / "model.safetensors"
    with safe_open(file, framework="pt") as stream:
        sizes = {**stream.metadata(), "tied": tied}
    save_file(load_file(file), file, metadata=sizes)
    with pytest.raises(ragkit.ModelError, match="train-minigpt"):
        ragkit.MiniGPTEncoder(tmp_path)


def test_only_whole_files_are_left(trained: Trained, tmp_path: Path) -> None:
    save(trained, tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"model.safetensors", "tokenizer.json", "loss.json"}


def test_the_loss_curve_is_saved(trained: Trained, tmp_path: Path) -> None:
    save(trained, tmp_path)
    saved = json.loads((tmp_path / "loss.json").read_text())
    assert saved["best_step"] == trained.best.step
    assert [point["validation"] for point in saved["curve"]] == [
        point.validation for point in trained.curve
    ]


# The committed checkpoint


def test_the_committed_checkpoint_is_at_most_3_megabytes() -> None:
    assert (COMMITTED / "model.safetensors").stat().st_size <= 3_000_000


def test_the_committed_model_has_a_row_for_every_token(
    minigpt: ragkit.MiniGPTEncoder,
) -> None:
    assert minigpt.tokenizer.get_vocab_size() <= minigpt.model.config.vocabulary


def test_the_committed_model_has_learned_its_corpus(minigpt: ragkit.MiniGPTEncoder) -> None:
    sentences = (COMMITTED / "corpus.txt").read_text(encoding="utf-8").splitlines()[:100]
    tokens = torch.tensor([i for s in sentences for i in minigpt.token_ids(s)])[: 64 * 10]
    with torch.inference_mode():
        loss = minigpt.model.loss(tokens.view(10, 64)).item()
    assert loss < 0.75 * math.log(minigpt.model.config.vocabulary)
