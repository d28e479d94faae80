"""The words in which answers are judged, shared by the checks, the drills and the grader.

A `Finding` is about one answer: to one case of an exercise, or to one part of a drill. A `Verdict`
is what a student reads of a whole exercise or drill; the grader's marks have the same `Status`.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Literal

Status = Literal["not attempted", "incorrect", "correct", "recorded"]  # recorded: a person reads it
Kind = Literal["correct", "named", "incorrect", "recorded"]  # named: a mistake that was recognised
WIDTH = 88  # columns that a cell's output has room for; a longer line would break inside a word
_SIGNS: dict[Status, str] = {
    "not attempted": "○",
    "incorrect": "✗",
    "correct": "✓",
    "recorded": "✎",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one answer is worth, and the sentence for it.

    `sentence` gives away no number of the input; `numbers` adds them, for inputs that a student may
    know. `named` are the known mistakes that give this very answer.
    """

    kind: Kind
    sentence: str = ""
    numbers: str = ""
    named: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of a check; `str(verdict)` is the line a student reads."""

    status: Status
    message: str = ""

    def __str__(self) -> str:
        line = f"{_SIGNS[self.status]} {self.status}"
        return f"{line}: {self.message}" if self.message else line

    def _ipython_display_(self) -> None:
        """Display nothing: the check has already printed the line."""

    def say(self) -> Verdict:
        """Print the lines, long ones wrapped between words, and return the verdict."""
        print("\n".join(map(_wrapped, str(self).splitlines())))
        return self


def _wrapped(line: str) -> str:
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.fill(
        line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
