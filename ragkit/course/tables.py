"""Format results: numbers, and the tables and hits that commands and labs print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import TYPE_CHECKING

from ragkit.course.systems import Result
from ragkit.scoring.stats import Interval

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from ragkit.documents.kb import Document
    from ragkit.ranking import Hit

PLAIN_WIDTH = 120  # columns, if there is no terminal to ask


def score(value: float) -> str:
    """A score between 0 and 1 with three decimals."""
    return f"{value:.3f}"


def interval(bounds: Interval) -> str:
    """An interval as `low–high` with two decimals each."""
    return f"{bounds[0]:.2f}–{bounds[1]:.2f}"


def with_interval(value: float, bounds: Interval) -> str:
    """A score and its interval in one line."""
    return f"{score(value)} [{interval(bounds)}]"


def hits_text(found: Sequence[Hit], documents: Mapping[str, Document], unit: str) -> Text:
    """Ranked documents with score and text, a blank line after each."""
    from rich.text import Text

    text = Text()
    for hit in found:
        document = documents[hit.doc_id]
        text.append(f"{hit.rank}. ").append(document.title or hit.doc_id, "bold")
        text.append(f"  {unit} {hit.score:.3f}  ")
        text.append(hit.doc_id if document.title else "", "dim")
        text.append(f"\n{document.text}\n\n")
    return text


def plain_text(renderable: RenderableType) -> str:
    """The text that a command would print to a file, without spaces at line ends."""
    from rich.console import Console

    printed = StringIO()
    Console(file=printed, width=PLAIN_WIDTH, highlight=False).print(renderable)
    return "\n".join(line.rstrip() for line in printed.getvalue().strip().splitlines())


def results_table(results: Sequence[Result], metrics: Sequence[str], title: str = "") -> Table:
    """Systems down, metrics across; under each mean its 95% interval."""
    table = _table(title, "system", list(metrics))
    for result in results:
        cells = [
            f"{score(result.report.mean[m])}\n[dim]{interval(result.report.interval(m))}[/dim]"
            for m in metrics
        ]
        table.add_row(result.label, *cells)
    return table


def kinds_table(
    results: Sequence[Result], kinds: dict[str, list[str]], metric: str, title: str = ""
) -> Table:
    """One metric by kind of query: systems down, kinds across with their number of queries."""
    table = _table(title, "system", [f"{kind}\nn={len(ids)}" for kind, ids in kinds.items()])
    for result in results:
        parts = [result.report.only(ids) for ids in kinds.values()]
        cells = [
            f"{score(part.mean[metric])}\n[dim]{interval(part.interval(metric))}[/dim]"
            for part in parts
        ]
        table.add_row(result.label, *cells)
    return table


def results_lines(results: Sequence[Result], metrics: Sequence[str]) -> list[str]:
    """The table as plain text without intervals, for a notebook cell whose output is compared."""
    width = max(len(result.label) for result in results)
    head = " ".join([" " * width, *(f"{metric:>11}" for metric in metrics)])
    rows = [
        " ".join([f"{r.label:<{width}}", *(f"{score(r.report.mean[m]):>11}" for m in metrics)])
        for r in results
    ]
    return [head, *rows]


def markdown_table(results: Sequence[Result], metrics: Sequence[str]) -> str:
    """The table in Markdown, each mean with its interval."""
    lines = [
        "| system | " + " | ".join(metrics) + " |",
        "|---|" + "---|" * len(metrics),
    ]
    for result in results:
        cells = [
            with_interval(result.report.mean[metric], result.report.interval(metric))
            for metric in metrics
        ]
        lines.append(f"| {result.label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _table(title: str, first: str, columns: list[str]) -> Table:
    from rich import box
    from rich.markup import escape  # a kind or a split may have brackets in its name
    from rich.table import Table

    heading = escape(title) or None
    table = Table(title=heading, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    table.add_column(first, no_wrap=True)
    for column in columns:
        table.add_column(escape(column), justify="right", no_wrap=True)
    return table
