"""How commands print: tables, progress bars and JSON.

Whatever comes from data, paths or errors is printed as `Text`: as a plain string, rich would take
brackets in it for markup and drop them.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ragkit.runtime import quiet

if TYPE_CHECKING:
    from rich.console import Console

    from ragkit.cli.doctor import Diagnosis
    from ragkit.course.running import LabRun
    from ragkit.course.staff.grade.report import Written
    from ragkit.course.staff.grade.state import Graded
    from ragkit.course.systems import Result
    from ragkit.documents.kb import Document, KnowledgeBase
    from ragkit.encoders.minilm_export import Export
    from ragkit.ranking import Hit
    from ragkit.weights.published import Located

T = TypeVar("T")


def console() -> Console:
    """Standard output; 120 columns when it is not a terminal, so no table is folded."""
    from rich.console import Console

    from ragkit.course.tables import PLAIN_WIDTH

    width = None if sys.stdout.isatty() else PLAIN_WIDTH
    return Console(width=width, highlight=False, soft_wrap=False)


def show_hits(found: Sequence[Hit], documents: Mapping[str, Document], unit: str) -> None:
    """Ranked documents with score and text."""
    from ragkit.course.tables import hits_text

    console().print(hits_text(found, documents, unit), end="")


def hits_as_json(found: Sequence[Hit], documents: Mapping[str, Document]) -> list[dict[str, Any]]:
    """Ranked documents as plain data, best first."""
    return [
        {
            "rank": hit.rank,
            "doc_id": hit.doc_id,
            "score": hit.score,
            "text": documents[hit.doc_id].text,
        }
        for hit in found
    ]


def progress(items: Iterable[T], total: int, label: str) -> list[T]:
    """Collect `items` behind a progress bar on stderr."""
    from tqdm.auto import tqdm

    return list(tqdm(items, total=total, desc=label, disable=quiet(), leave=False))


@contextmanager
def step_bar(total: int, label: str) -> Iterator[Callable[[int, float], None]]:
    """A progress bar fed by `on_step(step, loss)`."""
    from tqdm.auto import tqdm

    with tqdm(total=total, desc=label, disable=quiet()) as bar:

        def on_step(step: int, loss: float) -> None:
            bar.update(step - bar.n)
            bar.set_postfix_str(f"loss {loss:.3f}", refresh=False)

        yield on_step


@contextmanager
def grading_bar() -> Iterator[tuple[Callable[[int], None], Callable[[Graded, bool], None]]]:
    """A progress bar over submissions, and a line for each that is finished."""
    from tqdm.auto import tqdm

    with tqdm(unit="submission", desc="grading", disable=quiet()) as bar:

        def on_start(total: int) -> None:
            bar.reset(total)

        def on_done(graded: Graded, stored: bool) -> None:
            bar.update()
            if not quiet():
                bar.write(grading_line(graded, stored), file=sys.stderr)

        yield on_start, on_done


def grading_line(graded: Graded, stored: bool) -> str:
    """One student's result in a line: points, what is not correct, and the time it took."""
    from ragkit.course.staff.grade.statistics import totals

    [total] = totals([graded])
    notes = total.notes or "all correct"
    time = "graded before" if stored else f"{graded.seconds:.1f} s"
    points = f"{total.earned:g} of {total.possible:g}"
    name = graded.student.encode("utf-8", "replace").decode()
    return f"{name}  lab {graded.lab}  {points}  {notes}  {time}"


def show_grades(written: Written, folder: Path) -> None:
    """What the report contains, and what is left to do."""
    students = {one.student for one in written.graded}
    seconds = sorted(one.seconds for one in written.graded)
    most = max(one.peak_memory for one in written.graded) / 2**20
    print(f"{len(students)} students graded. Open {folder / 'class.html'}.")
    print(
        f"A submission took {seconds[len(seconds) // 2]:.1f} s (median), at most "
        f"{seconds[-1]:.1f} s and {most:.0f} MiB; see timings.csv."
    )
    if written.unknown:
        print(
            f"{written.unknown} answers in that file are not in this report; they were left alone."
        )
    if written.unread:
        print(
            f"{written.unread} answers wait for a reader: fill in 'mark' in "
            f"{folder / 'manual.csv'}, then: ragkit grade --manual {folder / 'manual.csv'}"
        )


def show_results(kb: KnowledgeBase, results: Sequence[Result], metrics: Sequence[str]) -> None:
    """The results table, then hit_rate@5 by kind, then the out-of-scope questions."""
    from ragkit.course.tables import kinds_table, results_table

    out = console()
    title = f"{len(kb.queries)} {kb.split} queries, {len(kb.documents)} documents"
    out.print(results_table(results, metrics, f"{title}: mean, and its 95% interval"))
    if any(kb.kinds):
        out.print(kinds_table(results, kb.kinds, "hit_rate@5", "hit_rate@5 by kind of query"))
    if kb.unjudged:
        out.print(
            f"{len(kb.unjudged)} out-of-scope questions have no right answer and count nowhere "
            "above."
        )


def results_as_json(kb: KnowledgeBase, results: Sequence[Result]) -> dict[str, Any]:
    """The results as plain data: overall and by kind, each mean with its interval."""

    def scores(result: Result, ids: Sequence[str]) -> dict[str, Any]:
        part = result.report.only(ids)
        return {m: {"mean": v, "interval": part.interval(m)} for m, v in part.mean.items()}

    return {
        "kb": kb.path.name,
        "split": kb.split,
        "documents": len(kb.documents),
        "queries": len(kb.queries),
        "systems": {
            result.name: {
                "label": result.label,
                "overall": scores(result, result.report.query_ids),
                "by_kind": {kind: scores(result, ids) for kind, ids in kb.kinds.items()},
            }
            for result in results
        },
    }


def models_as_json(found: Sequence[Located], exports: Sequence[Export]) -> list[dict[str, Any]]:
    """The verified weights as plain data, each with the exports made from it."""
    from dataclasses import asdict

    return [
        {
            **asdict(f.weights),
            "found": str(f.folder),
            "source": f.source,
            "verified": True,
            "exports": [_export_as_json(e) for e in exports if e.weights is f.weights],
        }
        for f in found
    ]


def _export_as_json(export: Export) -> dict[str, Any]:
    return {
        "backend": export.backend,
        "found": export.place,
        "sha256": export.sha256,
        "lowest_cosine": export.lowest_cosine,
        "texts": export.texts,
    }


def show_models(found: Sequence[Located], exports: Sequence[Export]) -> None:
    """One block per model: what it is, where it was found, and what was exported from it."""
    from rich.text import Text

    out = console()
    for item in found:
        weights = item.weights
        size = f"{weights.parameters:,} parameters, {weights.precision}"
        head = Text.assemble((weights.name, "bold"), f"  {size}, output {weights.dimension}")
        lines = [
            f"  upstream  {weights.upstream}, {weights.licence}",
            f"  sha256    {item.sha256} (verified)",
            f"  found     {item.folder / weights.file} ({item.source})",
        ]
        lines += [
            f"  {export.backend:<9} {export.place}, cosine to PyTorch's vectors at least "
            f"{math.floor(10_000 * export.lowest_cosine) / 10_000:.4f} on {export.texts} texts"
            for export in exports
            if export.weights is weights
        ]
        out.print(head, *map(Text, lines), "", sep="\n", soft_wrap=True)


def show_diagnoses(diagnoses: Sequence[Diagnosis]) -> None:
    """Print one line per check of the installation; below a failure, what to do."""
    from rich.text import Text

    out = console()
    for one in diagnoses:
        mark = ("ok  ", "green") if one.ok else ("FAIL", "red")
        line = Text.assemble(mark, f" {one.what:<24} {one.detail}")
        if not one.ok:
            line.append(f"\n     → {one.remedy}")
        out.print(line, soft_wrap=True)


def show_lab_runs(runs: Iterable[LabRun]) -> None:
    """One line per notebook, as it ends."""
    from rich.text import Text

    out = console()
    for run in runs:
        how = "unchanged, skipped" if run.skipped else f"{run.cells} cells in {run.seconds:.0f} s"
        out.print(Text.assemble(("ok", "green"), f" {run.name}  {how}"), soft_wrap=True)
