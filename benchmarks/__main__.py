"""`python -m benchmarks`: measure, store results.json, render report.md, requote the pages.

A user's mistake ends in one sentence and exit status 2.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

from ragkit.runtime import threads

os.environ.setdefault("RAGKIT_QUIET", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ["OPENBLAS_NUM_THREADS"] = str(threads())  # NumPy's; read when it is imported

import typer

from benchmarks.harness import MeasurementError, Plan, say
from benchmarks.processes import ROOT
from ragkit.errors import RagkitError
from ragkit.files import write_atomically

PARTS = ("ask", "encoding", "steps", "reranking", "indexes", "evaluating", "grading", "suite")

_SPREAD = re.compile(r"\{\s*\"median\"[^{}]*\}")  # in the file, one is one line

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    quick: Annotated[
        bool, typer.Option("--quick", help="Small sizes and few repeats, under .build.")
    ] = False,
    suite: Annotated[
        bool, typer.Option("--suite", help="Also time the labs and the tests.")
    ] = False,
    only: Annotated[
        list[str] | None, typer.Option(help=f"Only this part: {', '.join(PARTS)}.")
    ] = None,
    report: Annotated[bool, typer.Option("--report", help="Measure nothing, only render.")] = False,
    out: Annotated[Path | None, typer.Option(help="The folder of the results.")] = None,
) -> None:
    """Time ragkit beside the libraries it stands on; see the report for what is measured."""
    names = _chosen(only, suite)
    folder = out or (ROOT / ".build" / "benchmarks" if quick else ROOT / "benchmarks")
    file = folder / "results.json"
    results: dict[str, Any] = _load(file)
    if not report:
        with tempfile.TemporaryDirectory(prefix="ragkit-bench-") as scratch:
            plan = Plan(quick, Path(scratch))
            for name in names:
                results["parts"][name] = _measured(name, plan)
                _store(results, file)
    _render(results, folder, file)
    if folder == ROOT / "benchmarks":
        _requote()
    say(f"Written to {folder}.")


def _chosen(only: list[str] | None, suite: bool) -> list[str]:
    """The parts to measure; the suite only where it is asked for, and first: it tests the tree."""
    wanted = list(only or PARTS[:-1])
    for name in wanted:
        if name not in PARTS:
            raise typer.BadParameter(f"there is no part {name!r}; use {', '.join(PARTS)}.")
    chosen = [name for name in PARTS if name in wanted or (suite and name == "suite")]
    return sorted(chosen, key=lambda name: name != "suite")


def _measured(name: str, plan: Plan) -> dict[str, Any]:
    """One part with the machine, the date and the load beside it."""
    from benchmarks.machine import environment, load, today

    started = perf_counter()
    part = import_module(f"benchmarks.{name}")
    busy = load()
    record = {
        "date": today(),
        "quick": plan.quick,
        "environment": environment(),
        "load": busy,
        "measured": part.measure(plan),
    }
    say(f"{name}: done in {perf_counter() - started:.0f} s")
    return record


def _load(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {"parts": {}}
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _store(results: dict[str, Any], file: Path) -> None:
    """Write what is there after each part, in the order of the parts, and what pages may quote."""
    from benchmarks.quoted import quoted

    results["parts"] = {name: results["parts"][name] for name in PARTS if name in results["parts"]}
    results["quoted"] = quoted(results)
    text = json.dumps(results, indent=1, ensure_ascii=False) + "\n"
    text = _SPREAD.sub(lambda found: " ".join(found[0].split()), text)
    write_atomically(file, text.encode())


def _render(results: dict[str, Any], folder: Path, file: Path) -> None:
    from benchmarks.report import write

    if not results["parts"]:
        raise typer.BadParameter(f"{folder} contains no results to render; measure first.")
    _store(results, file)
    write(results, folder)


def _requote() -> None:
    """Fill the results into the pages that quote them."""
    from ragkit.course import ledger

    for page in ledger.requote():
        say(f"{page.relative_to(ROOT)}: updated")


def main() -> None:
    """Run the command; mistakes are one sentence and exit status 2."""
    from typer.exceptions import Abort, TyperException

    try:
        status = app(standalone_mode=False)
    except TyperException as error:
        _fail(" ".join(error.format_message().split()))
    except (RagkitError, MeasurementError) as error:
        _fail(str(error))
    except (Abort, KeyboardInterrupt):
        _fail("interrupted; the parts that were finished are kept.", 130)
    sys.exit(status or 0)


def _fail(message: str, status: int = 2) -> None:
    print(f"benchmarks: {message}", file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":
    main()
