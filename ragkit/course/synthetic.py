"""Any number of vectors for the indexes of lab 02 and of the benchmarks, drawn around centres.

Two clouds from one generator: `like_texts`, spread as real embeddings are, and `even_topics`, the
hard case. Neither is a text's vector, so they measure an index and never an answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ragkit.vectors import Vectors, unit_rows

_BLOCK = 10_000  # rows drawn at a time, so that the noise of all is never in memory at once


@dataclass(frozen=True, slots=True)
class Cloud:
    """Centres, unit rows float32 [m, d], and the shape of the noise about them, float32 [d, d].

    A row of standard normal numbers times `shape` is the noise of one vector.
    """

    centres: Vectors
    shape: Vectors

    def draw(self, count: int, seed: int) -> Vectors:
        """Unit rows, float32 [count, d]: a random centre plus noise, scaled to length 1.

        With one seed, a draw of some tens of thousands is the beginning of every larger one.
        """
        rng = np.random.default_rng(seed)
        starts = range(0, count, _BLOCK)
        blocks = [self._block(min(_BLOCK, count - start), rng) for start in starts]
        return np.concatenate([np.empty_like(self.centres[:0]), *blocks])

    def _block(self, count: int, rng: np.random.Generator) -> Vectors:
        chosen = self.centres[rng.integers(len(self.centres), size=count)]
        noise = rng.standard_normal((count, len(self.shape)), dtype=np.float32)
        return unit_rows(chosen + noise @ self.shape)


def like_texts(vectors: Vectors) -> Cloud:
    """A cloud around the vectors of real texts, unit rows float32 [n, d].

    The noise has their covariance, scaled to a length of about 1: few strong directions and many
    weak ones.
    """
    return Cloud(vectors, shape_of(vectors))


def even_topics(number: int, dimension: int = 384, seed: int = 0) -> Cloud:
    """A cloud around random directions, with noise of length 1 that is alike in all directions.

    So all vectors of a topic are about equally far from one another, which no text's are.
    """
    rng = np.random.default_rng(seed)
    centres = unit_rows(rng.standard_normal((number, dimension), dtype=np.float32))
    return Cloud(centres, even_shape(dimension))


def even_shape(dimension: int) -> Vectors:
    """The shape of noise that is alike in all directions and has a length of about 1."""
    return np.eye(dimension, dtype=np.float32) / np.float32(np.sqrt(dimension))


def shape_of(vectors: Vectors) -> Vectors:
    """The symmetric root of the covariance of float32 [n, d], divided by the root of its trace.

    It is the one root that does not depend on the signs of the eigenvectors, in which linear
    algebra libraries differ.
    """
    values, directions = np.linalg.eigh(np.cov(vectors.T.astype(np.float64), bias=True))
    roots = np.sqrt(np.maximum(values, 0) / values.sum())
    root: Vectors = ((directions * roots) @ directions.T).astype(np.float32)
    return root
