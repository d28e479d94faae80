"""Encoders without any training: token counts, tf-idf, and random projections of the counts.

The mean over a table of random vectors is such a projection (Johnson & Lindenstrauss 1984; as an
encoder: Wieting & Kiela, "No Training Required", ICLR 2019).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ragkit.encoders import MiniGPTEncoder
from ragkit.vectors import Vectors, unit_rows

Weighting = Callable[[Vectors], Vectors]  # float32 [n, V] -> float32 [n, d]


def token_counts(texts: Sequence[str], encoder: MiniGPTEncoder) -> Vectors:
    """How often each token of the encoder's vocabulary is in each text, float32 [n, V]."""
    counts = np.zeros((len(texts), encoder.tokenizer.get_vocab_size()), dtype=np.float32)
    for row, text in zip(counts, texts, strict=True):
        np.add.at(row, encoder.token_ids(text), 1)
    return counts


def as_they_are(counts: Vectors) -> Vectors:
    """No weighting."""
    return counts


def inverse_document_frequency(documents: Vectors) -> Weighting:
    """Multiply each count by log(n / df): a token of every document counts nothing.

    `documents` are the counts of the n documents, float32 [n, V]; df is the number of documents
    with the token (Spärck Jones 1972).
    """
    with_token = np.maximum((documents > 0).sum(axis=0), 1)
    weights = np.log(len(documents) / with_token).astype(np.float32)
    return lambda counts: counts * weights


def random_projection(vocabulary: int, dimension: int, seed: int) -> Weighting:
    """The sum of a random vector per token, which is the mean, up to length: to `dimension`."""
    table = np.random.default_rng(seed).normal(size=(vocabulary, dimension)).astype(np.float32)
    return lambda counts: counts @ table


def vectors(counts: Vectors, weigh: Weighting) -> Vectors:
    """Unit rows of weighted counts, float32 [n, d]."""
    return unit_rows(weigh(counts))
