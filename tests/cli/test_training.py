"""`ragkit finetune` from a folder of questions to a model that answers, and `ask --model`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from processes import Run, is_one_sentence
from students import write_base, write_lesson

import ragkit
from ragkit.encoders import minilm_export
from ragkit.weights.published import MINILM, locate


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Twenty questions, which the student answers wrong until it is taught."""
    return write_lesson(tmp_path / "base")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "new" / "taught"


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "ragkit.finetuning.train.batch_loss", lambda *_, **__: pytest.fail("it trained")
    )


def listing(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


# finetune


def test_what_a_student_was_taught_it_then_answers(
    run: Run, base: Path, out: Path, student_folder: Path
) -> None:
    common = ("--kb", base, "--json", "--k", 1, "--model")

    def answers(model: Path) -> list[str]:
        return [run("ask", word, *common, model).data[0]["text"] for word in ("cats", "dogs")]

    before = answers(student_folder)
    taught = run("finetune", "--kb", base, "--out", out, "--start", student_folder, "--epochs", 12)
    assert (taught.status, taught.err) == (0, "")
    curve = re.match(r"mrr@10 on 4 held-out questions, from epoch 0: ([\d., ]+)\.\n", taught.out)
    values = [float(value) for value in curve[1].split(", ")]
    assert (len(values), values[0], max(values)) == (13, 0.5, 1.0)
    assert f"\nEpoch {values.index(1.0)} is written to {out}. Try: ragkit ask" in taught.out
    assert (before, answers(out)) == (["bone", "milk"], ["milk", "bone"])
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "split `train` of a knowledge base of 2\ndocuments: 20 judged questions" in card
    assert f"The weights are those of epoch {values.index(1.0)}." in card
    assert listing(out.parent)[0] == out


def test_the_seed_makes_the_weights(
    run: Run, base: Path, tmp_path: Path, student_folder: Path
) -> None:
    common = ("finetune", "--kb", base, "--start", student_folder, "--epochs", 8, "--out")
    for name, seed in (("a", ()), ("b", ("--seed", 0)), ("c", ("--seed", 1))):
        assert run(*common, tmp_path / name, *seed).status == 0
    a, b, c = ((tmp_path / name / MINILM.file).read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_if_no_epoch_is_better_nothing_is_written_and_the_status_is_1(
    run: Run, tmp_path: Path, student_folder: Path
) -> None:
    """Each question is the text of its document: nothing can be better than the start."""
    words = [f"word {number}" for number in range(20)]
    base = write_base(tmp_path / "base", words, [(word, [n]) for n, word in enumerate(words)])
    before = listing(tmp_path)
    out = tmp_path / "out"
    ended = run("finetune", "--kb", base, "--out", out, "--start", student_folder, "--epochs", 2)
    assert (ended.status, ended.err) == (1, "")
    assert "from epoch 0: 1.000, " in ended.out
    assert "No epoch is better than the model as it came, so nothing is written." in ended.out
    assert listing(tmp_path) == before


def test_minilm_is_taught_unless_another_is_named_and_is_exported(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The questions are of dev, since there is no train; that a pass helps is arranged."""
    few = minilm_export.varied_texts()[::30]
    monkeypatch.setattr(minilm_export, "varied_texts", lambda: few)
    scores = iter([0.5, 0.75])
    monkeypatch.setattr(
        "ragkit.finetuning.choice.score",
        lambda *_: type("Report", (), {"mean": {"mrr@10": next(scores)}}),
    )
    base = write_base(
        tmp_path / "base", ["milk", "bone"], [("cats", [0]), ("dogs", [1])] * 8, "dev"
    )
    taught = run("finetune", "--kb", base, "--out", tmp_path / "out", "--epochs", 1)
    assert (taught.status, taught.err) == (0, "")
    encoders = [ragkit.MiniLMEncoder(tmp_path / "out", backend=b) for b in ("torch", "auto")]
    assert [encoder.backend for encoder in encoders] == ["torch", "onnx"]
    one, other = (encoder.encode(["milk", "bone"]) for encoder in encoders)
    assert one == pytest.approx(other, abs=1e-4)
    packaged = (locate(MINILM).folder / MINILM.file).read_bytes()
    assert (tmp_path / "out" / MINILM.file).read_bytes() != packaged
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert f'base_model: "{MINILM.upstream}"' in card
    assert "split `dev`" in card


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--kb", "few"], "few: the split 'train' has 7 pairs"),
        (["--kb", "fewer"], "fewer: 15 pairs are too few to hold some out"),
        (["--kb", "one"], "one: 9 pairs are too few to hold some out"),
        (["--kb", "nowhere"], "nowhere: no such folder"),
        (["--split", "trian"], "no split 'trian'; it has train"),
        (["--start", "nowhere"], "nowhere: no such folder"),
        (["--start", "base"], "cannot be loaded"),
        (["--out", "base"], "base: not an empty folder"),
        (["--out", "file"], "file: not an empty folder"),
        (["--out", "file/deep/out"], "file is no folder that you may write to"),
        (["--epochs", "0"], "--epochs"),
        (["--seed", "-1"], "--seed"),
        (["--seed", str(10**30)], "seed must be at most"),
    ],
    ids=" ".join,
)
def test_a_mistake_is_told_before_anything_is_trained_or_written(
    run: Run,
    base: Path,
    student_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, count in (("few", 7), ("fewer", 15)):
        write_base(tmp_path / name, ["milk", "bone"], [("cats", [0])] * count)
    write_base(tmp_path / "one", ["milk"] * 9, [("cats", range(9))])
    (tmp_path / "file").write_text("in the way")
    before = listing(tmp_path)
    usual = ["--kb", base, "--start", student_folder, "--out", "out"]
    outcome = run(
        "finetune", *usual, *arguments
    )  # of an option that is given twice the last counts
    assert is_one_sentence(outcome)
    assert reason in outcome.err
    assert listing(tmp_path) == before


def test_out_must_be_named(run: Run, base: Path) -> None:
    outcome = run("finetune", "--kb", base)
    assert is_one_sentence(outcome)
    assert "--out" in outcome.err


# ask --model


def test_ask_searches_with_the_model_that_is_named(
    run: Run, base: Path, student_folder: Path
) -> None:
    rows = run("ask", "milk", "--json", "--kb", base, "--model", student_folder).data
    student = ragkit.MiniLMEncoder(model=student_folder)
    found = ragkit.DenseRetriever(student).fit(ragkit.load_kb(base, "train").documents)
    hits = found.search("milk", 5)
    assert [row["doc_id"] for row in rows] == [hit.doc_id for hit in hits]
    assert [row["score"] for row in rows] == pytest.approx([hit.score for hit in hits], abs=1e-5)
    usual = run("ask", "milk", "--json", "--kb", base).data
    assert rows[1]["score"] != pytest.approx(usual[1]["score"], abs=1e-3)


def test_a_model_and_an_encoder_of_another_name_are_one_too_many(
    run: Run, base: Path, student_folder: Path
) -> None:
    common = ("ask", "milk", "--json", "--kb", base, "--model", student_folder, "--encoder")
    outcome = run(*common, "bge-small")
    assert is_one_sentence(outcome)
    assert "--encoder bge-small another. Give one of them." in outcome.err
    assert run(*common, "minilm").status == 0


@pytest.mark.parametrize("there", ["nothing", "an empty folder", "a base", "broken weights"])
def test_a_folder_that_is_no_model_is_a_mistake(
    run: Run, base: Path, tmp_path: Path, there: str
) -> None:
    folder = tmp_path / "model"
    if there == "a base":
        folder = base
    elif there != "nothing":
        folder.mkdir()
    if there == "broken weights":
        (folder / MINILM.file).write_bytes(b"no weights")
    outcome = run("ask", "milk", "--kb", base, "--model", folder)
    assert is_one_sentence(outcome)
    assert str(folder) in outcome.err
