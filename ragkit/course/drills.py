"""Checks of the drills: numbers and choices at once, sentences by property, text by a person.

`drills.check("01_1", drill_01_1)` prints one line and never raises. Free text is only looked at for
length: whether it is right is for a reader to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ragkit.course.verdict import Verdict

if TYPE_CHECKING:
    from ragkit.encoders import MiniLMEncoder

MIN_WORDS = 20
MAX_OVERLAP = 0.2
# Honest paraphrases of grammar rules with hardly a word in common lie anywhere between these two
# cosines, and so do a few pairs of different rules: there, a person decides. Calibrated in
# tests/test_course.py on pairs written for the purpose.
LOW_COSINE = 0.25
CLEAR_COSINE = 0.45


def check(drill: str, answer: Any) -> Verdict:
    """Print and return the verdict on one drill's answer; `drill` reads `01_1`."""
    if drill not in _CHECKS:
        known = ", ".join(_CHECKS)
        return Verdict("incorrect", f"there is no drill {drill!r}; there is {known}.").say()
    if answer is None or answer == "":
        return Verdict("not attempted", f"put your answer in drill_{drill}.").say()
    try:
        return _CHECKS[drill](answer).say()
    except Exception as error:
        return Verdict("incorrect", f"the answer has another form than asked ({error}).").say()


def word_overlap(first: str, second: str) -> float:
    """Shared words over all words of two sentences (Jaccard), case and punctuation aside."""
    a, b = (set(re.findall(r"\w+", text.lower())) for text in (first, second))
    return len(a & b) / len(a | b) if a | b else 1.0


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


def _text(answer: Any) -> Verdict:
    words = len(str(answer).split())
    if words < MIN_WORDS:
        return Verdict("incorrect", f"{words} words say too little; argue in {MIN_WORDS} or more.")
    return Verdict("recorded", f"{words} words, for a person to read.")


def _paraphrase(answer: Any) -> Verdict:
    first, second, explanation = (str(part) for part in answer)
    overlap = word_overlap(first, second)
    if overlap > MAX_OVERLAP:
        return Verdict(
            "incorrect",
            f"the sentences share {overlap:.0%} of their words; say it with others "
            f"(at most {MAX_OVERLAP:.0%}).",
        )
    vectors = _minilm().encode([first, second])
    cosine = float(vectors[0] @ vectors[1])
    told = f"overlap {overlap:.0%}, cosine {cosine:.2f}"
    if cosine < LOW_COSINE:
        return Verdict("incorrect", f"{told}: do the two sentences state the same rule?")
    if (verdict := _text(explanation)).status == "incorrect":
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
    verdict = _text(reason)
    return (
        Verdict("correct", "the reason is for a person to read.")
        if (verdict.status == "recorded")
        else Verdict("incorrect", f"both choices are right, but of the reason: {verdict.message}")
    )


@lru_cache(maxsize=1)
def _minilm() -> MiniLMEncoder:
    from ragkit.encoders import MiniLMEncoder

    return MiniLMEncoder()


_CHECKS: dict[str, Callable[[Any], Verdict]] = {
    "01_1": _storage,
    "01_2": _text,
    "01_3": _paraphrase,
    "01_4": _text,
    "01_5": _temperature,
}
