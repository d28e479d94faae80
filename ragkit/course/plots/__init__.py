"""Every picture of the course. Each function takes arrays and returns a matplotlib `Figure`.

No function computes what it draws. `show` puts a figure into a notebook, with its alternative text.
"""

from ragkit.course.plots.embeddings import (
    cosine_histograms,
    kind_dots,
    loss_curve,
    pair_strips,
    projection_curve,
    score_bars,
    similarity_heatmap,
    temperature_curves,
    topic_map,
)
from ragkit.course.plots.indexes import (
    chunk_map,
    latency_growth,
    length_scatter,
    recall_curves,
    score_regions,
    shortcuts,
    size_curves,
    storage_lines,
    walk_steps,
)
from ragkit.course.plots.reranking import (
    attention_masks,
    ceiling_curve,
    difference_dots,
    discount_curves,
    margin_scatter,
    token_heatmap,
    value_strips,
    weight_curves,
)
from ragkit.course.plots.seeing import (
    bootstrap_histogram,
    moved_ranks,
    shrunk_spectrum,
    softmax_bars,
    window_map,
)
from ragkit.course.plots.showing import show
from ragkit.course.plots.training import (
    interval_dots,
    seed_dots,
    spectrum_curves,
    training_runs,
)

__all__ = [
    "attention_masks",
    "bootstrap_histogram",
    "ceiling_curve",
    "chunk_map",
    "cosine_histograms",
    "difference_dots",
    "discount_curves",
    "interval_dots",
    "kind_dots",
    "latency_growth",
    "length_scatter",
    "loss_curve",
    "margin_scatter",
    "moved_ranks",
    "pair_strips",
    "projection_curve",
    "recall_curves",
    "score_bars",
    "score_regions",
    "seed_dots",
    "shortcuts",
    "show",
    "shrunk_spectrum",
    "similarity_heatmap",
    "size_curves",
    "softmax_bars",
    "spectrum_curves",
    "storage_lines",
    "temperature_curves",
    "token_heatmap",
    "topic_map",
    "training_runs",
    "value_strips",
    "walk_steps",
    "weight_curves",
    "window_map",
]
