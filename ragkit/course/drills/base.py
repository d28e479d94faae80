"""What the drills of every lab share: free text, and sentences compared by word and by meaning."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ragkit.course.verdict import Verdict

if TYPE_CHECKING:
    from ragkit.encoders import MiniLMEncoder

MIN_WORDS = 20


def free_text(answer: Any) -> Verdict:
    """Kept for a person to read; only its length is looked at."""
    words = len(str(answer).split())
    if words < MIN_WORDS:
        return Verdict("incorrect", f"{words} words say too little; argue in {MIN_WORDS} or more.")
    return Verdict("recorded", f"{words} words, for a person to read.")


def with_reason(reason: Any, right: str = "both choices are right") -> Verdict:
    """The verdict on an answer that is right so far and comes with a reason, which is free text."""
    if (verdict := free_text(reason)).status == "incorrect":
        return Verdict("incorrect", f"{right}, but of the reason: {verdict.message}")
    return Verdict("correct", "the reason is for a person to read.")


def word_overlap(first: str, second: str) -> float:
    """Shared words over all words of two sentences (Jaccard), case and punctuation aside."""
    a, b = (set(re.findall(r"\w+", text.lower())) for text in (first, second))
    return len(a & b) / len(a | b) if a | b else 1.0


@lru_cache(maxsize=1)
def minilm() -> MiniLMEncoder:
    """The encoder that all drills share, loaded once."""
    from ragkit.encoders import MiniLMEncoder

    return MiniLMEncoder()
