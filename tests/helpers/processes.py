"""Running a command and seeing how it ended."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


def process(*arguments: str) -> Outcome:
    """Run Python with these arguments in a process of its own."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, check=False)
    return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())
