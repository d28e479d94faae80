"""Count the words of a text: enough of them, different ones, and not those of the question."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from ragkit.course.drills.units import fold
from ragkit.course.layout import course_root

MIN_WORDS = 20
MIN_DIFFERENT = 12
MIN_OWN = 8  # words that are not in the question
_WORD = re.compile(r"[^\W\d_]+")
_WITHOUT_SPACES = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0eff]{8}")


def complaint(text: Any, question: frozenset[str] = frozenset()) -> str:
    """Why a text says too little to be read, or ""."""
    if not isinstance(text, str):
        return "write a text in quotes."
    words = [fold(word) for word in _WORD.findall(text)]
    if len(words) < MIN_WORDS and _WITHOUT_SPACES.search(text):
        return "words are counted by the spaces between them; write it in English or Spanish."
    if len(words) < MIN_WORDS:
        return f"too few words ({count(text)}); explain it in {MIN_WORDS} or more."
    if len(set(words)) < MIN_DIFFERENT:
        return "the same words come again and again; explain it in whole sentences."
    if len(set(words) - question) < MIN_OWN:
        return "these are the words of the question; explain it in your own."
    return ""


def count(text: str) -> int:
    """How many words a text has; signs and numbers are none."""
    return len(_WORD.findall(text))


@cache
def question_words(drill: str) -> frozenset[str]:
    """The words of a drill's question on the theory page, in both languages."""
    lab, number = drill.split("_")
    asked = re.compile(rf"\*\*(?:Drill|Cuestión) {number}\.\*\*.*?(?=\n\n)", re.DOTALL)
    pages = [page.read_text("utf-8") for page in course_root().glob(f"theory/{lab}-*.md")]
    questions = " ".join(found for page in pages for found in asked.findall(page))
    return frozenset(fold(word) for word in _WORD.findall(questions))
