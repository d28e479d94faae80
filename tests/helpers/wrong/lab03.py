"""Wrong answers to the exercises of lab 03.

Like the right ones in `solvers`, each stands alone: its source runs in a cell that imports numpy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# 3.1 two_stage


def unstable_in_both_stages(first, second, depth, k):
    candidates = np.sort(np.argsort(-first)[:depth])
    return candidates[np.argsort(-second[candidates])][:k]


def unstable_in_the_first_stage(first, second, depth, k):
    candidates = np.sort(np.argsort(-first)[:depth])
    return candidates[np.argsort(-second[candidates], kind="stable")][:k]


def unstable_in_the_second_stage(first, second, depth, k):
    candidates = np.sort(np.argsort(-first, kind="stable")[:depth])
    return candidates[np.argsort(-second[candidates])][:k]


def unstable_and_in_first_stage_order(first, second, depth, k):
    candidates = np.argsort(-first)[:depth]
    return candidates[np.argsort(-second[candidates])][:k]


def turned_round_in_the_first_stage(first, second, depth, k):
    candidates = np.sort(np.argsort(first, kind="stable")[::-1][:depth])
    return candidates[np.argsort(-second[candidates], kind="stable")][:k]


def turned_round_in_the_second_stage(first, second, depth, k):
    candidates = np.sort(np.argsort(-first, kind="stable")[:depth])
    return candidates[np.argsort(second[candidates], kind="stable")[::-1]][:k]


def partitioned_candidates(first, second, depth, k):
    """Right without ties; with them any of the equal ones is kept."""
    depth = min(depth, len(first))
    candidates = np.sort(np.argpartition(-first, depth - 1)[:depth])
    return candidates[np.argsort(-second[candidates], kind="stable")][:k]


def partitioned_answer(first, second, depth, k):
    """The k best, in the order that the partition leaves them."""
    candidates = np.sort(np.argsort(-first, kind="stable")[:depth])
    k = min(k, len(candidates))
    return candidates[np.argpartition(-second[candidates], k - 1)[:k]]


def threshold_lets_in_all_that_tie(first, second, depth, k):
    least = np.sort(first)[::-1][min(depth, len(first)) - 1]
    candidates = np.flatnonzero(first >= least)
    return candidates[np.argsort(-second[candidates], kind="stable")][:k]


def threshold_leaves_out_all_that_tie(first, second, depth, k):
    ordered = np.sort(first)[::-1]
    least = ordered[depth] if depth < len(first) else -np.inf
    candidates = np.flatnonzero(first > least)
    return candidates[np.argsort(-second[candidates], kind="stable")][:k]


def ties_by_the_first_score(first, second, depth, k):
    candidates = np.argsort(-first, kind="stable")[:depth]
    return sorted(candidates, key=lambda row: (-second[row], -first[row], row))[:k]


def second_scores_of_the_first_rows(first, second, depth, k):
    """`second[:depth]` in place of `second[candidates]`."""
    candidates = np.sort(np.argsort(-first, kind="stable")[:depth])
    return candidates[np.argsort(-second[:depth], kind="stable")][:k]


def one_candidate_too_few(first, second, depth, k):
    candidates = np.sort(np.argsort(-first, kind="stable")[: depth - 1])
    return candidates[np.argsort(-second[candidates], kind="stable")][:k]


def one_candidate_too_many(first, second, depth, k):
    candidates = np.sort(np.argsort(-first, kind="stable")[: depth + 1])
    return candidates[np.argsort(-second[candidates], kind="stable")][:k]


def one_answer_too_few(first, second, depth, k):
    candidates = np.sort(np.argsort(-first, kind="stable")[:depth])
    return candidates[np.argsort(-second[candidates], kind="stable")][: k - 1]


def all_candidates_returned(first, second, depth, k):
    candidates = np.sort(np.argsort(-first, kind="stable")[:depth])
    return candidates[np.argsort(-second[candidates], kind="stable")]


def depth_of_five(first, second, depth, k):
    candidates = np.sort(np.argsort(-first, kind="stable")[:5])
    return candidates[np.argsort(-second[candidates], kind="stable")][:k]


def rows_from_one(first, second, depth, k):
    candidates = np.sort(np.argsort(-first, kind="stable")[:depth])
    return candidates[np.argsort(-second[candidates], kind="stable")][:k] + 1


def rows_in_ascending_order(first, second, depth, k):
    candidates = np.sort(np.argsort(-first, kind="stable")[:depth])
    return np.sort(candidates[np.argsort(-second[candidates], kind="stable")][:k])


def scores_in_place_of_rows(first, second, depth, k):
    candidates = np.sort(np.argsort(-first, kind="stable")[:depth])
    return -np.sort(-second[candidates], kind="stable")[:k]


def filled_up_to_k(first, second, depth, k):
    candidates = np.sort(np.argsort(-first, kind="stable")[:depth])
    rows = candidates[np.argsort(-second[candidates], kind="stable")][:k]
    return np.r_[rows, np.full(k - len(rows), -1)]


def ordered_by_size_of_the_score(first, second, depth, k):
    candidates = np.sort(np.argsort(-first, kind="stable")[:depth])
    return candidates[np.argsort(-np.abs(second[candidates]), kind="stable")][:k]


def sum_of_both_scores_of_all(first, second, depth, k):
    return np.argsort(-(first + second), kind="stable")[:k]


def product_of_both_scores(first, second, depth, k):
    candidates = np.sort(np.argsort(-first, kind="stable")[:depth])
    return candidates[np.argsort(-first[candidates] * second[candidates], kind="stable")][:k]


def common_rows_of_both_lists(first, second, depth, k):
    kept = set(np.argsort(-first, kind="stable")[:depth])
    return [row for row in np.argsort(-second, kind="stable")[:depth] if row in kept][:k]


def candidates_by_the_second_and_order_by_the_first(first, second, depth, k):
    candidates = np.sort(np.argsort(-second, kind="stable")[:depth])
    return candidates[np.argsort(-first[candidates], kind="stable")][:k]


def first_two_stage_answer_for_ever(first, second, depth, k, kept=[]):  # noqa: B006
    if not kept:
        candidates = np.sort(np.argsort(-first, kind="stable")[:depth])
        kept.append(candidates[np.argsort(-second[candidates], kind="stable")][:k])
    return kept[0]


def rows_as_they_are(first, second, depth, k):
    return np.arange(len(first))[:depth][:k]


def no_rows(first, second, depth, k):
    return []


# 3.2 rrf


def hard_coded_sixty(ranks, k):
    return np.where(ranks > 0, 1 / (60 + ranks), 0).sum(axis=0)


def rank_from_two(ranks, k):
    return np.where(ranks > 0, 1 / (k + ranks + 1), 0).sum(axis=0)


def rank_from_two_of_sixty(ranks, k):
    return np.where(ranks > 0, 1 / (61 + ranks), 0).sum(axis=0)


def missing_brackets(ranks, k):
    return np.where(ranks > 0, 1 / k + ranks, 0).sum(axis=0)


def whole_division(ranks, k):
    return np.where(ranks > 0, 1 // (k + ranks), 0).sum(axis=0)


def missing_gets_one_over_k(ranks, k):
    return (1 / (k + ranks)).sum(axis=0)


def missing_gets_the_last_rank(ranks, k):
    last = np.where(ranks > 0, ranks, ranks.shape[1])
    return (1 / (k + last)).sum(axis=0)


def missing_gets_the_rank_after_the_list(ranks, k):
    after = np.where(ranks > 0, ranks, ranks.max(axis=1, keepdims=True) + 1)
    return (1 / (k + after)).sum(axis=0)


def mean_of_the_systems_that_rank_it(ranks, k):
    shares = np.where(ranks > 0, 1 / (k + ranks), 0).sum(axis=0)
    return shares / np.maximum((ranks > 0).sum(axis=0), 1)


def mean_over_all_systems(ranks, k):
    return np.where(ranks > 0, 1 / (k + ranks), 0).mean(axis=0)


def best_system_only(ranks, k):
    return np.where(ranks > 0, 1 / (k + ranks), 0).max(axis=0)


def only_ranked_by_all(ranks, k):
    return np.where((ranks > 0).all(axis=0), (1 / (k + ranks)).sum(axis=0), 0)


def share_of_the_summed_ranks(ranks, k):
    total = ranks.sum(axis=0)
    return np.where(total > 0, 1 / (k + total), 0)


def share_of_the_mean_rank(ranks, k):
    total = ranks.sum(axis=0)
    mean = total / np.maximum((ranks > 0).sum(axis=0), 1)
    return np.where(total > 0, 1 / (k + mean), 0)


def sum_over_documents(ranks, k):
    return np.where(ranks > 0, 1 / (k + ranks), 0).sum(axis=1)


def first_rank_does_not_count(ranks, k):
    return np.where(ranks > 1, 1 / (k + ranks), 0).sum(axis=0)


def no_constant(ranks, k):
    return np.where(ranks > 0, 1 / np.maximum(ranks, 1), 0).sum(axis=0)


def constant_over_ranks(ranks, k):
    return np.where(ranks > 0, k / (k + ranks), 0).sum(axis=0)


def exponential_of_ranks(ranks, k):
    return np.where(ranks > 0, np.exp(-ranks / k), 0).sum(axis=0)


def scaled_to_one(ranks, k):
    shares = np.where(ranks > 0, 1 / (k + ranks), 0).sum(axis=0)
    return shares / shares.sum()


def document_order_in_place_of_scores(ranks, k):
    shares = np.where(ranks > 0, 1 / (k + ranks), 0).sum(axis=0)
    return np.argsort(-shares, kind="stable")


def fused_ranks_in_place_of_scores(ranks, k):
    shares = np.where(ranks > 0, 1 / (k + ranks), 0).sum(axis=0)
    return 1 + np.argsort(np.argsort(-shares, kind="stable"))


def rows_taken_for_ranks(ranks, k):
    """Reads `ranks` as lists of documents, best first."""
    fused = np.zeros(ranks.shape[1])
    for row in ranks:
        for rank, document in enumerate(row, start=1):
            if document:
                fused[document - 1] += 1 / (k + rank)
    return fused


def two_systems_only(ranks, k):
    return np.where(ranks[:2] > 0, 1 / (k + ranks[:2]), 0).sum(axis=0)


def first_fusion_for_ever(ranks, k, kept=[]):  # noqa: B006
    if not kept:
        kept.append(np.where(ranks > 0, 1 / (k + ranks), 0).sum(axis=0))
    return kept[0]


def half_precision(ranks, k):
    return np.where(ranks > 0, 1 / (k + ranks), 0).astype(np.float16).sum(axis=0)


# 3.3 max_sim


def only_the_query_normalised(query, document):
    query = query / np.linalg.norm(query, axis=1, keepdims=True)
    return (query @ document.T).max(axis=1).sum()


def only_the_document_normalised(query, document):
    document = document / np.linalg.norm(document, axis=1, keepdims=True)
    return (query @ document.T).max(axis=1).sum()


def lengths_along_axis_0(query, document):
    query = query / np.linalg.norm(query, axis=0)
    document = document / np.linalg.norm(document, axis=0)
    return (query @ document.T).max(axis=1).sum()


def one_length_for_all(query, document):
    """`np.linalg.norm` without an axis."""
    return (query / np.linalg.norm(query) @ document.T / np.linalg.norm(document)).max(axis=1).sum()


def squared_lengths(query, document):
    query = query / (query**2).sum(axis=1, keepdims=True)
    document = document / (document**2).sum(axis=1, keepdims=True)
    return (query @ document.T).max(axis=1).sum()


def sums_for_lengths(query, document):
    query = query / np.abs(query).sum(axis=1, keepdims=True)
    document = document / np.abs(document).sum(axis=1, keepdims=True)
    return (query @ document.T).max(axis=1).sum()


def normalised_after_the_choice(query, document):
    """Chooses by the dot product, then takes the cosine of the chosen."""
    chosen = document[(query @ document.T).argmax(axis=1)]
    lengths = np.linalg.norm(query, axis=1) * np.linalg.norm(chosen, axis=1)
    return ((query * chosen).sum(axis=1) / lengths).sum()


def nearest_by_distance(query, document):
    """Chooses by the L2 distance of vectors as they are."""
    gaps = ((query[:, None] - document[None]) ** 2).sum(axis=2)
    chosen = document[gaps.argmin(axis=1)]
    lengths = np.linalg.norm(query, axis=1) * np.linalg.norm(chosen, axis=1)
    return ((query * chosen).sum(axis=1) / lengths).sum()


def smallest_distances(query, document):
    query = query / np.linalg.norm(query, axis=1, keepdims=True)
    document = document / np.linalg.norm(document, axis=1, keepdims=True)
    return np.sqrt(((query[:, None] - document[None]) ** 2).sum(axis=2)).min(axis=1).sum()


def cosine_distances(query, document):
    query = query / np.linalg.norm(query, axis=1, keepdims=True)
    document = document / np.linalg.norm(document, axis=1, keepdims=True)
    return (1 - query @ document.T).min(axis=1).sum()


def never_below_zero(query, document):
    query = query / np.linalg.norm(query, axis=1, keepdims=True)
    document = document / np.linalg.norm(document, axis=1, keepdims=True)
    return (query @ document.T).max(axis=1, initial=0).sum()


def sign_ignored(query, document):
    query = query / np.linalg.norm(query, axis=1, keepdims=True)
    document = document / np.linalg.norm(document, axis=1, keepdims=True)
    return np.abs(query @ document.T).max(axis=1).sum()


def each_document_token_looks(query, document):
    query = query / np.linalg.norm(query, axis=1, keepdims=True)
    document = document / np.linalg.norm(document, axis=1, keepdims=True)
    return (query @ document.T).max(axis=0).sum()


def both_directions(query, document):
    query = query / np.linalg.norm(query, axis=1, keepdims=True)
    document = document / np.linalg.norm(document, axis=1, keepdims=True)
    cosines = query @ document.T
    return (cosines.max(axis=1).sum() + cosines.max(axis=0).sum()) / 2


def shorter_side_looks(query, document):
    query = query / np.linalg.norm(query, axis=1, keepdims=True)
    document = document / np.linalg.norm(document, axis=1, keepdims=True)
    return (query @ document.T).max(axis=int(len(query) < len(document))).sum()


def every_document_token_once(query, document):
    """One after another, each query token takes the best document token that is left."""
    query = query / np.linalg.norm(query, axis=1, keepdims=True)
    document = document / np.linalg.norm(document, axis=1, keepdims=True)
    cosines, total = query @ document.T, 0.0
    for row in cosines:
        if len(row) and np.isfinite(row).any():
            total += row.max()
            cosines[:, row.argmax()] = -np.inf
    return total


def token_by_token(query, document):
    """Place by place, without a maximum."""
    n = min(len(query), len(document))
    query = query / np.linalg.norm(query, axis=1, keepdims=True)
    document = document / np.linalg.norm(document, axis=1, keepdims=True)
    return (query[:n] * document[:n]).sum()


def cosine_of_the_means(query, document):
    query, document = query.mean(axis=0), document.mean(axis=0)
    return query @ document / np.linalg.norm(query) / np.linalg.norm(document)


def all_cosines_summed(query, document):
    query = query / np.linalg.norm(query, axis=1, keepdims=True)
    document = document / np.linalg.norm(document, axis=1, keepdims=True)
    return (query @ document.T).sum()


def least_cosines(query, document):
    query = query / np.linalg.norm(query, axis=1, keepdims=True)
    document = document / np.linalg.norm(document, axis=1, keepdims=True)
    return (query @ document.T).min(axis=1).sum()


def list_of_maxima(query, document):
    query = query / np.linalg.norm(query, axis=1, keepdims=True)
    document = document / np.linalg.norm(document, axis=1, keepdims=True)
    return (query @ document.T).max(axis=1)


def mean_over_document_length(query, document):
    query = query / np.linalg.norm(query, axis=1, keepdims=True)
    document = document / np.linalg.norm(document, axis=1, keepdims=True)
    return (query @ document.T).max(axis=1).sum() / len(document)


def first_and_last_left_out(query, document):
    query = query / np.linalg.norm(query, axis=1, keepdims=True)
    document = document / np.linalg.norm(document, axis=1, keepdims=True)
    return (query[1:-1] @ document[1:-1].T).max(axis=1, initial=-1).sum()


def one_for_each_token(query, document):
    return float(len(query))


def first_max_sim_for_ever(query, document, kept=[]):  # noqa: B006
    if not kept:
        query = query / np.linalg.norm(query, axis=1, keepdims=True)
        document = document / np.linalg.norm(document, axis=1, keepdims=True)
        kept.append((query @ document.T).max(axis=1).sum())
    return kept[0]


# 3.4 mrr_at_k


def argmax_of_grades(relevance, k):
    first = relevance[:, :k]
    return np.where((first > 0).any(axis=1), 1 / (first.argmax(axis=1) + 1), 0).mean()


def argmax_of_grades_without_any(relevance, k):
    return (1 / (relevance[:, :k].argmax(axis=1) + 1)).mean()


def argmax_without_any(relevance, k):
    return (1 / ((relevance[:, :k] > 0).argmax(axis=1) + 1)).mean()


def any_beyond_the_cut_off(relevance, k):
    """`any` looks at all places, `argmax` at the first k."""
    place = (relevance[:, :k] > 0).argmax(axis=1)
    return np.where((relevance > 0).any(axis=1), 1 / (place + 1), 0).mean()


def only_grade_one(relevance, k):
    hits = relevance[:, :k] == 1
    return np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 0).mean()


def only_above_one(relevance, k):
    hits = relevance[:, :k] > 1
    return np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 0).mean()


def rank_zero_below_k(relevance, k):
    """One place too many."""
    hits = relevance[:, : k + 1] > 0
    return np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 0).mean()


def one_place_too_few(relevance, k):
    hits = relevance[:, : k - 1] > 0
    return np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 0).mean()


def all_places(relevance, k):
    hits = relevance > 0
    return np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 0).mean()


def top_ten(relevance, k):
    hits = relevance[:, :10] > 0
    return np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 0).mean()


def first_k_queries(relevance, k):
    """The cut-off along the wrong axis."""
    hits = relevance[:k] > 0
    return np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 0).mean()


def axes_exchanged(relevance, k):
    hits = relevance[:, :k].T > 0
    return np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 0).mean()


def ranks_from_zero(relevance, k):
    hits = relevance[:, :k] > 0
    return np.where(hits.any(axis=1), 1 / np.maximum(hits.argmax(axis=1), 1), 0).mean()


def weighted_by_grade(relevance, k):
    hits = relevance[:, :k] > 0
    place = hits.argmax(axis=1)
    return (relevance[np.arange(len(relevance)), place] * hits.any(axis=1) / (place + 1)).mean()


def discounted_by_a_logarithm(relevance, k):
    hits = relevance[:, :k] > 0
    return np.where(hits.any(axis=1), 1 / np.log2(hits.argmax(axis=1) + 2), 0).mean()


def reciprocal_of_the_mean_rank(relevance, k):
    hits = relevance[:, :k] > 0
    return 1 / (hits.argmax(axis=1)[hits.any(axis=1)] + 1).mean()


def mean_rank(relevance, k):
    hits = relevance[:, :k] > 0
    return np.where(hits.any(axis=1), hits.argmax(axis=1) + 1, 0).mean()


def median_of_the_queries(relevance, k):
    hits = relevance[:, :k] > 0
    return np.median(np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 0))


def largest_of_the_queries(relevance, k):
    hits = relevance[:, :k] > 0
    return np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 0).max()


def list_of_the_queries(relevance, k):
    hits = relevance[:, :k] > 0
    return np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 0)


def missed_counts_as_rank_k(relevance, k):
    hits = relevance[:, :k] > 0
    return np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 1 / k).mean()


def missed_counts_as_the_next_rank(relevance, k):
    hits = relevance[:, :k] > 0
    return np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 1 / (k + 1)).mean()


def divided_by_the_places(relevance, k):
    hits = relevance[:, :k] > 0
    found = np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 0)
    return found.sum() / relevance.shape[1]


def divided_by_k(relevance, k):
    hits = relevance[:, :k] > 0
    return np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 0).sum() / k


def whole_reciprocals(relevance, k):
    """Division without a rest, as in Python 2."""
    hits = relevance[:, :k] > 0
    return np.where(hits.any(axis=1), 1 // (hits.argmax(axis=1) + 1), 0).mean()


def returned_inside_the_loop(relevance, k):
    for row in relevance:
        for rank, grade in enumerate(row[:k], start=1):
            if grade > 0:
                return 1 / rank
    return 0.0


def average_precision(relevance, k):
    hits = relevance[:, :k] > 0
    shares = hits.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)
    return ((shares * hits).sum(axis=1) / np.maximum(hits.sum(axis=1), 1)).mean()


def mean_of_all_hits(relevance, k):
    """The mean of 1 / rank over the relevant documents of each query."""
    hits = relevance[:, :k] > 0
    shares = hits / np.arange(1, hits.shape[1] + 1)
    return (shares.sum(axis=1) / np.maximum(hits.sum(axis=1), 1)).mean()


def over_all_hits_at_once(relevance, k):
    """A micro mean: over relevant documents, not over queries."""
    hits = relevance[:, :k] > 0
    shares = hits / np.arange(1, hits.shape[1] + 1)
    return shares.sum() / max(hits.sum(), 1)


def precision_in_place_of_mrr(relevance, k):
    return (relevance[:, :k] > 0).mean()


def first_mrr_for_ever(relevance, k, kept=[]):  # noqa: B006
    if not kept:
        hits = relevance[:, :k] > 0
        kept.append(np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 0).mean())
    return kept[0]


def nothing_found(relevance, k):
    return 0.0


# 3.5 ndcg_at_k


def judged_not_sorted(relevance, judged, k):
    gains, ideal = (
        sum(g / np.log2(rank + 1) for rank, g in enumerate(grades[:k], start=1))
        for grades in (relevance, judged)
    )
    return gains / ideal if ideal else 0.0


def judged_cut_before_sorting(relevance, judged, k):
    gains, ideal = (
        sum(g / np.log2(rank + 1) for rank, g in enumerate(grades[:k], start=1))
        for grades in (relevance, np.sort(judged[:k])[::-1])
    )
    return gains / ideal if ideal else 0.0


def judged_sorted_upwards(relevance, judged, k):
    gains, ideal = (
        sum(g / np.log2(rank + 1) for rank, g in enumerate(grades[:k], start=1))
        for grades in (relevance, np.sort(judged))
    )
    return gains / ideal if ideal else 0.0


def judged_turned_round(relevance, judged, k):
    """`[::-1]` without a sort."""
    gains, ideal = (
        sum(g / np.log2(rank + 1) for rank, g in enumerate(grades[:k], start=1))
        for grades in (relevance, judged[::-1])
    )
    return gains / ideal if ideal else 0.0


def ideal_of_the_retrieved(relevance, judged, k):
    gains, ideal = (
        sum(g / np.log2(rank + 1) for rank, g in enumerate(grades[:k], start=1))
        for grades in (relevance, np.sort(relevance)[::-1])
    )
    return gains / ideal if ideal else 0.0


def ideal_of_the_retrieved_top_k(relevance, judged, k):
    gains, ideal = (
        sum(g / np.log2(rank + 1) for rank, g in enumerate(grades[:k], start=1))
        for grades in (relevance, np.sort(relevance[:k])[::-1])
    )
    return gains / ideal if ideal else 0.0


def ideal_as_long_as_the_ranking(relevance, judged, k):
    gains, ideal = (
        sum(g / np.log2(rank + 1) for rank, g in enumerate(grades[:k], start=1))
        for grades in (relevance, np.sort(judged)[::-1][: len(relevance)])
    )
    return gains / ideal if ideal else 0.0


def ideal_not_cut(relevance, judged, k):
    gains, ideal = (
        sum(g / np.log2(rank + 1) for rank, g in enumerate(grades, start=1))
        for grades in (relevance[:k], np.sort(judged)[::-1])
    )
    return gains / ideal if ideal else 0.0


def ideal_of_k_best_grades(relevance, judged, k):
    """As if there were k documents of the highest grade."""
    gains, ideal = (
        sum(g / np.log2(rank + 1) for rank, g in enumerate(grades[:k], start=1))
        for grades in (relevance, np.full(k, judged.max()))
    )
    return gains / ideal if ideal else 0.0


def ideal_of_different_grades(relevance, judged, k):
    """`np.unique` or a set: each grade counts once."""
    gains, ideal = (
        sum(g / np.log2(rank + 1) for rank, g in enumerate(grades[:k], start=1))
        for grades in (relevance, np.unique(judged)[::-1])
    )
    return gains / ideal if ideal else 0.0


def ranking_sorted_too(relevance, judged, k):
    gains, ideal = (
        sum(g / np.log2(rank + 1) for rank, g in enumerate(grades[:k], start=1))
        for grades in (np.sort(relevance)[::-1], np.sort(judged)[::-1])
    )
    return gains / ideal if ideal else 0.0


def cut_off_ignored(relevance, judged, k):
    gains, ideal = (
        sum(g / np.log2(rank + 1) for rank, g in enumerate(grades, start=1))
        for grades in (relevance, np.sort(judged)[::-1])
    )
    return gains / ideal if ideal else 0.0


def cut_off_of_ten(relevance, judged, k):
    gains, ideal = (
        sum(g / np.log2(rank + 1) for rank, g in enumerate(grades[:10], start=1))
        for grades in (relevance, np.sort(judged)[::-1])
    )
    return gains / ideal if ideal else 0.0


def one_place_short(relevance, judged, k):
    gains, ideal = (
        sum(g / np.log2(rank + 1) for rank, g in enumerate(grades[: k - 1], start=1))
        for grades in (relevance, np.sort(judged)[::-1])
    )
    return gains / ideal if ideal else 0.0


def grades_above_zero_count_as_one(relevance, judged, k):
    gains, ideal = (
        sum((g > 0) / np.log2(rank + 1) for rank, g in enumerate(grades[:k], start=1))
        for grades in (relevance, np.sort(judged)[::-1])
    )
    return gains / ideal if ideal else 0.0


def only_grade_one_gains(relevance, judged, k):
    gains, ideal = (
        sum((g == 1) / np.log2(rank + 1) for rank, g in enumerate(grades[:k], start=1))
        for grades in (relevance, np.sort(judged)[::-1])
    )
    return gains / ideal if ideal else 0.0


def exponential_gain(relevance, judged, k):
    gains, ideal = (
        sum((2.0**g - 1) / np.log2(rank + 1) for rank, g in enumerate(grades[:k], start=1))
        for grades in (relevance, np.sort(judged)[::-1])
    )
    return gains / ideal if ideal else 0.0


def exponential_gain_of_the_ranking_only(relevance, judged, k):
    gains = sum((2.0**g - 1) / np.log2(r + 1) for r, g in enumerate(relevance[:k], start=1))
    ideal = sum(g / np.log2(r + 1) for r, g in enumerate(np.sort(judged)[::-1][:k], start=1))
    return gains / ideal if ideal else 0.0


def discount_of_the_original_paper(relevance, judged, k):
    """Ranks 1 and 2 are not discounted, rank r is divided by log2(r)."""
    gains, ideal = (
        sum(g / max(np.log2(rank), 1) for rank, g in enumerate(grades[:k], start=1))
        for grades in (relevance, np.sort(judged)[::-1])
    )
    return gains / ideal if ideal else 0.0


def discount_one_off(relevance, judged, k):
    gains, ideal = (
        sum(g / np.log2(rank + 2) for rank, g in enumerate(grades[:k], start=1))
        for grades in (relevance, np.sort(judged)[::-1])
    )
    return gains / ideal if ideal else 0.0


def discount_one_plus_logarithm(relevance, judged, k):
    gains, ideal = (
        sum(g / (1 + np.log2(rank)) for rank, g in enumerate(grades[:k], start=1))
        for grades in (relevance, np.sort(judged)[::-1])
    )
    return gains / ideal if ideal else 0.0


def natural_logarithm_on_one_side(relevance, judged, k):
    gains = sum(g / np.log(r + 1) for r, g in enumerate(relevance[:k], start=1))
    ideal = sum(g / np.log2(r + 1) for r, g in enumerate(np.sort(judged)[::-1][:k], start=1))
    return gains / ideal if ideal else 0.0


def divided_by_rank(relevance, judged, k):
    gains, ideal = (
        sum(g / rank for rank, g in enumerate(grades[:k], start=1))
        for grades in (relevance, np.sort(judged)[::-1])
    )
    return gains / ideal if ideal else 0.0


def not_discounted(relevance, judged, k):
    gains, ideal = (sum(grades[:k]) for grades in (relevance, np.sort(judged)[::-1]))
    return gains / ideal if ideal else 0.0


def dcg_alone(relevance, judged, k):
    return sum(g / np.log2(rank + 1) for rank, g in enumerate(relevance[:k], start=1))


def divided_by_the_number_of_relevant(relevance, judged, k):
    gains = sum(g / np.log2(rank + 1) for rank, g in enumerate(relevance[:k], start=1))
    return gains / max((judged > 0).sum(), 1)


def ideal_over_gain(relevance, judged, k):
    gains, ideal = (
        sum(g / np.log2(rank + 1) for rank, g in enumerate(grades[:k], start=1))
        for grades in (relevance, np.sort(judged)[::-1])
    )
    return ideal / gains if gains else 0.0


def mean_over_the_places(relevance, judged, k):
    gains, ideal = (
        sum(g / np.log2(rank + 1) for rank, g in enumerate(grades[:k], start=1))
        for grades in (relevance, np.sort(judged)[::-1])
    )
    return gains / k / ideal if ideal else 0.0


def nothing_relevant_is_perfect(relevance, judged, k):
    gains, ideal = (
        sum(g / np.log2(rank + 1) for rank, g in enumerate(grades[:k], start=1))
        for grades in (relevance, np.sort(judged)[::-1])
    )
    return gains / ideal if ideal else 1.0


def nothing_relevant_is_nan(relevance, judged, k):
    gains, ideal = (
        sum(g / np.log2(rank + 1) for rank, g in enumerate(grades[:k], start=1))
        for grades in (relevance, np.sort(judged)[::-1])
    )
    return gains / ideal if ideal else np.nan


def always_k_discounts(relevance, judged, k):
    """Breaks where there are fewer than k places."""
    discounts = np.log2(np.arange(2, k + 2))
    ideal = (np.sort(judged)[::-1][:k] / discounts).sum()
    return (relevance[:k] / discounts).sum() / ideal if ideal else 0.0


def whole_gains(relevance, judged, k):
    gains, ideal = (
        sum(g // np.log2(rank + 1) for rank, g in enumerate(grades[:k], start=1))
        for grades in (relevance, np.sort(judged)[::-1])
    )
    return gains / ideal if ideal else 0.0


def never_above_one(relevance, judged, k):
    gains, ideal = (
        sum(g / np.log2(rank + 1) for rank, g in enumerate(grades[:k], start=1))
        for grades in (relevance, judged)
    )
    return min(gains / ideal, 1.0) if ideal else 0.0


def reciprocal_rank_in_place_of_ndcg(relevance, judged, k):
    return next((1 / r for r, g in enumerate(relevance[:k], start=1) if g > 0), 0.0)


def recall_in_place_of_ndcg(relevance, judged, k):
    return (relevance[:k] > 0).sum() / max((judged > 0).sum(), 1)


def first_ndcg_for_ever(relevance, judged, k, kept=[]):  # noqa: B006
    if not kept:
        gains, ideal = (
            sum(g / np.log2(rank + 1) for rank, g in enumerate(grades[:k], start=1))
            for grades in (relevance, np.sort(judged)[::-1])
        )
        kept.append(gains / ideal if ideal else 0.0)
    return kept[0]


def never_relevant(relevance, judged, k):
    return 0.0


# 3.6 kendall


def same_order_only(a, b):
    pairs = [(i, j) for i in range(len(a)) for j in range(i)]
    return np.mean([(a[i] - a[j]) * (b[i] - b[j]) > 0 for i, j in pairs])


def opposite_order_only(a, b):
    """Kendall's distance, from 0 to 1."""
    pairs = [(i, j) for i in range(len(a)) for j in range(i)]
    return np.mean([(a[i] - a[j]) * (b[i] - b[j]) < 0 for i, j in pairs])


def argsort_taken_for_ranks(a, b):
    a, b = np.argsort(a), np.argsort(b)
    return (np.sign(a[:, None] - a) * np.sign(b[:, None] - b)).sum() / len(a) / (len(a) - 1)


def places_that_agree(a, b):
    return (np.argsort(-a) == np.argsort(-b)).mean()


def ranks_that_agree(a, b):
    return (np.argsort(np.argsort(-a)) == np.argsort(np.argsort(-b))).mean()


def product_of_differences(a, b):
    """Without `np.sign`: a correlation of the scores."""
    gaps = (a[:, None] - a) * (b[:, None] - b)
    return gaps.sum() / len(a) / (len(a) - 1)


def pearson(a, b):
    return np.corrcoef(a, b)[0, 1]


def spearman(a, b):
    ranks = [np.argsort(np.argsort(scores)) for scores in (a, b)]
    return np.corrcoef(*ranks)[0, 1]


def cosine_of_the_scores(a, b):
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def neighbours_only(a, b):
    return np.mean(np.sign(np.diff(a)) * np.sign(np.diff(b)))


def compared_with_the_first_only(a, b):
    return np.mean(np.sign(a[1:] - a[0]) * np.sign(b[1:] - b[0]))


def diagonal_counted(a, b):
    return (np.sign(a[:, None] - a) * np.sign(b[:, None] - b)).mean()


def diagonal_counted_as_agreement(a, b):
    same = np.sign(a[:, None] - a) == np.sign(b[:, None] - b)
    return 2 * same.mean() - 1


def pairs_and_one_more_document(a, b):
    n = len(a)
    return (np.sign(a[:, None] - a) * np.sign(b[:, None] - b)).sum() / (n * (n + 1))


def half_the_pairs_over_all(a, b):
    n = len(a)
    order = np.sign(a[:, None] - a) * np.sign(b[:, None] - b)
    return np.triu(order).sum() / (n * (n - 1))


def all_pairs_over_half(a, b):
    n = len(a)
    return (np.sign(a[:, None] - a) * np.sign(b[:, None] - b)).sum() / (n * (n - 1) / 2)


def sum_of_all_pairs(a, b):
    return (np.sign(a[:, None] - a) * np.sign(b[:, None] - b)).sum()


def divided_by_documents(a, b):
    return (np.sign(a[:, None] - a) * np.sign(b[:, None] - b)).sum() / len(a)


def minus_tau(a, b):
    n = len(a)
    return (np.sign(a[:, None] - a) * np.sign(b - b[:, None])).sum() / (n * (n - 1))


def scaled_from_zero_to_one(a, b):
    n = len(a)
    tau = (np.sign(a[:, None] - a) * np.sign(b[:, None] - b)).sum() / (n * (n - 1))
    return (tau + 1) / 2


def size_of_tau(a, b):
    n = len(a)
    return abs((np.sign(a[:, None] - a) * np.sign(b[:, None] - b)).sum() / (n * (n - 1)))


def first_sorted_by_itself(a, b):
    """Sorts both lists, so that every pair agrees."""
    a, b = np.sort(a), np.sort(b)
    n = len(a)
    return (np.sign(a[:, None] - a) * np.sign(b[:, None] - b)).sum() / (n * (n - 1))


def table_of_pairs(a, b):
    return np.sign(a[:, None] - a) * np.sign(b[:, None] - b)


def correlation_and_p_value(a, b):
    from scipy.stats import kendalltau

    return kendalltau(a, b)


def weighted_by_rank(a, b):
    from scipy.stats import weightedtau

    return weightedtau(a, b).statistic


def signs_of_the_scores(a, b):
    """Counts scores of one sign, not pairs of one order."""
    return (np.sign(a) * np.sign(b)).mean()


def first_tau_for_ever(a, b, kept=[]):  # noqa: B006
    if not kept:
        n = len(a)
        signs = np.sign(a[:, None] - a) * np.sign(b[:, None] - b)
        kept.append(signs.sum() / (n * (n - 1)))
    return kept[0]


def always_minus_one(a, b):
    return -1.0


def always_one(a, b):
    return 1.0


def only_positive_first_scores(first, second, depth, k):
    rows = [row for row in np.argsort(-first, kind="stable")[:depth] if first[row] > 0]
    return sorted(rows, key=lambda row: (-second[row], row))[:k]


def scores_to_two_decimals(first, second, depth, k):
    rows = np.sort(np.argsort(-np.round(first, 2), kind="stable")[:depth])
    return rows[np.argsort(-np.round(second[rows], 2), kind="stable")][:k]


def equal_query_tokens_once(query, document):
    query = np.unique(query, axis=0)
    query = query / np.linalg.norm(query, axis=1, keepdims=True)
    document = document / np.linalg.norm(document, axis=1, keepdims=True)
    return (query @ document.T).max(axis=1).sum()


def first_place_only_of_grade_one(relevance, k):
    place = (relevance[:, :k] > 0).argmax(axis=1)
    return np.where((place > 0) | (relevance[:, 0] == 1), 1 / (place + 1), 0).mean()


def as_deep_as_the_judged(relevance, judged, k):
    def dcg(gains):
        return (gains / np.log2(np.arange(2, len(gains) + 2))).sum()

    k = min(k, len(judged))
    ideal = dcg(np.sort(judged)[::-1][:k])
    return dcg(relevance[:k]) / ideal if ideal else 0


def as_deep_as_the_relevant(relevance, judged, k):
    def dcg(gains):
        return (gains / np.log2(np.arange(2, len(gains) + 2))).sum()

    k = min(k, np.count_nonzero(judged))
    ideal = dcg(np.sort(judged)[::-1][:k])
    return dcg(relevance[:k]) / ideal if ideal else 0


def nothing_where_the_first_judged_are_wrong(relevance, judged, k):
    def dcg(gains):
        return (gains / np.log2(np.arange(2, len(gains) + 2))).sum()

    if not np.any(judged[:k]):
        return 0
    return dcg(relevance[:k]) / dcg(np.sort(judged)[::-1][:k])


def argsort_of_one_side(a, b):
    order = np.argsort(a)
    signs = np.sign(order[:, None] - order) * np.sign(b[:, None] - b)
    return signs.sum() / (len(a) * (len(a) - 1))


def scores_to_three_decimals(a, b):
    a, b = np.round(a, 3), np.round(b, 3)
    signs = np.sign(a[:, None] - a) * np.sign(b[:, None] - b)
    return signs.sum() / (len(a) * (len(a) - 1))


def tau_to_two_decimals(a, b):
    signs = np.sign(a[:, None] - a) * np.sign(b[:, None] - b)
    return np.round(signs.sum() / (len(a) * (len(a) - 1)), 2)


WRONG: dict[str, tuple[Callable[..., Any], ...]] = {
    "two_stage": (
        scores_to_two_decimals,
        only_positive_first_scores,
        unstable_in_both_stages,
        unstable_in_the_first_stage,
        unstable_in_the_second_stage,
        unstable_and_in_first_stage_order,
        turned_round_in_the_first_stage,
        turned_round_in_the_second_stage,
        partitioned_candidates,
        partitioned_answer,
        threshold_lets_in_all_that_tie,
        threshold_leaves_out_all_that_tie,
        ties_by_the_first_score,
        second_scores_of_the_first_rows,
        one_candidate_too_few,
        one_candidate_too_many,
        one_answer_too_few,
        all_candidates_returned,
        depth_of_five,
        rows_from_one,
        rows_in_ascending_order,
        scores_in_place_of_rows,
        filled_up_to_k,
        ordered_by_size_of_the_score,
        sum_of_both_scores_of_all,
        product_of_both_scores,
        common_rows_of_both_lists,
        candidates_by_the_second_and_order_by_the_first,
        first_two_stage_answer_for_ever,
        rows_as_they_are,
        no_rows,
    ),
    "rrf": (
        hard_coded_sixty,
        rank_from_two,
        rank_from_two_of_sixty,
        missing_brackets,
        whole_division,
        missing_gets_one_over_k,
        missing_gets_the_last_rank,
        missing_gets_the_rank_after_the_list,
        mean_of_the_systems_that_rank_it,
        mean_over_all_systems,
        best_system_only,
        only_ranked_by_all,
        share_of_the_summed_ranks,
        share_of_the_mean_rank,
        sum_over_documents,
        first_rank_does_not_count,
        no_constant,
        constant_over_ranks,
        exponential_of_ranks,
        scaled_to_one,
        document_order_in_place_of_scores,
        fused_ranks_in_place_of_scores,
        rows_taken_for_ranks,
        two_systems_only,
        first_fusion_for_ever,
        half_precision,
    ),
    "max_sim": (
        equal_query_tokens_once,
        only_the_query_normalised,
        only_the_document_normalised,
        lengths_along_axis_0,
        one_length_for_all,
        squared_lengths,
        sums_for_lengths,
        normalised_after_the_choice,
        nearest_by_distance,
        smallest_distances,
        cosine_distances,
        never_below_zero,
        sign_ignored,
        each_document_token_looks,
        both_directions,
        shorter_side_looks,
        every_document_token_once,
        token_by_token,
        cosine_of_the_means,
        all_cosines_summed,
        least_cosines,
        list_of_maxima,
        mean_over_document_length,
        first_and_last_left_out,
        one_for_each_token,
        first_max_sim_for_ever,
    ),
    "mrr_at_k": (
        first_place_only_of_grade_one,
        argmax_of_grades,
        argmax_of_grades_without_any,
        argmax_without_any,
        any_beyond_the_cut_off,
        only_grade_one,
        only_above_one,
        rank_zero_below_k,
        one_place_too_few,
        all_places,
        top_ten,
        first_k_queries,
        axes_exchanged,
        ranks_from_zero,
        weighted_by_grade,
        discounted_by_a_logarithm,
        reciprocal_of_the_mean_rank,
        mean_rank,
        median_of_the_queries,
        largest_of_the_queries,
        list_of_the_queries,
        missed_counts_as_rank_k,
        missed_counts_as_the_next_rank,
        divided_by_the_places,
        divided_by_k,
        whole_reciprocals,
        returned_inside_the_loop,
        average_precision,
        mean_of_all_hits,
        over_all_hits_at_once,
        precision_in_place_of_mrr,
        first_mrr_for_ever,
        nothing_found,
    ),
    "ndcg_at_k": (
        nothing_where_the_first_judged_are_wrong,
        as_deep_as_the_relevant,
        as_deep_as_the_judged,
        judged_not_sorted,
        judged_cut_before_sorting,
        judged_sorted_upwards,
        judged_turned_round,
        ideal_of_the_retrieved,
        ideal_of_the_retrieved_top_k,
        ideal_as_long_as_the_ranking,
        ideal_not_cut,
        ideal_of_k_best_grades,
        ideal_of_different_grades,
        ranking_sorted_too,
        cut_off_ignored,
        cut_off_of_ten,
        one_place_short,
        grades_above_zero_count_as_one,
        only_grade_one_gains,
        exponential_gain,
        exponential_gain_of_the_ranking_only,
        discount_of_the_original_paper,
        discount_one_off,
        discount_one_plus_logarithm,
        natural_logarithm_on_one_side,
        divided_by_rank,
        not_discounted,
        dcg_alone,
        divided_by_the_number_of_relevant,
        ideal_over_gain,
        mean_over_the_places,
        nothing_relevant_is_perfect,
        nothing_relevant_is_nan,
        always_k_discounts,
        whole_gains,
        never_above_one,
        reciprocal_rank_in_place_of_ndcg,
        recall_in_place_of_ndcg,
        first_ndcg_for_ever,
        never_relevant,
    ),
    "kendall": (
        tau_to_two_decimals,
        scores_to_three_decimals,
        argsort_of_one_side,
        same_order_only,
        opposite_order_only,
        argsort_taken_for_ranks,
        places_that_agree,
        ranks_that_agree,
        product_of_differences,
        pearson,
        spearman,
        cosine_of_the_scores,
        neighbours_only,
        compared_with_the_first_only,
        diagonal_counted,
        diagonal_counted_as_agreement,
        pairs_and_one_more_document,
        half_the_pairs_over_all,
        all_pairs_over_half,
        sum_of_all_pairs,
        divided_by_documents,
        minus_tau,
        scaled_from_zero_to_one,
        size_of_tau,
        first_sorted_by_itself,
        table_of_pairs,
        correlation_and_p_value,
        weighted_by_rank,
        signs_of_the_scores,
        first_tau_for_ever,
        always_minus_one,
        always_one,
    ),
}
