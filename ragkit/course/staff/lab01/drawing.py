"""Draw inputs that are special in the way a case says: again and again until they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Drawn = TypeVar("Drawn")


def until(draw: Callable[[], Drawn], holds: Callable[[Drawn], bool]) -> Drawn:
    """The first draw that has what is wanted of it."""
    while not holds(drawn := draw()):
        pass
    return drawn
