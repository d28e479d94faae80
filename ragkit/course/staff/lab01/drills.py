"""The drills of lab 01."""

from __future__ import annotations

import numpy as np

from ragkit.course.drills.base import Choice, Constructed, Drill, Number, Text
from ragkit.course.drills.properties import paraphrase

BYTES = np.zeros((120, 768), dtype=np.float32).nbytes
SMALL_TAU, LARGE_TAU = 0.02, 0.2

DRILLS = {
    "01_1": Drill(
        [
            Number(
                "bytes",
                right=BYTES,
                unit="bytes",
                whole=True,
                points=0.5,
                otherwise="this is not the size of the vectors.",
                mistakes={
                    BYTES / 4: "that is how many numbers there are, not how many bytes.",
                    BYTES * 2.0: "that is float64; the vectors are fp32.",
                    BYTES * 8.0: "that is in bits; bytes are asked for.",
                },
            ),
            Number(
                "MiB",
                right=BYTES / 2**20,
                unit="MiB",
                convert=True,
                decimals=3,
                points=0.5,
                otherwise="this is not the size in MiB, to three decimals.",
                mistakes={
                    BYTES / 1e6: "that is in megabytes (MB); mebibytes are asked for.",
                    BYTES / 2**10: "that is in KiB; MiB are asked for.",
                },
            ),
        ],
        "(bytes, mib)",
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
            Constructed("the two rules", paraphrase, width=2),
            Text(
                "what a poor bi-encoder does",
                rubric=[
                    "A poor bi-encoder relies on shared words and gives this pair a low score.",
                    "It prefers unrelated rules that repeat the same vocabulary.",
                    "Contrastive training on pairs teaches that different words can mean the same.",
                ],
            ),
        ],
        "(one, other, what)",
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
                "tau",
                right=min(SMALL_TAU, LARGE_TAU),
                decimals=3,
                points=0.5,
                otherwise="divide two similarities by each of the two τ: which ratio grows?",
            ),
            Choice(
                "limit",
                {
                    "uniform": (
                        "uniforme",
                        "uniformly",
                        "flat",
                        "equal",
                        "igual",
                        "equiprobable",
                        "a uniform distribution",
                        "towards uniform",
                        "towards the uniform distribution",
                        "tends to uniform",
                        "tends towards the uniform distribution",
                        "hacia la uniforme",
                        "hacia la distribución uniforme",
                        "a la uniforme",
                        "tiende a la uniforme",
                        "tiende a la distribución uniforme",
                        "uniform over all documents",
                        "uniforme sobre los documentos",
                    ),
                    "one-hot": ("onehot", "one hot", "one-hot vector", "vector one-hot"),
                },
                right="uniform",
                points=0.5,
                mistakes={
                    "one-hot": "divide some similarities by a thousand and take their softmax."
                },
            ),
            Text(
                "reason",
                rubric=[
                    "With a small temperature a small difference in similarity multiplies the "
                    "weight of a negative: the hardest negatives get nearly all the push.",
                    "A small temperature learns fine distinctions but is sensitive to false "
                    "negatives.",
                    "With a large temperature all negatives are pushed nearly equally.",
                ],
            ),
        ],
        "(tau, limit, reason)",
    ),
}
