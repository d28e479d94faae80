"""The exercises of lab 01 on search: pooling, unit length, the k nearest, hit-rate."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from ragkit.course.staff.exercise import Array, Case, Exercise, Mistake, unit


def _pooling_cases(rng: Generator) -> list[Case]:
    texts, width, dimension = rng.integers([3, 5, 3], [5, 8, 6])
    states = rng.normal(size=(texts, width, dimension)).astype(np.float32)
    lengths = np.r_[width, rng.integers(2, width, size=texts - 2), 1]
    padded = np.arange(width) < lengths[:, None]
    detail = f"{', '.join(map(str, lengths))} tokens"
    return [
        Case((states, np.ones_like(padded)), "texts without padding", f"{texts} of them"),
        Case((states, padded), "texts of different lengths, padded", detail, weight=2),
    ]


mean_pool = Exercise(
    name="mean_pool",
    cases=_pooling_cases,
    # states float32 [n, w, d], mask bool [n, w] -> [n, d]
    expected=lambda states, mask: (
        np.ma.array(states, mask=np.broadcast_to(~mask[..., None], states.shape))
        .mean(axis=1)
        .filled(np.nan)
    ),
    mistakes=[
        Mistake(
            "the padding is not masked: the mean runs over padding tokens too.",
            lambda states, mask: states.mean(axis=1),
        ),
        Mistake(
            "padding is set to zero but still counted: divide by the number of real tokens.",
            lambda states, mask: (states * mask[..., None]).mean(axis=1),
        ),
        Mistake(
            "this is the sum of the token vectors, not their mean.",
            lambda states, mask: (states * mask[..., None]).sum(axis=1),
        ),
        Mistake(
            "the mean runs over the texts (axis 0); average over the tokens (axis 1).",
            lambda states, mask: states.mean(axis=0),
        ),
        Mistake(
            "the mean runs over the dimensions (axis 2); average over the tokens (axis 1).",
            lambda states, mask: states.mean(axis=2),
        ),
        Mistake(
            "this is the first token's vector: that is cls pooling.",
            lambda states, mask: states[:, 0],
        ),
        Mistake(
            "the rows are divided by their length as well; here only the mean is asked for.",
            lambda states, mask: unit(
                (states * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
            ),
        ),
    ],
)


def _row_cases(rng: Generator) -> list[Case]:
    size = int(rng.integers(3, 6))
    rows = rng.normal(size=(size + 2, size)).astype(np.float32) * np.float32(3)
    return [
        Case((rows[:1],), "a single row"),
        Case((rows,), "rows of different lengths", f"{size + 2} of them"),
        Case((rows[:size],), "as many rows as columns", f"{size} of each"),
    ]


normalise = Exercise(
    name="normalise",
    cases=_row_cases,
    expected=unit,  # [n, d] -> [n, d]
    mistakes=[
        Mistake("the rows come back unchanged, not normalised.", lambda rows: rows),
        Mistake(
            "everything is divided by the norm of the whole matrix; each row needs its own "
            "(axis=1, keepdims=True).",
            lambda rows: rows / np.linalg.norm(rows),
        ),
        Mistake(
            "the columns have length 1, not the rows: use axis=1.",
            lambda rows: rows / np.linalg.norm(rows, axis=0),
        ),
        Mistake(
            "each row is divided by the sum of its absolute values; the length is the square "
            "root of the sum of squares.",
            lambda rows: rows / np.abs(rows).sum(axis=1, keepdims=True),
        ),
        Mistake(
            "each row is divided by its squared length: the square root is missing.",
            lambda rows: rows / (rows**2).sum(axis=1, keepdims=True),
        ),
    ],
)


def _search_cases(rng: Generator) -> list[Case]:
    count, k = int(rng.integers(8, 15)), int(rng.integers(3, 6))
    documents = unit(rng.normal(size=(count, 6)))
    query = unit(rng.normal(size=(1, 6)))[0]
    same = int(rng.integers(1, count))
    return [
        Case((query, documents, 1), "k=1", f"{count} documents"),
        Case((query, documents, k), "k above 1", f"{count} documents, k={k}", weight=2),
        Case((documents[same], documents, 2), "a query that equals a document", f"number {same}"),
    ]


def _order(query: Array, documents: Array) -> list[int]:
    """Row numbers, best first, of float [n, d] for a query [d]."""
    return sorted(range(len(documents)), key=lambda row: (-float(documents[row] @ query), row))


top_k = Exercise(
    name="top_k",
    cases=_search_cases,
    expected=lambda query, documents, k: _order(query, documents)[:k],
    mistakes=[
        Mistake(
            "these are the least similar documents: argsort is ascending, so this is argmin, not "
            "argmax. Sort the negated scores.",
            lambda query, documents, k: _order(query, documents)[::-1][:k],
        ),
        Mistake(
            "the right documents, but worst first: reverse them.",
            lambda query, documents, k: _order(query, documents)[:k][::-1],
        ),
        Mistake(
            "these are the scores; return the row numbers of the documents.",
            lambda query, documents, k: np.sort(documents @ query)[::-1][:k],
        ),
        Mistake(
            "one document too few: an off-by-one in the slice.",
            lambda query, documents, k: _order(query, documents)[: k - 1],
        ),
        Mistake(
            "one document too many: an off-by-one in the slice.",
            lambda query, documents, k: _order(query, documents)[: k + 1],
        ),
        Mistake(
            "the best document is skipped: ranks start at 0 in Python.",
            lambda query, documents, k: _order(query, documents)[1 : k + 1],
        ),
    ],
)


# The ranks of one query's judged documents (None: not retrieved), and their judgements. Every kind
# of query occurs in every case, so that every mistake shows.
_QUERIES: list[list[tuple[int | None, int]]] = [
    [(1, 1)],
    [(2, 1), (3, 2)],
    [(3, 1)],
    [(4, 1)],
    [(2, 1)],
    [(1, 0), (None, 1)],
]


Rankings = dict[str, list[str]]  # query id -> document ids, best first
Qrels = dict[str, dict[str, int]]  # query id -> document id -> judgement


def _ranking_cases(rng: Generator) -> list[Case]:
    drawn = [query for query in _QUERIES for _ in range(rng.integers(1, 4))]
    rankings: Rankings = {}
    qrels: Qrels = {}
    for number, place in enumerate(rng.permutation(len(drawn)).tolist(), start=1):
        names = rng.permutation([f"doc{n}" for n in range(40)]).tolist()
        rankings[f"q{number}"] = names[:6]
        qrels[f"q{number}"] = {
            names[rank - 1 if rank else -1]: judged for rank, judged in drawn[place]
        }
    hit = next(query_id for query_id in qrels if qrels[query_id].get(rankings[query_id][0], 0) > 0)
    unanswered = {query_id: rankings[query_id] for query_id in rankings if query_id != hit}
    detail = f"{len(drawn)} of them"
    return [
        Case((rankings, qrels, 1), "judged queries and k=1", detail),
        Case((rankings, qrels, 3), "judged queries and k=3", detail),
        Case((unanswered, qrels, 3), "judged queries, one of them never answered", hit),
    ]


def _hits(rankings: Rankings, qrels: Qrels, k: int) -> list[bool]:
    """For each judged query, whether its first k documents have a relevant one."""
    return [
        not {d for d, relevance in judged.items() if relevance > 0}.isdisjoint(
            rankings.get(query_id, [])[:k]
        )
        for query_id, judged in qrels.items()
    ]


def _answered(rankings: Rankings, qrels: Qrels) -> Qrels:
    return {query_id: qrels[query_id] for query_id in rankings}


hit_rate = Exercise(
    name="hit_rate",
    cases=_ranking_cases,
    expected=lambda rankings, qrels, k: np.mean(_hits(rankings, qrels, k)),
    mistakes=[
        Mistake(
            "only answered queries are averaged; a judged query without an answer counts as 0.",
            lambda rankings, qrels, k: np.mean(_hits(rankings, _answered(rankings, qrels), k)),
        ),
        Mistake(
            "the cut-off is one too small: an off-by-one in the slice.",
            lambda rankings, qrels, k: np.mean(_hits(rankings, qrels, k - 1)),
        ),
        Mistake(
            "the cut-off is one too large: an off-by-one in the slice.",
            lambda rankings, qrels, k: np.mean(_hits(rankings, qrels, k + 1)),
        ),
        Mistake(
            "a document judged 0 is counted as relevant; relevant means a judgement above 0.",
            lambda rankings, qrels, k: np.mean(
                [any(d in qrels[q] for d in rankings.get(q, [])[:k]) for q in qrels]
            ),
        ),
        Mistake(
            "this is the number of hits; divide by the number of judged queries.",
            lambda rankings, qrels, k: np.sum(_hits(rankings, qrels, k)),
        ),
        Mistake(
            "this is precision: a query is a hit or not, however many relevant documents it has.",
            lambda rankings, qrels, k: np.mean(
                [sum(qrels[q].get(d, 0) > 0 for d in rankings.get(q, [])[:k]) / k for q in qrels]
            ),
        ),
    ],
)
