"""The figures of theory page 03."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ragkit.course import ledger, plots
from ragkit.course.staff.lab03.experiments_dev import DEPTHS, WEIGHTS
from ragkit.documents.kb import load_kb
from ragkit.encoders import MiniLMEncoder
from ragkit.vectors import unit_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUESTION, ANSWER, SHOWN = "past participle of eat?", "irregular-eat-participle", 20


def _attention() -> Figure:
    """Who may look at whom: 1 in every layer, 0.5 only at the end, 0 never."""
    tokens = ["who", "taught", "Peter", "?", "Mary", "taught", "Peter", "."]
    apart = np.kron(np.eye(2), np.ones((4, 4)))
    late = apart.copy()
    late[:4, 4:] = 0.5
    masks = {
        "bi-encoder": apart,
        "late interaction": late,
        "cross-encoder": np.ones_like(apart),
    }
    return plots.attention_masks(masks, tokens)


def _weights() -> Figure:
    """mrr@10 on dev by the weight in two stages and in a hybrid, from the ledger."""
    measured = ledger.load()

    def mrr(key: str) -> float:
        return float(measured[f"lab03.dev.{key}.mrr@10"]["value"])

    staged = {f"depth {d}": [mrr(f"depth-{d}.weight-{w}") for w in WEIGHTS] for d in DEPTHS}
    hybrid = {"BM25 and MiniLM": [mrr(f"lexical-{w}") for w in WEIGHTS]}
    alone = {"MiniLM alone": mrr("minilm")}
    return plots.weight_curves(
        WEIGHTS,
        {"the cross-encoder": staged, "BM25": hybrid},
        {"the cross-encoder": alone, "BM25": alone | {"fusion by ranks": mrr("rrf")}},
        "mrr@10",
    )


def _max_sim() -> Figure:
    """The tokens of a question against the first tokens of its answer."""
    minilm = MiniLMEncoder(backend="auto")
    texts = [QUESTION, load_kb().by_id[ANSWER].full_text]
    asked, read = (unit_rows(rows[1:-1]) for rows in minilm.token_vectors(texts))
    pieces = [[piece for piece, _ in minilm.tokens(text)] for text in texts]
    return plots.token_heatmap((asked @ read.T)[:, :SHOWN], pieces[0], pieces[1][:SHOWN])


def _discounts() -> Figure:
    ranks = np.arange(1, 11)
    return plots.discount_curves(
        {
            "hit_rate@5, recall@5": [float(rank <= 5) for rank in ranks],
            "mrr@10": [1 / float(rank) for rank in ranks],
            "ndcg@10": [1 / float(np.log2(1 + rank)) for rank in ranks],
        }
    )


FIGURES = {
    "03-attention": _attention,
    "03-weights": _weights,
    "03-maxsim": _max_sim,
    "03-discounts": _discounts,
}
