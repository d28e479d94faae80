"""Sliders for the depth and the weight of a reranker, with the questions that it moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import shorten

from ragkit.course import plots
from ragkit.course.seeing.sliding import Control, View, slide
from ragkit.documents.kb import KnowledgeBase, Query
from ragkit.ranking import ranked_ids
from ragkit.search.base import Run
from ragkit.search.fusion import convex_combination

WEIGHTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)


def rerank_depth(
    kb: KnowledgeBase, first: Run, logits: Run, depth: int = 3, weight: float = 1
) -> None:
    """Show which questions of `kb` a reranker brings to rank 1, and which lose it there.

    `first` ranks the documents of each question; `logits` are the reranker's scores of the first
    few of them, and their number is the largest depth. Nothing is scored here. Settings are chosen
    on dev: pass that split.
    """
    deepest = min(map(len, logits.values()))
    reranked = Reranked(kb, first, logits)
    slide(
        reranked.view,
        Control("depth", "depth (candidates)", range(1, deepest + 1), depth),
        Control("weight", "weight of the reranker", WEIGHTS, weight),
    )


@dataclass(frozen=True, slots=True)
class Moved:
    """A question and the rank of its first right document before and after."""

    query: Query
    before: int
    after: int


class Reranked:
    """Two rankings of each question of a knowledge base, from scores that are known."""

    def __init__(self, kb: KnowledgeBase, first: Run, logits: Run) -> None:
        self.kb, self.logits = kb, logits
        self.first = {query.query_id: first[query.query_id] for query in kb.queries}
        self.orders = {query_id: ranked_ids(scores) for query_id, scores in self.first.items()}

    def ranking(self, query_id: str, depth: int, weight: float) -> list[str]:
        """The candidates as the reranker orders them, then the rest as the first stage does."""
        order = self.orders[query_id]
        second = {i: self.logits[query_id][i] for i in order[:depth]}
        if weight < 1:
            cosines = {i: self.first[query_id][i] for i in second}
            mixed = convex_combination([{"": second}, {"": cosines}], [weight, 1 - weight])
            second = mixed[""]
        return ranked_ids(second) + order[depth:]

    def moves(self, depth: int, weight: float) -> list[Moved]:
        """Each question, with the rank of its first right document before and after."""
        found = []
        for query in self.kb.queries:
            judged = {i for i, relevance in self.kb.qrels[query.query_id].items() if relevance > 0}
            before = self.orders[query.query_id]
            after = self.ranking(query.query_id, depth, weight)
            found.append(Moved(query, _first(before, judged), _first(after, judged)))
        return found

    def view(self, depth: float, weight: float) -> View:
        """The questions rescued and lost, named, with their ranks before and after."""
        moves = self.moves(int(depth), weight)
        rescued = [move for move in moves if move.before > 1 and move.after == 1]
        lost = [move for move in moves if move.before == 1 and move.after > 1]
        rows = [*rescued, *lost]
        figure = plots.moved_ranks(
            [shorten(move.query.text, 58, placeholder=" …") for move in rows],
            [move.before for move in rows],
            [move.after for move in rows],
        )
        firsts = (sum(r == 1 for r in ranks) for ranks in zip(*map(_ranks, moves), strict=True))
        before, after = (count / len(moves) for count in firsts)
        words = (
            f"Depth {depth:g}, weight {weight:g}: {len(rescued)} questions rescued and {len(lost)} "
            f"lost, of {len(moves)} on {self.kb.split}; hit_rate@1 goes from {before:.3f} to "
            f"{after:.3f}.\nRescued: {_named(rescued)}\nLost: {_named(lost)}"
        )
        return View(figure, _alt(depth, weight), words)


def _first(ranking: Sequence[str], judged: set[str]) -> int:
    """The rank of the first right document; one more than there are if it is missing."""
    ranks = (rank for rank, doc_id in enumerate(ranking, start=1) if doc_id in judged)
    return next(ranks, len(ranking) + 1)


def _ranks(move: Moved) -> tuple[int, int]:
    return move.before, move.after


def _named(moves: Sequence[Moved]) -> str:
    return " | ".join(move.query.text for move in moves) or "none."


def _alt(depth: float, weight: float) -> str:
    return (
        f"One row per question that the reranker moves to or from rank 1 at depth {depth:g} and "
        f"weight {weight:g}: its right document's rank before as a circle and after as a triangle, "
        "rescued questions above and lost ones below."
    )
