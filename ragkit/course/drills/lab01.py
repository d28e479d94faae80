"""The drills of lab 01."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ragkit.course.drills.base import free_text, minilm, with_reason, word_overlap
from ragkit.course.verdict import Verdict

MAX_OVERLAP = 0.2
# Honest paraphrases of grammar rules with hardly a word in common lie anywhere between these two
# cosines, and so do a few pairs of different rules: there, a person decides. Calibrated in
# tests/test_course.py on pairs written for the purpose.
LOW_COSINE = 0.25
CLEAR_COSINE = 0.45


def _storage(answer: Any) -> Verdict:
    size, mebibytes = (float(number) for number in answer)
    expected = np.zeros((50, 384), dtype=np.float32).nbytes
    if size == expected / 4:
        return Verdict("incorrect", "that counts numbers; a float32 takes 4 bytes.")
    if size == expected * 2:
        return Verdict("incorrect", "that is float64; fp32 takes 4 bytes a number.")
    if size != expected:
        return Verdict("incorrect", "the first number is not the size in bytes.")
    if abs(mebibytes - expected / 1e6) < 1e-4:
        return Verdict("incorrect", "that is megabytes (10^6); a MiB is 2^20 bytes.")
    if abs(mebibytes - expected / 2**20) > 6e-4:
        return Verdict("incorrect", "the bytes are right; divide them by 2^20 for MiB.")
    return Verdict("correct")


def _paraphrase(answer: Any) -> Verdict:
    first, second, explanation = (str(part) for part in answer)
    overlap = word_overlap(first, second)
    if overlap > MAX_OVERLAP:
        return Verdict(
            "incorrect",
            f"the sentences share {overlap:.0%} of their words; say it with others "
            f"(at most {MAX_OVERLAP:.0%}).",
        )
    vectors = minilm().encode([first, second])
    cosine = float(vectors[0] @ vectors[1])
    told = f"overlap {overlap:.0%}, cosine {cosine:.2f}"
    if cosine < LOW_COSINE:
        return Verdict("incorrect", f"{told}: do the two sentences state the same rule?")
    if (verdict := free_text(explanation)).status == "incorrect":
        return Verdict("incorrect", f"{told}; of the explanation: {verdict.message}")
    if cosine < CLEAR_COSINE:
        told += ", where even good paraphrases of rules may lie"
    return Verdict("recorded", f"{told}; pair and explanation are for a person to read.")


def _temperature(answer: Any) -> Verdict:
    sharper, limit, reason = answer
    if float(sharper) != min(0.05, 0.5):
        return Verdict("incorrect", "dividing by a smaller τ spreads the logits further apart.")
    if str(limit).strip().lower() != "uniform":
        return Verdict("incorrect", "divide every similarity by a huge τ: what is softmax then?")
    return with_reason(reason)


CHECKS: dict[str, Callable[[Any], Verdict]] = {
    "01_1": _storage,
    "01_2": free_text,
    "01_3": _paraphrase,
    "01_4": free_text,
    "01_5": _temperature,
}
