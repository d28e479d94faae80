"""The parts that a drill is made of: numbers, choices, constructions and texts.

A drill's answer is a tuple with an entry for each part, or the entry alone if there is one part.
Numbers and choices hold the right value and those of known mistakes; `sealed` turns both into
digests, which is the form the students' edition of the course carries. `reading` says how an entry
is read, which is no secret.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, floor, isfinite, log2
from typing import Any

from ragkit.course.drills.reading import Reading, UnclearError, alone, missing, pieces, word
from ragkit.course.drills.texts import complaint, count
from ragkit.course.verdict import Finding, Kind, Status, Verdict

Seal = tuple[float, tuple[str, ...], Kind, str]  # step (0: a word), digests, kind, sentence
WHOLE = 0.4  # how far from a whole number a float may lie
DIGITS = 0.6  # half a unit in the last digit asked, and a little for truncated ones


@dataclass(frozen=True, slots=True)
class Sealed:
    """A number or choice as digests, in the order in which they are compared."""

    label: str
    place: str
    seals: tuple[Seal, ...]
    otherwise: str
    reading: Reading = field(default_factory=Reading)
    width: int = 1

    def find(self, entry: Any) -> Finding:
        """The first seal that the entry breaks."""
        try:
            for step, digests, kind, sentence in self.seals:
                text = word(entry) if step == 0 else _cell(self.reading.read(entry), step)
                if _digest(self.place, text) in digests and not self._undecided(entry, step):
                    return Finding(kind, sentence)
        except UnclearError as unclear:
            return Finding("incorrect", str(unclear))
        return Finding("incorrect", self.otherwise)

    def _undecided(self, entry: Any, step: float) -> bool:
        """Whether a choice names two options."""
        given = {_digest(self.place, one) for one in pieces(entry)} if step == 0 else set()
        return sum(not given.isdisjoint(digests) for _, digests, *_ in self.seals) > 1


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a unit, with known mistakes; the tolerance follows from what is asked.

    `convert` refuses another unit than the one asked for, where the conversion is the question;
    `decimals` is how many digits after the point the question asks for, `whole` that it asks for a
    whole number, and `about` the share by which an estimate may be off.
    """

    label: str
    right: float
    otherwise: str
    mistakes: Mapping[float, str] = field(default_factory=dict)
    unit: str = ""
    convert: bool = False
    decimals: int = 0
    whole: bool = False
    about: float = 0.0
    percent: bool = False
    points: float = 1.0
    width: int = 1

    def find(self, entry: Any) -> Finding:
        """Right, a named mistake, or wrong. A text such as "75 KiB" is converted to the unit."""
        try:
            value = self.reading.read(entry)
        except UnclearError as unclear:
            return Finding("incorrect", str(unclear))
        if self._near(value, self.right):
            return Finding("correct")
        for wrong, sentence in self.mistakes.items():
            if self._near(value, wrong):
                return Finding("named", sentence)
        return Finding("incorrect", self.otherwise)

    def sealed(self, place: str) -> Sealed:
        """The same comparison without the values: every cell within the tolerance as a digest."""

        def seal(value: float, kind: Kind, sentence: str) -> Seal:
            step, cells = self._cells(value)
            return step, tuple(sorted(_digest(place, str(cell)) for cell in cells)), kind, sentence

        known = [seal(wrong, "named", sentence) for wrong, sentence in self.mistakes.items()]
        seals = (seal(self.right, "correct", ""), *known)
        return Sealed(self.label, place, seals, self.otherwise, self.reading)

    @property
    def reading(self) -> Reading:
        """How an entry is read."""
        return Reading(self.unit, self.whole, self.percent, self.convert)

    def tolerance(self, value: float) -> float:
        """How far an entry may lie from a value."""
        if self.about:
            return self.about * abs(value)
        return WHOLE if self.whole else DIGITS * 10.0**-self.decimals

    def _near(self, value: float, wanted: float) -> bool:
        step, cells = self._cells(wanted)
        return _cell(value, step) in map(str, cells)

    def _cells(self, value: float) -> tuple[float, range]:
        """The step, a power of two, which hides the value, and the cells within the tolerance."""
        within = self.tolerance(value)
        step = 2.0 ** floor(log2(within / 8))
        return step, range(ceil((value - within) / step), floor((value + within) / step) + 1)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few options; `options` lists other words for each, in English and Spanish."""

    label: str
    options: Mapping[str, Sequence[str]]
    right: str
    mistakes: Mapping[str, str] = field(default_factory=dict)
    points: float = 1.0
    width: int = 1

    def find(self, entry: Any) -> Finding:
        """Right or wrong; a known mistake has its own sentence and earns nothing."""
        first, *rest = pieces(entry)
        named = [option for option in self.options if first in self._words(option)]
        others = [o for o in self.options if o not in named and not self._words(o).isdisjoint(rest)]
        return Finding("incorrect", self._asked) if others or not named else self._finding(*named)

    def sealed(self, place: str) -> Sealed:
        """The same comparison without the words."""
        seals = tuple(
            (0.0, tuple(sorted(_digest(place, one) for one in self._words(option))), kind, sentence)
            for option in sorted(self.options)
            for kind, sentence in [self._judged(option)]
        )
        return Sealed(self.label, place, seals, self._asked)

    def _finding(self, option: str) -> Finding:
        return Finding(*self._judged(option))

    def _judged(self, option: str) -> tuple[Kind, str]:
        if option == self.right:
            return "correct", ""
        return "incorrect", self.mistakes[option]

    def _words(self, option: str) -> set[str]:
        return {word(one) for one in (option, *self.options[option])}

    @property
    def _asked(self) -> str:
        return f"write one of {', '.join(self.options)}."


@dataclass(frozen=True, slots=True)
class Constructed:
    """Something built to have a property, which is computed: there is no answer to compare with."""

    label: str
    judge: Callable[..., Finding]
    width: int = 1
    points: float = 1.0

    def find(self, *entries: Any) -> Finding:
        """What the property shows; "recorded" if a person must decide."""
        return self.judge(*entries)


@dataclass(frozen=True, slots=True)
class Text:
    """Free text, which a person reads with a rubric of key points; it is never scored here."""

    label: str = "text"
    rubric: Sequence[str] = ()
    points: float = 1.0
    width: int = 1

    def find(self, entry: Any, question: frozenset[str] = frozenset()) -> Finding:
        """For a person, unless it is too short to say anything beyond the question's words."""
        entry = alone(entry)
        if why := complaint(entry, question):
            return Finding("incorrect", why)
        return Finding("recorded", f"{count(entry)} words, for a person to read.")


Part = Number | Choice | Constructed | Text | Sealed
_SIGNS: Mapping[Kind, str] = {"correct": "✓", "named": "✗", "incorrect": "✗", "recorded": "✎"}
_STATUS: Mapping[Kind, Status] = {
    "correct": "correct",
    "named": "incorrect",
    "incorrect": "incorrect",
    "recorded": "recorded",
}


@dataclass(frozen=True, slots=True)
class Drill:
    """The parts of a drill, in the order of its answer; `form` is how the question asks for it."""

    parts: Sequence[Part]
    form: str = "a text in quotes"

    def split(self, answer: Any) -> list[tuple[Any, ...]]:
        """Split an answer into the entries of each part, None for those that are not there yet.

        A part of several entries may also be a tuple of its own. `UnclearError` for another form.
        """
        entries = self._entries(answer)
        width = sum(part.width for part in self.parts)
        if len(entries) > width:
            raise UnclearError(f"answer with {self.form}; this has {len(entries)} entries.")
        rest = iter([*entries, *[None] * (width - len(entries))])
        return [tuple(next(rest) for _ in range(part.width)) for part in self.parts]

    def _entries(self, answer: Any) -> list[Any]:
        if sum(part.width for part in self.parts) == 1:
            return [answer]
        if hasattr(answer, "tolist"):
            answer = answer.tolist()
        if not isinstance(answer, list | tuple):
            raise UnclearError(f"answer with {self.form}, in parentheses and in this order.")
        if len(answer) != len(self.parts):
            return list(answer)
        spread: list[Any] = []
        for part, entry in zip(self.parts, answer, strict=True):
            nested = isinstance(entry, list | tuple) and len(entry) == part.width > 1
            spread += entry if nested else [entry]
        return spread

    def judge(self, answer: Any, question: frozenset[str] = frozenset()) -> Verdict:
        """Judge an answer for its student; `question` holds the words of the question."""
        try:
            pieces = self.split(answer)
        except UnclearError as unclear:
            return Verdict("incorrect", str(unclear))
        findings = [
            _find(part, entries, question) for part, entries in zip(self.parts, pieces, strict=True)
        ]
        return self._verdict(findings)

    def _verdict(self, findings: Sequence[Finding | None]) -> Verdict:
        kinds = [finding.kind for finding in findings if finding]
        if not kinds:
            return Verdict("not attempted", f"answer with {self.form}.")
        if len(findings) == 1:
            finding = findings[0]
            assert finding is not None
            return Verdict(_STATUS[finding.kind], finding.sentence)
        lines = "".join(map(_line, self.parts, findings))
        if not {"incorrect", "named"}.isdisjoint(kinds):
            return Verdict("incorrect", f"see the part marked ✗.{lines}")
        if len(kinds) < len(findings):
            return Verdict("not attempted", f"a part is not answered yet.{lines}")
        if "correct" not in kinds:
            return Verdict("recorded", f"a person will read it.{lines}")
        read = "a person will read the rest." if "recorded" in kinds else "every part is right."
        return Verdict("correct", f"{read}{lines}")


def _find(part: Part, entries: tuple[Any, ...], question: frozenset[str]) -> Finding | None:
    """What one part is worth, None if it is not answered yet."""
    if any(map(missing, entries)):
        return None
    if isinstance(part, Text):
        return part.find(entries[0], question)
    return part.find(*entries)


def _line(part: Part, finding: Finding | None) -> str:
    if finding is None:
        return f"\n  ○ {part.label}: not answered yet."
    words = f": {finding.sentence}" if finding.sentence else ""
    return f"\n  {_SIGNS[finding.kind]} {part.label}{words}"


def _cell(value: float, step: float) -> str:
    return str(round(value / step)) if isfinite(value / step) else "none"


def _digest(place: str, text: str) -> str:
    return hashlib.sha256(f"{place}:{text}".encode()).hexdigest()[:16]
