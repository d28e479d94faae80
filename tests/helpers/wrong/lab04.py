"""Wrong answers to the exercises of lab 04."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# Exercise 4.1


def _ratio(variances):
    return variances.sum() ** 2 / (variances**2).sum()


def _eigenvalues(vectors):
    return np.linalg.eigvalsh(np.cov(vectors, rowvar=False)).clip(0)


def mean_not_subtracted(vectors):
    return _ratio(np.linalg.eigvalsh(vectors.T @ vectors))


def mean_of_all_numbers_subtracted(vectors):
    return _ratio(np.linalg.svd(vectors - vectors.mean(), compute_uv=False) ** 2)


def mean_of_each_row_subtracted(vectors):
    rows = vectors - vectors.mean(axis=1, keepdims=True)
    return _ratio(np.linalg.svd(rows, compute_uv=False) ** 2)


def median_subtracted(vectors):
    return _ratio(np.linalg.svd(vectors - np.median(vectors, axis=0), compute_uv=False) ** 2)


def first_row_subtracted(vectors):
    return _ratio(np.linalg.svd(vectors - vectors[0], compute_uv=False) ** 2)


def covariance_of_the_rows(vectors):
    return _ratio(np.linalg.eigvalsh(np.cov(vectors)))


def unit_rows_first(vectors):
    return _ratio(_eigenvalues(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)))


def centred_then_unit_rows(vectors):
    rows = vectors - vectors.mean(axis=0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return _ratio(np.linalg.svd(rows, compute_uv=False) ** 2)


def singular_values_not_squared(vectors):
    return _ratio(np.linalg.svd(vectors - vectors.mean(axis=0), compute_uv=False))


def variances_squared_twice(vectors):
    return _ratio(np.linalg.svd(np.cov(vectors, rowvar=False), compute_uv=False) ** 2)


def sum_not_squared(vectors):
    return _eigenvalues(vectors).sum() / (_eigenvalues(vectors) ** 2).sum()


def denominator_not_squared(vectors):
    return _eigenvalues(vectors).sum() ** 2 / _eigenvalues(vectors).sum()


def sum_of_squares_over_squared_largest(vectors):
    return (_eigenvalues(vectors) ** 2).sum() / _eigenvalues(vectors).max() ** 2


def stable_rank(vectors):
    """The sum over the largest: another measure."""
    return _eigenvalues(vectors).sum() / _eigenvalues(vectors).max()


def exponential_of_the_entropy(vectors):
    """Roy & Vetterli's effective rank: another measure."""
    shares = _eigenvalues(vectors) / _eigenvalues(vectors).sum()
    shares = shares[shares > 1e-12]
    return np.exp(-(shares * np.log(shares)).sum())


def coordinates_for_directions(vectors):
    return _ratio(vectors.var(axis=0))


def diagonal_of_the_covariance(vectors):
    return _ratio(np.diag(np.cov(vectors, rowvar=False)))


def correlations(vectors):
    return _ratio(np.linalg.eigvalsh(np.corrcoef(vectors, rowvar=False)))


def standardised(vectors):
    return _ratio(_eigenvalues((vectors - vectors.mean(axis=0)) / vectors.std(axis=0)))


def six_directions_at_most(vectors):
    """As `torch.pca_lowrank` has it by default."""
    return _ratio(np.sort(_eigenvalues(vectors))[::-1][:6])


def smallest_direction_dropped(vectors):
    return _ratio(np.sort(_eigenvalues(vectors))[1:])


def means_for_sums(vectors):
    return _eigenvalues(vectors).mean() ** 2 / (_eigenvalues(vectors) ** 2).mean()


def directions_for_nine_tenths(vectors):
    falling = np.sort(_eigenvalues(vectors))[::-1]
    return np.searchsorted(falling.cumsum() / falling.sum(), 0.9) + 1


def rounded_to_whole_directions(vectors):
    return round(_ratio(_eigenvalues(vectors)))


def cut_to_whole_directions(vectors):
    return int(_ratio(_eigenvalues(vectors)))


def one(vectors):
    return 1.0


def answers_with_the_first_it_gave():
    """A function that remembers its first answer."""
    known = []

    def effective_dimensions(vectors):
        known.append(_ratio(_eigenvalues(vectors)))
        return known[0]

    return effective_dimensions


# Exercise 4.2


def _step(
    table,
    queries,
    documents,
    temperature,
    rate,
    loss=None,
    vectors=None,
    similarity=None,
    change=None,
    steps=1,
):
    """A step of training with parts exchanged."""
    import torch

    weights = torch.tensor(table)
    make = vectors or (lambda bags, rows: torch.nn.functional.normalize(bags @ rows))
    compare = similarity or (lambda q, d: q @ d.T)
    measure = loss or (
        lambda scores: torch.nn.functional.cross_entropy(scores, torch.arange(len(scores)))
    )
    for _ in range(steps):
        weights.requires_grad_()
        q, d = (make(torch.tensor(bags), weights) for bags in (queries, documents))
        (slope,) = torch.autograd.grad(measure(compare(q, d) / temperature), weights)
        weights = weights.detach()
        weights -= rate * (change(slope, weights) if change else slope)
    return weights.numpy()


def _by_hand(table, queries, documents, temperature, rate, push=None, across=None, join=None):
    """The step by the chain rule, with parts exchanged."""
    sums = [bags @ table for bags in (queries, documents)]
    lengths = [np.linalg.norm(rows, axis=1, keepdims=True) for rows in sums]
    q, d = (rows / length for rows, length in zip(sums, lengths, strict=True))
    shares = np.exp(q @ d.T / temperature)
    shares /= shares.sum(axis=1, keepdims=True)
    pushed = push(shares) if push else (shares - np.eye(len(q))) / temperature / len(q)
    gradients = []
    for bags, rows, length, pull in (
        (queries, q, lengths[0], pushed @ d),
        (documents, d, lengths[1], pushed.T @ q),
    ):
        turned = pull - (pull * rows).sum(axis=1, keepdims=True) * rows
        gradients.append(bags.T @ (across(pull, turned, length) if across else turned / length))
    return table - rate * (join(*gradients) if join else sum(gradients))


def gradient_of_the_logarithm(table, queries, documents, temperature, rate):
    """The mean of log p, without its minus."""
    return _step(
        *(table, queries, documents, temperature, rate),
        loss=lambda s: (s.diagonal() - s.logsumexp(dim=1)).mean(),
    )


def probability_without_the_logarithm(table, queries, documents, temperature, rate):
    return _step(
        *(table, queries, documents, temperature, rate),
        loss=lambda s: -s.softmax(dim=1).diagonal().mean(),
    )


def base_two(table, queries, documents, temperature, rate):
    return _step(
        *(table, queries, documents, temperature, rate),
        loss=lambda s: -s.softmax(dim=1).diagonal().log2().mean(),
    )


def scaled_by_the_squared_length(table, queries, documents, temperature, rate):
    return _step(
        *(table, queries, documents, temperature, rate),
        vectors=lambda bags, rows: bags @ rows / ((bags @ rows) ** 2).sum(dim=1, keepdim=True),
    )


def scaled_by_the_sum(table, queries, documents, temperature, rate):
    return _step(
        *(table, queries, documents, temperature, rate),
        vectors=lambda bags, rows: bags @ rows / (bags @ rows).sum(dim=1, keepdim=True),
    )


def mean_in_place_of_unit_length(table, queries, documents, temperature, rate):
    return _step(
        *(table, queries, documents, temperature, rate),
        vectors=lambda bags, rows: bags @ rows / bags.sum(dim=1, keepdim=True),
    )


def rows_of_the_table_scaled(table, queries, documents, temperature, rate):
    import torch

    return _step(
        *(table, queries, documents, temperature, rate),
        vectors=lambda bags, rows: bags @ torch.nn.functional.normalize(rows),
    )


def marks_for_counts(table, queries, documents, temperature, rate):
    return _step(table, (queries > 0) * 1.0, (documents > 0) * 1.0, temperature, rate)


def length_fixed(table, queries, documents, temperature, rate):
    return _by_hand(
        *(table, queries, documents, temperature, rate),
        across=lambda pull, turned, length: pull / length,
    )


def length_forgotten_in_the_chain(table, queries, documents, temperature, rate):
    return _by_hand(
        *(table, queries, documents, temperature, rate),
        across=lambda pull, turned, length: turned,
    )


def temperature_forgotten_in_the_chain(table, queries, documents, temperature, rate):
    return _by_hand(
        *(table, queries, documents, temperature, rate),
        push=lambda shares: (shares - np.eye(len(shares))) / len(shares),
    )


def one_not_subtracted_on_the_diagonal(table, queries, documents, temperature, rate):
    return _by_hand(
        *(table, queries, documents, temperature, rate),
        push=lambda shares: shares / temperature / len(shares),
    )


def only_the_pull(table, queries, documents, temperature, rate):
    """The right documents are pulled, and nothing is pushed."""
    return _by_hand(
        *(table, queries, documents, temperature, rate),
        push=lambda shares: (shares - 1) * np.eye(len(shares)) / temperature / len(shares),
    )


def only_the_push(table, queries, documents, temperature, rate):
    return _by_hand(
        *(table, queries, documents, temperature, rate),
        push=lambda shares: shares * (1 - np.eye(len(shares))) / temperature / len(shares),
    )


def last_side_overwrites(table, queries, documents, temperature, rate):
    """A token of both sides moves as its document says."""
    return _by_hand(
        *(table, queries, documents, temperature, rate),
        join=lambda q, d: np.where(documents.any(axis=0)[:, None], d, q),
    )


def divided_by_the_batch_twice(table, queries, documents, temperature, rate):
    return _step(table, queries, documents, temperature, rate / len(queries))


def three_pairs_taken_for_granted(table, queries, documents, temperature, rate):
    return _step(table, queries, documents, temperature, rate * len(queries) / 3)


def temperature_applied_to_the_loss(table, queries, documents, temperature, rate):
    return _step(table, queries, documents, 1.0, rate / temperature)


def rate_divided(table, queries, documents, temperature, rate):
    return _step(table, queries, documents, temperature, 1 / rate)


def two_steps(table, queries, documents, temperature, rate):
    return _step(table, queries, documents, temperature, rate, steps=2)


def softmax_over_the_whole_matrix(table, queries, documents, temperature, rate):
    return _step(
        *(table, queries, documents, temperature, rate),
        loss=lambda s: (s.flatten().logsumexp(dim=0) - s.diagonal()).mean(),
    )


def softmax_twice(table, queries, documents, temperature, rate):
    import torch

    return _step(
        *(table, queries, documents, temperature, rate),
        loss=lambda s: torch.nn.functional.cross_entropy(s.softmax(dim=1), torch.arange(len(s))),
    )


def first_document_always_right(table, queries, documents, temperature, rate):
    import torch

    return _step(
        *(table, queries, documents, temperature, rate),
        loss=lambda s: torch.nn.functional.cross_entropy(s, torch.zeros(len(s), dtype=torch.long)),
    )


def own_document_not_in_the_sum(table, queries, documents, temperature, rate):
    """The right document is missing below the line."""
    import torch

    def loss(scores):
        others = scores.masked_fill(torch.eye(len(scores), dtype=torch.bool), float("-inf"))
        return (others.logsumexp(dim=1) - scores.diagonal()).mean()

    return _step(table, queries, documents, temperature, rate, loss=loss)


def each_pair_yes_or_no(table, queries, documents, temperature, rate):
    import torch

    return _step(
        *(table, queries, documents, temperature, rate),
        loss=lambda s: torch.nn.functional.binary_cross_entropy_with_logits(
            s, torch.eye(len(s), dtype=s.dtype)
        ),
    )


def squares_to_the_identity(table, queries, documents, temperature, rate):
    import torch

    return _step(
        *(table, queries, documents, temperature, rate),
        loss=lambda s: ((s - torch.eye(len(s))) ** 2).mean(),
    )


def distances_for_products(table, queries, documents, temperature, rate):
    return _step(
        *(table, queries, documents, temperature, rate),
        similarity=lambda q, d: -((q[:, None] - d[None]) ** 2).sum(dim=2),
    )


def adam(table, queries, documents, temperature, rate):
    """Adam's first step: every number moves by the rate."""
    return _step(
        *(table, queries, documents, temperature, rate),
        change=lambda slope, weights: slope / (slope.abs() + 1e-8),
    )


def gradient_clipped_to_length_one(table, queries, documents, temperature, rate):
    return _step(
        *(table, queries, documents, temperature, rate),
        change=lambda slope, weights: slope / max(1, slope.norm()),
    )


def gradient_scaled_to_length_one(table, queries, documents, temperature, rate):
    return _step(
        *(table, queries, documents, temperature, rate),
        change=lambda slope, weights: slope / slope.norm(),
    )


def unused_rows_decay(table, queries, documents, temperature, rate):
    moved = _step(table, queries, documents, temperature, rate)
    return np.where((queries + documents).any(axis=0)[:, None], moved, 0.9 * table)


def weight_decay(table, queries, documents, temperature, rate):
    return _step(
        *(table, queries, documents, temperature, rate),
        change=lambda slope, weights: slope + 0.01 * weights,
    )


def table_scaled_after_the_step(table, queries, documents, temperature, rate):
    moved = _step(table, queries, documents, temperature, rate)
    return moved / np.linalg.norm(moved, axis=1, keepdims=True)


# Exercise 4.3


def _own(columns, relevant):
    return np.eye(len(relevant), len(columns), dtype=bool)


def diagonal_left_out_on_purpose(columns, relevant):
    return ~relevant[:, columns] & ~_own(columns, relevant)


def diagonal_turned_round(columns, relevant):
    return ~relevant[:, columns] ^ _own(columns, relevant)


def diagonal_of_the_last_columns(columns, relevant):
    pairs = len(relevant)
    return ~relevant[:, columns] | np.eye(pairs, len(columns), len(columns) - pairs, dtype=bool)


def own_document_marked_before_the_choice(columns, relevant):
    allowed = ~relevant
    allowed[np.arange(len(relevant)), columns[: len(relevant)]] = True
    return allowed[:, columns]


def transposed_relevance(columns, relevant):
    pairs = len(relevant)
    allowed = ~relevant[:, columns]
    allowed[:, :pairs] = allowed[:, :pairs].T
    return allowed | _own(columns, relevant)


def either_answers_the_other(columns, relevant):
    pairs = len(relevant)
    answers = relevant[:, columns]
    answers[:, :pairs] |= answers[:, :pairs].T
    return ~answers | _own(columns, relevant)


def each_answers_the_other(columns, relevant):
    pairs = len(relevant)
    answers = relevant[:, columns]
    answers[:, :pairs] &= answers[:, :pairs].T
    return ~answers | _own(columns, relevant)


def questions_with_the_same_answers(columns, relevant):
    """Leaves out a document whose question has exactly the same right documents."""
    pairs = len(relevant)
    answers = relevant[:, columns]
    answers[:, :pairs] = (relevant[:, None] == relevant[None]).all(axis=2)
    return ~answers | _own(columns, relevant)


def questions_that_share_an_answer(columns, relevant):
    """Leaves out a document whose question has any right document in common."""
    pairs = len(relevant)
    answers = relevant[:, columns]
    answers[:, :pairs] = (relevant[:, None] & relevant[None]).any(axis=2)
    return ~answers | _own(columns, relevant)


def relevant_to_the_first(columns, relevant):
    return ~relevant[0, columns] | _own(columns, relevant)


def mined_columns_by_equal_documents(columns, relevant):
    allowed = ~relevant[:, columns] | _own(columns, relevant)
    equal = columns[: len(relevant), None] == columns
    allowed[:, len(relevant) :] = ~equal[:, len(relevant) :]
    return allowed


def batch_by_equal_documents(columns, relevant):
    allowed = ~relevant[:, columns]
    pairs = len(relevant)
    allowed[:, :pairs] = columns[:pairs, None] != columns[:pairs]
    return allowed | _own(columns, relevant)


def repeated_columns_left_out(columns, relevant):
    """A document is let in at its first column only."""
    first = np.array([list(columns).index(column) == j for j, column in enumerate(columns)])
    return (~relevant[:, columns] & first) | _own(columns, relevant)


def marks_what_is_left_out(columns, relevant):
    return relevant[:, columns] & ~_own(columns, relevant)


def all_but_own(columns, relevant):
    return ~_own(columns, relevant)


def tilde_on_integers(columns, relevant):
    return ~relevant[:, columns].astype(int) | _own(columns, relevant)


def later_questions_only(columns, relevant):
    """The upper triangle, mined columns included."""
    return np.triu(~relevant[:, columns] | _own(columns, relevant))


def four_questions_taken_for_granted(columns, relevant):
    allowed = ~relevant[:, columns]
    allowed[range(4), range(4)] = True
    return allowed


# Exercise 4.4


def _order(scores):
    return np.argsort(-scores, kind="stable")


def _mine(scores, passing, k):
    order = _order(scores)
    return order[passing[order]][:k]


def right_documents_kept(scores, teacher, relevant, k, margin):
    return _mine(scores, teacher < teacher[relevant].max() - margin, k)


def teacher_not_asked(scores, teacher, relevant, k, margin):
    return _mine(scores, ~relevant, k)


def only_right_documents(scores, teacher, relevant, k, margin):
    return _mine(scores, relevant, k)


def cut_before_both_filters(scores, teacher, relevant, k, margin):
    first = _order(scores)[:k]
    return first[~relevant[first] & (teacher[first] < teacher[relevant].max() - margin)]


def cut_before_relevance(scores, teacher, relevant, k, margin):
    first = _mine(scores, teacher < teacher[relevant].max() - margin, k)
    return first[~relevant[first]]


def two_k_cut_before_the_filters(scores, teacher, relevant, k, margin):
    first = _order(scores)[: 2 * k]
    return first[~relevant[first] & (teacher[first] < teacher[relevant].max() - margin)][:k]


def stops_at_the_first_that_fails(scores, teacher, relevant, k, margin):
    order = _order(scores)
    passing = ~relevant[order] & (teacher[order] < teacher[relevant].max() - margin)
    return order[: np.argmin(np.append(passing, False))][:k]


def stops_at_the_first_right_one(scores, teacher, relevant, k, margin):
    """Only what ranks above every right document."""
    order = _order(scores)
    order = order[: relevant[order].argmax()]
    return order[teacher[order] < teacher[relevant].max() - margin][:k]


def below_the_right_ones_only(scores, teacher, relevant, k, margin):
    passing = ~relevant & (teacher < teacher[relevant].max() - margin)
    return _mine(scores, passing & (scores < scores[relevant].max()), k)


def hardest_in_reverse(scores, teacher, relevant, k, margin):
    return _mine(scores, ~relevant & (teacher < teacher[relevant].max() - margin), k)[::-1]


def order_of_the_teacher(scores, teacher, relevant, k, margin):
    return _mine(teacher, ~relevant & (teacher < teacher[relevant].max() - margin), k)


def order_of_the_rows(scores, teacher, relevant, k, margin):
    return np.flatnonzero(~relevant & (teacher < teacher[relevant].max() - margin))[:k]


def chosen_by_score_listed_by_row(scores, teacher, relevant, k, margin):
    return np.sort(_mine(scores, ~relevant & (teacher < teacher[relevant].max() - margin), k))


def margin_of_one_taken_for_granted(scores, teacher, relevant, k, margin):
    return _mine(scores, ~relevant & (teacher < teacher[relevant].max() - 1), k)


def margin_as_a_share(scores, teacher, relevant, k, margin):
    return _mine(scores, ~relevant & (teacher < teacher[relevant].max() * (1 - margin)), k)


def margin_as_a_bar(scores, teacher, relevant, k, margin):
    return _mine(scores, ~relevant & (teacher < margin), k)


def margin_as_a_bar_below_zero(scores, teacher, relevant, k, margin):
    return _mine(scores, ~relevant & (teacher < -margin), k)


def exactly_at_the_margin_let_in(scores, teacher, relevant, k, margin):
    return _mine(scores, ~relevant & (teacher <= teacher[relevant].max() - margin), k)


def above_passes_too(scores, teacher, relevant, k, margin):
    return _mine(scores, ~relevant & (abs(teacher[relevant].max() - teacher) > margin), k)


def only_what_the_teacher_puts_near(scores, teacher, relevant, k, margin):
    return _mine(scores, ~relevant & (teacher >= teacher[relevant].max() - margin), k)


def bar_of_the_worst_right_one(scores, teacher, relevant, k, margin):
    return _mine(scores, ~relevant & (teacher < teacher[relevant].min() - margin), k)


def bar_of_the_mean_right_one(scores, teacher, relevant, k, margin):
    return _mine(scores, ~relevant & (teacher < teacher[relevant].mean() - margin), k)


def bar_of_the_first_right_one(scores, teacher, relevant, k, margin):
    return _mine(scores, ~relevant & (teacher < teacher[relevant.argmax()] - margin), k)


def bar_of_the_last_right_one(scores, teacher, relevant, k, margin):
    return _mine(scores, ~relevant & (teacher < teacher[relevant][-1] - margin), k)


def bar_of_the_right_one_that_ranks_first(scores, teacher, relevant, k, margin):
    best = np.where(relevant, scores, -np.inf).argmax()
    return _mine(scores, ~relevant & (teacher < teacher[best] - margin), k)


def bar_of_the_best_of_all(scores, teacher, relevant, k, margin):
    return _mine(scores, ~relevant & (teacher < teacher.max() - margin), k)


def bar_of_the_best_wrong_one(scores, teacher, relevant, k, margin):
    return _mine(scores, ~relevant & (teacher < teacher[~relevant].max() - margin), k)


def bar_in_the_students_scores(scores, teacher, relevant, k, margin):
    return _mine(scores, ~relevant & (scores < scores[relevant].max() - margin), k)


def teacher_against_the_students_score(scores, teacher, relevant, k, margin):
    """Each candidate's teacher is compared with the candidate's own score."""
    return _mine(scores, ~relevant & (teacher < scores - margin), k)


def teacher_against_the_students_best(scores, teacher, relevant, k, margin):
    return _mine(scores, ~relevant & (teacher < scores[relevant].max() - margin), k)


def teacher_against_the_candidate_itself(scores, teacher, relevant, k, margin):
    return _mine(scores, ~relevant & (teacher < teacher - margin), k)


def places_in_a_shorter_list(scores, teacher, relevant, k, margin):
    passing = ~relevant & (teacher < teacher[relevant].max() - margin)
    return _order(scores[passing])[:k]


def places_in_the_ranking(scores, teacher, relevant, k, margin):
    order = _order(scores)
    passing = ~relevant & (teacher < teacher[relevant].max() - margin)
    return np.flatnonzero(passing[order])[:k]


def scores_for_rows(scores, teacher, relevant, k, margin):
    return scores[_mine(scores, ~relevant & (teacher < teacher[relevant].max() - margin), k)]


def rows_from_one(scores, teacher, relevant, k, margin):
    return 1 + _mine(scores, ~relevant & (teacher < teacher[relevant].max() - margin), k)


def filled_up_with_minus_one(scores, teacher, relevant, k, margin):
    found = _mine(scores, ~relevant & (teacher < teacher[relevant].max() - margin), k)
    return np.append(found, np.full(k - len(found), -1))


def unstable_order(scores, teacher, relevant, k, margin):
    order = np.argsort(-scores)
    return order[~relevant[order] & (teacher[order] < teacher[relevant].max() - margin)][:k]


def reversed_order(scores, teacher, relevant, k, margin):
    order = np.argsort(scores)[::-1]
    return order[~relevant[order] & (teacher[order] < teacher[relevant].max() - margin)][:k]


def reversed_stable_order(scores, teacher, relevant, k, margin):
    order = np.argsort(scores, kind="stable")[::-1]
    return order[~relevant[order] & (teacher[order] < teacher[relevant].max() - margin)][:k]


def equal_scores_by_the_teacher(scores, teacher, relevant, k, margin):
    order = np.lexsort((-teacher, -scores))
    return order[~relevant[order] & (teacher[order] < teacher[relevant].max() - margin)][:k]


def one_too_many(scores, teacher, relevant, k, margin):
    return _mine(scores, ~relevant & (teacher < teacher[relevant].max() - margin), k + 1)


def one_too_few(scores, teacher, relevant, k, margin):
    return _mine(scores, ~relevant & (teacher < teacher[relevant].max() - margin), k - 1)


def partition_without_a_sort(scores, teacher, relevant, k, margin):
    rows = np.flatnonzero(~relevant & (teacher < teacher[relevant].max() - margin))
    if len(rows) <= k:
        return rows
    return rows[np.argpartition(-scores[rows], k - 1)[:k]]


# Exercise 4.5


def _others(scores):
    return ~np.eye(*scores.shape, dtype=bool)


def _margins(scores):
    return (np.diagonal(scores)[:, None] - scores)[_others(scores)].reshape(len(scores), -1)


def other_scores_compared(student, teacher):
    return ((student - teacher)[_others(student)] ** 2).mean()


def diagonal_counted(student, teacher):
    gaps = student - teacher
    return ((np.diagonal(gaps)[:, None] - gaps) ** 2).mean()


def diagonal_counted_for_the_margins_of_scores(student, teacher):
    """The diagonal holds scores where the margins are 0."""
    margins = [np.where(_others(s), np.diagonal(s)[:, None] - s, s) for s in (student, teacher)]
    return ((margins[0] - margins[1]) ** 2).mean()


def divided_as_if_square(student, teacher):
    gaps = _margins(student) - _margins(teacher)
    return (gaps**2).sum() / (len(gaps) * max(len(gaps) - 1, 1))


def divided_by_columns(student, teacher):
    return ((_margins(student) - _margins(teacher)) ** 2).sum() / student.shape[1]


def divided_by_questions(student, teacher):
    return ((_margins(student) - _margins(teacher)) ** 2).sum(axis=1).mean()


def divided_by_one_less(student, teacher):
    squares = (_margins(student) - _margins(teacher)) ** 2
    return squares.sum() / (squares.size - 1)


def mean_per_question(student, teacher):
    return ((_margins(student) - _margins(teacher)) ** 2).mean(axis=1)


def absolute_differences(student, teacher):
    return abs(_margins(student) - _margins(teacher)).mean()


def root_per_question(student, teacher):
    return (((_margins(student) - _margins(teacher)) ** 2).mean(axis=1) ** 0.5).mean()


def mean_before_the_square(student, teacher):
    return (_margins(student) - _margins(teacher)).mean() ** 2


def mean_of_each_question_before_the_square(student, teacher):
    return ((_margins(student) - _margins(teacher)).mean(axis=1) ** 2).mean()


def variance_of_the_differences(student, teacher):
    return (_margins(student) - _margins(teacher)).var()


def median_for_mean(student, teacher):
    return np.median((_margins(student) - _margins(teacher)) ** 2)


def sign_of_the_margins_lost(student, teacher):
    return ((abs(_margins(student)) - abs(_margins(teacher))) ** 2).mean()


def squares_of_margins_compared(student, teacher):
    return (_margins(student) ** 2 - _margins(teacher) ** 2).mean()


def squares_of_margins_compared_and_squared(student, teacher):
    return ((_margins(student) ** 2 - _margins(teacher) ** 2) ** 2).mean()


def student_ignored(student, teacher):
    return (_margins(teacher) ** 2).mean()


def margins_of_the_student_with_scores_of_the_teacher(student, teacher):
    return ((_margins(student) - teacher[_others(teacher)].reshape(len(teacher), -1)) ** 2).mean()


def right_score_of_the_student_for_both(student, teacher):
    own = np.diagonal(student)[:, None]
    return (((own - student) - (own - teacher))[_others(student)] ** 2).mean()


def negative_margins_cut_to_zero(student, teacher):
    return ((_margins(student).clip(0) - _margins(teacher).clip(0)) ** 2).mean()


def only_where_the_teacher_agrees(student, teacher):
    right = _margins(teacher) > 0
    return ((_margins(student) - _margins(teacher))[right] ** 2).mean()


def only_a_margin_too_small(student, teacher):
    return ((_margins(teacher) - _margins(student)).clip(0) ** 2).mean()


def first_column_taken_for_right(student, teacher):
    gaps = student - teacher
    return ((gaps[:, :1] - gaps)[:, 1:] ** 2).mean()


def first_column_without_the_diagonal(student, teacher):
    gaps = student - teacher
    return ((gaps[:, :1] - gaps)[_others(gaps)] ** 2).mean()


def highest_score_taken_for_right(student, teacher):
    margins = [s.max(axis=1, keepdims=True) - s for s in (student, teacher)]
    return ((margins[0] - margins[1])[_others(student)] ** 2).mean()


def mean_score_taken_for_right(student, teacher):
    margins = [s.mean(axis=1, keepdims=True) - s for s in (student, teacher)]
    return ((margins[0] - margins[1])[_others(student)] ** 2).mean()


def diagonal_of_the_last_columns_for_right(student, teacher):
    gaps, shift = student - teacher, student.shape[1] - len(student)
    own = np.diagonal(gaps, shift)[:, None]
    return ((own - gaps)[~np.eye(*gaps.shape, shift, dtype=bool)] ** 2).mean()


def last_columns_left_out_for_the_diagonal(student, teacher):
    """The right diagonal for the margins, the wrong one for what does not count."""
    gaps, shift = student - teacher, student.shape[1] - len(student)
    own = np.diagonal(gaps)[:, None]
    return ((own - gaps)[~np.eye(*gaps.shape, shift, dtype=bool)] ** 2).mean()


def own_of_the_column(student, teacher):
    """The margin to the document's own question: right for a square of the batch, transposed."""
    rows = len(student)
    gaps = student - teacher
    own = np.resize(np.diagonal(gaps), gaps.shape[1])
    return ((own - gaps)[_others(gaps)] ** 2).sum() / (gaps.size - rows)


def mined_columns_missing_from_the_margins(student, teacher):
    rows = len(student)
    gaps = (student - teacher)[:, :rows]
    return ((np.diagonal(gaps)[:, None] - gaps) ** 2).sum() / max(rows * (rows - 1), 1)


def mined_columns_alone(student, teacher):
    gaps = student - teacher
    margins = (np.diagonal(gaps)[:, None] - gaps)[:, len(gaps) :]
    return (margins**2).sum() / max(margins.size, 1)


def next_question_alone(student, teacher):
    gaps = student - teacher
    rows = np.arange(len(gaps))
    return ((gaps[rows, rows] - gaps[rows, (rows + 1) % gaps.shape[1]]) ** 2).mean()


def hardest_negative_alone(student, teacher):
    hardest = np.where(_others(student), student, -np.inf).argmax(axis=1)
    gaps, rows = student - teacher, np.arange(len(student))
    return ((gaps[rows, rows] - gaps[rows, hardest]) ** 2).mean()


def upper_triangle_alone(student, teacher):
    gaps = student - teacher
    above = np.triu(np.ones(gaps.shape, dtype=bool), k=1)
    return ((np.diagonal(gaps)[:, None] - gaps)[above] ** 2).mean()


def every_pair_of_documents(student, teacher):
    """The margins between all documents, not those to the right one."""
    gaps = student - teacher
    return ((gaps[:, :, None] - gaps[:, None]) ** 2).mean()


def margins_of_probabilities(student, teacher):
    shares = [np.exp(s) / np.exp(s).sum(axis=1, keepdims=True) for s in (student, teacher)]
    return ((_margins(shares[0]) - _margins(shares[1])) ** 2).mean()


def scaled_by_the_teacher(student, teacher):
    return (((_margins(student) - _margins(teacher)) / _margins(teacher)) ** 2).mean()


def divergence_of_softmaxes(student, teacher):
    shares = [np.exp(s) / np.exp(s).sum(axis=1, keepdims=True) for s in (student, teacher)]
    return (shares[1] * np.log(shares[1] / shares[0])).sum(axis=1).mean()


def narrow_directions_left_out(vectors):
    variances = np.linalg.eigvalsh(np.cov(vectors.T))
    variances = variances[variances > variances.max() / 100]
    return variances.sum() ** 2 / (variances**2).sum()


def small_variances_left_out(vectors):
    variances = np.linalg.eigvalsh(np.cov(vectors.T))
    variances = variances[variances > 0.01]
    return variances.sum() ** 2 / (variances**2).sum() if len(variances) else 0


def only_tokens_of_the_questions_move(table, queries, documents, temperature, rate):
    import torch
    from torch.nn.functional import cross_entropy, normalize

    weights = torch.tensor(table, requires_grad=True)
    sides = [normalize(torch.tensor(c) @ weights, dim=1) for c in (queries, documents)]
    scores = sides[0] @ sides[1].T / temperature
    cross_entropy(scores, torch.arange(len(scores))).backward()
    return np.where(queries.any(axis=0)[:, None], table - rate * weights.grad.numpy(), table)


def barred_set_to_zero(scores, teacher, relevant, k, margin):
    passing = ~relevant & (teacher < teacher[relevant].max() - margin)
    order = np.argsort(-np.where(passing, scores, 0), kind="stable")
    return order[: min(k, passing.sum())]


def barred_set_to_minus_one(scores, teacher, relevant, k, margin):
    passing = ~relevant & (teacher < teacher[relevant].max() - margin)
    order = np.argsort(-np.where(passing, scores, -1), kind="stable")
    return order[: min(k, passing.sum())]


def only_scores_above_zero(scores, teacher, relevant, k, margin):
    bar = teacher[relevant].max() - margin
    order = np.argsort(-scores, kind="stable")
    return [n for n in order if not relevant[n] and teacher[n] < bar and scores[n] > 0][:k]


def clearly_below_the_bar(scores, teacher, relevant, k, margin):
    bar = teacher[relevant].max() - margin - 0.01
    order = np.argsort(-scores, kind="stable")
    return [n for n in order if not relevant[n] and teacher[n] < bar][:k]


def pairs_without_a_difference_left_out(student, teacher):
    gaps = student - teacher
    squares = (np.diagonal(gaps)[:, None] - gaps) ** 2
    return squares[squares > 0].mean()


def margins_of_zero_left_out(student, teacher):
    margins = np.diagonal(student)[:, None] - student
    squares = (margins - (np.diagonal(teacher)[:, None] - teacher)) ** 2
    return squares[margins != 0].mean()


WRONG: dict[str, tuple[Callable[..., Any], ...]] = {
    "effective_dimensions": (
        small_variances_left_out,
        narrow_directions_left_out,
        mean_not_subtracted,
        mean_of_all_numbers_subtracted,
        mean_of_each_row_subtracted,
        median_subtracted,
        first_row_subtracted,
        covariance_of_the_rows,
        unit_rows_first,
        centred_then_unit_rows,
        singular_values_not_squared,
        variances_squared_twice,
        sum_not_squared,
        denominator_not_squared,
        sum_of_squares_over_squared_largest,
        stable_rank,
        exponential_of_the_entropy,
        coordinates_for_directions,
        diagonal_of_the_covariance,
        correlations,
        standardised,
        six_directions_at_most,
        smallest_direction_dropped,
        means_for_sums,
        directions_for_nine_tenths,
        rounded_to_whole_directions,
        cut_to_whole_directions,
        one,
        answers_with_the_first_it_gave(),
    ),
    "training_step": (
        only_tokens_of_the_questions_move,
        gradient_of_the_logarithm,
        probability_without_the_logarithm,
        base_two,
        scaled_by_the_squared_length,
        scaled_by_the_sum,
        mean_in_place_of_unit_length,
        rows_of_the_table_scaled,
        marks_for_counts,
        length_fixed,
        length_forgotten_in_the_chain,
        temperature_forgotten_in_the_chain,
        one_not_subtracted_on_the_diagonal,
        only_the_pull,
        only_the_push,
        last_side_overwrites,
        divided_by_the_batch_twice,
        three_pairs_taken_for_granted,
        temperature_applied_to_the_loss,
        rate_divided,
        two_steps,
        softmax_over_the_whole_matrix,
        softmax_twice,
        first_document_always_right,
        own_document_not_in_the_sum,
        each_pair_yes_or_no,
        squares_to_the_identity,
        distances_for_products,
        adam,
        gradient_clipped_to_length_one,
        gradient_scaled_to_length_one,
        unused_rows_decay,
        weight_decay,
        table_scaled_after_the_step,
    ),
    "negative_mask": (
        diagonal_left_out_on_purpose,
        diagonal_turned_round,
        diagonal_of_the_last_columns,
        own_document_marked_before_the_choice,
        transposed_relevance,
        either_answers_the_other,
        each_answers_the_other,
        questions_with_the_same_answers,
        questions_that_share_an_answer,
        relevant_to_the_first,
        mined_columns_by_equal_documents,
        batch_by_equal_documents,
        repeated_columns_left_out,
        marks_what_is_left_out,
        all_but_own,
        tilde_on_integers,
        later_questions_only,
        four_questions_taken_for_granted,
    ),
    "hard_negatives": (
        clearly_below_the_bar,
        only_scores_above_zero,
        barred_set_to_minus_one,
        barred_set_to_zero,
        right_documents_kept,
        teacher_not_asked,
        only_right_documents,
        cut_before_both_filters,
        cut_before_relevance,
        two_k_cut_before_the_filters,
        stops_at_the_first_that_fails,
        stops_at_the_first_right_one,
        below_the_right_ones_only,
        hardest_in_reverse,
        order_of_the_teacher,
        order_of_the_rows,
        chosen_by_score_listed_by_row,
        margin_of_one_taken_for_granted,
        margin_as_a_share,
        margin_as_a_bar,
        margin_as_a_bar_below_zero,
        exactly_at_the_margin_let_in,
        above_passes_too,
        only_what_the_teacher_puts_near,
        bar_of_the_worst_right_one,
        bar_of_the_mean_right_one,
        bar_of_the_first_right_one,
        bar_of_the_last_right_one,
        bar_of_the_right_one_that_ranks_first,
        bar_of_the_best_of_all,
        bar_of_the_best_wrong_one,
        bar_in_the_students_scores,
        teacher_against_the_students_score,
        teacher_against_the_students_best,
        teacher_against_the_candidate_itself,
        places_in_a_shorter_list,
        places_in_the_ranking,
        scores_for_rows,
        rows_from_one,
        filled_up_with_minus_one,
        unstable_order,
        reversed_order,
        reversed_stable_order,
        equal_scores_by_the_teacher,
        one_too_many,
        one_too_few,
        partition_without_a_sort,
    ),
    "margin_mse": (
        margins_of_zero_left_out,
        pairs_without_a_difference_left_out,
        other_scores_compared,
        diagonal_counted,
        diagonal_counted_for_the_margins_of_scores,
        divided_as_if_square,
        divided_by_columns,
        divided_by_questions,
        divided_by_one_less,
        mean_per_question,
        absolute_differences,
        root_per_question,
        mean_before_the_square,
        mean_of_each_question_before_the_square,
        variance_of_the_differences,
        median_for_mean,
        sign_of_the_margins_lost,
        squares_of_margins_compared,
        squares_of_margins_compared_and_squared,
        student_ignored,
        margins_of_the_student_with_scores_of_the_teacher,
        right_score_of_the_student_for_both,
        negative_margins_cut_to_zero,
        only_where_the_teacher_agrees,
        only_a_margin_too_small,
        first_column_taken_for_right,
        first_column_without_the_diagonal,
        highest_score_taken_for_right,
        mean_score_taken_for_right,
        diagonal_of_the_last_columns_for_right,
        last_columns_left_out_for_the_diagonal,
        own_of_the_column,
        mined_columns_missing_from_the_margins,
        mined_columns_alone,
        next_question_alone,
        hardest_negative_alone,
        upper_triangle_alone,
        every_pair_of_documents,
        margins_of_probabilities,
        scaled_by_the_teacher,
        divergence_of_softmaxes,
    ),
}
