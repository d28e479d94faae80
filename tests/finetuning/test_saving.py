"""A fine-tuned model on disk: loads as it was, comes with its card, and is whole or not there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from students import PAIRS, TEXTS, write_base

import ragkit
from ragkit.finetuning.card import card
from ragkit.finetuning.choice import Stop
from ragkit.finetuning.encoder import TrainableEncoder
from ragkit.finetuning.pairs import taught_split
from ragkit.finetuning.saving import check_free, save
from ragkit.finetuning.train import FineTuningPlan, Lesson, fine_tune
from ragkit.weights.published import MINILM

SHORT = list(TEXTS.values())


@pytest.fixture
def student(student_folder: Path) -> TrainableEncoder:
    return TrainableEncoder(student_folder)


@pytest.fixture(scope="module")
def minilm_taught() -> TrainableEncoder:
    encoder = TrainableEncoder()
    fine_tune(encoder, Lesson(PAIRS, TEXTS), FineTuningPlan(epochs=1, rate=1e-4))
    return encoder


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# The folder


def test_minilm_is_read_back_with_the_vectors_that_it_was_taught(
    minilm_taught: TrainableEncoder, minilm: ragkit.MiniLMEncoder, tmp_path: Path
) -> None:
    save(minilm_taught, tmp_path / "new" / "taught", "the card")
    read = ragkit.MiniLMEncoder(model=tmp_path / "new" / "taught")
    texts = [*SHORT, *(pair.query for pair in PAIRS)]
    rows = read.encode(texts)
    assert (rows * minilm_taught.encode(texts)).sum(axis=1).min() > 0.99999
    assert (rows * minilm.encode(texts)).sum(axis=1).max() < 0.9999
    assert read.name == "taught"
    again = TrainableEncoder(tmp_path / "new" / "taught")
    assert again.fingerprint == minilm_taught.fingerprint
    assert again.began_as == "taught"


def test_weights_are_safetensors_and_nothing_is_pickled(
    student: TrainableEncoder, tmp_path: Path
) -> None:
    save(student, tmp_path / "out", "the card")
    assert {"model.safetensors", "README.md", "modules.json", "tokenizer.json"} <= names(
        tmp_path / "out"
    )
    files = [path.suffix for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert set(files) <= {".safetensors", ".json", ".txt", ".md"}
    assert (tmp_path / "out" / "README.md").read_text(encoding="utf-8") == "the card"
    assert names(tmp_path) == {"out"}


def test_others_may_read_it(student: TrainableEncoder, tmp_path: Path) -> None:
    save(student, tmp_path / "out", "the card")
    for path in [tmp_path / "out", *(tmp_path / "out").rglob("*")]:
        wanted = 0o005 if path.is_dir() else 0o004
        assert path.stat().st_mode & wanted == wanted, path


def test_an_empty_folder_is_filled_and_stays_the_same_folder(
    student: TrainableEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be the current one, a mount, or one that a link points to."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    number = (tmp_path / "empty").stat().st_ino
    monkeypatch.chdir(tmp_path / "empty")
    save(student, Path(), "the card")
    assert (tmp_path / "empty").stat().st_ino == number
    assert not [name for name in names(tmp_path / "empty") if name.startswith(".")]
    read = ragkit.MiniLMEncoder(model=tmp_path / "link")
    np.testing.assert_allclose(read.encode(SHORT), student.encode(SHORT), atol=1e-6)


def test_a_link_to_nowhere_is_followed(student: TrainableEncoder, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "later")
    save(student, tmp_path / "link", "the card")
    assert (tmp_path / "later" / "model.safetensors").is_file()
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("there", ["file", "hidden", "folder"])
def test_a_place_that_is_taken_is_refused_and_left_alone(
    student: TrainableEncoder, tmp_path: Path, there: str
) -> None:
    out = tmp_path / "out"
    if there == "file":
        out.write_text("mine")
    else:
        out.mkdir()
        (out / (".mine" if there == "hidden" else "mine")).write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    for refuse in (lambda: check_free(out), lambda: save(student, out, "the card")):
        with pytest.raises(ragkit.DataError, match=f"{re.escape(str(out))}: not an empty folder"):
            refuse()
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("below", ["out", "deep/out"])
def test_a_place_below_a_file_is_refused(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ragkit.DataError, match=f"{re.escape(str(tmp_path / 'file'))} is no folder"):
        check_free(tmp_path / "file" / below)


def test_a_place_in_a_folder_that_cannot_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path)  # root may write anywhere
    with pytest.raises(ragkit.DataError, match=re.escape(f"{tmp_path} is no folder that you may")):
        check_free(tmp_path / "new" / "out")
    (tmp_path / "own").mkdir()
    check_free(tmp_path / "own")


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()], ids=repr)
def test_a_failure_halfway_leaves_nothing_behind(
    student: TrainableEncoder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    there: bool,
    error: BaseException,
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr("ragkit.finetuning.saving.write_atomically", fails)
    if there:
        (tmp_path / "out").mkdir()
    with pytest.raises(type(error)):
        save(student, tmp_path / "out", "the card")
    assert names(tmp_path) == ({"out"} if there else set())
    assert not there or names(tmp_path / "out") == set()


# The card


@pytest.fixture
def kb(tmp_path: Path) -> ragkit.KnowledgeBase:
    return taught_split(write_base(tmp_path / "base", "wxyz", [("ask", [0, 1])] * 19), "train")


PLAN = FineTuningPlan(epochs=3, batch=16, rate=3e-5, weight_decay=0.02, temperature=0.07, seed=11)
STOP = Stop(held_out=4, curve=[0.25, 0.5, 0.75, 0.625], epoch=2)


def rows(text: str) -> Iterable[list[str]]:
    """The cells of all tables of a card."""
    lines = (line for line in text.splitlines() if line.startswith("| "))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_card_says_what_was_taught_and_how_it_was_chosen(
    student: TrainableEncoder, kb: ragkit.KnowledgeBase
) -> None:
    text = " ".join(card(kb, PLAN, STOP, student).split())
    assert "split `train` of a knowledge base of 4 documents" in text
    assert "19 judged questions, of which 4 were held out" in text
    assert "The weights are those of epoch 2." in text
    assert "weights are those of epoch 0" in card(kb, PLAN, replace(STOP, epoch=0), student)


def test_the_card_has_the_curve_and_the_settings(
    student: TrainableEncoder, kb: ragkit.KnowledgeBase
) -> None:
    table = dict(rows(card(kb, PLAN, STOP, student)))
    assert [table[str(epoch)] for epoch in range(4)] == ["0.250", "0.500", "0.750", "0.625"]
    assert table["epoch"] == "mrr@10 on the held-out questions"
    assert table["temperature"] == "0.07"
    assert table["optimiser"] == "AdamW, rate 3e-05, weight decay 0.02"
    assert table["batch"].startswith("16 ")
    assert table["seed"] == "11"
    assert table["torch"] == version("torch")
    assert table["sentence-transformers"] == version("sentence-transformers")


def head(text: str) -> dict[str, str]:
    """What the hub reads: the YAML between the first two rules, of which JSON is a part."""
    lines = text.split("---\n")[1].splitlines()
    found = dict(line.split(": ", 1) for line in lines)
    return found | {"base_model": json.loads(found["base_model"])}


def test_the_card_names_minilm_and_its_licence(
    minilm_taught: TrainableEncoder, kb: ragkit.KnowledgeBase
) -> None:
    found = head(card(kb, PLAN, STOP, minilm_taught))
    assert found["base_model"] == MINILM.upstream
    assert found["license"] == "apache-2.0"
    assert found["library_name"] == "sentence-transformers"


@pytest.mark.parametrize("name", ["student", "a: b # c", "'quoted\""])
def test_another_model_is_named_and_its_licence_not_guessed(
    student: TrainableEncoder, kb: ragkit.KnowledgeBase, name: str
) -> None:
    assert student.began_as == "student"
    student.began_as = name
    found = head(card(kb, PLAN, STOP, student))
    assert found["base_model"] == name
    assert "license" not in found
