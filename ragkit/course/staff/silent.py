"""Checks that print nothing; the grader puts them in the place of `check` and `drills`."""

from typing import Any


def __getattr__(name: str) -> Any:
    if name.startswith(("__", "pytest")):  # what Python and pytest look for in a module
        raise AttributeError(name)
    return lambda *_, **__: None
