"""What may be called a text or an id here: one check for encoders, retrievers and file readers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ragkit.errors import DataError


def check_texts(texts: Sequence[str], what: str = "texts") -> list[str]:
    """Return `texts` as a list if each is a non-blank string; else a `DataError` with its place."""
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
    """Return `query` if it is a non-blank string; else a `DataError` that says what to do."""
    if not isinstance(query, str):
        raise DataError(f"The query must be a string; got {type(query).__name__}.")
    if not query.strip():
        raise DataError("The query is empty. Type a question, for example: past participle of eat?")
    return check_unicode(query, "The query")


def check_string(text: object, place: str) -> str:
    """Return `text` if it is a string, blank or not; else a `DataError` that names its place."""
    if not isinstance(text, str):
        raise DataError(
            f"{place} is {type(text).__name__}, not a string: {text!r:.60}. "
            "Every text must be a str."
        )
    return check_unicode(text, place)


def check_unicode(text: str, place: str) -> str:
    """Return `text` if UTF-8 can hold it; half a surrogate pair is a `DataError`.

    Python strings may hold one, from an escape in JSON or a byte that was not UTF-8, but no
    tokenizer, hash or file takes it.
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
    """Return `value` if it may name a document; else a `DataError` that names its place.

    An id is a non-empty string without the NUL character, which a NumPy array of strings drops
    from the end, so that two ids could become one.
    """
    if not isinstance(value, str) or not value or "\0" in value:
        raise DataError(f"{place} must be a non-empty string without NUL; got {value!r:.60}.")
    return check_unicode(value, place)
