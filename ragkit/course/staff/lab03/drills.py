"""The drills of lab 03."""

from __future__ import annotations

from collections.abc import Mapping
from math import log2

from ragkit.course.drills.base import Choice, Drill, Number, Text
from ragkit.scoring.metrics import mrr, ndcg

CANDIDATES, MILLISECONDS = 1_000, 7
QUERIES, HALF_WIDTH, WANTED = 232, 6, 2
CEILING = 0.87
THREE_DECIMALS = 6e-4


def _number(right: float, otherwise: str, mistakes: Mapping[float, str], unit: str = "") -> Number:
    """A number of three decimals, worth half a point."""
    return Number(right, otherwise, mistakes, unit, absolute=THREE_DECIMALS, points=0.5)


DRILLS = {
    "03_1": Drill(
        [
            _number(
                CANDIDATES,
                "the cross-encoder makes one pass per pair.",
                {
                    32.0: "a batch runs 32 pairs side by side, but each pair is still computed.",
                    CANDIDATES + 1.0: "here the query is not encoded separately; it is read as "
                    "part of each pair.",
                    1.0: "that is the bi-encoder; a cross-encoder reads the query with each "
                    "candidate.",
                },
            ),
            _number(
                1.0,
                "count what the bi-encoder could not encode in advance.",
                {
                    CANDIDATES + 1.0: "the documents were encoded in advance; only the query is "
                    "left.",
                    CANDIDATES * 1.0: "the documents were encoded in advance; only the query is "
                    "left.",
                    0.0: "the query itself is new and must be encoded.",
                },
            ),
            _number(
                CANDIDATES * MILLISECONDS / 1000,
                "multiply the passes by the time per pass.",
                {1.0 * CANDIDATES * MILLISECONDS: "that is in milliseconds."},
                unit="s",
            ),
        ]
    ),
    "03_2": Drill(
        [
            _number(
                sum(mrr(ranking, {"a": 1}) for ranking in ("a", "xya", "x")) / 3,
                "MRR is the mean of 1 / rank of the first hit.",
                {
                    2 / 3: "the query without a hit counts as 0 and is one of the three.",
                    1 / 2: "that is 1 / the mean rank; take the mean of the reciprocal ranks.",
                    4 / 3: "that is the sum; divide by the three queries.",
                },
            ),
            _number(
                ndcg("xayzb", {"a": 1, "b": 1}),
                "(1/log2 3 + 1/log2 6) / ideal.",
                {
                    1 / log2(3) + 1 / log2(6): "that is DCG; divide it by the DCG of the ideal "
                    "order.",
                    (1 / 2 + 1 / 5) / (1 + 1 / 2): "the discount is log2(1 + rank), not the rank.",
                    1 / 2: "that is the reciprocal rank; nDCG counts the second document too.",
                    1.0: "the documents are not at ranks 1 and 2, so it is less than 1.",
                },
            ),
        ]
    ),
    "03_3": Drill(
        [
            _number(
                CEILING,
                "for how many queries is the answer among the first ten?",
                {
                    1.0: "no reranker can bring back what the first stage did not find.",
                    0.99: "that is the ceiling at depth 50; here the depth is 10.",
                },
            ),
            Choice(
                right="no",
                points=0.5,
                otherwise="the ceiling rises; but forty more candidates can also mislead.",
            ),
            Text(
                rubric=[
                    "Only a document among the ten candidates can come first, so recall@10 is the "
                    "ceiling.",
                    "At depth 50 the ceiling rises to 0.99.",
                    "Each further candidate is also a chance for the reranker to be misled, so a "
                    "hit can be lost.",
                ]
            ),
        ],
        praise="both choices are right",
    ),
    "03_4": Drill(
        [
            Choice(
                right="c",
                points=0.5,
                otherwise="answer with one of a, b, c, d.",
                mistakes={
                    "a": "an interval that contains 0 does not show that the difference is 0.",
                    "b": "the interval also contains losses, so the gain is not shown.",
                    "d": "p is not the probability that a hypothesis is true; it is the "
                    "probability of data at least this extreme if the systems did not differ.",
                },
            ),
            Number(
                right=QUERIES * (HALF_WIDTH / WANTED) ** 2,
                relative=0.01,
                points=0.5,
                otherwise="a third of the width: how many times n?",
                mistakes={
                    QUERIES * HALF_WIDTH / WANTED: "the width shrinks with the square root of the "
                    "number of queries."
                },
            ),
            Text(
                rubric=[
                    "The interval contains every effect that the data do not rule out: a loss, "
                    "none, a gain.",
                    "That it contains 0 shows neither help nor the absence of an effect.",
                    "The width shrinks with the square root of the number of questions, so a third "
                    "takes nine times as many.",
                ]
            ),
        ],
        praise="both choices are right",
    ),
    "03_5": Drill(
        [
            Text(
                rubric=[
                    "If the first stage does not find the answers, the reranker cannot help: "
                    "measure recall at the depth that you can afford.",
                    "If texts or language are far from the cross-encoder's training data: compare "
                    "before and after on judged questions of your own, with an interval.",
                    "If the time budget is a few milliseconds: measure the latency of a pair "
                    "times the depth.",
                ]
            )
        ]
    ),
}
