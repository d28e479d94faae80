"""Checks that print nothing; the grader puts them in the place of `check` and `drills`."""

from typing import Any


class _Silent:
    def __call__(self, *_: Any, **__: Any) -> None:
        return None

    def choose(self, mine: Any, library: Any) -> Any:
        """The library's function, on which a student's mistake has no effect."""
        return library


def __getattr__(name: str) -> Any:
    if name.startswith(("__", "pytest")):  # what Python and pytest look for in a module
        raise AttributeError(name)
    return _Silent()
