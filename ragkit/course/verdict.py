"""What a check answers: not attempted, incorrect (and why), correct, or kept for a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["not attempted", "incorrect", "correct", "recorded"]
_SIGNS: dict[Status, str] = {
    "not attempted": "○",
    "incorrect": "✗",
    "correct": "✓",
    "recorded": "✎",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of a check; `str(verdict)` is the line a student reads."""

    status: Status
    message: str = ""

    def __str__(self) -> str:
        line = f"{_SIGNS[self.status]} {self.status}"
        return f"{line}: {self.message}" if self.message else line

    def _ipython_display_(self) -> None:
        """Nothing: the check has already printed the line."""

    def say(self) -> Verdict:
        """Print the line and return the verdict."""
        print(self)
        return self
