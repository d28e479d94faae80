"""Running a command and seeing how it ended."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
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


Run = Callable[..., Outcome]


def process(*arguments: str) -> Outcome:
    """Run Python with these arguments in a process of its own."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, check=False)
    return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())


def is_one_sentence(outcome: Outcome, status: int = 2) -> bool:
    """True for a mistake well reported: its status, one line on stderr, nothing on stdout."""
    assert outcome.status == status, outcome
    assert outcome.out == ""
    assert re.fullmatch(r"ragkit: [^\n]{10,}\n", outcome.err), outcome.err
    assert "Traceback" not in outcome.err
    return True
