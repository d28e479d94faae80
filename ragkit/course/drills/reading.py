"""Read what students write: numbers in the notations of English and Spanish, and words.

>>> Reading("bytes", whole=True).read("76.800 octetos"), Reading("MiB").read("≈ 0,073")
(76800.0, 0.073)
>>> Reading().read("60 %"), Reading().read("τ = 0.05"), Reading().read("4/9") == 4 / 9
(0.6, 0.05, True)
>>> word("(c) The data"), word("ef_Search."), word("the uniform distribution"), word("Sí")
('c', 'efsearch', 'uniform', 'si')
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Any

from ragkit.course.drills.units import factor, fold, known
from ragkit.course.plain import Opaque

_DIGITS = r"[.,]?\d(?:[.,'’_\s]?\d)*"
_WRITTEN = re.compile(
    rf"(?P<before>\D*?)(?P<sign>[-+−]?)(?P<digits>{_DIGITS})(?P<power>[eE][-+]?\d+)?"
    rf"(?:\s*[/⁄]\s*(?P<below>{_DIGITS}))?(?P<after>\D*)"
)
_SPACED = re.compile(r"\d{1,3}(?:[\s'’_]\d{3})+(?:[.,]\d+)?")
_GROUPED = re.compile(r"[1-9]\d{0,2}(?:(?:\.\d{3})+(?:,\d+)?|(?:,\d{3})+(?:\.\d+)?)")
_WORDS = re.compile(r"[^\W\d_]+|%")
_PERCENT = {"%", "percent", "pct", "cent", "ciento", "cien"}
_FILLER = re.compile(
    "about|around|approximately|approx|roughly|nearly|some|circa|ca|exactly|in|all|the|of|per|after|"
    "only|just|el|las|los|solo|solamente|unos|unas|aproximadamente|aprox|alrededor|cerca|de|casi|en|torno|a|mas|o|menos|total|por|la|red|tras"
)
_ARTICLE = re.compile(
    "the|it|is|an|on|only|just|option|letter|answer|statement|distribution|setting|"
    "el|la|lo|las|los|un|una|es|en|solo|solamente|opcion|letra|respuesta|afirmacion|distribucion|ajuste"
)
_END_OF_WORD = re.compile(r"[,;:)\]\n—–]|\.(?=\s|$)|\s-\s")


class UnclearError(ValueError):
    """An answer that cannot be read; the message says how to write it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a number is read: its unit, whether only a whole one is meant, or a share.

    With `convert` another unit is refused, since the conversion is what is asked. A percent sign
    divides by a hundred where there is no unit; with `percent`, a number between 1 and 100, which
    cannot be a share, is divided too.
    """

    unit: str = ""
    whole: bool = False
    percent: bool = False
    convert: bool = False

    def read(self, entry: Any) -> float:
        """The number in the unit; `UnclearError` if there is none, or two that could be meant."""
        entry = alone(entry)
        if isinstance(entry, str):
            return self._of_text(entry)
        if isinstance(entry, bool) or not isinstance(entry, Real | Decimal):
            raise UnclearError(f"write {self._asked} here.")
        try:
            return self._as_share(float(entry))
        except OverflowError:
            raise UnclearError(f"write {self._asked} here; this one is too large.") from None

    @property
    def _asked(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        return f"{kind} ({self.unit})" if self.unit else kind

    def _as_share(self, value: float) -> float:
        return value / 100 if self.percent and 1 < value <= 100 else value

    def _of_text(self, entry: str) -> float:
        written = _WRITTEN.fullmatch(re.split("[=:]", entry)[-1].strip())
        if written is None:
            raise UnclearError(f"write {self._asked}; {entry!r:.40} cannot be read as one.")
        scale, in_percent = self._scale(written["before"] + " " + written["after"])
        value = self._value(written["digits"], entry, scale)
        if written["below"]:
            below = self._value(written["below"], entry, scale)
            if not below:
                raise UnclearError(f"{entry!r:.40} divides by zero.")
            value /= below
        value *= float(f"1{written['power'] or ''}") * (-1 if written["sign"] in ("-", "−") else 1)
        return value * scale if scale != 1 or in_percent else self._as_share(value)

    def _scale(self, words: str) -> tuple[float, bool]:
        """What to multiply the number by, from the words around it; True if it is a percentage."""
        found, in_percent = 1.0, False
        for name in _WORDS.findall(fold(words)):
            if name in _PERCENT and not self.unit and not self.whole:
                found, in_percent = 0.01, True
            elif not _FILLER.fullmatch(name):
                found = self._factor(name)
        return found, in_percent

    def _factor(self, name: str) -> float:
        if self.unit and (times := factor(name, self.unit)) is not None:
            if self.convert and times != 1:
                raise UnclearError(f"{self.unit} are asked for here, not {name!r:.40}.")
            return times
        asked = f"in {self.unit}" if self.unit else "as a plain number"
        why = "is another unit" if known(name) else "is not understood here"
        raise UnclearError(f"{name!r:.40} {why}; write the answer {asked}.")

    def _value(self, digits: str, entry: str, scale: float) -> float:
        """The one number that the digits can mean; a comma or a point may be either mark."""
        if _SPACED.fullmatch(digits):
            return float(re.sub(r"[\s'’_]", "", digits).replace(",", "."))
        marks = re.sub(r"\d", "", digits)
        if marks in ("", ".", ","):
            decimal = float(digits.replace(",", "."))
            if not _GROUPED.fullmatch(digits) or not marks:
                return decimal
            thousands = float(digits.replace(marks, ""))
            if self.whole and scale == 1:
                return thousands
            raise UnclearError(
                f"{entry!r:.40} can be read as {thousands:.0f} or as {decimal}; write "
                f"{thousands:.0f}, or {digits.replace(',', '.')}0 with one more decimal."
            )
        if _GROUPED.fullmatch(digits):
            last = marks[-1] if marks[-1] != marks[0] else ""
            whole, _, part = digits.rpartition(last) if last else (digits, "", "0")
            return float(f"{re.sub('[.,]', '', whole)}.{part}")
        raise UnclearError(
            f"{entry!r:.40} cannot be read as a number; write it without separators."
        )


def word(entry: Any) -> str:
    """A choice as it is compared: its first words, in small letters, without accents or signs."""
    return pieces(entry)[0]


def pieces(entry: Any) -> list[str]:
    """What stands between the signs of a choice, each as `word` gives it, one at least.

    >>> pieces("(c) The data"), pieces("c, d"), pieces("Answer: c.")
    (['c', 'data'], ['c', 'd'], ['c'])
    """
    text = fold(str(alone(entry))).strip().lstrip("([\"'«“¡¿_ ")
    parts = [re.findall(r"[^\W_]+", part) for part in _END_OF_WORD.split(text)]
    telling = ["".join(one for one in part if not _ARTICLE.fullmatch(one)) for part in parts]
    return [one for one in telling if one] or ["".join(parts[0])]


def alone(entry: Any) -> Any:
    """The entry itself where it stands alone in a list, a tuple or an array."""
    if hasattr(entry, "tolist"):  # numpy's, torch's
        entry = entry.tolist()
    while isinstance(entry, list | tuple) and len(entry) == 1 and entry[0] is not entry:
        entry = entry[0]
    return entry


def missing(entry: Any) -> bool:
    """True for an entry as it is handed out: None, `...`, or a text without a word."""
    if isinstance(entry, Opaque):  # as the grader receives what has no plain form
        return entry.type_name == "ellipsis"
    return entry is None or entry is ... or (isinstance(entry, str) and not entry.strip())
