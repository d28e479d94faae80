"""Two stages: a first one that finds candidates, and a reranker that orders them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ragkit.checks import check_count, is_finite
from ragkit.documents.kb import Document
from ragkit.errors import DataError
from ragkit.ranking import Hit, as_scores, hits
from ragkit.search.base import Composable, Retriever
from ragkit.search.fusion import check_scores, weighted_sum

if TYPE_CHECKING:
    from ragkit.search.reranker import Reranker


class TwoStageRetriever(Composable):
    """A first stage for recall, then a reranker over its first `depth` candidates.

    `weight` is the reranker's share of the final score. At 1 the candidates come in its order, with
    its scores. Below 1 the first stage keeps a say: the score is weight * reranker + (1 - weight) *
    first stage, each scaled from 0 to 1 over the candidates as in `ragkit.search.fusion.min_max`.
    """

    def __init__(
        self, first_stage: Retriever, reranker: Reranker, depth: int = 10, weight: float = 1.0
    ) -> None:
        self.first_stage = first_stage
        self.reranker = reranker
        self.depth = check_count(depth, "depth")
        self.weight = _check_weight(weight)

    def with_depth(self, depth: int) -> TwoStageRetriever:
        """A pipeline of the same two stages with another number of candidates."""
        return TwoStageRetriever(self.first_stage, self.reranker, depth, self.weight)

    def with_weight(self, weight: float) -> TwoStageRetriever:
        """A pipeline in which the reranker's share of the score is `weight`, from 0 to 1."""
        return TwoStageRetriever(self.first_stage, self.reranker, self.depth, weight)

    @property
    def documents(self) -> Mapping[str, Document]:
        """The documents of the first stage."""
        return self.first_stage.documents

    def search(self, query: str, k: int = 10) -> list[Hit]:
        """The `k` best of the candidates by the weighted score; never more than `depth`."""
        k = check_count(k)
        documents = self.documents
        first = self.first_stage.search(query, self.depth)
        candidates = [documents[hit.doc_id] for hit in first]
        if self.weight == 1:
            return self.reranker.rank(query, candidates, top_k=k)
        second = check_scores(as_scores(self.reranker.rank(query, candidates)), "The reranker")
        both = weighted_sum([second, as_scores(first)], [self.weight, 1 - self.weight])
        return hits(both.items(), k)


def _check_weight(weight: float) -> float:
    if isinstance(weight, bool) or not is_finite(weight) or not 0 <= weight <= 1:
        raise DataError(
            f"weight must be a number from 0 to 1; got {weight!r:.60}. "
            "1 leaves the order to the reranker, 0 to the first stage."
        )
    return float(weight)
