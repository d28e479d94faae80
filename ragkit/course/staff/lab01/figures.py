"""The figures of theory page 01."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ragkit.cache.outputs import EmbeddingCache
from ragkit.course import plots
from ragkit.course.systems import compare_systems
from ragkit.documents.kb import load_kb
from ragkit.encoders import Encoder, MiniGPTEncoder, MiniLMEncoder
from ragkit.encoders.losses import info_nce, negative_weights
from ragkit.encoders.whitening import Whitening
from ragkit.minigpt.corpus import training_sentences
from ragkit.runtime import import_torch

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SYSTEMS = ("random", "bm25", "untrained", "minigpt-table", "minigpt-hidden", "minilm")
METRIC = "hit_rate@5"


def _minilm() -> Encoder:
    return EmbeddingCache().wrap(MiniLMEncoder(backend="auto"))


def _systems() -> Figure:
    results = list(compare_systems(load_kb(), SYSTEMS, [METRIC], cache=EmbeddingCache()))
    return plots.score_bars(
        [result.label for result in results],
        [result.report.mean[METRIC] for result in results],
        [result.report.interval(METRIC) for result in results],
        METRIC,
    )


def _temperature() -> Figure:
    """InfoNCE on one batch: a dev question for each document that answers one."""
    torch, kb, encoder = import_torch(), load_kb(split="dev"), _minilm()
    asked = {next(iter(kb.qrels[q.query_id])): q.text for q in kb.queries}
    q = torch.tensor(encoder.encode_query(list(asked.values())))
    d = torch.tensor(encoder.encode_document([kb.by_id[i].full_text for i in asked]))
    size = len(asked)
    others = (q @ d.T).double()[~torch.eye(size, dtype=torch.bool)].view(size, size - 1)
    taus = np.geomspace(0.01, 10, 60)
    weights = [negative_weights(others, float(tau)) for tau in taus]
    return plots.temperature_curves(
        taus,
        np.array([info_nce(q, d, float(tau)).item() for tau in taus]),
        np.array([torch.special.entr(w).sum(dim=1).mean().item() for w in weights]),
        np.array([w.max(dim=1).values.mean().item() for w in weights]),
        size,
    )


def _cone() -> Figure:
    corpus, kb = training_sentences(), load_kb()
    encoders: dict[str, Encoder] = {
        "MiniGPT table": MiniGPTEncoder(),
        "MiniLM": _minilm(),
    }
    pairs = np.triu_indices(len(kb.documents), k=1)
    cosines = {}
    for label, encoder in encoders.items():
        rows = encoder.encode([document.full_text for document in kb.documents])
        moved = Whitening.fit(encoder.encode(corpus))(rows)
        cosines[label] = (rows @ rows.T)[pairs]
        cosines[f"{label}, whitened"] = (moved @ moved.T)[pairs]
    return plots.cosine_histograms(cosines)


FIGURES = {"01-systems": _systems, "01-temperature": _temperature, "01-cone": _cone}
