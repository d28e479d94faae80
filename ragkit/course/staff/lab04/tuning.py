"""What lab 04 teaches MiniLM with: the recipes that differ in one thing, and their lessons.

labels      the pairs of dev; other documents of the batch are negatives, unless they are right
unmasked    the same, but a right answer of another pair in the batch is a negative too
bm25        labels, and the first wrong document of BM25 as one more negative
mined       labels, and the first wrong document of MiniLM as one more negative
filtered    as mined, without documents that the cross-encoder takes for answers
teacher     the pairs and mined documents of `mined`, scored by the cross-encoder; no label read
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ragkit.cache.outputs import EmbeddingCache
from ragkit.course.systems import build_reranker
from ragkit.documents.kb import KnowledgeBase
from ragkit.encoders import MiniLMEncoder
from ragkit.finetuning.negatives import mine, teacher_scores
from ragkit.finetuning.pairs import Pair, training_pairs
from ragkit.finetuning.train import FineTuningPlan, Lesson
from ragkit.search.retrievers import BM25Retriever, DenseRetriever, Run

NAMES = {
    "labels": "labels",
    "unmasked": "labels, without the mask",
    "bm25": "labels and a negative of BM25",
    "mined": "labels and a negative of MiniLM",
    "filtered": "the same, filtered",
    "teacher": "the teacher, no labels",
}
RECIPES = tuple(NAMES)
PLAN = FineTuningPlan()
MARGIN = 1.0  # logits below the best right document at which the filter believes a negative
CANDIDATES = 10  # of a ranking, which the teacher reads


class Lessons:
    """The lessons of one knowledge base, by recipe; rankings and teacher's scores are made once."""

    def __init__(self, kb: KnowledgeBase, cache: EmbeddingCache) -> None:
        self.kb = kb
        self.pairs = training_pairs(kb)
        self.texts = {document.doc_id: document.full_text for document in kb.documents}
        dense = DenseRetriever(cache.wrap(MiniLMEncoder(backend="auto"))).fit(kb.documents)
        self.runs: dict[str, Run] = {
            "mined": dense.run(kb.queries, CANDIDATES),
            "bm25": BM25Retriever().fit(kb.documents).run(kb.queries, CANDIDATES),
        }
        self.teacher = teacher_scores(build_reranker(cache), kb, self.runs["mined"])

    def of(self, recipe: str, pairs: Sequence[Pair] | None = None) -> Lesson:
        """The lesson of a recipe on some of the pairs; by default on all."""
        chosen = list(self.pairs if pairs is None else pairs)
        lesson = Lesson(chosen, self.texts)
        if recipe == "labels":
            return lesson
        if recipe == "unmasked":
            return replace(lesson, pairs=[replace(pair, right=frozenset()) for pair in chosen])
        run = self.runs["bm25" if recipe == "bm25" else "mined"]
        judge = self.teacher if recipe == "filtered" else None
        negatives = mine(run, chosen, teacher=judge, margin=MARGIN)
        teacher = self.teacher if recipe == "teacher" else None
        return replace(lesson, negatives=negatives, teacher=teacher)
