"""The drills of lab 03."""

from __future__ import annotations

from math import log2

from ragkit.course.drills.base import Choice, Drill, Number, Text
from ragkit.scoring.metrics import mrr, ndcg

CANDIDATES, MILLISECONDS = 800, 9
QUERIES, HALF_WIDTH, WANTED = 150, 8, 3
CEILING, DEEPER = 0.78, 0.93

YES_NO = {
    "yes": ("sí", "true", "verdadero", "cierto", "y"),
    "no": (
        "false",
        "falso",
        "n",
        "not necessarily",
        "no necesariamente",
        "need not",
        "does not have to",
        "doesn't have to",
        "no tiene que subir",
        "no tiene por qué",
        "no tiene por qué subir",
    ),
}

DRILLS = {
    "03_1": Drill(
        [
            Number(
                "cross-encoder",
                right=CANDIDATES,
                unit="passes",
                whole=True,
                points=0.5,
                otherwise="what is one input of the cross-encoder, and how many are there?",
                mistakes={
                    32.0: "a batch computes its pairs side by side; does it save any?",
                    CANDIDATES + 1.0: "is the question ever encoded on its own here?",
                    1.0: "that would be a bi-encoder.",
                },
            ),
            Number(
                "bi-encoder",
                right=1,
                unit="passes",
                whole=True,
                points=0.5,
                otherwise="count what could not be encoded in advance.",
                mistakes={
                    CANDIDATES + 1.0: "the documents are stored.",
                    CANDIDATES * 1.0: "the documents are stored.",
                    0.0: "the question is new.",
                },
            ),
            Number(
                "seconds",
                right=CANDIDATES * MILLISECONDS / 1000,
                unit="s",
                decimals=1,
                points=0.5,
                otherwise="this is not the time of all the passes, in seconds.",
                mistakes={1.0 * CANDIDATES * MILLISECONDS: "that is in milliseconds."},
            ),
        ],
        "(cross, bi, seconds)",
    ),
    "03_2": Drill(
        [
            Number(
                "MRR",
                right=sum(mrr(ranking, {"a": 1}) for ranking in ("xa", "xxxxa", "x")) / 3,
                decimals=3,
                points=0.5,
                otherwise="what does each of the three questions contribute to the mean?",
                mistakes={
                    (1 / 2 + 1 / 5) / 2: "how many questions were asked?",
                    2 / 7: "that comes from the mean rank; the mean is taken of something else.",
                    1 / 2 + 1 / 5: "that is the sum; a mean is asked for.",
                },
            ),
            Number(
                "nDCG",
                right=ndcg("axxbx", {"a": 1, "b": 1}),
                decimals=3,
                points=0.5,
                otherwise="how is a place discounted, and what would the best order have got?",
                mistakes={
                    1 + 1 / log2(5): "that is DCG; the best order is missing.",
                    (1 + 1 / 4) / (1 + 1 / 2): "the places are discounted too steeply.",
                    1.0: "is this the best order there could be?",
                },
            ),
        ],
        "(mrr, ndcg)",
    ),
    "03_3": Drill(
        [
            Number(
                "ceiling",
                right=CEILING,
                decimals=2,
                percent=True,
                points=0.5,
                otherwise="which questions can a reranker of depth 10 answer at all?",
                mistakes={
                    1.0: "can a reranker bring back what the first stage did not find?",
                    DEEPER: "that belongs to depth 50; here the depth is 10.",
                },
            ),
            Choice(
                "must rise",
                YES_NO,
                right="no",
                points=0.5,
                mistakes={"yes": "must a score rise with what it could reach at best?"},
            ),
            Text(
                "reason",
                rubric=[
                    "Only a document among the ten candidates can come first, so recall@10 is the "
                    "ceiling.",
                    "At depth 50 the ceiling rises to 0.93.",
                    "Each further candidate is also a chance for the reranker to be misled, so a "
                    "hit can be lost.",
                ],
            ),
        ],
        "(ceiling, must_rise, reason)",
    ),
    "03_4": Drill(
        [
            Choice(
                "letter",
                {"a": (), "b": (), "c": (), "d": ()},
                right="c",
                points=0.5,
                mistakes={
                    "a": "look at both ends of the interval.",
                    "b": "look at both ends of the interval.",
                    "d": "of what is p the probability, and under which assumption?",
                },
            ),
            Number(
                "questions",
                right=QUERIES * (HALF_WIDTH / WANTED) ** 2,
                unit="questions",
                whole=True,
                about=0.1,
                points=0.5,
                otherwise="how does the half-width depend on the number of questions?",
                mistakes={
                    QUERIES * HALF_WIDTH / WANTED: "does twice as many questions halve the width?"
                },
            ),
            Text(
                "reason",
                rubric=[
                    "The interval contains every effect that the data do not rule out: a loss, "
                    "none, a gain.",
                    "That it contains 0 shows neither help nor the absence of an effect.",
                    "The width shrinks with the square root of the number of questions, so 3/8 of "
                    "it takes about seven times as many.",
                ],
            ),
        ],
        "(letter, questions, reason)",
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
