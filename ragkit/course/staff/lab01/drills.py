"""The drills of lab 01."""

from __future__ import annotations

import numpy as np

from ragkit.course.drills.base import Choice, Constructed, Drill, Number, Text
from ragkit.course.drills.properties import paraphrase

BYTES = np.zeros((50, 384), dtype=np.float32).nbytes

DRILLS = {
    "01_1": Drill(
        [
            Number(
                right=BYTES,
                unit="bytes",
                absolute=0.4,
                points=0.5,
                otherwise="the first number is not the size in bytes.",
                mistakes={
                    BYTES / 4: "that counts numbers; a float32 takes 4 bytes.",
                    BYTES * 2.0: "that is float64; fp32 takes 4 bytes per number.",
                    BYTES * 8.0: "that is in bits; a byte has 8.",
                },
            ),
            Number(
                right=BYTES / 2**20,
                unit="MiB",
                absolute=6e-4,
                points=0.5,
                otherwise="the bytes are right; divide them by 2^20 for MiB.",
                mistakes={
                    BYTES / 1e6: "that is megabytes (10^6); a MiB is 2^20 bytes.",
                    BYTES / 2**10: "that is in KiB; a MiB is 1,024 of them.",
                },
            ),
        ]
    ),
    "01_2": Drill(
        [
            Text(
                rubric=[
                    "The meaning is spread over the content words; the mean lets each token's "
                    "vector contribute.",
                    "The [CLS] vector holds only what training put there; in BERT that was "
                    "next-sentence prediction, not similarity.",
                    "MiniLM was fine-tuned with mean pooling, so the comparison favours the mean.",
                    "A model fine-tuned with cls pooling gathers the meaning in that vector.",
                ]
            )
        ]
    ),
    "01_3": Drill(
        [
            Constructed(paraphrase, width=2),
            Text(
                rubric=[
                    "A poor bi-encoder relies on shared words and gives this pair a low score.",
                    "It prefers unrelated rules that repeat the same vocabulary.",
                    "Contrastive training on pairs teaches that different words can mean the same.",
                ]
            ),
        ]
    ),
    "01_4": Drill(
        [
            Text(
                rubric=[
                    "In a cross-encoder each token of the question attends to each token of the "
                    "document.",
                    "It can check details such as negation, roles, or which verb is asked about.",
                    "A bi-encoder must compress the document to one vector before the question is "
                    "known, so details may be averaged away.",
                ]
            )
        ]
    ),
    "01_5": Drill(
        [
            Number(
                right=min(0.05, 0.5),
                absolute=1e-9,
                points=0.5,
                otherwise="dividing by a smaller τ spreads the logits further apart.",
            ),
            Choice(
                right="uniform",
                points=0.5,
                otherwise="divide every similarity by a huge τ: what does softmax become?",
            ),
            Text(
                rubric=[
                    "With a small temperature a small difference in similarity multiplies the "
                    "weight of a negative: the hardest negatives get nearly all the push.",
                    "A small temperature learns fine distinctions but is sensitive to false "
                    "negatives.",
                    "With a large temperature all negatives are pushed nearly equally.",
                ]
            ),
        ],
        praise="both choices are right",
    ),
}
