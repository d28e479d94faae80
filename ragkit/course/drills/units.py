"""The units in which drills are answered, by their names in English and Spanish.

>>> factor("KiB", "bytes"), factor("minutos", "s"), factor("tokens", "s")
(1024.0, 60.0, None)
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

_PREFIXES = ("kilo", "mega", "giga", "tera")
_BINARY = ("kibi", "mebi", "gibi", "tebi")
_BYTES = {
    **dict.fromkeys(("b", "byte", "bytes", "octeto", "octetos"), 1.0),
    **dict.fromkeys(("bit", "bits"), 1 / 8),
    **{
        name: 1000.0**power
        for power, prefix in enumerate(_PREFIXES, start=1)
        for name in (f"{prefix[0]}b", f"{prefix}byte", f"{prefix}bytes")
    },
    **{
        name: 1024.0**power
        for power, prefix in enumerate(_BINARY, start=1)
        for name in (f"{prefix[0]}ib", f"{prefix}byte", f"{prefix}bytes")
    },
}
_SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds", "seg", "segundo", "segundos"), 1.0),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("milisegundo", "milisegundos"), 1e-3),
    **dict.fromkeys(("us", "μs", "microsecond", "microseconds", "microsegundos"), 1e-6),
    **dict.fromkeys(("min", "mins", "minute", "minutes", "minuto", "minutos"), 60.0),
    **dict.fromkeys(("h", "hour", "hours", "hora", "horas"), 3600.0),
}
_COUNTED = (
    ("windows", "window", "ventana", "ventanas", "sliding", "deslizantes"),
    ("tokens", "token"),
    ("passes", "pass", "forward", "pasada", "pasadas"),
    ("questions", "question", "query", "queries", "pregunta", "preguntas", "consultas"),
    ("epoch", "epoca"),
    ("dimensions", "dimension", "dimensiones", "effective", "efectiva", "efectivas"),
)
_KINDS: tuple[Mapping[str, float], ...] = (
    _BYTES,
    _SECONDS,
    *(dict.fromkeys(names, 1.0) for names in _COUNTED),
)


def fold(text: str) -> str:
    """The text in small letters without accents, as names are compared."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def factor(name: str, unit: str) -> float | None:
    """How many of `unit` one `name` is; None if they do not measure the same."""
    name, unit = fold(name), fold(unit)
    for kind in _KINDS:
        if name in kind and unit in kind:
            return kind[name] / kind[unit]
    return None


def known(name: str) -> bool:
    """True for the name of any unit."""
    return any(fold(name) in kind for kind in _KINDS)
