"""Wrong answers to the exercises of lab 04."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

WRONG: dict[str, tuple[Callable[..., Any], ...]] = {}
