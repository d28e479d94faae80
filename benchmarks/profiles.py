"""Where time goes: the functions of a profile, and imports by package."""

from __future__ import annotations

import cProfile
import pstats
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness import Plan, Record
from benchmarks.processes import ROOT, run

SHOWN = 12


def functions(work: Callable[[], object]) -> Record:
    """The functions of one call by cumulative time, in seconds, after a warm-up."""
    work()
    recorder = cProfile.Profile()
    recorder.runcall(work)
    stats: Mapping[Any, Any] = pstats.Stats(recorder).stats  # type: ignore[attr-defined]
    rows = [
        {"name": _name(*place), "calls": calls, "own": own, "seconds": total}
        for place, (_, calls, own, total, _) in stats.items()
    ]
    rows.sort(key=lambda row: -row["seconds"])
    return {"kind": "functions", "rows": rows[:SHOWN]}


def import_times(arguments: Sequence[str], plan: Plan, environment: Mapping[str, str]) -> Record:
    """Seconds spent on the imports of a Python command, own time summed by top package."""
    command = [sys.executable, "-X", "importtime", *arguments]
    finished = run(command, plan.scratch, environment)
    own: defaultdict[str, float] = defaultdict(float)
    for line in finished.output.splitlines():
        if line.startswith("import time:") and "self [us]" not in line:
            microseconds, _, module = line.removeprefix("import time:").split("|")
            own[module.strip().split(".")[0]] += int(microseconds) / 1e6
    slowest = sorted(own.items(), key=lambda pair: -pair[1])[:SHOWN]
    return {
        "kind": "imports",
        "rows": [{"name": name, "seconds": seconds} for name, seconds in slowest],
        "imports": sum(own.values()),
        "whole": finished.seconds,
    }


def _name(file: str, line: int, function: str) -> str:
    """A function with the end of its file's path, so that no path of a machine is written down."""
    if file == "~":
        return function
    path = Path(file)
    if path.is_relative_to(ROOT) and ".venv" not in path.parts:
        return f"{path.relative_to(ROOT).as_posix()}:{line} {function}"
    return f"{'/'.join(path.parts[-2:])}:{line} {function}"
