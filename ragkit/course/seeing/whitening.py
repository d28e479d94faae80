"""Sliders for the shrinkage of whitening, and for how many texts it is fitted on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ragkit.course import plots
from ragkit.course.seeing.sliding import Control, View, slide
from ragkit.documents.kb import KnowledgeBase
from ragkit.encoders.base import Encoder
from ragkit.encoders.whitening import Whitening
from ragkit.errors import VectorError
from ragkit.scoring.evaluation import evaluate
from ragkit.search.index import FlatIndex
from ragkit.vectors import Vectors

SHRINKAGES = (0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1)
COUNTS = (50, 100, 200)
METRIC = "hit_rate@5"


def shrinkage(
    kb: KnowledgeBase, encoder: Encoder, texts: Sequence[str], start: float = 0.1
) -> None:
    """Show what whitening does to the variances, and to the score on the questions of `kb`.

    It is fitted on the first of `texts`, or on all of them. A setting is chosen on dev: pass that
    split.
    """
    whitened = Whitened(kb, encoder, texts)
    counts = [count for count in COUNTS if count < len(texts)] + [len(texts)]
    slide(
        whitened.view,
        Control("shrinkage", "shrinkage", SHRINKAGES, start),
        Control("count", "texts to fit on", counts, counts[-1]),
    )


class Whitened:
    """One encoder's vectors of a knowledge base, and of the texts that whitening is fitted on."""

    def __init__(self, kb: KnowledgeBase, encoder: Encoder, texts: Sequence[str]) -> None:
        self.kb = kb
        self.documents = encoder.encode_document([document.full_text for document in kb.documents])
        self.questions = encoder.encode_query([query.text for query in kb.queries])
        self.rows = np.random.default_rng(0).permutation(encoder.encode(texts))
        self.plain = self.score(self.documents, self.questions)

    def view(self, shrinkage: float, count: float) -> View:
        """The variances before and after shrinking, and the scores without and with whitening."""
        rows = self.rows[: int(count)]
        before = variances(rows)
        after = (1 - shrinkage) * before + shrinkage * before.mean()
        measured = f"{METRIC} on {self.kb.split}"
        try:
            step = Whitening.fit(rows, shrinkage)
        except VectorError:
            score, ending = float("nan"), "Without variance there is nothing to divide by."
        else:
            score = self.score(step(self.documents), step(self.questions))
            ending = (
                "Whitening stretches the faintest direction "
                f"{(after.mean() / after[-1]) ** 0.5:.1f} times as much as one of mean variance; "
                f"{measured} goes from {self.plain:.3f} to {score:.3f}."
            )
        figure = plots.shrunk_spectrum(
            before, after, {"as it is": self.plain, "whitened": score}, measured
        )
        words = (
            f"Fitted on {count:g} texts: {_empty(before)} of {before.size} directions have no "
            f"variance; with a shrinkage of {shrinkage:g}, {_empty(after)} have none.\n{ending}"
        )
        return View(figure, _alt(shrinkage, count), words)

    def score(self, documents: Vectors, questions: Vectors) -> float:
        """The hit rate of a search of question vectors among document vectors, float32 [n, d]."""
        index = FlatIndex(documents.shape[1])
        index.add(documents, [document.doc_id for document in self.kb.documents])
        scores, ids = index.search(questions, 5)
        found = zip(self.kb.queries, ids.tolist(), scores.tolist(), strict=True)
        run = {query.query_id: dict(zip(row, s, strict=True)) for query, row, s in found}
        return evaluate(self.kb.qrels, run, METRIC).mean[METRIC]


def variances(rows: Vectors) -> NDArray[np.float64]:
    """Variance of float32 [n, d] along each principal direction, largest first, float64 [d].

    At most n - 1 of them are above 0.
    """
    covariance = np.cov(rows, rowvar=False, dtype=np.float64)
    result: NDArray[np.float64] = np.linalg.eigvalsh(covariance)[::-1].clip(0)
    return result


def _empty(values: NDArray[np.float64]) -> int:
    """How many directions have what `Whitening.fit` takes for no variance."""
    return int((values <= 1e-12 * values[0]).sum())


def _alt(shrinkage: float, count: float) -> str:
    return (
        f"Two panels for a shrinkage of {shrinkage:g} fitted on {count:g} texts. Left, the "
        "variance along each direction before and after shrinking. Right, bars of the score "
        "without and with whitening."
    )
