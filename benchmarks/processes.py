"""Commands in fresh processes: wall time, peak memory, and what they printed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import MeasurementError

ROOT = Path(__file__).resolve().parent.parent
CHILD = Path(__file__).with_name("child.py")


@dataclass(frozen=True, slots=True)
class Finished:
    """Wall time in seconds, peak memory of the largest process in bytes, and the output."""

    seconds: float
    peak_bytes: int
    output: str


def run(
    command: Sequence[str], scratch: Path, environment: Mapping[str, str] | None = None
) -> Finished:
    """Run a command to its end from the root of the checkout; a failure is an error here too."""
    output = scratch / "output.txt"
    answer = subprocess.run(
        [sys.executable, "-S", str(CHILD), str(output), *command],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
    )
    found = json.loads(answer.stdout)
    text = output.read_text(encoding="utf-8", errors="replace")
    if found["status"] != 0:
        raise MeasurementError(f"{' '.join(command)} ended in {found['status']}: {text[-600:]}")
    return Finished(found["seconds"], found["peak_bytes"], text)


def take_turns(
    commands: Mapping[str, Sequence[str]],
    repeats: int,
    scratch: Path,
    environment: Mapping[str, str] | None = None,
) -> dict[str, list[Finished]]:
    """Run the commands in turns, A, B, A, B; who wants a warm disk runs each once before."""
    took: dict[str, list[Finished]] = {name: [] for name in commands}
    for _ in range(repeats):
        for name, command in commands.items():
            took[name].append(run(command, scratch, environment))
    return took
