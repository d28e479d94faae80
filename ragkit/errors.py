"""The errors ragkit raises: one family, each message saying what, where and what to do.

They are also `ValueError`s, so code that expects Python's own error for a bad value keeps working.
"""

from __future__ import annotations


class RagkitError(ValueError):
    """Base of every error that ragkit raises on purpose."""


class DataError(RagkitError):
    """A text, a file, a record or an argument is not what it should be."""


class ModelError(RagkitError):
    """Model weights are missing, altered or cannot be used."""


class VectorError(RagkitError):
    """A vector has the wrong dimension, dtype or length, or an index file does not fit."""


class EvaluationError(RagkitError):
    """Qrels, run and metric do not fit together."""


def one_line(error: BaseException) -> str:
    """What an error says, on one line, to be quoted in a message or printed as one."""
    return " ".join(str(error).split())


class RagkitWarning(UserWarning):
    """Something was repaired, cut short or left out; the results are usable, and it says why."""
