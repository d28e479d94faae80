"""The parts that a drill is made of: numbers, choices, constructions and texts.

A drill's answer is a tuple with an entry for each part, or the entry alone if there is one part.
Numbers and choices hold the right value and those of known mistakes; `sealed` turns both into
digests, which is the form the students' edition of the course carries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, floor, isfinite, log2
from typing import Any

from ragkit.course.drills.units import to_unit
from ragkit.course.verdict import Finding, Kind, Verdict

MIN_WORDS = 20
Seal = tuple[float, tuple[str, ...], Kind, str]  # step (0: a word), digests, kind, sentence


@dataclass(frozen=True, slots=True)
class Sealed:
    """A number or choice as digests, in the order in which they are compared."""

    place: str
    seals: tuple[Seal, ...]
    otherwise: str
    unit: str = ""
    width: int = 1

    def find(self, entry: Any) -> Finding:
        """The first seal that the entry breaks."""
        for step, digests, kind, sentence in self.seals:
            text = _choice(entry) if step == 0 else _cell(to_unit(entry, self.unit), step)
            if _digest(self.place, text) in digests:
                return Finding(kind, sentence)
        return Finding("incorrect", self.otherwise)


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a unit, its tolerance (absolute, or relative to each value), known mistakes."""

    right: float
    otherwise: str
    mistakes: Mapping[float, str] = field(default_factory=dict)
    unit: str = ""
    absolute: float = 0.0
    relative: float = 0.0
    points: float = 1.0
    width: int = 1

    def find(self, entry: Any) -> Finding:
        """Right, a named mistake, or wrong. A text such as "75 KiB" is converted to the unit."""
        value = to_unit(entry, self.unit)
        if self._near(value, self.right):
            return Finding("correct")
        for wrong, sentence in self.mistakes.items():
            if self._near(value, wrong):
                return Finding("named", sentence)
        return Finding("incorrect", self.otherwise)

    def sealed(self, place: str) -> Sealed:
        """The same comparison without the values: every step within the tolerance as a digest."""

        def seal(value: float, kind: Kind, sentence: str) -> Seal:
            within = self._tolerance(value)
            step = 2.0 ** floor(log2(within / 8))  # a power of two: it hides the value
            cells = range(ceil((value - within) / step), floor((value + within) / step) + 1)
            return step, tuple(sorted(_digest(place, str(cell)) for cell in cells)), kind, sentence

        known = [seal(wrong, "named", sentence) for wrong, sentence in self.mistakes.items()]
        seals = (seal(self.right, "correct", ""), *known)
        return Sealed(place, seals, self.otherwise, self.unit)

    def _near(self, value: float, wanted: float) -> bool:
        return abs(value - wanted) <= self._tolerance(wanted)

    def _tolerance(self, wanted: float) -> float:
        return max(self.absolute, self.relative * abs(wanted))


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words; case, spaces and underscores do not matter."""

    right: str
    otherwise: str
    mistakes: Mapping[str, str] = field(default_factory=dict)
    points: float = 1.0
    width: int = 1

    def find(self, entry: Any) -> Finding:
        """Right or wrong; a known mistake has its own sentence and earns nothing."""
        word = _choice(entry)
        if word == _choice(self.right):
            return Finding("correct")
        return Finding("incorrect", self.mistakes.get(word, self.otherwise))

    def sealed(self, place: str) -> Sealed:
        """The same comparison without the word."""

        def seal(word: str, kind: Kind, sentence: str) -> Seal:
            return 0.0, (_digest(place, word),), kind, sentence

        known = [seal(word, "incorrect", sentence) for word, sentence in self.mistakes.items()]
        return Sealed(place, (seal(_choice(self.right), "correct", ""), *known), self.otherwise)


@dataclass(frozen=True, slots=True)
class Constructed:
    """Something built to have a property, which is computed: there is no answer to compare with."""

    judge: Callable[..., Finding]
    width: int = 1
    points: float = 1.0

    def find(self, *entries: Any) -> Finding:
        """What the property shows; "recorded" if it cannot decide."""
        return self.judge(*entries)


@dataclass(frozen=True, slots=True)
class Text:
    """Free text, which a person reads with a rubric of key points; it is never scored here."""

    rubric: Sequence[str] = ()
    points: float = 1.0
    width: int = 1

    def find(self, entry: Any) -> Finding:
        """For a person, unless it is too short to say anything."""
        words = len(str(entry).split())
        if words < MIN_WORDS:
            sentence = f"{words} words are too few; explain it in {MIN_WORDS} or more."
            return Finding("incorrect", sentence)
        return Finding("recorded", f"{words} words, for a person to read.")


Part = Number | Choice | Constructed | Text | Sealed


@dataclass(frozen=True, slots=True)
class Drill:
    """The parts of a drill, in the order of its answer, and the words for parts that are right."""

    parts: Sequence[Part]
    praise: str = ""

    def split(self, answer: Any) -> list[tuple[Any, ...]]:
        """Split an answer into the entries of each part; ValueError if it has another form."""
        width = sum(part.width for part in self.parts)
        if width > 1 and len(answer) != width:  # before anything goes through them
            raise ValueError(f"it needs {width} entries, not {len(answer)}")
        entries = iter((answer,) if width == 1 else answer)
        return [tuple(next(entries) for _ in range(part.width)) for part in self.parts]

    def judge(self, answer: Any) -> Verdict:
        """Judge an answer for its student: the first complaint, or what is left for a person."""
        measured = ""
        for part, entries in zip(self.parts, self.split(answer), strict=True):
            finding = part.find(*entries)
            if finding.kind in ("incorrect", "named"):
                return Verdict("incorrect", self._before_text(part, measured) + finding.sentence)
            if len(self.parts) == 1 or not isinstance(part, Text):
                measured = finding.sentence or measured
        return self._accepted(measured)

    def _before_text(self, part: Part, measured: str) -> str:
        if not isinstance(part, Text) or len(self.parts) == 1:
            return ""
        return f"{measured or self.praise}, but about the reason: "

    def _accepted(self, measured: str) -> Verdict:
        closed = all(isinstance(part, Number | Choice | Sealed) for part in self.parts[:-1])
        if not isinstance(self.parts[-1], Text):
            return Verdict("correct", self.praise)
        if len(self.parts) == 1:
            return Verdict("recorded", measured)
        if closed:
            return Verdict("correct", "a person will read the reason.")
        return Verdict("recorded", f"{measured}; a person will read what you wrote.")


def _choice(entry: Any) -> str:
    return str(entry).strip().lower().replace("_", "").replace(" ", "")


def _cell(value: float, step: float) -> str:
    return str(round(value / step)) if isfinite(value / step) else "none"


def _digest(place: str, text: str) -> str:
    return hashlib.sha256(f"{place}:{text}".encode()).hexdigest()[:16]
