"""The commands of `ragkit` for those who work through the course; `app.py` registers them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragkit.cli import console
from ragkit.errors import DataError

if TYPE_CHECKING:
    from rich.text import Text

    from ragkit.course.work.resetting import Reset
    from ragkit.course.work.validating import Found, Report

_RELOAD = "In JupyterLab: File → Reload Notebook from Disk, then run the cell."


def work(
    open_jupyter: Annotated[
        bool, typer.Option("--open", help="Then open JupyterLab on the course, in work/.")
    ] = False,
    options: Annotated[
        list[str] | None, typer.Argument(help="With --open, after --: options for JupyterLab.")
    ] = None,
) -> None:
    """Copy the labs into work/, your own folder, which nothing overwrites.

    A lab is copied without its outputs, so that there is something to find out; in labs/ they stay
    for reading. What is in work/ already is kept as it is.

    Try: `ragkit work --open`, or without a browser: `ragkit work --open -- --no-browser`
    """
    from ragkit.course.layout import course_root
    from ragkit.course.work import copies

    if options and not open_jupyter:
        raise DataError("Options for JupyterLab need --open: ragkit work --open -- --no-browser")
    made = list(copies.copy_labs())
    for copy in made:
        what = "copied  " if copy.new else "kept    "
        print(f"{what}{copy.path.relative_to(course_root()).as_posix()}", flush=True)
    if open_jupyter:
        new = [copy.path.name for copy in made if copy.new]
        place = f"work/{new[0]}" if new else "work"
        raise typer.Exit(copies.open_jupyter(place, options or ()))


def progress(
    lab: Annotated[str | None, typer.Option(help="Only this lab, such as 01.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON for a program to read.")
    ] = False,
) -> None:
    """Show how far you are: the latest verdict on each exercise and drill.

    Verdicts are recorded when you run a check in a notebook in work/, and kept in
    work/progress.json.
    """
    from ragkit.course.work import items, overview
    from ragkit.course.work import progress as keeping

    labs = items.all_labs()
    if lab is not None and lab not in [one.number for one in labs]:
        known = ", ".join(one.number for one in labs)
        raise DataError(f"There is no lab {lab!r}; the labs are {known}.")
    chosen = [one for one in labs if lab in (None, one.number)]
    seen = keeping.load()
    if as_json:
        print(json.dumps(overview.as_data(chosen, seen), ensure_ascii=False, indent=1))
    else:
        console.console().print(overview.full_table(chosen, seen))


def reset(
    name: Annotated[
        str, typer.Argument(help="An exercise, 1.4 or hit_rate; or a drill, 01_4 or drill_01_4.")
    ],
) -> None:
    """Bring back the stub of one exercise or drill in your copy of the lab, in work/.

    What you wrote is kept below it, in a Markdown cell. Save the notebook first if it is open.
    """
    from ragkit.course.layout import course_root
    from ragkit.course.work.resetting import reset as bring_back

    done = bring_back(name)
    where = f"{done.item.label} in {done.path.relative_to(course_root()).as_posix()}"
    print(f"{where}: {_outcome(done)}")


def validate(
    notebook: Annotated[Path, typer.Argument(help="The notebook that you want to hand in.")],
) -> None:
    """Say before you hand a notebook in what the grader would not find in it.

    Runs your answers as the grader does, in a process of its own, and writes nothing. It says
    nothing about the inputs that the grader will use. Exit status 1 if something would be missing.
    """
    from ragkit.course.work.validating import validate as look_at

    report = look_at(notebook)
    _show(report)
    if not report.complete:
        raise typer.Exit(1)


def _outcome(done: Reset) -> str:
    if not done.changed:
        return "the stub is already there. Nothing was changed."
    kept = {
        0: "",
        1: " What you wrote is kept in a Markdown cell below it.",
    }.get(done.kept, f" What you wrote in {done.kept} cells is kept in Markdown cells.")
    return f"the stub is back.{kept} {_RELOAD}"


def _show(report: Report) -> None:
    from rich.text import Text

    from ragkit.course.work.delivery import SECONDS

    out = console.console()
    out.print(Text(f"{report.path}: lab {report.lab.number}, {report.lab.title}"), soft_wrap=True)
    for one in report.found:
        out.print(_line(one), soft_wrap=True)
    for problem in report.problems:
        out.print(Text.assemble(("✗ ", "red"), problem), soft_wrap=True)
    for note in report.notes:
        out.print(Text.assemble(("! ", "yellow"), note), soft_wrap=True)
    there = sum(not one.problem for one in report.found)
    time = f"It ran in {report.seconds:.1f} s; the grader allows {SECONDS:g} s."
    out.print(f"{there} of {len(report.found)} answers would be found. {time}", soft_wrap=True)


def _line(one: Found) -> Text:
    from rich.text import Text

    mark = ("✗", "red") if one.problem else ("!", "yellow") if one.note else ("·", "dim")
    words = [part for part in (one.problem, one.note) if part]
    if one.verdict:
        words.append(f"the check says: {' '.join(one.verdict.split())}")
    return Text.assemble(mark, f" {one.item.label:<26} {'; '.join(words)}")
