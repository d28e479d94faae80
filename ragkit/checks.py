"""Checks of texts, ids, counts and scores, shared by encoders, retrievers and readers."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ragkit.errors import DataError, RagkitError


def check_texts(texts: Sequence[str], what: str = "texts") -> list[str]:
    """Return `texts` as a list of non-blank strings, or raise `DataError` with the bad place."""
    if isinstance(texts, str | bytes) or not isinstance(texts, Iterable):
        raise DataError(
            f"{what} must be a list of strings; got {type(texts).__name__}. "
            "Put a single text into a list: [text]."
        )
    checked = list(texts)
    for position, text in enumerate(checked):
        place = f"{what}[{position}]"
        if not check_string(text, place).strip():
            raise DataError(f"{place} is empty or only spaces. Remove it.")
    return checked


def check_query(query: object) -> str:
    """Return `query` if it is a non-blank string, else raise a `DataError` that says what to do."""
    if not isinstance(query, str):
        raise DataError(f"The query must be a string; got {type(query).__name__}.")
    if not query.strip():
        raise DataError("The query is empty. Type a question, for example: past participle of eat?")
    return check_unicode(query, "The query")


def check_string(text: object, place: str) -> str:
    """Return `text` if it is a string, blank or not, else raise `DataError` naming its place."""
    if not isinstance(text, str):
        raise DataError(
            f"{place} is {type(text).__name__}, not a string: {text!r:.60}. "
            "Every text must be a str."
        )
    return check_unicode(text, place)


def check_unicode(text: str, place: str) -> str:
    """Return `text` if it can be encoded as UTF-8; half a surrogate pair is a `DataError`.

    Python strings may contain one, from an escape in JSON or a byte that was not UTF-8, but no
    tokenizer, hash or file accepts it.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"{place} is not valid Unicode: character {error.start + 1} is "
            f"{text[error.start]!a}, half a surrogate pair. Save the text again as UTF-8."
        ) from None
    return text


def check_id(value: object, place: str) -> str:
    """Return `value` if it can be a document's id, else raise `DataError` naming its place.

    An id is a non-empty string without the NUL character, which a NumPy array of strings drops
    from the end, so that two ids could become one.
    """
    if not isinstance(value, str) or not value or "\0" in value:
        raise DataError(f"{place} must be a non-empty string without NUL; got {value!r:.60}.")
    return check_unicode(value, place)


def check_count(k: Any, name: str = "k", *, least: int = 1, most: int | None = None) -> int:
    """Return `k` as an int from `least` to `most`, or raise a `DataError` that quotes it."""
    try:
        number = None if isinstance(k, bool) else operator.index(k)
    except TypeError:
        number = None
    if number is None:
        raise DataError(f"{name} must be a whole number from {least} up; got {k!r:.60}.")
    if number < least:
        raise DataError(f"{name} must be at least {least}; got {number}.")
    if most is not None and number > most:
        raise DataError(f"{name} must be at most {most}; got {number}.")
    return number


def items_of(
    numbers: Any, place: str, form: str, error: type[RagkitError] = DataError
) -> Iterable[tuple[str, Any]]:
    """The items of a run, of qrels, or of one query's part; what is no map is an `error`."""
    if not isinstance(numbers, Mapping):
        raise error(
            f"{place} is {type(numbers).__name__}, not {form}. "
            "Pass what run() of a retriever returns, and kb.qrels."
        )
    return numbers.items()


def is_finite(score: Any) -> bool:
    """True for a number that can be ranked: neither NaN nor infinite, and not a string or None."""
    try:
        return math.isfinite(score)
    except (TypeError, OverflowError):
        return False


def are_finite(scores: Iterable[Any]) -> bool:
    """True if every score is finite; takes half the time of calling `is_finite` on each."""
    try:
        return all(map(math.isfinite, scores))
    except (TypeError, OverflowError):
        return False
