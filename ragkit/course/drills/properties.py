"""Judge answers that are built, not computed, by their property: sentence pairs and vectors."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ragkit.course.verdict import Finding
from ragkit.errors import RagkitWarning

if TYPE_CHECKING:
    from ragkit.encoders import MiniLMEncoder

MAX_OVERLAP = 0.2
MAX_LETTERS = 2_000
# Good paraphrases of grammar rules with hardly a word in common lie anywhere between these two
# cosines, and so do a few pairs of different rules: there, a person decides. Calibrated in
# tests/course/test_course.py on pairs written for the purpose.
LOW_COSINE = 0.25
CLEAR_COSINE = 0.45
MARGIN = 1e-6


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
    """Judge one rule in two wordings: few words in common, and a high cosine."""
    first, second = (str(sentence)[:MAX_LETTERS] for sentence in (first, second))
    overlap = word_overlap(first, second)
    if overlap > MAX_OVERLAP:
        return Finding(
            "incorrect",
            f"the sentences share {overlap:.0%} of their words; use other words "
            f"(at most {MAX_OVERLAP:.0%} shared).",
        )
    vectors = encode([first, second])
    cosine = float(vectors[0] @ vectors[1])
    measured = f"overlap {overlap:.0%}, cosine {cosine:.2f}"
    if cosine < LOW_COSINE:
        return Finding("incorrect", f"{measured}: do the two sentences state the same rule?")
    if cosine < CLEAR_COSINE:
        return Finding("recorded", f"{measured}, a range in which even good paraphrases may lie")
    return Finding("correct", measured)


def three_winners(query: Any, documents: Any) -> Finding:
    """Judge three documents, each to come first by another measure: float [2] and [3, 2]."""
    query, documents = (np.asarray(part, dtype=float) for part in (query, documents))
    if query.shape != (2,) or documents.shape != (3, 2):
        return Finding("incorrect", "give a query of 2 numbers and three documents of 2 each.")
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
    return Finding("correct")
