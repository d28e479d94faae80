"""The figures of theory page 01."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ragkit.cache.outputs import EmbeddingCache
from ragkit.course import plots
from ragkit.course.staff.lab01 import words
from ragkit.course.staff.lab01.experiments import chance_of_hit, vector_report
from ragkit.course.systems import compare_systems
from ragkit.documents.kb import KnowledgeBase, load_kb
from ragkit.encoders import Encoder, MiniGPTEncoder, MiniLMEncoder
from ragkit.encoders.losses import info_nce, negative_weights
from ragkit.runtime import import_torch
from ragkit.scoring.evaluation import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ragkit.vectors import Vectors

BELOW = ("minigpt-hidden", "minigpt-table", "untrained")
ABOVE = ("bm25", "minilm")
METRIC = "hit_rate@5"
DIMENSIONS = tuple(2**power for power in range(3, 13))
TABLES = 5


def _minilm() -> Encoder:
    return EmbeddingCache().wrap(MiniLMEncoder(backend="auto"))


def _counts(kb: KnowledgeBase) -> tuple[Vectors, Vectors]:
    """Token counts of the documents and of the questions, float32 [n, V] and [q, V]."""
    encoder = MiniGPTEncoder()
    documents = words.token_counts([document.full_text for document in kb.documents], encoder)
    return documents, words.token_counts([query.text for query in kb.queries], encoder)


def _weighted(counts: tuple[Vectors, Vectors], weigh: words.Weighting, kb: KnowledgeBase) -> Report:
    documents, questions = (words.vectors(rows, weigh) for rows in counts)
    return vector_report(documents, questions, kb)


def _systems() -> Figure:
    """The ladder: from chance over token counts to MiniLM."""
    kb = load_kb()
    counts, chance = _counts(kb), chance_of_hit(kb, 5)
    results = list(compare_systems(kb, [*BELOW, *ABOVE], [METRIC], cache=EmbeddingCache()))
    rungs = [(result.label, result.report) for result in results]
    rungs[len(BELOW) : len(BELOW)] = [
        ("token counts", _weighted(counts, words.as_they_are, kb)),
        ("tf-idf", _weighted(counts, words.inverse_document_frequency(counts[0]), kb)),
    ]
    return plots.score_bars(
        ["random order", *(label for label, _ in rungs)],
        [chance, *(report.mean[METRIC] for _, report in rungs)],
        [(chance, chance), *(report.interval(METRIC) for _, report in rungs)],
        METRIC,
    )


def _projection() -> Figure:
    """Random tables of more and more dimensions, against the counts that they project."""
    kb = load_kb()
    counts = _counts(kb)
    vocabulary = counts[0].shape[1]
    scores = {
        dimension: [
            _weighted(counts, words.random_projection(vocabulary, dimension, seed), kb).mean[METRIC]
            for seed in range(TABLES)
        ]
        for dimension in DIMENSIONS
    }
    exact = _weighted(counts, words.as_they_are, kb).mean[METRIC]
    return plots.projection_curve(scores, exact, METRIC)


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


FIGURES = {"01-systems": _systems, "01-projection": _projection, "01-temperature": _temperature}
