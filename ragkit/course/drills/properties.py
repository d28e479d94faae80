"""Judge answers that are built, not computed, by their property: sentence pairs and vectors."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ragkit.course.drills.reading import Reading, UnclearError
from ragkit.course.verdict import Finding
from ragkit.errors import RagkitWarning

if TYPE_CHECKING:
    from ragkit.encoders import MiniLMEncoder

MAX_OVERLAP = 0.2
MAX_LETTERS = 2_000
MARGIN = 1e-6
_PLANE = "give a query of 2 numbers and a list of three documents of 2 numbers each."


@lru_cache(maxsize=1)
def minilm() -> MiniLMEncoder:
    """The encoder that all drills share, loaded once."""
    from ragkit.encoders import MiniLMEncoder

    return MiniLMEncoder(backend="auto")


def encode(texts: Sequence[str]) -> Any:
    """Unit vectors of what students wrote, float32 [n, 384]; a text that is too long is cut."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RagkitWarning)
        return minilm().encode(texts)


def word_overlap(first: str, second: str) -> float:
    """Shared words over all words of two sentences (Jaccard), ignoring case and punctuation."""
    a, b = (set(re.findall(r"\w+", text.lower())) for text in (first, second))
    return len(a & b) / len(a | b) if a | b else 1.0


def paraphrase(first: Any, second: Any) -> Finding:
    """Measure one rule in two wordings; whether they state one rule, a person decides.

    Shared words are counted, and more than a fifth of them is refused. The cosine is there to be
    seen: it is low for some honest paraphrases and high for some opposite rules.
    """
    if not all(isinstance(sentence, str) and sentence.strip() for sentence in (first, second)):
        return Finding("incorrect", "write two sentences, each in quotes.")
    first, second = (sentence[:MAX_LETTERS] for sentence in (first, second))
    overlap = word_overlap(first, second)
    if overlap > MAX_OVERLAP:
        return Finding(
            "incorrect",
            f"the sentences share {overlap:.0%} of their words; use other words "
            f"(at most {MAX_OVERLAP:.0%} shared).",
        )
    vectors = encode([first, second])
    cosine = float(vectors[0] @ vectors[1])
    return Finding(
        "recorded",
        f"{overlap:.0%} of the words are shared, and MiniLM gives the pair a cosine of "
        f"{cosine:.2f}. Whether the two state one rule, a person judges; the cosine cannot tell.",
    )


def three_winners(query: Any, documents: Any) -> Finding:
    """Judge three documents, each to come first by another measure: float [2] and [3, 2]."""
    try:
        query, *documents = [_vector(query), *map(_vector, _entries(documents))]
    except UnclearError as unclear:
        return Finding("incorrect", f"{_PLANE} {unclear}".strip())
    if [len(vector) for vector in (query, *documents)] != [2, 2, 2, 2]:
        return Finding("incorrect", _PLANE)
    query, documents = np.array(query), np.array(documents)
    lengths = np.linalg.norm(documents, axis=1)
    if not np.isfinite([*documents.ravel(), *query]).all() or not lengths.all() or not query.any():
        return Finding("incorrect", "every number must be finite and no vector zero.")
    scores = {
        "inner product": documents @ query,
        "L2 distance": -np.linalg.norm(documents - query, axis=1),
        "cosine": documents @ query / (lengths * np.linalg.norm(query)),
    }
    for place, (name, score) in enumerate(scores.items()):
        others = np.delete(score, place)
        if score[place] <= others.max() + MARGIN:
            shown = ", ".join(f"{value:.3g}" for value in np.abs(score))
            return Finding(
                "incorrect",
                f"by {name}, document {place + 1} does not come first (the values are {shown}).",
            )
    return Finding("correct", "three measures, three winners.")


def _vector(entry: Any) -> list[float]:
    """The numbers of a vector, in any notation; a column or a single row will do."""
    entries = _entries(entry)
    row = entries[0] if len(entries) == 1 else entries
    return [Reading().read(number) for number in _entries(row)]


def _entries(entry: Any) -> Sequence[Any]:
    entries = entry.tolist() if hasattr(entry, "tolist") else entry
    if not isinstance(entries, list | tuple):  # a set or a dict has no order to go by
        raise UnclearError
    return entries
