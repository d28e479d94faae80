"""The drills of lab 04."""

from __future__ import annotations

import numpy as np

from ragkit.course.drills.base import Choice, Drill, Number, Text

VARIANCES = np.array([8.0, 1.0, 1.0, 1.0])
COSINES, TEMPERATURE = np.array([0.6, 0.5, 0.1]), 0.1  # the question's own document first
BATCH, DOCUMENTS = 32, 56
HELD_OUT = (0.70, 0.72, 0.74, 0.73, 0.71)  # by epoch, from 0

_SHARES = np.exp(COSINES / TEMPERATURE) / np.exp(COSINES / TEMPERATURE).sum()
_MEETS_ITS_ANSWER = 1 - (1 - 1 / DOCUMENTS) ** (BATCH - 1)

DRILLS = {
    "04_1": Drill(
        [
            Number(
                right=VARIANCES.sum() ** 2 / (VARIANCES**2).sum(),
                absolute=6e-3,
                points=0.5,
                otherwise="take the square of the sum over the sum of the squares.",
                mistakes={
                    4.0: "that counts directions; the first has most of the variance.",
                    (VARIANCES**2).sum() / VARIANCES.sum() ** 2: "that is upside down.",
                    VARIANCES.sum() / (VARIANCES**2).sum(): "the sum must be squared.",
                },
            ),
            Number(
                right=64,
                absolute=0.4,
                points=0.5,
                otherwise="put 64 equal variances into the same fraction.",
                mistakes={1.0: "equal variances are the opposite of one direction."},
            ),
        ]
    ),
    "04_2": Drill(
        [
            Number(
                right=(1 - _SHARES[0]) / TEMPERATURE,
                absolute=0.02,
                points=0.5,
                otherwise="the pull on the question's own document is one minus its share, over τ.",
                mistakes={
                    1 - _SHARES[0]: "divide by τ too.",
                    _SHARES[0] / TEMPERATURE: "that is its share over τ; the pull is what is "
                    "missing to 1.",
                },
            ),
            Number(
                right=_SHARES[1] / (_SHARES[1] + _SHARES[2]),
                absolute=6e-3,
                points=0.5,
                otherwise="each negative's push is its share over τ; compare the two shares.",
                mistakes={
                    _SHARES[1]: "that is its share of all three; compare the negatives alone.",
                    0.5 / 0.6: "that compares cosines; the softmax exponentiates them over τ.",
                },
            ),
        ]
    ),
    "04_3": Drill(
        [
            Number(
                right=_MEETS_ITS_ANSWER,
                absolute=6e-3,
                points=0.5,
                otherwise="first find the chance that none of the 31 others has the same answer.",
                mistakes={
                    1 - _MEETS_ITS_ANSWER: "that is the chance that none has it.",
                    (BATCH - 1) / DOCUMENTS: "chances of events that can happen together do not "
                    "add up.",
                    1 / DOCUMENTS: "that is the chance for one other question; there are 31.",
                },
            ),
            Choice(
                right="away",
                points=0.5,
                otherwise="a negative is pushed, whatever it says.",
            ),
        ]
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
                right=int(np.argmax(HELD_OUT)),
                absolute=0.1,
                points=0.5,
                otherwise="keep the epoch that answers the held-out questions best.",
                mistakes={
                    4.0: "that is the last one; the held-out questions got worse before it.",
                    3.0: "count the epochs from 0, the model as it came.",
                },
            ),
            Choice(
                right="others",
                points=0.5,
                otherwise="the held-out questions were used to choose.",
            ),
            Text(
                rubric=[
                    "The best of several epochs was picked by these questions, so their score is "
                    "the highest of several noisy ones: optimistic.",
                    "Questions that neither training nor the choice has seen give an honest "
                    "figure.",
                    "The gain is reported with an interval, paired by question.",
                ]
            ),
        ],
        praise="both choices are right",
    ),
}
