"""The `ragkit` command: what it prints, and how each mistake ends in one sentence and status 2."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import warnings
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import get_args

import pytest
import pytrec_eval
from processes import Run, is_one_sentence, process

import ragkit
from ragkit.cli import app as cli
from ragkit.course import ledger
from ragkit.documents.kb import load_documents
from ragkit.runtime import data_dir
from ragkit.weights.published import ALL_WEIGHTS, MINILM, RERANKER, locate

QUESTION = "past participle of eat?"
HEAVY = ("torch", "transformers", "sentence_transformers", "faiss", "onnxruntime", "matplotlib")
LOOKS_UP = {"ask", "evaluate", "models", "doctor", "train-minigpt", "finetune"}
WORKS = {"work", "progress", "reset", "validate"}
TEACHES = {"editions", "results", "bundle", "grade"}
COMMANDS = [c.name or str(getattr(c.callback, "__name__", "")) for c in cli.app.registered_commands]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A folder of four documents and three judged queries of two kinds."""
    folder = tmp_path / "base"
    (folder / "qrels").mkdir(parents=True)
    texts = ["eat ate eaten", "go went gone", "write wrote written", "¡comer, comí, comido!"]
    queries = [("past of eat", "lexical"), ("wrote", "lexical"), ("comido", "spanish")]
    write_jsonl(folder / "corpus.jsonl", [{"_id": f"d{i}", "text": t} for i, t in enumerate(texts)])
    write_jsonl(
        folder / "queries.jsonl",
        [{"_id": f"q{i}", "text": text, "kind": kind} for i, (text, kind) in enumerate(queries)],
    )
    (folder / "qrels" / "test.tsv").write_text("q0\td0\t1\nq1\td2\t2\nq2\td3\t1\nq2\td0\t1\n")
    return folder


def write_jsonl(path: Path, records: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


# ask


def test_ask_prints_five_documents_with_their_scores(run: Run) -> None:
    asked = run("ask", QUESTION)
    heads = re.findall(r"^(\d+)\. .* cosine (\d\.\d{3})  ", asked.out, re.MULTILINE)
    assert (asked.status, asked.err) == (0, "")
    assert [rank for rank, _ in heads] == ["1", "2", "3", "4", "5"]
    assert [score for _, score in heads] == sorted((score for _, score in heads), reverse=True)


def test_ask_prints_what_the_readme_shows(run: Run) -> None:
    asked = "\n".join(line.rstrip() for line in run("ask", QUESTION, "--k", 2).out.splitlines())
    assert f"```\n{asked.strip()}\n```" == ledger.load()["lab01.ask"]["text"]


def test_ask_prints_the_texts_of_the_documents(run: Run, base: Path) -> None:
    asked = run("ask", "comido", "--kb", base, "--k", 4)
    assert all(d.text in asked.out for d in ragkit.load_kb(base).documents)


def test_ask_json_is_a_list_of_rank_doc_id_score_and_text(run: Run) -> None:
    rows = run("ask", QUESTION, "--json").data
    assert [list(row) for row in rows] == [["rank", "doc_id", "score", "text"]] * 5
    assert [row["rank"] for row in rows] == [1, 2, 3, 4, 5]
    documents = {d.doc_id: d.text for d in load_documents(data_dir() / "verb_grammar")}
    assert all(documents[row["doc_id"]] == row["text"] for row in rows)


def test_ask_gives_what_the_library_gives(
    run: Run, base: Path, minilm: ragkit.MiniLMEncoder
) -> None:
    rows = run("ask", QUESTION, "--json", "--kb", base).data
    found = ragkit.DenseRetriever(minilm).fit(ragkit.load_kb(base).documents).search(QUESTION, 5)
    assert [row["doc_id"] for row in rows] == [hit.doc_id for hit in found]
    assert [row["score"] for row in rows] == pytest.approx([hit.score for hit in found], abs=1e-5)


@pytest.mark.parametrize(("k", "count"), [(1, 1), (3, 3), (4, 4), (99, 4), (10**30, 4)])
def test_k_says_how_many(run: Run, base: Path, k: int, count: int) -> None:
    assert len(run("ask", QUESTION, "--json", "--kb", base, "--k", k).data) == count


def test_json_keeps_letters_readable(run: Run, base: Path) -> None:
    assert "¡comer, comí, comido!" in run("ask", "comido", "--json", "--kb", base).out


@pytest.mark.parametrize("encoder", get_args(cli.EncoderName))
def test_each_encoder_answers(run: Run, base: Path, encoder: str) -> None:
    asked = run("ask", QUESTION, "--json", "--kb", base, "--encoder", encoder)
    assert (asked.status, len(asked.data)) == (0, 4)


def test_rerank_gives_the_logits_of_the_cross_encoder(
    run: Run, base: Path, reranker: ragkit.CrossEncoderReranker
) -> None:
    rows = run("ask", QUESTION, "--json", "--kb", base, "--rerank").data
    wanted = reranker.rank(QUESTION, ragkit.load_kb(base).documents)
    assert [row["doc_id"] for row in rows] == [hit.doc_id for hit in wanted]
    assert [row["score"] for row in rows] == pytest.approx([hit.score for hit in wanted])


def test_rerank_names_its_unit(run: Run, base: Path) -> None:
    assert re.search(r"^1\. .* logit -?\d+\.\d{3}", run("ask", "go", "--kb", base, "--rerank").out)


def test_depth_limits_what_the_cross_encoder_reads(run: Run, base: Path) -> None:
    common = ("ask", QUESTION, "--json", "--kb", base, "--k", 2)
    first = {row["doc_id"] for row in run(*common).data}
    reranked = {row["doc_id"] for row in run(*common, "--rerank", "--depth", 2).data}
    assert reranked == first


def test_more_reranked_documents_begin_with_the_fewer(run: Run) -> None:
    """Were the depth to follow k, "drive drove driven" would have another winner for 20."""
    common = ("ask", "drive drove driven", "--json", "--encoder", "minigpt-table", "--rerank")
    few, many = (run(*common, "--depth", 20, "--k", k).data for k in (5, 20))
    assert (len(many), many[:5]) == (20, few)
    limited = run(*common, "--k", 11)
    assert (limited.status, len(limited.data)) == (0, 10)
    assert "for 11 add --depth 11" in limited.err


def test_a_title_is_shown_with_its_id(run: Run, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "corpus.jsonl", [{"_id": "d1", "title": "[Eat]", "text": "[ate] eaten"}])
    out = run("ask", "eat", "--kb", tmp_path).out
    assert re.search(r"1\. \[Eat\]  cosine \d\.\d{3}  d1\n\[ate\] eaten", out)


def test_a_question_that_is_too_long_is_answered_with_a_warning(run: Run, base: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        asked = run("ask", "eat " * 300, "--json", "--kb", base)
    assert len(asked.data) == 4
    assert re.fullmatch(r"ragkit: warning: .* longer than 256 .*\n", asked.err)


def test_an_interrupt_ends_in_status_130_and_one_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ragkit.documents.kb.load_documents", interrupted)
    assert is_one_sentence(run("ask", QUESTION), status=130)


# Mistakes


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["ask", ""], "query is empty"),
        (["ask", "  "], "query is empty"),
        (["ask"], "past participle of eat?"),
        (["ask", "one", "two"], "two"),
        (["ask", QUESTION, "--k", "0"], "k must be at least 1; got 0"),
        (["ask", QUESTION, "--k", "-3"], "k must be at least 1; got -3"),
        (["ask", QUESTION, "--k", "many"], "--k"),
        (["ask", QUESTION, "--rerank", "--depth", "0"], "depth must be at least 1"),
        (["ask", QUESTION, "--encoder", "bert"], "bert"),
        (["ask", QUESTION, "--kb", "/no/where"], "/no/where: no such folder"),
        (["ask", QUESTION, "--kb", "no\nwhere"], "no where: no such folder"),
        (["ask", QUESTION, "--jsn"], "--jsn"),
        (["ask", "caf\udce9"], ""),  # how a byte that is not UTF-8 arrives
        (["evaluate", "--system", "bm52"], "Unknown system 'bm52'; use random, bm25"),
        (["evaluate", "--kb", "/no/where"], "no such folder"),
        (["train-minigpt", "--steps", "0"], "--steps"),
        (["train-minigpt", "--seed", "-1"], "--seed"),
        (["train-minigpt", "--seed", str(10**30), "--steps", "1"], "seed"),
        (
            ["train-minigpt", "--corpus", "/no/where.txt"],
            "/no/where.txt: no such file. Pass a text file with one sentence per line.",
        ),
        (["teach"], "teach"),
    ],
    ids=lambda value: (
        " ".join(value).encode("ascii", "replace").decode()[:40] if isinstance(value, list) else ""
    ),
)
def test_a_mistake_ends_in_one_sentence_and_status_2(
    run: Run, tmp_path: Path, arguments: list[str], reason: str
) -> None:
    if arguments[0] == "train-minigpt":
        corpus = tmp_path / "corpus.txt"
        corpus.write_text("I eat and you ate what she has eaten.\n" * 200)
        files = ["--out", str(tmp_path), "--corpus", str(corpus)]
        arguments = ["train-minigpt", *files, *arguments[1:]]
    outcome = run(*arguments)
    assert is_one_sentence(outcome)
    assert reason in outcome.err


@pytest.mark.parametrize(
    ("command", "finds"),
    [
        ("editions", "ragkit.course.staff.editions.drift"),
        ("results", "ragkit.course.ledger.stale_quotes"),
    ],
)
def test_a_check_lists_what_it_finds_and_ends_in_status_1(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: str, finds: str
) -> None:
    monkeypatch.setattr(finds, lambda: ["one differs", "another differs"])
    outcome = run(command, "--check")
    assert (outcome.status, outcome.err) == (1, "")
    assert outcome.out.startswith("one differs\nanother differs\n")
    assert f"again: ragkit {command}" in outcome.out
    monkeypatch.setattr(finds, lambda: [])
    assert run(command, "--check").status == 0


def test_a_malformed_record_is_named_with_file_and_line(run: Run, base: Path) -> None:
    (base / "corpus.jsonl").write_text('{"_id": "d0", "text": "a"}\n{broken\n')
    for command in (["ask", QUESTION], ["evaluate", "--system", "random"]):
        outcome = run(*command, "--kb", base)
        assert is_one_sentence(outcome)
        assert f"{base / 'corpus.jsonl'}:2: not valid JSON" in outcome.err


def test_a_base_without_queries_cannot_be_evaluated(run: Run, base: Path) -> None:
    (base / "queries.jsonl").unlink()
    (base / "qrels" / "test.tsv").unlink()
    outcome = run("evaluate", "--kb", base, "--system", "random")
    assert is_one_sentence(outcome)
    assert "no judged queries" in outcome.err


def test_an_unknown_split_lists_the_known(run: Run, base: Path) -> None:
    outcome = run("evaluate", "--kb", base, "--split", "train")
    assert is_one_sentence(outcome)
    assert "it has test" in outcome.err


def test_a_trec_folder_that_is_a_file_is_a_mistake(run: Run, base: Path) -> None:
    file = base / "corpus.jsonl"
    outcome = run("evaluate", "--kb", base, "--system", "random", "--trec", file, "--json")
    assert is_one_sentence(outcome)
    assert str(file) in outcome.err


def test_an_id_that_trec_cannot_hold_is_a_mistake(run: Run, base: Path, tmp_path: Path) -> None:
    write_jsonl(
        base / "corpus.jsonl", [{"_id": i, "text": "eat"} for i in ("d0", "d2", "d3", "a b")]
    )
    outcome = run("evaluate", "--kb", base, "--system", "random", "--trec", tmp_path / "trec")
    assert is_one_sentence(outcome)
    assert "'a b' cannot be written to a TREC file" in outcome.err


def test_a_corpus_too_small_to_train_on_is_a_mistake(run: Run, tmp_path: Path) -> None:
    (tmp_path / "corpus.txt").write_text("I eat.\nYou ate.\n")
    outcome = run("train-minigpt", "--corpus", tmp_path / "corpus.txt", "--out", tmp_path)
    assert is_one_sentence(outcome)
    assert "too few to train on" in outcome.err


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("RAGKIT_THREADS", "many", "RAGKIT_THREADS is 'many'"),
        ("RAGKIT_THREADS", "0", "RAGKIT_THREADS is '0'"),
        ("RAGKIT_THREADS", "²", "RAGKIT_THREADS is '²'"),
        ("RAGKIT_MODELS", "/no/where", "RAGKIT_MODELS names /no/where"),
    ],
)
def test_a_bad_setting_is_a_mistake(
    run: Run, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(variable, value)
    outcome = run("ask", QUESTION)
    assert is_one_sentence(outcome)
    assert reason in outcome.err


@pytest.fixture
def bare_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`RAGKIT_MODELS` with verified weights and nothing beside them; brackets in its name."""
    root = tmp_path / "[models]"
    for weights in (MINILM, RERANKER):
        (root / weights.name).mkdir(parents=True)
        target = locate(weights).folder / weights.file
        (root / weights.name / weights.file).symlink_to(target)
    monkeypatch.setenv("RAGKIT_MODELS", str(root))
    return root


def test_weights_without_their_configuration_are_a_mistake(
    run: Run, base: Path, bare_models: Path
) -> None:
    outcome = run("ask", QUESTION, "--kb", base)
    assert is_one_sentence(outcome)
    assert str(bare_models) in outcome.err


def test_a_reranker_without_its_tokenizer_is_a_mistake(
    run: Run, base: Path, bare_models: Path
) -> None:
    shutil.rmtree(bare_models / MINILM.name)
    outcome = run("ask", QUESTION, "--kb", base, "--rerank")
    assert is_one_sentence(outcome)
    assert "tokenizer.json" in outcome.err


# evaluate


def test_evaluate_json_has_each_system_overall_and_by_kind(run: Run, base: Path) -> None:
    systems = ("--system", "random", "--system", "bm25")
    data = run("evaluate", "--kb", base, *systems, "--json").data
    assert (data["split"], data["documents"], data["queries"]) == ("test", 4, 3)
    assert list(data["systems"]) == ["random", "bm25"]
    bm25 = data["systems"]["bm25"]
    assert bm25["label"] == "BM25"
    assert bm25["overall"]["hit_rate@1"]["mean"] == 1.0
    assert list(bm25["by_kind"]) == ["lexical", "spanish"]
    low, high = data["systems"]["random"]["overall"]["mrr@10"]["interval"]
    assert 0 <= low <= data["systems"]["random"]["overall"]["mrr@10"]["mean"] <= high <= 1


def test_evaluate_prints_the_same_numbers_every_time(run: Run, base: Path) -> None:
    arguments = ("evaluate", "--kb", base, "--system", "random", "--system", "bm25")
    assert run(*arguments).out == run(*arguments).out


def test_the_table_names_systems_metrics_and_counts(run: Run, base: Path) -> None:
    out = run("evaluate", "--kb", base, "--system", "random", "--system", "bm25").out
    parts = ["3 test queries, 4 documents", "random order", "BM25", "hit_rate@5", "ndcg@10"]
    assert [part for part in parts if part not in out] == []


def test_evaluate_reports_out_of_scope_questions_apart(run: Run, base: Path) -> None:
    with (base / "queries.jsonl").open("a") as stream:
        stream.write('{"_id": "q9", "text": "capital of France?", "kind": "out-of-scope"}\n')
    out = run("evaluate", "--kb", base, "--system", "bm25").out
    assert "1 out-of-scope questions have no right answer" in out
    assert "3 test queries" in out


def test_trec_eval_reads_the_files_and_finds_the_same_means(
    run: Run, base: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "new" / "trec"
    systems = ("--system", "random", "--system", "bm25")
    data = run("evaluate", "--kb", base, *systems, "--json", "--trec", folder).data
    assert sorted(p.name for p in folder.iterdir()) == ["bm25.run", "qrels.txt", "random.run"]
    names = {"hit_rate@5": "success_5", "mrr@10": "recip_rank", "ndcg@10": "ndcg_cut_10"}
    with (folder / "qrels.txt").open() as stream:
        judge = pytrec_eval.RelevanceEvaluator(pytrec_eval.parse_qrel(stream), set(names.values()))
    for system, scores in data["systems"].items():
        with (folder / f"{system}.run").open() as stream:
            judged = judge.evaluate(pytrec_eval.parse_run(stream))
        for ours, theirs in names.items():
            mean = sum(query[theirs] for query in judged.values()) / data["queries"]
            assert scores["overall"][ours]["mean"] == pytest.approx(mean, abs=1e-6)


def test_the_course_base_is_evaluated_on_every_judged_query(
    run: Run, kb: ragkit.KnowledgeBase
) -> None:
    data = run("evaluate", "--system", "random", "--system", "bm25", "--json").data
    assert (data["documents"], data["queries"]) == (len(kb.documents), len(kb.queries))
    means = [data["systems"][s]["overall"]["hit_rate@5"]["mean"] for s in ("random", "bm25")]
    assert means[0] < means[1]


# models and doctor


def test_models_shows_where_verified_weights_were_found(run: Run) -> None:
    shown = run("models")
    assert shown.status == 0
    for weights in ALL_WEIGHTS:
        facts = (weights.upstream, weights.licence, weights.sha256, f"{weights.parameters:,}")
        assert all(fact in shown.out for fact in facts)
        assert str(locate(weights).folder / weights.file) in shown.out


def test_models_json_has_a_record_for_each(run: Run) -> None:
    records = run("models", "--json").data
    assert [record["name"] for record in records] == [weights.name for weights in ALL_WEIGHTS]
    assert [record["dimension"] for record in records] == [384, 1, 384, 384]
    assert all(record["verified"] for record in records)


def test_models_prints_a_path_with_brackets_whole(run: Run, bare_models: Path) -> None:
    assert str(bare_models / MINILM.name / MINILM.file) in run("models").out


def test_models_refuses_altered_weights(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / MINILM.name).mkdir()
    (tmp_path / MINILM.name / MINILM.file).write_bytes(b"altered")
    monkeypatch.setenv("RAGKIT_MODELS", str(tmp_path))
    outcome = run("models")
    assert is_one_sentence(outcome)
    assert "sha256" in outcome.err


def test_doctor_finds_nothing_wrong_here(run: Run) -> None:
    examined = run("doctor")
    assert "FAIL" not in examined.out
    assert (examined.status, examined.err) == (0, "")


@pytest.mark.parametrize(
    ("variable", "value", "failed", "remedy"),
    [
        ("RAGKIT_MODELS", "/no/where", MINILM.name, f"force-reinstall {MINILM.requirement}"),
        ("RAGKIT_THREADS", "many", "threads", "Set RAGKIT_THREADS to a whole number"),
        ("RAGKIT_CACHE", f"{__file__}/cache", "embedding cache", "Set RAGKIT_CACHE to a folder"),
    ],
    ids=["models", "threads", "cache"],
)
def test_doctor_exits_1_with_a_remedy_for_what_fails(
    run: Run, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, failed: str, remedy: str
) -> None:
    monkeypatch.setenv(variable, value)
    examined = run("doctor")
    assert (examined.status, examined.err) == (1, "")
    assert re.search(rf"^FAIL {failed} .*\n +→ .*{re.escape(remedy)}", examined.out, re.MULTILINE)
    assert re.search(r"^ok +python", examined.out, re.MULTILINE)


@pytest.mark.parametrize(
    ("declared", "shown"),
    [
        (["no-such-package>=1"], "FAIL no-such-package +not installed\n +→ Run `make setup`"),
        (["numpy>=99"], "FAIL numpy +[0-9.]+, not numpy>=99\n +→ Run `make setup`"),
        (None, "FAIL ragkit-labs +not installed\n +→ Run `make setup`"),
    ],
    ids=["missing", "too old", "ragkit itself"],
)
def test_doctor_names_a_package_that_does_not_fit(
    run: Run, monkeypatch: pytest.MonkeyPatch, declared: list[str] | None, shown: str
) -> None:
    def requires(name: str) -> list[str]:
        if declared is None:
            raise PackageNotFoundError(name)
        return declared

    monkeypatch.setattr("ragkit.cli.doctor.requires", requires)
    if declared is None:
        monkeypatch.setattr("ragkit.cli.doctor.version", requires)
    examined = run("doctor")
    assert examined.status == 1
    assert re.search(shown, examined.out)


def test_doctor_names_what_an_extra_lacks_which_is_no_failure(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = ["numpy", "no-such-lab>=1; extra == 'labs'", "numpy; extra == 'grade'"]
    monkeypatch.setattr("ragkit.cli.doctor.requires", lambda _: declared)
    examined = run("doctor")
    assert examined.status == 0
    assert re.search(r"ok +labs extra +lacks no-such-lab; .*'\.\[labs\]'", examined.out)
    assert re.search(r"ok +grade extra +installed", examined.out)


def test_a_command_without_its_package_says_what_to_install(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    outcome = run("train-minigpt", "--steps", 1, "--out", tmp_path / "out")
    assert is_one_sentence(outcome)
    assert "pip install '.[labs,grade]'" in outcome.err
    assert not (tmp_path / "out").exists()


def test_doctor_prints_a_path_with_brackets_whole(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RAGKIT_CACHE", str(tmp_path / "[cache]"))
    assert f"{tmp_path / '[cache]'} is writable" in run("doctor").out


# train-minigpt


def test_train_minigpt_writes_a_model_that_answers(run: Run, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("".join(f"She wrote {number} letters today.\n" for number in range(300)))
    out = tmp_path / "out"
    trained = run("train-minigpt", "--corpus", corpus, "--out", out, "--steps", 2)
    assert (trained.status, trained.err) == (0, "")
    assert re.search(r"parameters; validation loss \d\.\d{3} nats per token at step 2", trained.out)
    names = {path.name for path in out.iterdir()}
    assert names == {"model.safetensors", "tokenizer.json", "loss.json", "loss.png"}
    assert ragkit.MiniGPTEncoder(out).encode("she wrote").shape == (64,)


# Help


def test_a_folder_that_cannot_be_made_is_a_mistake_before_anything_is_trained(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragkit.minigpt.train.train", lambda *_, **__: pytest.fail("it trained"))
    (tmp_path / "file").touch()
    outcome = run("train-minigpt", "--out", tmp_path / "file")
    assert is_one_sentence(outcome)
    assert str(tmp_path / "file") in outcome.err


def test_no_command_comes_or_goes_unnoticed() -> None:
    assert set(COMMANDS) == LOOKS_UP | WORKS | TEACHES


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run: Run, command: str) -> None:
    shown = run(command, "--help")
    assert (shown.status, shown.err) == (0, "")
    assert re.search(rf"Usage: .*ragkit {command}\b", shown.out)


def test_help_lists_every_command(run: Run) -> None:
    shown = run("--help")
    assert (shown.status, shown.err) == (0, "")
    assert [command for command in COMMANDS if command not in shown.out] == []


def test_no_command_at_all_shows_the_help(run: Run) -> None:
    shown = run()
    assert shown.status in (0, 2)
    assert re.search(r"^\W*Usage: .*ragkit", shown.out + shown.err, re.MULTILINE)


# The names of the package


def test_everything_can_be_imported_by_name() -> None:
    stub = (Path(ragkit.__file__).parent / "__init__.pyi").read_text(encoding="utf-8")
    imported = process("-c", "from ragkit import *; print(*(n for n in dir() if n[0] != '_'))")
    assert (imported.status, imported.err) == (0, "")
    assert set(imported.out.split()) == set(re.findall(r" as (\w+)", stub))


# As a process


def test_python_m_ragkit_asks() -> None:
    asked = process("-m", "ragkit", "ask", QUESTION, "--json")
    assert (asked.status, asked.err) == (0, "")
    assert [row["rank"] for row in asked.data] == [1, 2, 3, 4, 5]


def test_python_m_ragkit_ends_a_mistake_in_status_2() -> None:
    assert is_one_sentence(process("-m", "ragkit", "ask", " "))


@pytest.mark.parametrize(
    "use",
    [
        "pass",
        "[getattr(ragkit, name) for name in dir(ragkit)]",
        "import ragkit.cli",
        "ragkit.BM25Retriever, ragkit.load_kb(sys.argv[1])",
    ],
)
def test_nothing_heavy_is_imported_before_it_is_needed(use: str, base: Path) -> None:
    code = f"import ragkit, sys; {use}; print(*[m for m in {HEAVY!r} if m in sys.modules])"
    done = process("-c", code, str(base))
    assert (done.status, done.out.strip(), done.err) == (0, "", "")


def test_an_output_that_is_not_utf8_ends_in_no_traceback(base: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "RAGKIT_QUIET": "1"}
    command = [sys.executable, "-m", "ragkit", "ask", "comido", "--kb", str(base)]
    for arguments in ([], ["--json"]):
        done = subprocess.run([*command, *arguments], env=environment, capture_output=True)
        assert (done.returncode, done.stderr) == (0, b"")
        assert rb"\xa1comer" in done.stdout or rb"\\xa1comer" in done.stdout


def test_a_kind_with_brackets_is_printed_whole(run: Run, base: Path) -> None:
    records = [{"_id": f"q{i}", "text": "past of eat", "kind": "[bold]"} for i in range(3)]
    write_jsonl(base / "queries.jsonl", records)
    assert "[bold]" in run("evaluate", "--kb", base, "--system", "bm25").out
