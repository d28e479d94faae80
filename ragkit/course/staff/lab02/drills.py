"""The drills of lab 02."""

from __future__ import annotations

from ragkit.course.drills.base import Choice, Constructed, Drill, Number, Text
from ragkit.course.drills.properties import three_winners

MIB = 2**20
VECTORS, DIMENSION, LINKS = 10_000_000, 384, 32
FLAT = VECTORS * DIMENSION * 4
GRAPH = VECTORS * 8 * LINKS
FOUR_DIGITS = 5e-4  # half a unit in the fourth digit

TOKENS, SIZE, OVERLAP = 980, 128, 32
STEP = SIZE - OVERLAP
WINDOWS = -(-(TOKENS - OVERLAP) // STEP)

EXACT_HITS, RECALL = 0.80, 0.75

DRILLS = {
    "02_1": Drill(
        [
            Number(
                right=FLAT / MIB,
                unit="MiB",
                relative=FOUR_DIGITS,
                points=0.5,
                otherwise="the flat index does not take that many MiB.",
                mistakes={
                    FLAT: "that is bytes; divide by 2^20 for MiB.",
                    FLAT / 1e6: "that is megabytes (10^6); a MiB is 2^20 bytes.",
                    FLAT / 2**30: "that is GiB; a GiB is 1,024 MiB.",
                    2 * FLAT / MIB: "that is float64; fp32 takes 4 bytes per number.",
                    FLAT / 4 / MIB: "that counts numbers; a float32 takes 4 bytes.",
                },
            ),
            Number(
                right=(FLAT + GRAPH) / MIB,
                unit="MiB",
                relative=FOUR_DIGITS,
                points=0.5,
                otherwise="the flat index is right; HNSW adds about 8M bytes per vector.",
                mistakes={
                    FLAT / MIB: "HNSW stores the vectors and, on top of them, the graph.",
                    (FLAT + GRAPH / 2) / MIB: "the bottom layer has 2M links per vector, 4 "
                    "bytes each: 8M.",
                    GRAPH / MIB: "that is the graph alone; HNSW stores the vectors too.",
                },
            ),
        ]
    ),
    "02_2": Drill(
        [
            Number(
                right=WINDOWS,
                absolute=0.4,
                points=0.5,
                otherwise="the number of windows is not right.",
                mistakes={
                    -(-TOKENS // SIZE): "that is without overlap: each window starts 96 tokens "
                    "after the one before it.",
                    -(-TOKENS // STEP): "the last of these windows lies wholly inside the one "
                    "before it.",
                    WINDOWS - 1: "the end of the text is lost: count the last, shorter window too.",
                    -(-(TOKENS - SIZE) // OVERLAP) + 1: "the windows start size - overlap tokens "
                    "apart.",
                    -(-(TOKENS - OVERLAP) // OVERLAP): "divide by the step, size - overlap, not "
                    "the overlap.",
                },
            ),
            Number(
                right=TOKENS + (WINDOWS - 1) * OVERLAP,
                absolute=0.4,
                points=0.5,
                otherwise="the windows are right, the number of encoded tokens is not.",
                mistakes={
                    TOKENS: "shared tokens are encoded twice: add the overlaps.",
                    WINDOWS * SIZE: "the last window is shorter than the others.",
                    TOKENS + WINDOWS * OVERLAP: "between n windows there are n - 1 overlaps.",
                },
            ),
        ]
    ),
    "02_3": Drill([Constructed(three_winners, width=2)], praise="three measures, three winners."),
    "02_4": Drill(
        [
            Number(
                right=EXACT_HITS * RECALL,
                absolute=6e-3,
                points=0.5,
                otherwise="of the answers that exact search finds, three in four remain.",
                mistakes={
                    RECALL: "that is the index's recall; the encoder misses questions as well.",
                    EXACT_HITS: "that is exact search; the index loses some of these documents.",
                    EXACT_HITS - (1 - RECALL): "losses multiply: a quarter of the 80% is lost, not "
                    "25 percentage points.",
                },
            ),
            Choice(
                right="efSearch",
                points=0.5,
                otherwise="which of the two can be changed without building the index again?",
            ),
            Text(
                rubric=[
                    "efSearch is the width of the beam while searching; it can be raised for the "
                    "next query.",
                    "A larger efSearch costs latency, about in proportion, and no memory.",
                    "M is the number of links stored for each vector, so changing it means "
                    "building the index again and takes memory.",
                ]
            ),
        ],
        praise="both are right",
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
