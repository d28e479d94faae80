"""The drills of lab 02."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ragkit.course.drills.base import free_text, with_reason
from ragkit.course.verdict import Verdict

MIB = 2**20
VECTORS, DIMENSION, LINKS = 10_000_000, 384, 32
TOKENS, SIZE, OVERLAP = 980, 128, 32
EXACT_HITS, RECALL = 0.80, 0.75
MARGIN = 1e-6


def _memory(answer: Any) -> Verdict:
    flat, graph = (float(number) for number in answer)
    vectors = VECTORS * DIMENSION * 4
    wanted = vectors / MIB, (vectors + VECTORS * 8 * LINKS) / MIB
    mistakes = {
        vectors: "that is bytes; divide by 2^20 for MiB.",
        vectors / 1e6: "that is megabytes (10^6); a MiB is 2^20 bytes.",
        vectors / 2**30: "that is GiB; a GiB is 1,024 MiB.",
        2 * vectors / MIB: "that is float64; fp32 takes 4 bytes a number.",
        vectors / 4 / MIB: "that counts numbers; a float32 takes 4 bytes.",
    }
    if not _near(flat, wanted[0]):
        known = (said for value, said in mistakes.items() if _near(flat, value))
        return Verdict("incorrect", next(known, "the flat index does not take that many MiB."))
    if _near(graph, flat):
        return Verdict("incorrect", "HNSW keeps the vectors and, on top of them, the graph.")
    if _near(graph, (vectors + VECTORS * 4 * LINKS) / MIB):
        return Verdict("incorrect", "the bottom layer has 2M links a vector, 4 bytes each: 8M.")
    if _near(graph, wanted[1] - wanted[0]):
        return Verdict("incorrect", "that is the graph alone; HNSW keeps the vectors too.")
    if not _near(graph, wanted[1]):
        return Verdict("incorrect", "flat is right; HNSW adds about 8M bytes a vector.")
    return Verdict("correct")


def _near(given: float, wanted: float) -> bool:
    """Equal to within half a unit in the fourth digit."""
    return abs(given - wanted) <= 5e-4 * wanted


def _windows(answer: Any) -> Verdict:
    count, encoded = (int(number) for number in answer)
    step = SIZE - OVERLAP
    wanted = -(-(TOKENS - OVERLAP) // step)
    mistakes = {
        -(-TOKENS // SIZE): "that is without overlap: each window starts 96 tokens further on.",
        -(-TOKENS // step): "the last of these windows lies wholly inside the one before it.",
        wanted - 1: "the end of the text is lost: count the last, shorter window too.",
        -(-(TOKENS - SIZE) // OVERLAP) + 1: "the windows start size - overlap tokens apart.",
        -(-(TOKENS - OVERLAP) // OVERLAP): "divide by the step, size - overlap, not the overlap.",
    }
    if count != wanted:
        return Verdict("incorrect", mistakes.get(count, "the number of windows is not right."))
    if encoded == TOKENS:
        return Verdict("incorrect", "shared tokens are encoded twice: add the overlaps.")
    if encoded == wanted * SIZE:
        return Verdict("incorrect", "the last window is shorter than the others.")
    if encoded == TOKENS + wanted * OVERLAP:
        return Verdict("incorrect", "between n windows there are n - 1 overlaps.")
    if encoded != TOKENS + (wanted - 1) * OVERLAP:
        return Verdict("incorrect", "the windows are right, the number of encoded tokens is not.")
    return Verdict("correct")


def _three_winners(answer: Any) -> Verdict:
    query, documents = (np.asarray(part, dtype=float) for part in answer)
    if query.shape != (2,) or documents.shape != (3, 2):
        return Verdict("incorrect", "give a query of 2 numbers and three documents of 2 each.")
    lengths = np.linalg.norm(documents, axis=1)
    if not np.isfinite([*documents.ravel(), *query]).all() or not lengths.all() or not query.any():
        return Verdict("incorrect", "every number must be finite and no vector zero.")
    scores = {
        "inner product": documents @ query,
        "L2 distance": -np.linalg.norm(documents - query, axis=1),
        "cosine": documents @ query / (lengths * np.linalg.norm(query)),
    }
    for place, (name, score) in enumerate(scores.items()):
        others = np.delete(score, place)
        if score[place] <= others.max() + MARGIN:
            shown = ", ".join(f"{value:.3g}" for value in np.abs(score))
            return Verdict(
                "incorrect",
                f"by {name} document {place + 1} does not come first (the values are {shown}).",
            )
    return Verdict("correct", "three measures, three winners.")


def _budget(answer: Any) -> Verdict:
    estimate, remedy, reason = answer
    estimate = float(estimate)
    mistakes = {
        RECALL: "that is the index's recall; the encoder misses questions as well.",
        EXACT_HITS: "that is exact search; the index loses some of these documents.",
        EXACT_HITS - (1 - RECALL): "losses multiply: a quarter of the 80% is lost, not 25 points.",
    }
    for value, message in mistakes.items():
        if abs(estimate - value) < 1e-4:
            return Verdict("incorrect", message)
    if abs(estimate - EXACT_HITS * RECALL) > 6e-3:
        return Verdict("incorrect", "of the answers that exact search finds, three in four remain.")
    if str(remedy).strip().lower().replace("_", "") != "efsearch":
        return Verdict("incorrect", "which of the two can be changed without building again?")
    return with_reason(reason, "both are right")


CHECKS: dict[str, Callable[[Any], Verdict]] = {
    "02_1": _memory,
    "02_2": _windows,
    "02_3": _three_winners,
    "02_4": _budget,
    "02_5": free_text,
}
