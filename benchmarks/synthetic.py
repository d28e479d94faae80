"""Any number of unit vectors that are spread as real embeddings of MiniLM are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Record
from benchmarks.texts import questions
from ragkit.documents.kb import load_kb
from ragkit.encoders import MiniLMEncoder
from ragkit.minigpt.corpus import training_sentences
from ragkit.vectors import Vectors, unit_rows

NOISE = 1.0  # length of the noise beside a centre of length 1
_BLOCK = 20_000


@dataclass(frozen=True, slots=True)
class Cloud:
    """Centres, unit rows [m, 384], and noise directions [m, 384] with their covariance."""

    centres: Vectors
    directions: Vectors

    def draw(self, count: int, seed: int) -> Vectors:
        """Unit rows, float32 [count, 384]: a random centre plus noise shaped as the centres are.

        The noise is a Gaussian mixture of the centres' deviations from their mean, so it has their
        covariance: few strong directions and many weak ones. Noise alike in all directions would
        put every neighbour at the same distance, where no graph finds its way and no text lies.
        """
        rng = np.random.default_rng(seed)
        return np.concatenate(list(self._blocks(count, rng)))

    def _blocks(self, count: int, rng: np.random.Generator) -> Iterator[Vectors]:
        for start in range(0, count, _BLOCK):
            rows = min(_BLOCK, count - start)
            chosen = self.centres[rng.integers(0, len(self.centres), rows)]
            mixed = rng.standard_normal((rows, len(self.directions)), dtype=np.float32)
            yield unit_rows(chosen + NOISE * (mixed @ self.directions))


def real_cloud() -> Cloud:
    """The cloud around every document, question and training sentence of the course."""
    texts = [document.full_text for document in load_kb().documents]
    return cloud_around(MiniLMEncoder().encode(texts + questions() + training_sentences()))


def cloud_around(centres: Vectors) -> Cloud:
    """A cloud whose noise has a length of about `NOISE`, float32 unit rows in."""
    deviations = centres - centres.mean(axis=0)
    length = np.sqrt((deviations**2).sum() / len(deviations))
    scaled = deviations / length / np.sqrt(len(deviations))
    return Cloud(centres, scaled.astype(np.float32))


def describe(cloud: Cloud, drawn: Vectors) -> Record:
    """Effective dimensions of real and drawn vectors, and the cosine of nearest neighbours."""
    sample = drawn[:2000]
    return {
        "centres": len(cloud.centres),
        "noise": NOISE,
        "effective_dimensions_real": effective_dimensions(cloud.centres),
        "effective_dimensions_drawn": effective_dimensions(sample),
        "nearest_cosine_real": _nearest(cloud.centres),
        "nearest_cosine_drawn": _nearest(sample),
        "sample": len(sample),
    }


def effective_dimensions(vectors: Vectors) -> float:
    """Participation ratio of the covariance's eigenvalues: (sum)^2 / sum of squares."""
    values: NDArray[np.floating[Any]] = np.linalg.eigvalsh(np.cov(vectors.T.astype(np.float64)))
    return float(values.sum() ** 2 / (values**2).sum())


def _nearest(vectors: Vectors) -> float:
    """Median cosine of a vector and the nearest other one."""
    similarities = vectors @ vectors.T
    np.fill_diagonal(similarities, -1)
    return float(np.median(similarities.max(axis=1)))
