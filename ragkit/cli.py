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

from ragkit import console
from ragkit.errors import DataError, RagkitError

app = typer.Typer(
    help="Ask a knowledge base, measure retrieval, and look after the labs of the course.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)

_INTERRUPTED = 130
EncoderName = Literal["minilm", "minigpt-table", "minigpt-hidden", "untrained"]
KbOption = Annotated[
    Path | None,
    typer.Option("--kb", help="A folder in the BEIR layout. Default: the course's verb grammar."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="What you want to know, in your own words.")],
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
    as_json: JsonOption = False,
) -> None:
    """Find the documents nearest to a question.

    The question and every document become unit vectors; the score is their dot product, which is
    the cosine: 1 is the same direction, 0 unrelated. With --rerank a cross-encoder then reads each
    candidate together with the question, and the score is its logit: above 0 leans to relevant.

    Try: `ragkit ask "past participle of eat?"`, then the same with `--encoder minigpt-table`.
    """
    from ragkit.cache import EmbeddingCache
    from ragkit.kb import load_documents
    from ragkit.ranking import check_k
    from ragkit.retrievers import DenseRetriever, Retriever
    from ragkit.runtime import data_dir
    from ragkit.systems import build_encoder
    from ragkit.texts import check_query

    question, k, depth = check_query(question), check_k(k), check_k(depth, "depth")
    documents = load_documents(kb or data_dir() / "verb_grammar")
    dense = DenseRetriever(EmbeddingCache().wrap(build_encoder(encoder))).fit(documents)
    retriever: Retriever = dense
    if rerank:
        from ragkit.reranker import CrossEncoderReranker

        retriever = (dense >> CrossEncoderReranker()).with_depth(max(k, depth))
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

    Rows run from a random order, the floor, to the two-stage pipeline. Under each mean stands its
    95% bootstrap interval: where two intervals overlap widely, do not call a winner; compare the
    pairs with `ragkit.compare`. Out-of-scope questions have no right answer and are reported apart.
    """
    from ragkit.cache import EmbeddingCache
    from ragkit.kb import load_kb
    from ragkit.systems import METRICS, SYSTEMS, compare_systems

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
def models(as_json: JsonOption = False) -> None:
    """Show where the model weights come from, and verify their sha256."""
    from ragkit.models import ALL_WEIGHTS, locate

    found = [locate(weights) for weights in ALL_WEIGHTS]
    if as_json:
        print(json.dumps(console.models_as_json(found), indent=1))
    else:
        console.show_models(found)


@app.command()
def doctor() -> None:
    """Check this installation in one screen, and say what to do about each failure."""
    from ragkit.doctor import examine

    findings = list(examine())
    console.show_findings(findings)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


@app.command("train-minigpt")
def train_minigpt(
    out: Annotated[
        Path | None, typer.Option(help="Where to write. Default: data/minigpt of the checkout.")
    ] = None,
    corpus: Annotated[
        Path | None, typer.Option(help="A text file with one sentence a line.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same weights.")] = 0,
) -> None:
    """Train the small GPT from scratch on the course's sentences, on the CPU.

    Writes model.safetensors, tokenizer.json, loss.json and loss.png. The same seed, corpus and
    number of threads give the same weights.
    """
    from dataclasses import replace

    from ragkit.minigpt.train import TrainingPlan, save, train
    from ragkit.plots import loss_curve
    from ragkit.runtime import data_dir

    plan = replace(TrainingPlan(), seed=seed)
    if steps is not None:
        plan = replace(plan, steps=steps)
    folder = out or data_dir() / "minigpt"
    with console.step_bar(plan.steps, "training") as on_step:
        trained = train(corpus or data_dir() / "minigpt" / "corpus.txt", plan, on_step=on_step)
    save(trained, folder)
    figure = loss_curve(trained.curve, trained.model.config.vocabulary)
    figure.savefig(folder / "loss.png")
    print(
        f"{trained.model.parameter_count:,} parameters; validation loss "
        f"{trained.best.validation:.3f} nats per token at step {trained.best.step}. "
        f"Written to {folder}."
    )


@app.command()
def editions(
    check: Annotated[
        bool, typer.Option("--check", help="Only report drift; exit 1 if there is any.")
    ] = False,
    run: Annotated[
        bool, typer.Option("--run", help="Execute the student labs without writing them.")
    ] = False,
) -> None:
    """Make both editions of every lab from its one source, and execute them.

    `solutions/NN-….py` is the source. The student edition loses what stands between the solution
    marks; both are executed, so that what is committed shows its outputs.
    """
    from ragkit.course import editions as maker

    if check:
        if drift := maker.drift():
            raise DataError("\n".join([*drift, "Make them again: ragkit editions"]))
        print("Every edition matches its source.")
    elif run:
        console.show_lab_runs(maker.run_all())
    else:
        console.show_lab_runs(maker.write_all())


@app.command()
def results(
    check: Annotated[
        bool, typer.Option("--check", help="Only report prose that differs from the file.")
    ] = False,
) -> None:
    """Measure every number that the prose quotes, into data/results.json, and update the prose.

    The figures of the theory pages are drawn again too.
    """
    from ragkit.course import results as ledger

    if check:
        if stale := ledger.stale_quotes():
            raise DataError("\n".join([*stale, "Measure and update: ragkit results"]))
        print("Every quoted number matches data/results.json.")
        return
    from ragkit.course.editions import labs

    labs()  # measuring needs the whole repository; without it, this says so
    from ragkit.course.figures import draw_all
    from ragkit.course.measures import measure_all, measure_timings

    written = ledger.update(measure_timings() | measure_all())
    drawn = draw_all()
    print(
        f"{len(ledger.load())} numbers measured, {len(drawn)} figures drawn; "
        f"{len(written)} pages updated."
    )


@app.command()
def bundle(
    out: Annotated[Path, typer.Option(help="A new folder to write the bundle into.")],
) -> None:
    """Write the students' bundle: labs, theory, data and ragkit, without one answer.

    Hand the folder out as it is, or zip it. In it, `make lab` sets up and opens the labs. The
    checks tell students what is right and what went wrong, but nothing there computes an answer.
    """
    from ragkit.course.editions import labs

    labs()  # a bundle cannot be made from a bundle; this says so
    from ragkit.course.bundle import write_bundle

    files = write_bundle(out)
    size = sum(path.stat().st_size for path in files) / 2**20
    print(f"{len(files)} files, {size:.1f} MiB in {out}. Students run `make lab` in it.")


@app.command()
def grade(
    submissions: Annotated[
        Path | None,
        typer.Argument(help="A folder of <student>/01-….ipynb or <student>.ipynb."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The folder of the report.")] = None,
    lab: Annotated[
        str | None, typer.Option(help="Only this lab, such as 01. Default: all handed in.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Submissions at a time. Default: one a core.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds for one submission.")] = 60.0,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of the hidden inputs. Default: drawn for the report.")
    ] = None,
    manual: Annotated[
        Path | None, typer.Option(help="Read the marks in this manual.csv into its report.")
    ] = None,
) -> None:
    """Grade a class: run every submission contained, compare outside, write the report.

    First the canary: the solved lab must score 100% and the untouched one 0%. Then each student's
    functions are called on inputs drawn for this report, and what they return is compared here.
    Interrupt and run again as you like: who is done stays done, unless the notebook changes.

    The report holds grades.csv, class.html, feedback/, gradescope/ and manual.csv. Fill in the
    marks there, then `ragkit grade --manual REPORT/manual.csv`, any number of times.
    """
    from ragkit.course.editions import labs

    labs()  # the answers are needed; a students' bundle has none, and this says so
    from ragkit.course.grade.batch import Job
    from ragkit.course.grade.batch import grade as grade_class
    from ragkit.course.grade.report import write_report
    from ragkit.course.grade.sandbox import Limits
    from ragkit.course.grade.state import State
    from ragkit.runtime import threads

    if manual is not None:
        folder = out or manual.parent
        written = write_report(State(folder / ".state").load_class(), folder, marked=manual)
    elif submissions is None or out is None:
        raise DataError("Say what to grade and where: ragkit grade SUBMISSIONS --out REPORT")
    else:
        job = Job(
            submissions, out, lab, jobs or threads(), Limits(timeout, min(10.0, timeout / 3)), seed
        )
        with console.grading_bar() as (on_start, on_done):
            result = grade_class(job, on_start, on_done)
        folder, written = out, write_report(result, out)
    console.show_grades(written, folder)


def main() -> None:
    """Entry point: run the command, and turn mistakes into one sentence and exit status 2.

    An interrupt ends in status 130, which is also how typer hands one back.
    """
    warnings.showwarning = _show_warning  # type: ignore[assignment]  # it needs one argument only
    if isinstance(sys.stdout, TextIOWrapper):  # an output that is not UTF-8 must not end in a trace
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = app(standalone_mode=False)
    except RagkitError as error:
        _fail(str(error))
    except TyperException as error:
        _fail(" ".join(error.format_message().split()), error.exit_code)
    except (Abort, KeyboardInterrupt):
        status = _INTERRUPTED
    except OSError as error:
        _fail(f"{error.filename or 'a file'}: {error.strerror or error}.")
    if status == _INTERRUPTED:
        _fail("interrupted; nothing half-written was kept.", status)
    sys.exit(status or 0)


def _write_trec(folder: Path, qrels: dict[str, dict[str, int]], results: list[Any]) -> None:
    from ragkit.trec import qrels_to_trec, to_trec

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
