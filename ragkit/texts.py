"""What may be called a text here: a string with something in it. One check for every encoder."""

from __future__ import annotations

from collections.abc import Sequence

from ragkit.errors import DataError


def check_texts(texts: Sequence[str], what: str = "texts") -> list[str]:
    """Return `texts` as a list if each is a non-blank string; else a `DataError` with its place."""
    checked = list(texts)
    for position, text in enumerate(checked):
        if not isinstance(text, str):
            raise DataError(
                f"{what}[{position}] is {type(text).__name__}, not a string: {text!r:.60}. "
                "Every item must be a str."
            )
        if not text.strip():
            raise DataError(f"{what}[{position}] is empty or only spaces. Remove it.")
    return checked


def check_query(query: object) -> str:
    """Return `query` if it is a non-blank string; else a `DataError` that says what to do."""
    if not isinstance(query, str):
        raise DataError(f"The query must be a string; got {type(query).__name__}.")
    if not query.strip():
        raise DataError("The query is empty. Type a question, for example: past participle of eat?")
    return query
