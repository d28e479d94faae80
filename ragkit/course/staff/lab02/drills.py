"""The drills of lab 02."""

from __future__ import annotations

from ragkit.course.drills.base import Choice, Constructed, Drill, Number, Text
from ragkit.course.drills.properties import three_winners

GIB = 2**30
VECTORS, DIMENSION, LINKS = 20_000_000, 512, 48
FLAT = VECTORS * DIMENSION * 4
GRAPH = VECTORS * 8 * LINKS

TOKENS, SIZE, OVERLAP = 1_230, 160, 60
STEP = SIZE - OVERLAP
WINDOWS = -(-(TOKENS - OVERLAP) // STEP)

EXACT_HITS, RECALL = 0.85, 0.60

DRILLS = {
    "02_1": Drill(
        [
            Number(
                "flat",
                right=FLAT / GIB,
                unit="GiB",
                decimals=1,
                points=0.5,
                otherwise="this is not the size of the flat index in GiB, to one decimal.",
                mistakes={
                    FLAT: "that is in bytes; GiB are asked for.",
                    FLAT / 2**20: "that is in MiB; GiB are asked for.",
                    FLAT / 1e9: "that is in gigabytes (GB); gibibytes are asked for.",
                    2 * FLAT / GIB: "that is float64; the vectors are fp32.",
                    FLAT / 4 / GIB: "that is how many numbers there are, not how many bytes.",
                },
            ),
            Number(
                "HNSW",
                right=(FLAT + GRAPH) / GIB,
                unit="GiB",
                decimals=1,
                points=0.5,
                otherwise="this is not the size of the HNSW index in GiB, to one decimal.",
                mistakes={
                    FLAT / GIB: "that is the flat index; what does the graph need to store?",
                    (FLAT + GRAPH) / 1e9: "that is in gigabytes (GB); gibibytes are asked for.",
                    (FLAT + GRAPH / 2) / GIB: "look up how many links a vector has in the bottom "
                    "layer.",
                    GRAPH / GIB: "that is the graph alone; with what does the walk compare?",
                },
            ),
        ],
        "(flat, hnsw)",
    ),
    "02_2": Drill(
        [
            Number(
                "windows",
                right=WINDOWS,
                unit="windows",
                whole=True,
                points=0.5,
                otherwise="draw the first three windows and the last: where does each start?",
                mistakes={
                    -(-TOKENS // SIZE): "that is without overlap.",
                    -(-TOKENS // STEP): "where does the last of these windows end, and the one "
                    "before it?",
                    WINDOWS - 1: "the end of the text is lost.",
                    -(-(TOKENS - SIZE) // OVERLAP) + 1: "how far apart do two windows start?",
                    -(-(TOKENS - OVERLAP) // OVERLAP): "how far apart do two windows start?",
                },
            ),
            Number(
                "tokens",
                right=TOKENS + (WINDOWS - 1) * OVERLAP,
                unit="tokens",
                whole=True,
                points=0.5,
                otherwise="add up the lengths of all windows.",
                mistakes={
                    TOKENS: "some tokens are read more than once.",
                    WINDOWS * SIZE: "are all windows of the same length?",
                    TOKENS + WINDOWS * OVERLAP: "count the places where two windows overlap.",
                },
            ),
        ],
        "(windows, tokens)",
    ),
    "02_3": Drill(
        [Constructed("the vectors", three_winners, width=2)],
        "(query, [first, second, third])",
    ),
    "02_4": Drill(
        [
            Number(
                "hit rate",
                right=EXACT_HITS * RECALL,
                decimals=2,
                percent=True,
                points=0.5,
                otherwise="take a hundred questions and follow them through both steps.",
                mistakes={
                    RECALL: "that is the index's recall; does nothing else lose answers?",
                    EXACT_HITS: "that is exact search; does the index lose nothing?",
                    EXACT_HITS - (1 - RECALL): "the loss is not in percentage points: of how many "
                    "questions is it a share?",
                },
            ),
            Choice(
                "setting",
                {
                    "efSearch": (
                        "ef",
                        "beam",
                        "efSearch parameter",
                        "parámetro efSearch",
                        "efSearch can be changed",
                    ),
                    "M": ("links", "M links"),
                },
                right="efSearch",
                points=0.5,
                mistakes={"M": "what is stored in the index, and what is only used in a search?"},
            ),
            Text(
                "reason",
                rubric=[
                    "efSearch is the width of the beam while searching; it can be raised for the "
                    "next query.",
                    "A larger efSearch costs latency, about in proportion, and no memory.",
                    "M is the number of links stored for each vector, so changing it means "
                    "building the index again and takes memory.",
                ],
            ),
        ],
        "(hit_rate, setting, reason)",
    ),
    "02_5": Drill(
        [
            Text(
                rubric=[
                    "Time: flat search is instant on fifty documents and takes about a second on "
                    "ten million.",
                    "Memory: the vectors fill the memory of a laptop.",
                    "Recall: an approximate index loses neighbours and must be measured against "
                    "flat search.",
                    "Near-duplicates compete for the first places.",
                    "Updates: changing the encoder means computing every vector again.",
                ]
            )
        ]
    ),
}
