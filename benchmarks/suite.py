"""How long the course itself takes: each lab, first and second time, and the whole test suite."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from benchmarks.harness import MeasurementError, Plan, Record, say
from benchmarks.processes import ROOT, Finished, run
from ragkit.encoders.minilm_export import link_into

_LAB = re.compile(r"^ok (\S+)\s+\d+ cells in ([\d.]+) s", re.MULTILINE)


def measure(plan: Plan) -> Record:
    """Seconds of each lab with an empty cache and with a full one, of `make test`, and peak bytes.

    The ONNX export is made once at the install and is there both times.
    """
    cache = plan.scratch / "labs-cache"
    link_into(cache)
    cold, warm = _labs(plan, cache, "cold"), _labs(plan, cache, "warm")
    tests = run(["make", "test"], plan.scratch)
    say(f"suite: make test {tests.seconds:.0f} s")
    return {
        "labs": {
            name: {"cold": seconds, "warm": seconds_of(warm.output)[name]}
            for name, seconds in seconds_of(cold.output).items()
        },
        "tests": tests.seconds,
        "peak_bytes": {
            "labs, cold": cold.peak_bytes,
            "labs, warm": warm.peak_bytes,
            "make test": tests.peak_bytes,
        },
    }


def seconds_of(output: str) -> dict[str, float]:
    """Seconds by lab from the lines that `ragkit editions --run` prints."""
    found = {Path(name).stem: float(seconds) for name, seconds in _LAB.findall(output)}
    if not found:
        raise MeasurementError(f"No lab ran: {output[-300:]}")
    return found


def _labs(plan: Plan, cache: Path, what: str) -> Finished:
    for done in (ROOT / ".build").glob("*.done"):  # or the labs that ran before are skipped
        done.unlink()
    finished = run(
        [sys.executable, "-m", "ragkit", "editions", "--run"],
        plan.scratch,
        {"RAGKIT_CACHE": str(cache)},
    )
    for name, seconds in seconds_of(finished.output).items():
        say(f"suite: {name} {what} {seconds:.0f} s")
    return finished
