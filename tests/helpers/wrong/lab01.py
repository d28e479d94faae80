"""Wrong answers to the exercises of lab 01."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# As in `solvers`: no annotations, and each function runs in a cell that imports only numpy.

# mean_pool


def median_of_tokens(states, mask):
    return np.array([np.median(s[m], axis=0) for s, m in zip(states, mask, strict=True)])


def last_real_token(states, mask):
    return states[np.arange(len(states)), mask.sum(axis=1) - 1]


def last_place(states, mask):
    return states[:, -1]


def one_token_too_many(states, mask):
    return (states * mask[..., None]).sum(axis=1) / (mask.sum(axis=1, keepdims=True) + 1)


def one_token_too_few(states, mask):
    return (states * mask[..., None]).sum(axis=1) / (mask.sum(axis=1, keepdims=True) - 1)


def first_token_skipped(states, mask):
    kept = (states * mask[..., None])[:, 1:]
    return kept.sum(axis=1) / np.maximum(mask[:, 1:].sum(axis=1, keepdims=True), 1)


def last_token_skipped(states, mask):
    rows = [s[: max(m.sum() - 1, 1)] for s, m in zip(states, mask, strict=True)]
    return np.array([row.mean(axis=0) for row in rows])


def divided_by_the_root(states, mask):
    return (states * mask[..., None]).sum(axis=1) / np.sqrt(mask.sum(axis=1, keepdims=True))


def divided_by_the_mean_length(states, mask):
    return (states * mask[..., None]).sum(axis=1) / mask.sum(axis=1).mean()


def divided_by_the_entries_that_are_not_zero(states, mask):
    kept = states * mask[..., None]
    return kept.sum(axis=1) / (kept != 0).sum(axis=1)


def divided_by_the_number_of_texts(states, mask):
    return (states * mask[..., None]).sum(axis=1) / len(states)


def divided_by_the_dimension(states, mask):
    return (states * mask[..., None]).sum(axis=1) / states.shape[2]


def divided_as_python_2_does(states, mask):
    return (states * mask[..., None]).sum(axis=1) // mask.sum(axis=1, keepdims=True)


def rounded_to_integers(states, mask):
    return np.round((states * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True))


def mask_inverted(states, mask):
    kept = states * ~mask[..., None]
    return kept.sum(axis=1) / np.maximum((~mask).sum(axis=1, keepdims=True), 1)


def mask_of_the_first_text(states, mask):
    return states[:, mask[0]].mean(axis=1)


def places_that_all_texts_have(states, mask):
    return states[:, mask.all(axis=0)].mean(axis=1)


def padding_guessed_from_zeros(states, mask):
    real = states.any(axis=2)
    return (states * real[..., None]).sum(axis=1) / real.sum(axis=1, keepdims=True)


def tokens_of_length_one(states, mask):
    kept = states / np.linalg.norm(states, axis=2, keepdims=True) * mask[..., None]
    return kept.sum(axis=1) / mask.sum(axis=1, keepdims=True)


def smallest_of_each_dimension(states, mask):
    return np.where(mask[..., None], states, np.inf).min(axis=1)


def maximum_with_zeros_for_padding(states, mask):
    return (states * mask[..., None]).max(axis=1)


def mean_of_the_extremes(states, mask):
    kept = [s[m] for s, m in zip(states, mask, strict=True)]
    return np.array([(s.max(axis=0) + s.min(axis=0)) / 2 for s in kept])


def absolute_values(states, mask):
    return (abs(states) * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)


def weights_that_fall_with_the_place(states, mask):
    weights = mask / np.arange(1, mask.shape[1] + 1)
    return (states * weights[..., None]).sum(axis=1) / weights.sum(axis=1, keepdims=True)


def centred_over_the_texts(states, mask):
    means = (states * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
    return means - means.mean(axis=0)


def an_axis_too_many(states, mask):
    kept = (states * mask[..., None]).sum(axis=1, keepdims=True)
    return kept / mask.sum(axis=1)[:, None, None]


def means_transposed(states, mask):
    return ((states * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)).T


def first_text_only(states, mask):
    return states[0][mask[0]].mean(axis=0)


def first_text_for_all(states, mask):
    return np.tile(states[0][mask[0]].mean(axis=0), (len(states), 1))


def first_pooling_for_ever(states, mask, kept=[]):  # noqa: B006  # that is the mistake
    kept.append((states * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True))
    return kept[0]


def zeros_of_the_right_shape(states, mask):
    return np.zeros((len(states), states.shape[2]))


# normalise


def divided_by_the_mean_length_of_rows(rows):
    return rows / np.linalg.norm(rows, axis=1).mean()


def divided_by_the_longest_row(rows):
    return rows / np.linalg.norm(rows, axis=1).max()


def divided_by_the_first_row(rows):
    return rows / np.linalg.norm(rows[0])


def only_long_rows(rows):
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1)


def only_short_rows(rows):
    return rows / np.minimum(np.linalg.norm(rows, axis=1, keepdims=True), 1)


def clipped(rows):
    return np.clip(rows, -1, 1)


def signs(rows):
    return np.sign(rows)


def a_large_epsilon(rows):
    return rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-2)


def one_added_to_the_length(rows):
    return rows / (1 + np.linalg.norm(rows, axis=1, keepdims=True))


def root_mean_square(rows):
    return rows / np.sqrt((rows**2).mean(axis=1, keepdims=True))


def standard_deviation(rows):
    return rows / rows.std(axis=1, keepdims=True)


def standardised(rows):
    return (rows - rows.mean(axis=1, keepdims=True)) / rows.std(axis=1, keepdims=True)


def standardised_columns(rows):
    return (rows - rows.mean(axis=0)) / (rows.std(axis=0) + 1e-9)


def between_zero_and_one(rows):
    low, high = rows.min(axis=1, keepdims=True), rows.max(axis=1, keepdims=True)
    return (rows - low) / (high - low)


def softmax_of_rows(rows):
    e = np.exp(rows - rows.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def largest_entry_with_its_sign(rows):
    return rows / rows.max(axis=1, keepdims=True)


def multiplied_by_the_length(rows):
    return rows * np.linalg.norm(rows, axis=1, keepdims=True)


def length_without_the_last_number(rows):
    return rows / np.linalg.norm(rows[:, :-1], axis=1, keepdims=True)


def root_forgotten_and_taken_of_the_sum(rows):
    return rows / np.sqrt(np.abs(rows.sum(axis=1, keepdims=True)))


def root_of_the_length(rows):
    return rows / np.sqrt(np.linalg.norm(rows, axis=1, keepdims=True))


def absolute_rows(rows):
    return np.abs(rows) / np.linalg.norm(rows, axis=1, keepdims=True)


def squares(rows):
    return rows**2 / (rows**2).sum(axis=1, keepdims=True)


def keepdims_forgotten(rows):
    return rows / np.linalg.norm(rows, axis=1)


def keepdims_forgotten_and_tiled(rows):
    lengths = np.linalg.norm(rows, axis=1)
    return rows / np.resize(lengths, rows.shape[1])


def floor_division(rows):
    return rows // np.linalg.norm(rows, axis=1, keepdims=True)


def first_row_only(rows):
    return rows[:1] / np.linalg.norm(rows[0])


def unit_rows_transposed(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).T


def gram_matrix(rows):
    return rows @ rows.T / np.linalg.norm(rows, axis=1, keepdims=True)


def orthogonal_rows(rows):
    return np.linalg.qr(rows.T)[0].T


def first_rows_for_ever(rows, kept=[]):  # noqa: B006  # that is the mistake
    kept.append(rows / np.linalg.norm(rows, axis=1, keepdims=True))
    return kept[0]


def made_of_ones(rows):
    return np.full(rows.shape, rows.shape[1] ** -0.5)


# top_k


def manhattan_distance(query, documents, k):
    return np.argsort(abs(documents - query).sum(axis=1), kind="stable")[:k]


def euclidean_distance(query, documents, k):
    return np.argsort(np.linalg.norm(documents - query, axis=1), kind="stable")[:k]


def cosine_of_both(query, documents, k):
    lengths = np.linalg.norm(documents, axis=1) * np.linalg.norm(query)
    return np.argsort(-(documents @ query) / np.maximum(lengths, 1e-9), kind="stable")[:k]


def argpartition_without_a_sort(query, documents, k):
    return np.argpartition(-(documents @ query), k - 1)[:k]


def argpartition_sorted_by_row(query, documents, k):
    return np.sort(np.argpartition(-(documents @ query), k - 1)[:k])


def argpartition_sorted_after(query, documents, k):
    """The best are sorted, but which of the equal ones are among them is left to chance."""
    scores = documents @ query
    rows = np.argpartition(scores, -k)[-k:]
    return rows[np.lexsort((-rows, -scores[rows]))]


def heapsort(query, documents, k):
    return np.argsort(-(documents @ query), kind="heapsort")[:k]


def quicksort(query, documents, k):
    return np.argsort(-(documents @ query))[:k]


def ascending_turned_round(query, documents, k):
    return np.argsort(documents @ query, kind="stable")[::-1][:k]


def pairs_sorted_in_reverse(query, documents, k):
    pairs = sorted(((s, row) for row, s in enumerate(documents @ query)), reverse=True)
    return [row for _, row in pairs[:k]]


def random_order_of_equals(query, documents, k):
    jitter = np.random.default_rng(0).permutation(len(documents))
    return np.lexsort((jitter, -(documents @ query)))[:k]


def equal_scores_once(query, documents, k):
    _, rows = np.unique(-(documents @ query), return_index=True)
    return rows[:k]


def rows_in_their_order(query, documents, k):
    return np.sort(np.argsort(-(documents @ query), kind="stable")[:k])


def only_scores_above_zero(query, documents, k):
    scores = documents @ query
    return [row for row in np.argsort(-scores, kind="stable") if scores[row] > 0][:k]


def places_in_place_of_rows(query, documents, k):
    return np.argsort(np.argsort(-(documents @ query), kind="stable"), kind="stable")[:k]


def best_as_a_number(query, documents, k):
    return np.argmax(documents @ query) if k == 1 else np.argsort(-(documents @ query))[:k]


def always_three(query, documents, k):
    return np.argsort(-(documents @ query), kind="stable")[:3]


def always_one(query, documents, k):
    return np.argsort(-(documents @ query), kind="stable")[:1]


def query_left_out(query, documents, k):
    order = np.argsort(-(documents @ query), kind="stable")
    return [row for row in order if not np.array_equal(documents[row], query)][:k]


def longest_documents(query, documents, k):
    return np.argsort(-np.linalg.norm(documents, axis=1), kind="stable")[:k]


def largest_sums(query, documents, k):
    return np.argsort(-documents.sum(axis=1), kind="stable")[:k]


def last_rows(query, documents, k):
    return np.arange(len(documents))[-k:]


def first_coordinate_only(query, documents, k):
    return np.argsort(-(documents[:, 0] * query[0]), kind="stable")[:k]


def last_coordinate_left_out(query, documents, k):
    return np.argsort(-(documents[:, :-1] @ query[:-1]), kind="stable")[:k]


def scores_cut_to_integers(query, documents, k):
    return np.argsort(-(documents @ query).astype(int) // 2, kind="stable")[:k]


def squared_scores(query, documents, k):
    return np.argsort(-((documents @ query) ** 2), kind="stable")[:k]


def best_rows_themselves(query, documents, k):
    return documents[np.argsort(-(documents @ query), kind="stable")[:k]]


def pairs_of_row_and_score(query, documents, k):
    scores = documents @ query
    return [(row, scores[row]) for row in np.argsort(-scores, kind="stable")[:k]]


def a_mask_of_the_best(query, documents, k):
    mask = np.zeros(len(documents), dtype=int)
    mask[np.argsort(-(documents @ query), kind="stable")[:k]] = 1
    return mask


def first_search_for_ever(query, documents, k, kept=[]):  # noqa: B006  # that is the mistake
    kept.append(np.argsort(-(documents @ query), kind="stable")[:k])
    return kept[0]


# hit_rate


def recall_at_k(rankings, qrels, k):
    shares = []
    for q, judged in qrels.items():
        right = {d for d, grade in judged.items() if grade > 0}
        shares.append(len(right & set(rankings.get(q, [])[:k])) / max(len(right), 1))
    return np.mean(shares)


def recall_of_all_queries_together(rankings, qrels, k):
    right = {(q, d) for q, judged in qrels.items() for d, grade in judged.items() if grade > 0}
    found = {(q, d) for q, ranking in rankings.items() for d in ranking[:k]}
    return len(right & found) / len(right)


def precision_over_short_rankings(rankings, qrels, k):
    shares = []
    for q, judged in qrels.items():
        first = rankings.get(q, [])[:k]
        shares.append(sum(judged.get(d, 0) > 0 for d in first) / max(len(first), 1))
    return np.mean(shares)


def all_right_documents_found(rankings, qrels, k):
    return np.mean(
        [
            all(d in rankings.get(q, [])[:k] for d, grade in judged.items() if grade > 0)
            for q, judged in qrels.items()
        ]
    )


def all_right_documents_found_if_any(rankings, qrels, k):
    hits = []
    for q, judged in qrels.items():
        right = [d for d, grade in judged.items() if grade > 0]
        hits.append(bool(right) and all(d in rankings.get(q, [])[:k] for d in right))
    return np.mean(hits)


def all_judged_documents_found(rankings, qrels, k):
    return np.mean([set(j) <= set(rankings.get(q, [])[:k]) for q, j in qrels.items()])


def all_of_the_first_are_right(rankings, qrels, k):
    firsts = {q: rankings.get(q, [])[:k] for q in qrels}
    return np.mean([bool(f) and all(qrels[q].get(d, 0) > 0 for d in f) for q, f in firsts.items()])


def relevance_one(rankings, qrels, k):
    return np.mean(
        [any(j.get(d, 0) == 1 for d in rankings.get(q, [])[:k]) for q, j in qrels.items()]
    )


def whatever_is_found(rankings, qrels, k):
    return np.mean(
        [any(j.get(d, 0) >= 0 for d in rankings.get(q, [])[:k]) for q, j in qrels.items()]
    )


def best_grade_only(rankings, qrels, k):
    return np.mean([max(j, key=j.get) in rankings.get(q, [])[:k] for q, j in qrels.items()])


def first_judged_document_only(rankings, qrels, k):
    return np.mean([next(iter(j)) in rankings.get(q, [])[:k] for q, j in qrels.items()])


def first_relevant_document_only(rankings, qrels, k):
    right = {q: [d for d in j if j[d] > 0] for q, j in qrels.items()}
    return np.mean([bool(r) and r[0] in rankings.get(q, [])[:k] for q, r in right.items()])


def last_judged_document_only(rankings, qrels, k):
    return np.mean([list(j)[-1] in rankings.get(q, [])[:k] for q, j in qrels.items()])


def last_of_the_first_k(rankings, qrels, k):
    return np.mean(
        [any(j.get(d, 0) > 0 for d in rankings.get(q, [])[k - 1 : k]) for q, j in qrels.items()]
    )


def places_from_one(rankings, qrels, k):
    return np.mean(
        [any(j.get(d, 0) > 0 for d in rankings.get(q, [])[1 : k + 1]) for q, j in qrels.items()]
    )


def last_k_places(rankings, qrels, k):
    return np.mean(
        [any(j.get(d, 0) > 0 for d in rankings.get(q, [])[-k:]) for q, j in qrels.items()]
    )


def always_five(rankings, qrels, k):
    return np.mean(
        [any(j.get(d, 0) > 0 for d in rankings.get(q, [])[:5]) for q, j in qrels.items()]
    )


def always_two(rankings, qrels, k):
    return np.mean(
        [any(j.get(d, 0) > 0 for d in rankings.get(q, [])[:2]) for q, j in qrels.items()]
    )


def cut_after_the_unjudged_are_gone(rankings, qrels, k):
    kept = {q: [d for d in rankings.get(q, []) if d in j][:k] for q, j in qrels.items()}
    return np.mean([any(qrels[q][d] > 0 for d in first) for q, first in kept.items()])


def cut_in_the_order_of_names(rankings, qrels, k):
    return np.mean(
        [any(j.get(d, 0) > 0 for d in sorted(rankings.get(q, []))[:k]) for q, j in qrels.items()]
    )


def divided_by_the_answered(rankings, qrels, k):
    hits = sum(any(j.get(d, 0) > 0 for d in rankings.get(q, [])[:k]) for q, j in qrels.items())
    return hits / len(rankings)


def divided_by_those_with_documents(rankings, qrels, k):
    hits = sum(any(j.get(d, 0) > 0 for d in rankings.get(q, [])[:k]) for q, j in qrels.items())
    return hits / sum(bool(rankings.get(q)) for q in qrels)


def queries_without_a_right_document_left_out(rankings, qrels, k):
    return np.mean(
        [
            any(j.get(d, 0) > 0 for d in rankings.get(q, [])[:k])
            for q, j in qrels.items()
            if any(grade > 0 for grade in j.values())
        ]
    )


def unanswered_as_hits(rankings, qrels, k):
    return np.mean(
        [
            q not in rankings or any(j.get(d, 0) > 0 for d in rankings[q][:k])
            for q, j in qrels.items()
        ]
    )


def divided_as_in_python_2(rankings, qrels, k):
    hits = sum(any(j.get(d, 0) > 0 for d in rankings.get(q, [])[:k]) for q, j in qrels.items())
    return hits // len(qrels)


def divided_by_one_less(rankings, qrels, k):
    hits = sum(any(j.get(d, 0) > 0 for d in rankings.get(q, [])[:k]) for q, j in qrels.items())
    return hits / (len(qrels) - 1)


def divided_by_k(rankings, qrels, k):
    return sum(any(j.get(d, 0) > 0 for d in rankings.get(q, [])[:k]) for q, j in qrels.items()) / k


def grades_summed(rankings, qrels, k):
    return np.mean([sum(j.get(d, 0) for d in rankings.get(q, [])[:k]) for q, j in qrels.items()])


def largest_grade(rankings, qrels, k):
    return np.mean(
        [max((j.get(d, 0) for d in rankings.get(q, [])[:k]), default=0) for q, j in qrels.items()]
    )


def jaccard(rankings, qrels, k):
    shares = []
    for q, j in qrels.items():
        right, first = {d for d in j if j[d] > 0}, set(rankings.get(q, [])[:k])
        shares.append(len(right & first) / max(len(right | first), 1))
    return np.mean(shares)


def right_for_any_query(rankings, qrels, k):
    right = {d for j in qrels.values() for d, grade in j.items() if grade > 0}
    return np.mean([not right.isdisjoint(rankings.get(q, [])[:k]) for q in qrels])


def returned_from_within_the_loop(rankings, qrels, k):
    for q, j in qrels.items():
        return float(any(j.get(d, 0) > 0 for d in rankings.get(q, [])[:k]))
    return 0.0


def a_list_of_hits(rankings, qrels, k):
    return [any(j.get(d, 0) > 0 for d in rankings.get(q, [])[:k]) for q, j in qrels.items()]


def any_query_at_all(rankings, qrels, k):
    return float(any(j.get(d, 0) > 0 for q, j in qrels.items() for d in rankings.get(q, [])[:k]))


def first_rate_for_ever(rankings, qrels, k, kept=[]):  # noqa: B006  # that is the mistake
    hits = [any(j.get(d, 0) > 0 for d in rankings.get(q, [])[:k]) for q, j in qrels.items()]
    kept.append(np.mean(hits))
    return kept[0]


def nothing_found(rankings, qrels, k):
    return 0.0


def everything_found(rankings, qrels, k):
    return 1.0


# info_nce


def positive_always_first(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    return (np.logaddexp.reduce(logits, axis=1) - logits[:, 0]).mean()


def diagonal_from_the_other_corner(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    return (np.logaddexp.reduce(logits, axis=1) - np.diag(logits[::-1])).mean()


def best_document_taken_for_the_right_one(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    return (np.logaddexp.reduce(logits, axis=1) - logits.max(axis=1)).mean()


def mean_of_all_documents(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    return (np.logaddexp.reduce(logits, axis=1)[:, None] - logits).mean()


def trace_of_the_loss_over_all_entries(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    shares = logits - np.logaddexp.reduce(logits, axis=1)[:, None]
    return -(shares * np.eye(len(logits))).mean()


def positive_counted_twice(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    more = np.concatenate([logits, np.diag(logits)[:, None]], axis=1)
    return (np.logaddexp.reduce(more, axis=1) - np.diag(logits)).mean()


def softmax_over_the_whole_matrix(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    return np.logaddexp.reduce(logits.ravel()) - np.diag(logits).mean()


def logarithm_of_the_mean_share(queries, documents, temperature):
    logits = (queries @ documents.T / temperature).astype(float)
    shares = np.exp(np.diag(logits) - np.logaddexp.reduce(logits, axis=1))
    return -np.log(shares.mean())


def share_without_a_logarithm(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    return -np.exp(np.diag(logits) - np.logaddexp.reduce(logits, axis=1)).mean()


def hardest_negative_only(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    negatives = logits - np.diag([np.inf] * len(logits))
    return np.logaddexp(0, negatives.max(axis=1) - np.diag(logits)).mean()


def largest_logit_in_place_of_the_sum(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    return (logits.max(axis=1) - np.diag(logits)).mean()


def mean_in_place_of_the_sum(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    sums = np.logaddexp.reduce(logits, axis=1) - np.log(len(logits))
    return (sums - np.diag(logits)).mean()


def shares_with_an_epsilon(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    shares = np.exp(np.diag(logits) - np.logaddexp.reduce(logits, axis=1))
    return -np.log(shares + 1e-9).mean()


def logits_clipped(queries, documents, temperature):
    logits = np.clip(queries @ documents.T / temperature, -50, 50)
    return (np.logaddexp.reduce(logits, axis=1) - np.diag(logits)).mean()


def naive_softmax(queries, documents, temperature):
    shares = np.exp(queries @ documents.T / temperature)
    return -np.log(np.diag(shares) / shares.sum(axis=1)).mean()


def naive_logarithm_of_the_sum(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    return (np.log(np.exp(logits).sum(axis=1)) - np.diag(logits)).mean()


def safe_softmax_then_logarithm(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return -np.log(np.diag(e / e.sum(axis=1, keepdims=True))).mean()


def largest_subtracted_and_not_added(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (np.log(e.sum(axis=1)) - np.diag(logits)).mean()


def largest_of_the_matrix_subtracted(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    e = np.exp(logits - logits.max())
    return -np.log(np.diag(e) / e.sum(axis=1)).mean()


def columns(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    return (np.logaddexp.reduce(logits, axis=0) - np.diag(logits)).mean()


def symmetric_as_clip(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    sums = np.logaddexp.reduce(logits, axis=0) + np.logaddexp.reduce(logits, axis=1)
    return (sums / 2 - np.diag(logits)).mean()


def both_directions_added(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    sums = np.logaddexp.reduce(logits, axis=0) + np.logaddexp.reduce(logits, axis=1)
    return (sums - 2 * np.diag(logits)).mean()


def sigmoid_of_each_pair(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    signs = 2 * np.eye(len(logits)) - 1
    return np.logaddexp(0, -signs * logits).sum(axis=1).mean()


def hinge_with_a_margin(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    gaps = np.maximum(0, 1 + logits - np.diag(logits)[:, None])
    return (gaps.sum(axis=1) - 1).mean()


def distances_in_place_of_products(queries, documents, temperature):
    logits = -((queries[:, None] - documents[None]) ** 2).sum(axis=2) / temperature
    return (np.logaddexp.reduce(logits, axis=1) - np.diag(logits)).mean()


def queries_scaled(queries, documents, temperature):
    unit = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    logits = unit @ documents.T / temperature
    return (np.logaddexp.reduce(logits, axis=1) - np.diag(logits)).mean()


def documents_scaled(queries, documents, temperature):
    unit = documents / np.linalg.norm(documents, axis=1, keepdims=True)
    logits = queries @ unit.T / temperature
    return (np.logaddexp.reduce(logits, axis=1) - np.diag(logits)).mean()


def temperature_squared(queries, documents, temperature):
    logits = queries @ documents.T / temperature**2
    return (np.logaddexp.reduce(logits, axis=1) - np.diag(logits)).mean()


def root_of_the_temperature(queries, documents, temperature):
    logits = queries @ documents.T / temperature**0.5
    return (np.logaddexp.reduce(logits, axis=1) - np.diag(logits)).mean()


def temperature_at_most_one(queries, documents, temperature):
    logits = queries @ documents.T / min(temperature, 1)
    return (np.logaddexp.reduce(logits, axis=1) - np.diag(logits)).mean()


def temperature_always_as_in_training(queries, documents, temperature):
    logits = queries @ documents.T / 0.05
    return (np.logaddexp.reduce(logits, axis=1) - np.diag(logits)).mean()


def only_the_right_logit_is_divided(queries, documents, temperature):
    logits = queries @ documents.T
    return (np.logaddexp.reduce(logits, axis=1) - np.diag(logits) / temperature).mean()


def loss_multiplied_by_the_temperature(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    return temperature * (np.logaddexp.reduce(logits, axis=1) - np.diag(logits)).mean()


def divided_by_one_pair_less(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    losses = np.logaddexp.reduce(logits, axis=1) - np.diag(logits)
    return losses.sum() / (len(logits) - 1)


def divided_by_all_entries(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    return (np.logaddexp.reduce(logits, axis=1) - np.diag(logits)).sum() / logits.size


def first_query_only(queries, documents, temperature):
    logits = documents @ queries[0] / temperature
    return np.logaddexp.reduce(logits) - logits[0]


def largest_loss(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    return (np.logaddexp.reduce(logits, axis=1) - np.diag(logits)).max()


def median_loss(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    return np.median(np.logaddexp.reduce(logits, axis=1) - np.diag(logits))


def queries_among_themselves(queries, documents, temperature):
    logits = queries @ queries.T / temperature
    return (np.logaddexp.reduce(logits, axis=1) - np.diag(logits)).mean()


def bound_on_mutual_information(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    return np.log(len(logits)) - (np.logaddexp.reduce(logits, axis=1) - np.diag(logits)).mean()


def all_documents_alike(queries, documents, temperature):
    return np.log(len(queries))


def first_loss_for_ever(queries, documents, temperature, kept=[]):  # noqa: B006  # that is it
    logits = queries @ documents.T / temperature
    kept.append((np.logaddexp.reduce(logits, axis=1) - np.diag(logits)).mean())
    return kept[0]


# mean_cosine


def diagonal_zeroed_and_counted(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, 0)
    return cosines.mean()


def diagonal_subtracted_once_too_often(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    n = len(unit)
    return ((unit @ unit.T).sum() - n) / (n * (n - 1) / 2)


def diagonal_subtracted_as_one(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    n = len(unit)
    return ((unit @ unit.T).sum() - 1) / (n * (n - 1))


def ones_left_out_by_value(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = (unit @ unit.T).ravel()
    return cosines[cosines < 1 - 1e-6].mean()


def equal_directions_once(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.unique(unit.round(6), axis=0)
    return (unit @ unit.T)[np.triu_indices(len(unit), k=1)].mean()


def upper_triangle_with_its_zeros(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.triu(unit @ unit.T, 1).mean()


def zeros_left_out_of_the_half_with_the_diagonal(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    half = np.triu(unit @ unit.T)
    return half[half != 0].mean()


def neighbours_left_out(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return (unit @ unit.T)[np.triu_indices(len(unit), k=2)].mean()


def first_with_the_others(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return (unit[1:] @ unit[0]).mean()


def neighbours_in_a_ring(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return (unit * np.roll(unit, 1, axis=0)).sum(axis=1).mean()


def cosine_with_the_mean_vector(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    mean = unit.mean(axis=0)
    return (unit @ mean / np.linalg.norm(mean)).mean()


def length_of_the_mean_vector(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.linalg.norm(unit.mean(axis=0))


def centred_first(vectors):
    rows = vectors - vectors.mean(axis=0)
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return (unit @ unit.T)[np.triu_indices(len(unit), k=1)].mean()


def correlation(vectors):
    return np.corrcoef(vectors)[np.triu_indices(len(vectors), k=1)].mean()


def columns_in_place_of_rows(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=0)
    return (unit @ unit.T)[np.triu_indices(len(unit), k=1)].mean()


def cosines_of_the_columns(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=0)
    return (unit.T @ unit)[np.triu_indices(unit.shape[1], k=1)].mean()


def one_side_scaled(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return (unit @ vectors.T)[np.triu_indices(len(unit), k=1)].mean()


def scaled_by_the_mean_length(vectors):
    rows = vectors / np.linalg.norm(vectors, axis=1).mean()
    return (rows @ rows.T)[np.triu_indices(len(rows), k=1)].mean()


def scaled_by_squared_lengths(vectors):
    rows = vectors / (vectors**2).sum(axis=1, keepdims=True)
    return (rows @ rows.T)[np.triu_indices(len(rows), k=1)].mean()


def ratio_of_means(vectors):
    lengths = np.linalg.norm(vectors, axis=1)
    pairs = np.triu_indices(len(vectors), k=1)
    return (vectors @ vectors.T)[pairs].sum() / np.outer(lengths, lengths)[pairs].sum()


def both_halves_added(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return 2 * (unit @ unit.T)[np.triu_indices(len(unit), k=1)].mean()


def one_pair_less(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = (unit @ unit.T)[np.triu_indices(len(unit), k=1)]
    return cosines.sum() / max(len(cosines) - 1, 1)


def divided_by_the_number_of_vectors(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return (unit @ unit.T)[np.triu_indices(len(unit), k=1)].sum() / len(unit)


def angles(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = (unit @ unit.T)[np.triu_indices(len(unit), k=1)]
    return np.arccos(np.clip(cosines, -1, 1)).mean()


def cosine_of_the_mean_angle(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = (unit @ unit.T)[np.triu_indices(len(unit), k=1)]
    return np.cos(np.arccos(np.clip(cosines, -1, 1)).mean())


def negative_cosines_as_zero(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.maximum(unit @ unit.T, 0)[np.triu_indices(len(unit), k=1)].mean()


def squares_of_cosines(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return (unit @ unit.T)[np.triu_indices(len(unit), k=1)].mean() ** 2


def from_zero_to_one(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return (1 + (unit @ unit.T)[np.triu_indices(len(unit), k=1)].mean()) / 2


def largest_cosine(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return (unit @ unit.T)[np.triu_indices(len(unit), k=1)].max()


def nearest_neighbours(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return (unit @ unit.T - 3 * np.eye(len(unit))).max(axis=1).mean()


def mean_of_each_row(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return ((unit @ unit.T).sum(axis=1) - 1) / (len(unit) - 1)


def first_mean_for_ever(vectors, kept=[]):  # noqa: B006  # that is the mistake
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    kept.append((unit @ unit.T)[np.triu_indices(len(unit), k=1)].mean())
    return kept[0]


def zeros_taken_for_padding(states, mask):
    real = mask & np.any(states != 0, axis=2)
    return (states * real[..., None]).sum(axis=1) / np.maximum(real.sum(axis=1), 1)[:, None]


def no_length_below_a_hundredth(rows):
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-2)


def sorted_partition(query, documents, k):
    """Right but for equal scores at the cut, of which a partition keeps any."""
    scores = documents @ query
    rows = np.sort(np.argpartition(-scores, k - 1)[:k])
    return rows[np.argsort(-scores[rows], kind="stable")]


def to_three_decimals(query, documents, k):
    return np.argsort(-np.round(documents @ query, 3), kind="stable")[:k]


def in_half_precision(query, documents, k):
    scores = documents.astype(np.float16) @ query.astype(np.float16)
    return np.argsort(-scores, kind="stable")[:k]


def by_whole_scores(query, documents, k):
    return np.argsort(-(documents @ query).astype(int), kind="stable")[:k]


def any_judgement_but_zero(rankings, qrels, k):
    hits = [any(qrels[q].get(d, 0) for d in rankings.get(q, [])[:k]) for q in qrels]
    return sum(hits) / len(hits)


def unjudged_queries_averaged_too(rankings, qrels, k):
    names = {*rankings, *qrels}
    return sum(
        any(qrels.get(q, {}).get(d, 0) > 0 for d in rankings.get(q, [])[:k]) for q in names
    ) / len(names)


def stops_at_the_first_unanswered_query(rankings, qrels, k):
    hits = 0
    for q, judged in qrels.items():
        if q not in rankings:
            break
        hits += any(judged.get(d, 0) > 0 for d in rankings[q][:k])
    return hits / len(qrels)


def unjudged_documents_skipped(rankings, qrels, k):
    hits = 0
    for q, judged in qrels.items():
        condensed = [d for d in rankings.get(q, []) if d in judged]
        hits += any(judged[d] > 0 for d in condensed[:k])
    return hits / len(qrels)


def largest_logit_of_the_batch(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    top = logits.max()
    return (top + np.log(np.exp(logits - top).sum(axis=1)) - np.diag(logits)).mean()


def naive_in_float64(queries, documents, temperature):
    logits = queries.astype(float) @ documents.astype(float).T / temperature
    return -np.log(np.diag(np.exp(logits)) / np.exp(logits).sum(axis=1)).mean()


def equal_rows_once(vectors):
    rows = np.unique(vectors, axis=0)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows @ rows.T)[np.triu_indices(len(rows), k=1)].mean()


def right_angles_left_out(vectors):
    rows = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    half = np.triu(rows @ rows.T, k=1)
    return half[half != 0].mean()


WRONG: dict[str, tuple[Callable[..., Any], ...]] = {
    "mean_pool": (
        zeros_taken_for_padding,
        median_of_tokens,
        last_real_token,
        last_place,
        one_token_too_many,
        one_token_too_few,
        first_token_skipped,
        last_token_skipped,
        divided_by_the_root,
        divided_by_the_mean_length,
        divided_by_the_entries_that_are_not_zero,
        divided_by_the_number_of_texts,
        divided_by_the_dimension,
        divided_as_python_2_does,
        rounded_to_integers,
        mask_inverted,
        mask_of_the_first_text,
        places_that_all_texts_have,
        padding_guessed_from_zeros,
        tokens_of_length_one,
        smallest_of_each_dimension,
        maximum_with_zeros_for_padding,
        mean_of_the_extremes,
        absolute_values,
        weights_that_fall_with_the_place,
        centred_over_the_texts,
        an_axis_too_many,
        means_transposed,
        first_text_only,
        first_text_for_all,
        first_pooling_for_ever,
        zeros_of_the_right_shape,
    ),
    "normalise": (
        no_length_below_a_hundredth,
        divided_by_the_mean_length_of_rows,
        divided_by_the_longest_row,
        divided_by_the_first_row,
        only_long_rows,
        only_short_rows,
        clipped,
        signs,
        a_large_epsilon,
        one_added_to_the_length,
        root_mean_square,
        standard_deviation,
        standardised,
        standardised_columns,
        between_zero_and_one,
        softmax_of_rows,
        largest_entry_with_its_sign,
        multiplied_by_the_length,
        length_without_the_last_number,
        root_forgotten_and_taken_of_the_sum,
        root_of_the_length,
        absolute_rows,
        squares,
        keepdims_forgotten,
        keepdims_forgotten_and_tiled,
        floor_division,
        first_row_only,
        unit_rows_transposed,
        gram_matrix,
        orthogonal_rows,
        first_rows_for_ever,
        made_of_ones,
    ),
    "top_k": (
        by_whole_scores,
        in_half_precision,
        to_three_decimals,
        sorted_partition,
        manhattan_distance,
        euclidean_distance,
        cosine_of_both,
        argpartition_without_a_sort,
        argpartition_sorted_by_row,
        argpartition_sorted_after,
        heapsort,
        quicksort,
        ascending_turned_round,
        pairs_sorted_in_reverse,
        random_order_of_equals,
        equal_scores_once,
        rows_in_their_order,
        only_scores_above_zero,
        places_in_place_of_rows,
        best_as_a_number,
        always_three,
        always_one,
        query_left_out,
        longest_documents,
        largest_sums,
        last_rows,
        first_coordinate_only,
        last_coordinate_left_out,
        scores_cut_to_integers,
        squared_scores,
        best_rows_themselves,
        pairs_of_row_and_score,
        a_mask_of_the_best,
        first_search_for_ever,
    ),
    "hit_rate": (
        unjudged_documents_skipped,
        stops_at_the_first_unanswered_query,
        unjudged_queries_averaged_too,
        any_judgement_but_zero,
        recall_at_k,
        recall_of_all_queries_together,
        precision_over_short_rankings,
        all_right_documents_found,
        all_right_documents_found_if_any,
        all_judged_documents_found,
        all_of_the_first_are_right,
        relevance_one,
        whatever_is_found,
        best_grade_only,
        first_judged_document_only,
        first_relevant_document_only,
        last_judged_document_only,
        last_of_the_first_k,
        places_from_one,
        last_k_places,
        always_five,
        always_two,
        cut_after_the_unjudged_are_gone,
        cut_in_the_order_of_names,
        divided_by_the_answered,
        divided_by_those_with_documents,
        queries_without_a_right_document_left_out,
        unanswered_as_hits,
        divided_as_in_python_2,
        divided_by_one_less,
        divided_by_k,
        grades_summed,
        largest_grade,
        jaccard,
        right_for_any_query,
        returned_from_within_the_loop,
        a_list_of_hits,
        any_query_at_all,
        first_rate_for_ever,
        nothing_found,
        everything_found,
    ),
    "info_nce": (
        naive_in_float64,
        largest_logit_of_the_batch,
        positive_always_first,
        diagonal_from_the_other_corner,
        best_document_taken_for_the_right_one,
        mean_of_all_documents,
        trace_of_the_loss_over_all_entries,
        positive_counted_twice,
        softmax_over_the_whole_matrix,
        logarithm_of_the_mean_share,
        share_without_a_logarithm,
        hardest_negative_only,
        largest_logit_in_place_of_the_sum,
        mean_in_place_of_the_sum,
        shares_with_an_epsilon,
        logits_clipped,
        naive_softmax,
        naive_logarithm_of_the_sum,
        safe_softmax_then_logarithm,
        largest_subtracted_and_not_added,
        largest_of_the_matrix_subtracted,
        columns,
        symmetric_as_clip,
        both_directions_added,
        sigmoid_of_each_pair,
        hinge_with_a_margin,
        distances_in_place_of_products,
        queries_scaled,
        documents_scaled,
        temperature_squared,
        root_of_the_temperature,
        temperature_at_most_one,
        temperature_always_as_in_training,
        only_the_right_logit_is_divided,
        loss_multiplied_by_the_temperature,
        divided_by_one_pair_less,
        divided_by_all_entries,
        first_query_only,
        largest_loss,
        median_loss,
        queries_among_themselves,
        bound_on_mutual_information,
        all_documents_alike,
        first_loss_for_ever,
    ),
    "mean_cosine": (
        right_angles_left_out,
        equal_rows_once,
        diagonal_zeroed_and_counted,
        diagonal_subtracted_once_too_often,
        diagonal_subtracted_as_one,
        ones_left_out_by_value,
        equal_directions_once,
        upper_triangle_with_its_zeros,
        zeros_left_out_of_the_half_with_the_diagonal,
        neighbours_left_out,
        first_with_the_others,
        neighbours_in_a_ring,
        cosine_with_the_mean_vector,
        length_of_the_mean_vector,
        centred_first,
        correlation,
        columns_in_place_of_rows,
        cosines_of_the_columns,
        one_side_scaled,
        scaled_by_the_mean_length,
        scaled_by_squared_lengths,
        ratio_of_means,
        both_halves_added,
        one_pair_less,
        divided_by_the_number_of_vectors,
        angles,
        cosine_of_the_mean_angle,
        negative_cosines_as_zero,
        squares_of_cosines,
        from_zero_to_one,
        largest_cosine,
        nearest_neighbours,
        mean_of_each_row,
        first_mean_for_ever,
    ),
}
