"""Fusion: the rankings of several systems merged into one, by ranks or by scores."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Sequence
from math import isclose
from typing import Any, cast

from ragkit.checks import are_finite, check_count, is_finite, items_of
from ragkit.documents.kb import Document
from ragkit.errors import DataError
from ragkit.ranking import Hit, as_scores, hits, ranked, ranked_ids
from ragkit.search.base import Composable, Retriever, Run, has_methods


class FusionRetriever(Composable):
    """Merges the rankings of several retrievers by reciprocal rank fusion.

    Each retriever contributes its first `depth` documents, whatever `k` is asked for, so that a
    longer answer begins with the shorter one; `rrf_k` is the constant of the paper.
    """

    def __init__(self, *retrievers: Retriever, rrf_k: int = 60, depth: int = 100) -> None:
        if not retrievers:
            raise DataError("Fusion needs at least one retriever.")
        for place, retriever in enumerate(retrievers):
            if not has_methods(retriever, "search"):
                raise DataError(
                    f"retrievers[{place}] is {type(retriever).__name__}, not a retriever. "
                    "Pass them one by one: FusionRetriever(dense, bm25)."
                )
        self.retrievers = retrievers
        self.rrf_k = check_count(rrf_k, "rrf_k")
        self.depth = check_count(depth, "depth")

    @property
    def documents(self) -> Mapping[str, Document]:
        """The documents of all the retrievers; of two with one id, that of the later retriever."""
        mappings = [cast(dict[str, Document], one.documents) for one in self.retrievers]
        return ChainMap(*reversed(mappings))  # a view, not a copy

    def search(self, query: str, k: int = 10) -> list[Hit]:
        """The first `k` documents of the fused ranking; scores as in `reciprocal_rank_fusion`."""
        k = check_count(k)
        rankings = [retriever.search(query, self.depth) for retriever in self.retrievers]
        fused = reciprocal_rank_fusion([as_scores(ranking) for ranking in rankings], self.rrf_k)
        return hits(fused.items(), k)


def reciprocal_rank_fusion(
    rankings: Sequence[Mapping[str, float]], k: int = 60
) -> dict[str, float]:
    """Fuse score maps of one query: each document gets the sum of 1 / (k + rank).

    Cormack, Clarke & Büttcher, SIGIR 2009. Only ranks count, so scores of any scale may be mixed.
    Raises `DataError` for a `k` below 1.

    >>> reciprocal_rank_fusion([{"a": 9.0, "b": 8.0}, {"b": 0.7}], k=60)
    {'a': 0.01639344262295082, 'b': 0.03252247488101534}
    """
    k = check_count(k)
    fused: dict[str, float] = {}
    for scores in rankings:
        for rank, doc_id in enumerate(ranked_ids(scores), start=1):
            fused[doc_id] = fused.get(doc_id, 0.0) + 1.0 / (k + rank)
    return fused


def convex_combination(
    runs: Sequence[Mapping[str, Mapping[str, float]]], weights: Sequence[float]
) -> Run:
    """Fuse whole runs: for each query the weighted sum of min-max normalised scores, best first.

    Bruch, Gai & Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", TOIS 2023. Each
    list is scaled as by `min_max`; a document that it lacks gets 0 from it, as does a query that
    the whole run lacks. `weights` are one per run, none negative, and add up to 1; choose them on
    questions that you do not report on. Raises `DataError` for other weights, for what is not a
    run, and for a score that is not a finite number.

    >>> convex_combination([{"q": {"a": 9.0, "b": 5.0}}, {"q": {"b": 0.7, "c": 0.2}}], [0.25, 0.75])
    {'q': {'b': 0.75, 'a': 0.25, 'c': 0.0}}
    """
    runs = list(runs)
    weights = _check_weights(weights, len(runs))
    parts = [_check_run(run, f"runs[{place}]") for place, run in enumerate(runs)]
    query_ids = dict.fromkeys(query_id for part in parts for query_id in part)
    return {q: weighted_sum([part.get(q, {}) for part in parts], weights) for q in query_ids}


def weighted_sum(
    lists: Sequence[Mapping[str, float]], weights: Sequence[float]
) -> dict[str, float]:
    """One query of `convex_combination`, from scores and weights that are checked."""
    total: dict[str, float] = {}
    for scores, weight in zip(lists, weights, strict=True):
        for doc_id, scaled in min_max(scores).items():
            total[doc_id] = total.get(doc_id, 0.0) + weight * scaled
    return dict(ranked(total.items()))


def min_max(scores: Mapping[str, float]) -> dict[str, float]:
    """Scores of one list from 0 (its lowest) to 1 (its highest); all 0 if they are all equal."""
    if not scores:
        return {}
    low, high = min(scores.values()) / 2, max(scores.values()) / 2  # halves: no overflow
    width = high - low
    return {i: float((s / 2 - low) / width) if width else 0.0 for i, s in scores.items()}


def _check_weights(weights: Sequence[float], runs: int) -> list[float]:
    try:
        listed = list(weights)
    except TypeError:
        listed = []
    if not listed or len(listed) != runs:
        raise DataError(
            f"There are {runs} runs and the weights are {weights!r:.60}. "
            "Pass a list of runs and a list of as many weights, for example [0.2, 0.8]."
        )
    proper = all(is_finite(weight) and weight >= 0 for weight in listed)
    if not proper or not isclose(sum(listed), 1, abs_tol=1e-6):
        raise DataError(
            f"The weights are {weights!r:.60}: they must be numbers from 0 to 1 that add up to 1."
        )
    return [float(weight) for weight in listed]


def _check_run(run: Any, place: str) -> Run:
    queries = items_of(run, place, "{query_id: {doc_id: score}}")
    return {q: check_scores(scores, f"{place}[{q!r}]") for q, scores in queries}


def check_scores(scores: Any, place: str) -> dict[str, float]:
    """Return `{doc_id: score}` if every score is a finite number, else raise a `DataError`."""
    checked = dict(items_of(scores, place, "{doc_id: score}"))
    if not are_finite(checked.values()):
        doc_id, score = next(pair for pair in checked.items() if not is_finite(pair[1]))
        raise DataError(
            f"{place} gives {doc_id!r} the score {score!r:.60}. "
            "Give every document a finite number."
        )
    return checked
