"""Every picture of the course. Each function takes arrays and returns a matplotlib `Figure`.

No function computes what it draws.
"""

from ragkit.plots.embeddings import (
    cosine_histograms,
    kind_dots,
    loss_curve,
    pair_strips,
    score_bars,
    similarity_heatmap,
    temperature_curves,
    topic_map,
)
from ragkit.plots.indexes import (
    chunk_map,
    latency_growth,
    length_scatter,
    recall_curves,
    score_regions,
    size_curves,
    storage_lines,
)

__all__ = [
    "chunk_map",
    "cosine_histograms",
    "kind_dots",
    "latency_growth",
    "length_scatter",
    "loss_curve",
    "pair_strips",
    "recall_curves",
    "score_bars",
    "score_regions",
    "similarity_heatmap",
    "size_curves",
    "storage_lines",
    "temperature_curves",
    "topic_map",
]
