"""The drills of lab 03."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import log2
from typing import Any

from ragkit.course.drills.base import free_text, with_reason
from ragkit.course.verdict import Verdict
from ragkit.metrics import mrr, ndcg

CANDIDATES, MILLISECONDS = 1_000, 7
QUERIES, HALF_WIDTH, WANTED = 232, 6, 2
CEILING = 0.87


Mistakes = Mapping[float, str]

PASSES: Mistakes = {
    32.0: "a batch runs 32 pairs side by side, but each pair is still computed.",
    CANDIDATES + 1.0: "the query is no text of its own here: it is read inside each pair.",
    1.0: "that is the bi-encoder; a cross-encoder reads the query with each candidate.",
}
ENCODED: Mistakes = {
    CANDIDATES + 1.0: "the documents were encoded beforehand; only the query is left.",
    CANDIDATES * 1.0: "the documents were encoded beforehand; only the query is left.",
    0.0: "the query itself is new and must be encoded.",
}
RECIPROCALS: Mistakes = {
    2 / 3: "the query without a hit counts as 0 and is one of the three.",
    1 / 2: "that is 1 / the mean rank; take the mean of the reciprocal ranks.",
    4 / 3: "that is the sum; divide by the three queries.",
}
GAINS: Mistakes = {
    1 / log2(3) + 1 / log2(6): "that is DCG; divide it by the DCG of the ideal order.",
    (1 / 2 + 1 / 5) / (1 + 1 / 2): "the discount is log2(1 + rank), not the rank.",
    1 / 2: "that is the reciprocal rank; nDCG counts the second document too.",
    1.0: "the documents are not at ranks 1 and 2, so it is less than 1.",
}
CEILINGS: Mistakes = {
    1.0: "what the first stage has not found, no reranker can bring back.",
    0.99: "that is the ceiling at depth 50; here the depth is 10.",
}
STATEMENTS = {
    "a": "an interval that holds 0 does not show that the difference is 0.",
    "b": "the interval also holds losses, so the gain is not shown.",
    "d": "p is no probability of a hypothesis: it is that of such data if nothing differed.",
}


def _wrong(value: float, wanted: float, mistakes: Mistakes, otherwise: str) -> str:
    """What is wrong with a number of three decimals; empty if nothing is."""
    if _near(value, wanted):
        return ""
    return next((said for wrong, said in mistakes.items() if _near(value, wrong)), otherwise)


def _near(value: float, wanted: float) -> bool:
    return abs(value - wanted) < 6e-4


def _first(*complaints: str) -> Verdict:
    """Incorrect with the first complaint, or correct if all are empty."""
    told = next(filter(None, complaints), "")
    return Verdict("incorrect", told) if told else Verdict("correct")


def _cost(answer: Any) -> Verdict:
    cross, bi, seconds = (float(number) for number in answer)
    wanted = CANDIDATES * MILLISECONDS / 1000
    return _first(
        _wrong(cross, CANDIDATES, PASSES, "the cross-encoder makes one pass a pair."),
        _wrong(bi, 1, ENCODED, "count what the bi-encoder could not store beforehand."),
        _wrong(seconds, wanted, {1000 * wanted: "that is milliseconds."}, "passes × time of one."),
    )


def _by_hand(answer: Any) -> Verdict:
    mean, gain = (float(number) for number in answer)
    reciprocal = sum(mrr(ranking, {"a": 1}) for ranking in ("a", "xya", "x")) / 3
    return _first(
        _wrong(mean, reciprocal, RECIPROCALS, "MRR is the mean of 1 / rank of the first hit."),
        _wrong(gain, ndcg("xayzb", {"a": 1, "b": 1}), GAINS, "(1/log2 3 + 1/log2 6) / ideal."),
    )


def _ceiling(answer: Any) -> Verdict:
    ceiling, must_rise, reason = answer
    told = _wrong(float(ceiling), CEILING, CEILINGS, "how many have it among the first ten?")
    if told:
        return Verdict("incorrect", told)
    if str(must_rise).strip().lower() != "no":
        return Verdict(
            "incorrect", "the ceiling rises; but forty more candidates can also mislead."
        )
    return with_reason(reason)


def _interval(answer: Any) -> Verdict:
    letter, queries, reason = answer
    choice = str(letter).strip().lower()
    if choice != "c":
        return Verdict("incorrect", STATEMENTS.get(choice, "answer with one of a, b, c, d."))
    times = HALF_WIDTH / WANTED
    if abs(float(queries) - QUERIES * times**2) > 0.01 * QUERIES * times**2:
        linear = abs(float(queries) - QUERIES * times) < 1
        told = "the width shrinks with the square root of the number of queries."
        return Verdict("incorrect", told if linear else "a third of the width: how many times n?")
    return with_reason(reason)


CHECKS: dict[str, Callable[[Any], Verdict]] = {
    "03_1": _cost,
    "03_2": _by_hand,
    "03_3": _ceiling,
    "03_4": _interval,
    "03_5": free_text,
}
