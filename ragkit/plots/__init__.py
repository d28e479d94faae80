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

__all__ = [
    "cosine_histograms",
    "kind_dots",
    "loss_curve",
    "pair_strips",
    "score_bars",
    "similarity_heatmap",
    "temperature_curves",
    "topic_map",
]
