"""The space that an encoder makes of the course's texts, and what can be measured of it.

A mean-pooled table is linear in a text's token counts, so that each text is tokenised once and
every table, trained or not, takes one product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from tokenizers import Tokenizer

from ragkit.course.staff.spectra import effective_dimensions, mean_cosine, variances
from ragkit.documents.kb import KnowledgeBase, load_kb
from ragkit.encoders import Encoder
from ragkit.encoders.whitening import Whitening
from ragkit.minigpt.corpus import training_sentences
from ragkit.ranking import as_scores, hit_rows
from ragkit.scoring.evaluation import Report, evaluate
from ragkit.search.index import FlatIndex
from ragkit.vectors import Vectors, unit_rows

METRIC = "hit_rate@5"
CONTEXT = 128  # tokens of a text that MiniGPT reads

Step = Callable[[Vectors], Vectors]


@cache
def knowledge_base(split: str) -> KnowledgeBase:
    """The course's documents with the questions of one split."""
    return load_kb(split=split)


@dataclass(frozen=True, slots=True)
class Space:
    """Rows of the documents, of the questions of each split, and of the MiniGPT corpus."""

    documents: Vectors
    dev: Vectors
    test: Vectors
    corpus: Vectors

    def through(self, step: Step) -> Space:
        """The space after a step such as `unit_rows`, applied to every row."""
        return Space(step(self.documents), step(self.dev), step(self.test), step(self.corpus))

    def report(self, split: str) -> Report:
        """hit_rate@5 of the search for a split's questions among the documents."""
        kb = knowledge_base(split)
        index = FlatIndex(self.documents.shape[1])
        index.add(self.documents, [document.doc_id for document in kb.documents])
        found = hit_rows(*index.search(self.dev if split == "dev" else self.test, 10))
        run = {q.query_id: as_scores(hits) for q, hits in zip(kb.queries, found, strict=True)}
        return evaluate(kb.qrels, run, [METRIC])

    def hit_rate(self, split: str) -> float:
        """Mean hit_rate@5 over the questions of a split."""
        return self.report(split).mean[METRIC]

    @property
    def cone(self) -> float:
        """Mean cosine of all pairs of documents."""
        return mean_cosine(self.documents)

    @property
    def dimensions(self) -> float:
        """Effective dimensions of the corpus."""
        return effective_dimensions(self.corpus)

    @property
    def hub(self) -> int:
        """Questions, of both splits, that have the commonest first document first."""
        questions = np.concatenate([self.dev, self.test])
        return int(np.bincount((questions @ self.documents.T).argmax(axis=1)).max())


def encoded(encoder: Encoder) -> Space:
    """The space of any encoder."""
    documents, dev, test, corpus = _texts()
    return Space(
        encoder.encode_document(documents),
        encoder.encode_query(dev),
        encoder.encode_query(test),
        encoder.encode(corpus),
    )


def counted(tokenizer: Tokenizer) -> Space:
    """Token counts of every text, float32 [n, V], not scaled."""
    documents, dev, test, corpus = (token_counts(tokenizer, texts) for texts in _texts())
    return Space(documents, dev, test, corpus)


def pooled(counts: Space, table: Vectors) -> Space:
    """The space of a mean-pooled token table, float32 [V, d], as `MiniGPTEncoder` makes it."""
    return counts.through(lambda rows: unit_rows(rows @ table[: rows.shape[1]]))


def token_counts(tokenizer: Tokenizer, texts: Sequence[str]) -> Vectors:
    """How often each token is in each text, float32 [n, V]."""
    counts = np.zeros((len(texts), tokenizer.get_vocab_size()), dtype=np.float32)
    for row, encoding in zip(counts, tokenizer.encode_batch(list(texts)), strict=True):
        np.add.at(row, encoding.ids[:CONTEXT], 1)
    return counts


def centred(space: Space) -> Space:
    """The mean of the corpus subtracted, and nothing else."""
    return space.through(Whitening.fit(space.corpus, shrinkage=1.0))


def equalised(space: Space, shrinkage: float = 0.1) -> Space:
    """The variances made equal as by whitening, but with the mean kept."""
    matrix = Whitening.fit(space.corpus, shrinkage).matrix
    return space.through(lambda rows: unit_rows(rows @ matrix))


def whitened(space: Space, shrinkage: float = 0.1) -> Space:
    """The mean subtracted and the variances made equal."""
    return space.through(Whitening.fit(space.corpus, shrinkage))


def with_spectrum_of(space: Space, other: Space) -> Space:
    """Centred, and each principal direction scaled to the variance of the other's of its rank."""
    mean = space.corpus.mean(axis=0)
    own, directions = np.linalg.eigh(np.cov(space.corpus, rowvar=False, dtype=np.float64))
    matrix = (directions * np.sqrt(variances(other.corpus)[::-1] / own)).astype(np.float32)
    return space.through(lambda rows: unit_rows((rows - mean) @ matrix))


@cache
def _texts() -> tuple[list[str], list[str], list[str], list[str]]:
    dev, test = knowledge_base("dev"), knowledge_base("test")
    return (
        [document.full_text for document in dev.documents],
        [query.text for query in dev.queries],
        [query.text for query in test.queries],
        training_sentences(),
    )
