"""The drills of lab 04."""

from __future__ import annotations

import numpy as np

from ragkit.course.drills.base import Choice, Drill, Number, Text

VARIANCES = np.array([6.0, 2.0, 1.0, 1.0])
EQUAL = 48
COSINES, TEMPERATURE = np.array([0.7, 0.55, 0.3]), 0.1  # the question's own document first
BATCH, DOCUMENTS = 40, 75
HELD_OUT = (0.66, 0.69, 0.73, 0.75, 0.72)  # by epoch, from 0

_SHARES = np.exp(COSINES / TEMPERATURE) / np.exp(COSINES / TEMPERATURE).sum()
_MEETS_ITS_ANSWER = 1 - (1 - 1 / DOCUMENTS) ** (BATCH - 1)

DRILLS = {
    "04_1": Drill(
        [
            Number(
                "first",
                right=VARIANCES.sum() ** 2 / (VARIANCES**2).sum(),
                unit="dimensions",
                decimals=2,
                points=0.5,
                otherwise="look up the participation ratio and put the variances into it.",
                mistakes={
                    4.0: "that counts directions; are they all as wide?",
                    (VARIANCES**2).sum() / VARIANCES.sum() ** 2: "that is upside down.",
                    VARIANCES.sum() / (VARIANCES**2).sum(): "look at the participation ratio "
                    "again: would it change if all variances were doubled?",
                },
            ),
            Number(
                "second",
                right=EQUAL,
                unit="dimensions",
                decimals=1,
                points=0.5,
                otherwise="put equal variances into the same ratio; first try two of them.",
                mistakes={1.0: "equal variances are the opposite of one direction."},
            ),
        ],
        "(first, second)",
    ),
    "04_2": Drill(
        [
            Number(
                "pull",
                right=(1 - _SHARES[0]) / TEMPERATURE,
                decimals=2,
                points=0.5,
                otherwise="take the softmax of the three logits first.",
                mistakes={
                    1 - _SHARES[0]: "what has become of τ?",
                    _SHARES[0] / TEMPERATURE: "a document that has the whole share is not pulled.",
                },
            ),
            Number(
                "share",
                right=_SHARES[1] / (_SHARES[1] + _SHARES[2]),
                decimals=2,
                points=0.5,
                otherwise="how much of the softmax does each of the two negatives get?",
                mistakes={
                    _SHARES[1]: "that is its share of all three.",
                    COSINES[1] / (COSINES[1] + COSINES[2]): "that compares the cosines themselves.",
                },
            ),
        ],
        "(pull, share)",
    ),
    "04_3": Drill(
        [
            Number(
                "probability",
                right=_MEETS_ITS_ANSWER,
                decimals=2,
                points=0.5,
                otherwise="begin with one other question: how likely is another answer?",
                mistakes={
                    1 - _MEETS_ITS_ANSWER: "that is the chance that nobody shares it.",
                    (BATCH - 1) / DOCUMENTS: "can two of these events happen together?",
                    1 / DOCUMENTS: "that is the chance for one other question.",
                },
            ),
            Choice(
                "direction",
                {
                    "towards": (
                        "toward",
                        "towards the question",
                        "closer",
                        "nearer",
                        "pulls it towards the question",
                        "hacia",
                        "acerca",
                        "se acerca",
                        "hacia la pregunta",
                        "más cerca",
                    ),
                    "away": (
                        "away from the question",
                        "aleja",
                        "alejar",
                        "lejos",
                        "lejos de la pregunta",
                        "se aleja",
                        "aleja de la pregunta",
                        "aleja la respuesta de la pregunta",
                        "empuja lejos",
                        "empuja lejos de la pregunta",
                        "further away",
                        "farther away",
                        "farther",
                        "apart",
                        "pushes away",
                        "pushes it away",
                        "pushes it away from the question",
                        "separa",
                        "la aleja",
                        "en contra",
                    ),
                },
                right="away",
                points=0.5,
                mistakes={"towards": "what does the loss take this document for?"},
            ),
        ],
        "(probability, direction)",
    ),
    "04_4": Drill(
        [
            Text(
                rubric=[
                    "Near-duplicate rules rank just below the right one, so mining finds them "
                    "first.",
                    "Some of them answer the question too and are only unlabelled: false "
                    "negatives, and the loss pushes right answers away.",
                    "A filter by the cross-encoder drops those that it scores close to the right "
                    "document.",
                    "The filter also drops hard negatives that are truly wrong, where the teacher "
                    "errs.",
                ]
            )
        ]
    ),
    "04_5": Drill(
        [
            Number(
                "epoch",
                right=int(np.argmax(HELD_OUT)),
                unit="epoch",
                whole=True,
                points=0.5,
                otherwise="which of them answers the held-out questions best?",
                mistakes={
                    4.0: "that is the last one; what happened before it?",
                    2.0: "look at the highest figure again; the first one is of epoch 0.",
                },
            ),
            Choice(
                "questions",
                {
                    "the held-out ones": (
                        "held-out",
                        "the held-out questions",
                        "the same",
                        "the same questions",
                        "las mismas",
                        "las reservadas",
                        "reservadas",
                    ),
                    "others": (
                        "other",
                        "other questions",
                        "test",
                        "test set",
                        "test questions",
                        "a test set",
                        "new",
                        "new questions",
                        "new ones",
                        "unseen",
                        "unseen questions",
                        "fresh questions",
                        "otras",
                        "otras preguntas",
                        "las de test",
                        "de test",
                        "prueba",
                        "las de prueba",
                        "nuevas",
                        "preguntas nuevas",
                    ),
                },
                right="others",
                points=0.5,
                mistakes={"the held-out ones": "what were these questions used for?"},
            ),
            Text(
                "reason",
                rubric=[
                    "The best of several epochs was picked by these questions, so their score is "
                    "the highest of several noisy ones: optimistic.",
                    "Questions that neither training nor the choice has seen give an honest "
                    "figure.",
                    "The gain is reported with an interval, paired by question.",
                ],
            ),
        ],
        "(epoch, questions, reason)",
    ),
}
