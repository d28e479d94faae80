"""The commands of `ragkit` for those who write, hand out and grade the course.

Like those of `app.py`, which registers them, they parse, call the library and print.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ragkit.cli import console
from ragkit.course.work.delivery import SECONDS
from ragkit.errors import DataError

Submissions = Annotated[
    Path | None, typer.Argument(help="A folder of STUDENT/01-….ipynb or STUDENT.ipynb.")
]
ReportFolder = Annotated[Path | None, typer.Option(help="The folder of the report.")]
OnlyLab = Annotated[
    str | None, typer.Option(help="Only this lab, such as 01. Default: all that were handed in.")
]
Jobs = Annotated[
    int | None, typer.Option(min=1, help="Submissions at a time. Default: one per core.")
]
Timeout = Annotated[float, typer.Option(min=1, help="Seconds for one submission.")]
HiddenSeed = Annotated[
    int | None,
    typer.Option(min=0, help="Seed of the hidden inputs. Default: drawn for the report."),
]
ManualFile = Annotated[
    Path | None, typer.Option(help="Read the marks in this manual.csv into its report.")
]


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
    marks; both are executed, so that what is committed shows its outputs. A notebook of labs/ in
    which somebody worked is never overwritten.
    """
    if run:
        from ragkit.course.running import run_all

        console.show_lab_runs(run_all())
        return
    _need_sources()
    from ragkit.course.staff import editions as maker
    from ragkit.course.staff.own_work import find_own_work

    if check:
        if drift := maker.drift():
            print(*drift, sep="\n")
            if not find_own_work():  # which making them again would overwrite
                print("Make them again: ragkit editions")
            raise typer.Exit(1)
        print("Every edition matches its source.")
    else:
        console.show_lab_runs(maker.write_all())


def results(
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Only report prose that differs from the file; exit 1 if there is any."
        ),
    ] = False,
) -> None:
    """Measure what the prose quotes into data/results.json, and update the prose.

    The figures of the theory pages are drawn again too. What depends on the machine, such as
    times, is measured by `make bench`.
    """
    from ragkit.course import ledger

    if check:
        if stale := ledger.stale_quotes():
            print(*stale, "Measure again: ragkit results or make bench", sep="\n")
            raise typer.Exit(1)
        print("Every quoted number is the measured one.")
        return
    _need_sources()
    from ragkit.course.staff.registry import draw_all, measure_all

    measured = measure_all()
    written, drawn = ledger.update(measured), draw_all()
    print(
        f"{len(measured)} numbers measured, {len(drawn)} figures drawn; "
        f"{len(written)} pages updated."
    )


def bundle(
    out: Annotated[Path, typer.Option(help="A new folder to write the bundle into.")],
) -> None:
    """Write the students' bundle: labs, theory, data and ragkit, without one answer.

    Hand the folder out as it is, or zip it. In it, `make lab` sets up and opens the labs. The
    checks tell students what is right and what went wrong; no reference solution is inside.
    """
    _need_sources()
    from ragkit.course.staff.bundle import write_bundle

    files = write_bundle(out)
    size = sum(path.stat().st_size for path in files) / 2**20
    print(f"{len(files)} files, {size:.1f} MiB in {out}. Students run `make lab` in it.")


def grade(
    submissions: Submissions = None,
    out: ReportFolder = None,
    lab: OnlyLab = None,
    jobs: Jobs = None,
    timeout: Timeout = SECONDS,
    seed: HiddenSeed = None,
    manual: ManualFile = None,
) -> None:
    """Grade a class: run each submission in a sandbox, compare outside it, write the report.

    First the canary: the solved lab must score 100% and the untouched one 0%. Then each student's
    functions are called on inputs drawn for this report, and what they return is compared here.
    Interrupt and run again as you like: finished students stay finished, unless a notebook changes.

    The report holds grades.csv, class.html, feedback/, gradescope/ and manual.csv. Fill in the
    marks there, then `ragkit grade --manual REPORT/manual.csv`, any number of times.
    """
    _need_sources()
    from ragkit.course.staff.grade.batch import Job
    from ragkit.course.staff.grade.batch import grade as grade_class
    from ragkit.course.staff.grade.report import write_report
    from ragkit.course.staff.grade.sandbox import Limits
    from ragkit.course.staff.grade.state import State
    from ragkit.runtime import threads

    if manual is not None:
        folder = out or manual.parent
        result = State(folder / ".state").load_class()
    elif submissions is None or out is None:
        raise DataError("Say what to grade and where: ragkit grade SUBMISSIONS --out REPORT")
    else:
        folder, limits = out, Limits(timeout, min(10.0, timeout / 3))
        with console.grading_bar() as (on_start, on_done):
            job = Job(submissions, out, lab, jobs or threads(), limits, seed)
            result = grade_class(job, on_start, on_done)
    console.show_grades(write_report(result, folder, marked=manual), folder)


def _need_sources() -> None:
    """`DataError` in a students' bundle, which has no answers to bundle, grade or measure with."""
    from ragkit.course.layout import labs

    labs()
