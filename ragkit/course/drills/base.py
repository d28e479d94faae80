"""What a drill is made of: numbers, choices, constructions and texts.

A drill's answer is a tuple with an entry for each part, or the entry alone where there is one part.
Numbers and choices hold the right value and those of known mistakes; `sealed` turns both into
digests, which is the form the students' edition of the course carries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, floor, isfinite, log2
from typing import Any, Literal

from ragkit.course.drills.units import to_unit
from ragkit.course.verdict import Verdict

MIN_WORDS = 20
Outcome = Literal["right", "named", "wrong", "person"]
Seal = tuple[float, tuple[str, ...], Outcome, str]  # step (0: a word), digests, outcome, sentence


@dataclass(frozen=True, slots=True)
class Finding:
    """What one part of an answer is worth, and the words for it."""

    kind: Outcome
    said: str = ""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A number or choice as digests, in the order in which they are compared."""

    place: str
    seals: tuple[Seal, ...]
    otherwise: str
    unit: str = ""
    width: int = 1

    def find(self, given: Any) -> Finding:
        """The first seal that the given value breaks."""
        for step, digests, kind, said in self.seals:
            text = _choice(given) if step == 0 else _cell(to_unit(given, self.unit), step)
            if _digest(self.place, text) in digests:
                return Finding(kind, said)
        return Finding("wrong", self.otherwise)


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

    def find(self, given: Any) -> Finding:
        """Right, a named mistake, or wrong. A text such as "75 KiB" is converted to the unit."""
        value = to_unit(given, self.unit)
        if self._near(value, self.right):
            return Finding("right")
        for wrong, said in self.mistakes.items():
            if self._near(value, wrong):
                return Finding("named", said)
        return Finding("wrong", self.otherwise)

    def sealed(self, place: str) -> Sealed:
        """The same comparison without the values: every step within the tolerance as a digest."""

        def seal(value: float, kind: Outcome, said: str) -> Seal:
            within = self._tolerance(value)
            step = 2.0 ** floor(log2(within / 8))  # a power of two, so it does not tell the value
            cells = range(ceil((value - within) / step), floor((value + within) / step) + 1)
            return step, tuple(sorted(_digest(place, str(cell)) for cell in cells)), kind, said

        known = [seal(wrong, "named", said) for wrong, said in self.mistakes.items()]
        seals = (seal(self.right, "right", ""), *known)
        return Sealed(place, seals, self.otherwise, self.unit)

    def _near(self, given: float, wanted: float) -> bool:
        return abs(given - wanted) <= self._tolerance(wanted)

    def _tolerance(self, wanted: float) -> float:
        return max(self.absolute, self.relative * abs(wanted))


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words; case, spaces and underscores aside."""

    right: str
    otherwise: str
    mistakes: Mapping[str, str] = field(default_factory=dict)
    points: float = 1.0
    width: int = 1

    def find(self, given: Any) -> Finding:
        """Right, a named mistake, or wrong."""
        word = _choice(given)
        if word == _choice(self.right):
            return Finding("right")
        return Finding("wrong", self.mistakes.get(word, self.otherwise))

    def sealed(self, place: str) -> Sealed:
        """The same comparison without the word."""

        def seal(word: str, kind: Outcome, said: str) -> Seal:
            return 0.0, (_digest(place, word),), kind, said

        known = [seal(word, "wrong", said) for word, said in self.mistakes.items()]
        return Sealed(place, (seal(_choice(self.right), "right", ""), *known), self.otherwise)


@dataclass(frozen=True, slots=True)
class Constructed:
    """Something built to have a property, which is computed: there is no answer to compare with."""

    judge: Callable[..., Finding]
    width: int = 1
    points: float = 1.0

    def find(self, *given: Any) -> Finding:
        """What the property says; "person" where it does not decide."""
        return self.judge(*given)


@dataclass(frozen=True, slots=True)
class Text:
    """Free text for a person, who reads it along a rubric of key points. Never scored here."""

    rubric: Sequence[str] = ()
    points: float = 1.0
    width: int = 1

    def find(self, given: Any) -> Finding:
        """For a person, unless it is too short to say anything."""
        words = len(str(given).split())
        if words < MIN_WORDS:
            said = f"{words} words say too little; argue in {MIN_WORDS} or more."
            return Finding("wrong", said)
        return Finding("person", f"{words} words, for a person to read.")


Part = Number | Choice | Constructed | Text | Sealed


@dataclass(frozen=True, slots=True)
class Drill:
    """The parts of a drill, in the order of its answer, and what to say of those that are right."""

    parts: Sequence[Part]
    praise: str = ""

    def split(self, answer: Any) -> list[tuple[Any, ...]]:
        """The entries of an answer that belong to each part; ValueError if it has another form."""
        width = sum(part.width for part in self.parts)
        if width > 1 and len(answer) != width:  # before anything goes through them
            raise ValueError(f"{width} entries are asked, not {len(answer)}")
        given = iter((answer,) if width == 1 else answer)
        return [tuple(next(given) for _ in range(part.width)) for part in self.parts]

    def judge(self, answer: Any) -> Verdict:
        """The verdict a student reads: the first complaint, or what is left for a person."""
        told = ""
        for part, given in zip(self.parts, self.split(answer), strict=True):
            finding = part.find(*given)
            if finding.kind in ("wrong", "named"):
                return Verdict("incorrect", self._before_text(part, told) + finding.said)
            if len(self.parts) == 1 or not isinstance(part, Text):
                told = finding.said or told
        return self._accepted(told)

    def _before_text(self, part: Part, told: str) -> str:
        if not isinstance(part, Text) or len(self.parts) == 1:
            return ""
        return f"{told or self.praise}, but of the reason: "

    def _accepted(self, told: str) -> Verdict:
        closed = all(isinstance(part, Number | Choice | Sealed) for part in self.parts[:-1])
        if not isinstance(self.parts[-1], Text):
            return Verdict("correct", self.praise)
        if len(self.parts) == 1:
            return Verdict("recorded", told)
        if closed:
            return Verdict("correct", "the reason is for a person to read.")
        return Verdict("recorded", f"{told}; what is built and argued is for a person to read.")


def _choice(given: Any) -> str:
    return str(given).strip().lower().replace("_", "").replace(" ", "")


def _cell(value: float, step: float) -> str:
    return str(round(value / step)) if isfinite(value / step) else "none"


def _digest(place: str, text: str) -> str:
    return hashlib.sha256(f"{place}:{text}".encode()).hexdigest()[:16]
