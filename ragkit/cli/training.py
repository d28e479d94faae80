"""The commands of `ragkit` that train: a GPT from scratch, and MiniLM further.

Like those of `app.py`, which registers them, they parse, call the library and print.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ragkit.cli import console


def train_minigpt(
    out: Annotated[
        Path | None, typer.Option(help="Where to write. Default: data/minigpt of the checkout.")
    ] = None,
    corpus: Annotated[
        Path | None, typer.Option(help="A text file with one sentence per line.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same weights.")] = 0,
) -> None:
    """Train the small GPT from scratch on the course's sentences, on the CPU.

    Writes model.safetensors, tokenizer.json, loss.json and loss.png. The same seed, corpus and
    number of threads give the same weights.
    """
    from dataclasses import replace
    from importlib import import_module

    from ragkit.course.plots import loss_curve
    from ragkit.minigpt.corpus import corpus_file
    from ragkit.minigpt.train import TrainingPlan, save, train
    from ragkit.runtime import data_dir

    import_module("matplotlib")  # draws the curve at the end; if it is missing, nothing is trained
    plan = replace(TrainingPlan(), seed=seed)
    if steps is not None:
        plan = replace(plan, steps=steps)
    folder = out or data_dir() / "minigpt"
    folder.mkdir(parents=True, exist_ok=True)  # if it cannot be made, nothing is trained
    with console.step_bar(plan.steps, "training") as on_step:
        trained = train(corpus or corpus_file(), plan, on_step=on_step)
    save(trained, folder)
    figure = loss_curve(trained.curve, trained.model.config.vocabulary)
    figure.savefig(folder / "loss.png")
    print(
        f"{trained.model.parameter_count:,} parameters; validation loss "
        f"{trained.best.validation:.3f} nats per token at step {trained.best.step}. "
        f"Written to {folder}."
    )


def finetune(
    out: Annotated[Path, typer.Option(help="The folder to write the model to: new, or empty.")],
    kb: Annotated[
        Path | None,
        typer.Option(
            "--kb", help="A folder in the BEIR layout. Default: the course's verb grammar."
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="Which qrels to learn from. Default: train if there is one, else dev."),
    ] = None,
    start: Annotated[
        Path | None, typer.Option(help="Start from this folder. Default: all-MiniLM-L6-v2.")
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Most passes over the questions.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same weights.")] = 0,
) -> None:
    """Teach MiniLM the questions of a knowledge base, on the CPU.

    A fifth of the questions is held out, and the epoch that answers these best is kept; if none
    is better than the model as it came, nothing is written and the exit status is 1. The result is
    a folder, also exported to ONNX if it is a MiniLM: `MiniLMEncoder(model=FOLDER)` and
    `ragkit ask --model FOLDER` load it. Measure it on questions that it was not taught, such as
    those of another split.
    """
    from ragkit.encoders.minilm_export import find_or_prepare
    from ragkit.encoders.minilm_folder import misfits
    from ragkit.finetuning.card import card
    from ragkit.finetuning.choice import CHOSEN_BY, fine_tune_until_best, taught_and_held
    from ragkit.finetuning.encoder import TrainableEncoder
    from ragkit.finetuning.pairs import taught_split, training_pairs
    from ragkit.finetuning.saving import check_free, save
    from ragkit.finetuning.train import FineTuningPlan, Lesson

    check_free(out)  # before anything is trained
    base = taught_split(kb, split)
    pairs = training_pairs(base)
    lesson = Lesson(pairs, {document.doc_id: document.full_text for document in base.documents})
    plan = FineTuningPlan(epochs=epochs, seed=seed)
    steps = plan.steps(len(taught_and_held(base, pairs, seed=seed)[0]))
    encoder = TrainableEncoder(start)
    with console.step_bar(steps, "fine-tuning") as on_step:
        stop = fine_tune_until_best(encoder, base, lesson, plan, on_step=on_step)
    curve = ", ".join(f"{value:.3f}" for value in stop.curve)
    print(f"{CHOSEN_BY} on {stop.held_out} held-out questions, from epoch 0: {curve}.")
    if stop.epoch == 0:
        print("No epoch is better than the model as it came, so nothing is written.")
        raise typer.Exit(1)
    save(encoder, out, card(base, plan, stop, encoder))
    if not misfits(out):  # a start of another architecture runs with torch alone
        find_or_prepare("onnx", out)
    print(f"Epoch {stop.epoch} is written to {out}. Try: ragkit ask --model {out} QUESTION")
