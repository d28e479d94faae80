"""The `ragkit` command. It parses, calls the library and prints; it computes nothing itself.

A user's mistake ends in exit status 2 and one sentence on stderr.
"""

from __future__ import annotations

import json
import sys
import warnings
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer
from typer.exceptions import Abort, TyperException

from ragkit.cli import console, training, working
from ragkit.cli import course as teaching
from ragkit.course import layout
from ragkit.errors import DataError, RagkitError, one_line

app = typer.Typer(
    help="Ask a knowledge base, measure retrieval, and look after the labs of the course.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)

_INTERRUPTED = 130
EncoderName = Literal["minilm", "bge-small", "minigpt-table", "minigpt-hidden", "untrained"]
KbOption = Annotated[
    Path | None,
    typer.Option("--kb", help="A folder in the BEIR layout. Default: the course's verb grammar."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]


@app.command()
def ask(
    question: Annotated[
        str | None,
        typer.Argument(help="What you want to know, in your own words.", metavar="QUESTION"),
    ] = None,
    k: Annotated[int, typer.Option("--k", "-k", help="How many documents to show.")] = 5,
    encoder: Annotated[
        EncoderName, typer.Option(help="Which model turns text into vectors.")
    ] = "minilm",
    rerank: Annotated[
        bool, typer.Option("--rerank", help="Let the cross-encoder reorder the candidates.")
    ] = False,
    depth: Annotated[
        int, typer.Option(help="With --rerank: how many candidates the cross-encoder reads.")
    ] = 10,
    kb: KbOption = None,
    model: Annotated[
        Path | None, typer.Option(help="Search with this model, which ragkit finetune wrote.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Find the documents nearest to a question.

    The question and every document become unit vectors; the score is their dot product, which is
    the cosine: 1 is the same direction, 0 unrelated. With --rerank a cross-encoder then reads each
    candidate together with the question, and the score is its logit: above 0 leans to relevant.

    Try: `ragkit ask "past participle of eat?"`, then the same with `--encoder minigpt-table`.
    """
    from ragkit.cache.outputs import EmbeddingCache
    from ragkit.checks import check_count, check_query
    from ragkit.course.systems import build_encoder, build_reranker
    from ragkit.documents.kb import load_documents
    from ragkit.encoders import MiniLMEncoder
    from ragkit.runtime import data_dir
    from ragkit.search.retrievers import DenseRetriever, Retriever

    if question is None:
        raise DataError('Ask something, such as: ragkit ask "past participle of eat?"')
    question, k, depth = check_query(question), check_count(k), check_count(depth, "depth")
    if rerank and k > depth:  # more candidates for a larger k might change what comes first
        few = f"--rerank reads {depth} candidates, so it shows no more; for {k} add --depth {k}."
        print(f"ragkit: {few}", file=sys.stderr)
    if model is not None and encoder != "minilm":
        raise DataError(
            f"--model names a model, and --encoder {encoder} another. Give one of them."
        )
    documents = load_documents(kb or data_dir() / "verb_grammar")
    cache = EmbeddingCache()
    chosen = MiniLMEncoder(model, backend="auto") if model else build_encoder(encoder)
    dense = DenseRetriever(cache.wrap(chosen)).fit(documents)
    retriever: Retriever = dense
    if rerank:
        retriever = (dense >> build_reranker(cache)).with_depth(depth)
    found = retriever.search(question, k)
    if as_json:
        rows = console.hits_as_json(found, retriever.documents)
        print(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        console.show_hits(found, retriever.documents, "logit" if rerank else "cosine")


@app.command()
def evaluate(
    kb: KbOption = None,
    split: Annotated[str, typer.Option(help="Which qrels to score: dev or test.")] = "test",
    system: Annotated[
        list[str] | None, typer.Option(help="Only this system; may be given several times.")
    ] = None,
    as_json: JsonOption = False,
    trec: Annotated[
        Path | None, typer.Option(help="Also write qrels and one TREC run per system here.")
    ] = None,
) -> None:
    """Score every system of the course on the judged queries.

    The rows run from a random order, the floor, to the two-stage pipeline. Below each mean is its
    95% interval: where two intervals overlap widely, do not call a winner; compare the
    pairs with `ragkit.compare`. Out-of-scope questions have no right answer and are reported apart.
    """
    from ragkit.cache.outputs import EmbeddingCache
    from ragkit.course.systems import METRICS, SYSTEMS, compare_systems
    from ragkit.documents.kb import load_kb

    names = list(system or SYSTEMS)
    if unknown := [name for name in names if name not in SYSTEMS]:
        raise DataError(f"Unknown system {unknown[0]!r}; use {', '.join(SYSTEMS)}.")
    base = load_kb(kb, split)
    results = console.progress(
        compare_systems(base, names, cache=EmbeddingCache()), len(names), "systems"
    )
    if trec is not None:
        _write_trec(trec, base.qrels, results)
    if as_json:
        print(json.dumps(console.results_as_json(base, results), indent=1))
    else:
        console.show_results(base, results, METRICS)


@app.command()
def models(
    export: Annotated[
        bool, typer.Option("--export", help="Also export MiniLM to ONNX, if that was not done yet.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show where the model weights come from, and verify their sha256.

    With --export MiniLM is also exported to ONNX, once, in float32 and in int8, and its vectors are
    compared with PyTorch's. `ragkit ask` then answers without starting PyTorch.
    """
    from ragkit.encoders.minilm_export import FILES, find, find_or_prepare
    from ragkit.weights.published import ALL_WEIGHTS, locate

    found = [locate(weights) for weights in ALL_WEIGHTS]
    look = find_or_prepare if export else find
    exports = [kept for backend in FILES if (kept := look(backend)) is not None]
    if as_json:
        print(json.dumps(console.models_as_json(found, exports), indent=1))
    else:
        console.show_models(found, exports)


@app.command()
def doctor() -> None:
    """Check this installation in one screen, and say what to do about each failure."""
    from ragkit.cli.doctor import examine

    diagnoses = list(examine())
    console.show_diagnoses(diagnoses)
    if not all(one.ok for one in diagnoses):
        raise typer.Exit(1)


for _working in (working.work, working.progress, working.reset, working.validate):
    app.command()(_working)
for _teaching in (teaching.editions, teaching.results, teaching.bundle, teaching.grade):
    app.command(hidden=not layout.has_answers())(_teaching)  # a bundle has nothing for them
app.command("train-minigpt")(training.train_minigpt)
app.command()(training.finetune)


def main() -> None:
    """Entry point: run the command, and turn mistakes into one sentence and exit status 2.

    An interrupt ends in status 130, which is also what typer returns for one.
    """
    warnings.showwarning = _show_warning  # type: ignore[assignment]  # it needs one argument only
    if isinstance(
        sys.stdout, TextIOWrapper
    ):  # output that is not UTF-8 must not end in a traceback
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = app(standalone_mode=False)
    except RagkitError as error:
        _fail(one_line(error))
    except TyperException as error:
        _fail(" ".join(error.format_message().split()), error.exit_code)
    except (Abort, KeyboardInterrupt):
        status = _INTERRUPTED
    except ModuleNotFoundError as error:
        if (error.name or "ragkit").partition(".")[0] == "ragkit":
            raise
        _fail(
            f"this needs the package {error.name}, which is not installed. In a clone of the "
            "repository, install what the labs and the grader need: pip install '.[labs,grade]'"
        )
    except OSError as error:
        _fail(f"{error.filename or 'a file'}: {error.strerror or error}.")
    if status == _INTERRUPTED:
        _fail("interrupted; no file was left half-written.", status)
    sys.exit(status or 0)


def _write_trec(folder: Path, qrels: dict[str, dict[str, int]], results: list[Any]) -> None:
    from ragkit.scoring.trec import qrels_to_trec, to_trec

    folder.mkdir(parents=True, exist_ok=True)
    qrels_to_trec(qrels, folder / "qrels.txt")
    for result in results:
        to_trec(result.run, folder / f"{result.name}.run", tag=result.name)


def _fail(message: str, status: int = 2) -> NoReturn:
    if message:
        print(f"ragkit: {message}", file=sys.stderr)
    sys.exit(status)


def _show_warning(message: Warning | str, *_: Any) -> None:
    print(f"ragkit: warning: {message}", file=sys.stderr)
