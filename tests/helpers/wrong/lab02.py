"""Wrong answers to the exercises of lab 02."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# The answers carry no annotations, as students write them.


def start_and_length(count, size, overlap):
    starts = range(0, max(1, count - overlap), size - overlap)
    return [[start, min(size, count - start)] for start in starts]


def last_window_moved_back(count, size, overlap):
    windows, start = [], 0
    while start + size < count:
        windows.append((start, start + size))
        start += size - overlap
    return [*windows, (max(0, count - size), count)]


def a_text_within_the_overlap_is_lost(count, size, overlap):
    return [[a, min(a + size, count)] for a in range(0, count - overlap, size - overlap)]


def a_text_within_the_overlap_is_lost_as_arrays(count, size, overlap):
    starts = np.arange(0, count - overlap, size - overlap)
    return np.stack([starts, np.minimum(starts + size, count)], axis=1)


def a_text_as_long_as_the_overlap_is_lost(count, size, overlap):
    if count < overlap:
        return [[0, count]]
    return [[a, min(a + size, count)] for a in range(0, count - overlap, size - overlap)]


def windows_at_every_step(count, size, overlap):
    return [[a, min(a + size, count)] for a in range(0, count, size - overlap)]


def whole_windows_only(count, size, overlap):
    return [[a, a + size] for a in range(0, count - size + 1, size - overlap)]


def whole_windows_unless_the_text_is_short(count, size, overlap):
    if count <= size:
        return [[0, count]]
    return [[a, a + size] for a in range(0, count - size + 1, size - overlap)]


def a_last_token_alone_is_lost(count, size, overlap):
    starts = np.arange(0, max(1, count - overlap - 1), size - overlap)
    return np.stack([starts, np.minimum(starts + size, count)], axis=1)


def one_start_too_many_where_it_fits(count, size, overlap):
    starts = np.arange(0, max(1, count - overlap + 1), size - overlap)
    return np.stack([starts, np.minimum(starts + size, count)], axis=1)


def short_tail_joined_to_the_window_before(count, size, overlap):
    windows = [[a, min(a + size, count)] for a in range(0, max(1, count - overlap), size - overlap)]
    if len(windows) > 1 and windows[-1][1] - windows[-1][0] < size:
        windows.pop()
        windows[-1][1] = count
    return windows


def tails_of_less_than_half_a_window_dropped(count, size, overlap):
    starts = range(0, max(1, count - overlap), size - overlap)
    return [[a, min(a + size, count)] for a in starts if a == 0 or count - a >= size / 2]


def number_of_windows_rounded_down(count, size, overlap):
    number = max(1, (count - overlap) // (size - overlap))
    starts = np.arange(number) * (size - overlap)
    return np.stack([starts, np.minimum(starts + size, count)], axis=1)


def number_of_windows_without_the_overlap(count, size, overlap):
    starts = np.arange(-(-count // size)) * (size - overlap)
    return np.stack([starts, np.minimum(starts + size, count)], axis=1)


def windows_spread_evenly(count, size, overlap):
    number = max(1, -(-(count - overlap) // (size - overlap)))
    starts = np.linspace(0, max(0, count - size), number).astype(int)
    return np.stack([starts, np.minimum(starts + size, count)], axis=1)


def overlap_as_the_step(count, size, overlap):
    return [[a, min(a + size, count)] for a in range(0, max(1, count - overlap), overlap or size)]


def no_overlap(count, size, overlap):
    return [[a, min(a + size, count)] for a in range(0, count, size)]


def overlap_on_both_sides(count, size, overlap):
    half = overlap // 2
    return [[max(0, a - half), min(a + size + half, count)] for a in range(0, count, size)]


def no_overlap_taken_for_a_default(count, size, overlap):
    overlap = overlap or size // 4
    starts = range(0, max(1, count - overlap), size - overlap)
    return [[a, min(a + size, count)] for a in starts]


def starts_cut_off_by_a_slice(count, size, overlap):
    """`[:-0]` is empty."""
    starts = np.arange(0, count)[:-overlap][:: size - overlap]
    return np.stack([starts, np.minimum(starts + size, count)], axis=1)


def tokens_counted_from_one(count, size, overlap):
    starts = range(1, max(2, count - overlap + 1), size - overlap)
    return [[a, min(a + size, count + 1)] for a in starts]


def inclusive_ends(count, size, overlap):
    starts = range(0, max(1, count - overlap), size - overlap)
    return [[a, min(a + size, count) - 1] for a in starts]


def ends_past_the_text(count, size, overlap):
    return [[a, a + size] for a in range(0, max(1, count - overlap), size - overlap)]


def ends_before_the_last_token(count, size, overlap):
    starts = range(0, max(1, count - overlap), size - overlap)
    return [[a, min(a + size, count - 1)] for a in starts]


def windows_of_one_token_more(count, size, overlap):
    starts = range(0, max(1, count - overlap), size - overlap)
    return [[a, min(a + size + 1, count)] for a in starts]


def starts_and_ends_as_two_rows(count, size, overlap):
    starts = np.arange(0, max(1, count - overlap), size - overlap)
    return np.stack([starts, np.minimum(starts + size, count)])


def windows_of_the_public_case(count, size, overlap):
    return [[0, 12], [10, 22], [20, 32], [30, 39]]


def windows_from_the_end(count, size, overlap):
    windows, end = [], count
    while True:
        windows.insert(0, [max(0, end - size), end])
        if end <= size:
            return windows
        end -= size - overlap


def ignored_size(count, size, overlap):
    starts = range(0, max(1, count - overlap), 12 - min(overlap, 11))
    return [[a, min(a + 12, count)] for a in starts]


def first_windows_for_ever(count, size, overlap, kept=[]):  # noqa: B006
    if not kept:
        starts = np.arange(0, max(1, count - overlap), size - overlap)
        kept.append(np.stack([starts, np.minimum(starts + size, count)], axis=1))
    return kept[0]


# Coverage of an answer


def chunk_with_the_nearest_start(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    lengths = np.diff(spans)[:, 0]
    return (
        shared[np.arange(len(spans)), np.abs(spans[:, None, 0] - chunks[None, :, 0]).argmin(axis=1)]
        / lengths
    )


def chunk_with_the_nearest_end(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    lengths = np.diff(spans)[:, 0]
    return (
        shared[np.arange(len(spans)), np.abs(spans[:, None, 1] - chunks[None, :, 1]).argmin(axis=1)]
        / lengths
    )


def chunk_with_the_nearest_middle(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    lengths = np.diff(spans)[:, 0]
    middles = np.abs(spans.sum(axis=1)[:, None] - chunks.sum(axis=1)[None, :])
    return shared[np.arange(len(spans)), middles.argmin(axis=1)] / lengths


def last_chunk_that_begins_before(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    lengths = np.diff(spans)[:, 0]
    return (
        shared[np.arange(len(spans)), np.searchsorted(chunks[:, 0], spans[:, 0], "right") - 1]
        / lengths
    )


def first_chunk_that_touches(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    lengths = np.diff(spans)[:, 0]
    return shared[np.arange(len(spans)), (shared > 0).argmax(axis=1)] / lengths


def last_chunk_that_touches(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    lengths = np.diff(spans)[:, 0]
    touching = shared > 0
    return (
        shared[np.arange(len(spans)), len(chunks) - 1 - touching[:, ::-1].argmax(axis=1)] / lengths
    )


def longest_chunk_that_touches(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    lengths = np.diff(spans)[:, 0]
    sizes = np.where(shared > 0, np.diff(chunks)[:, 0][None, :], -1)
    return shared[np.arange(len(spans)), sizes.argmax(axis=1)] / lengths


def chunk_that_holds_the_start(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    lengths = np.diff(spans)[:, 0]
    inside = (chunks[:, 0] <= spans[:, :1]) & (spans[:, :1] < chunks[:, 1])
    return (shared * inside).max(axis=1) / lengths


def chunk_that_holds_the_end(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    lengths = np.diff(spans)[:, 0]
    inside = (chunks[:, 0] < spans[:, 1:]) & (spans[:, 1:] <= chunks[:, 1])
    return (shared * inside).max(axis=1) / lengths


def chunk_that_holds_one_of_the_borders(chunks, spans):
    """A chunk that lies inside the answer is not seen."""
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    start = (chunks[:, 0] <= spans[:, :1]) & (spans[:, :1] < chunks[:, 1])
    end = (chunks[:, 0] < spans[:, 1:]) & (spans[:, 1:] <= chunks[:, 1])
    return (shared * (start | end)).max(axis=1) / np.diff(spans)[:, 0]


def chunk_whose_start_is_inside_the_answer(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    lengths = np.diff(spans)[:, 0]
    inside = (spans[:, :1] <= chunks[:, 0]) & (chunks[:, 0] < spans[:, 1:])
    return (shared * inside).max(axis=1) / lengths


def negative_overlaps(chunks, spans):
    lengths = np.diff(spans)[:, 0]
    ends = np.minimum(spans[:, None, 1], chunks[None, :, 1])
    starts = np.maximum(spans[:, None, 0], chunks[None, :, 0])
    return (ends - starts).max(axis=1) / lengths


def distances_for_overlaps(chunks, spans):
    lengths = np.diff(spans)[:, 0]
    ends = np.minimum(spans[:, None, 1], chunks[None, :, 1])
    starts = np.maximum(spans[:, None, 0], chunks[None, :, 0])
    return np.abs(ends - starts).max(axis=1) / lengths


def distances_for_overlaps_up_to_one(chunks, spans):
    ends = np.minimum(spans[:, None, 1], chunks[None, :, 1])
    starts = np.maximum(spans[:, None, 0], chunks[None, :, 0])
    return np.minimum(1, np.abs(ends - starts).max(axis=1) / np.diff(spans)[:, 0])


def intersection_over_union(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    lengths = np.diff(spans)[:, 0]
    union = lengths[:, None] + np.diff(chunks)[:, 0] - shared
    return (shared / union).max(axis=1)


def share_of_the_chunk(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    return (shared / np.diff(chunks)[:, 0]).max(axis=1)


def share_of_the_shorter(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    lengths = np.diff(spans)[:, 0]
    return (shared / np.minimum(lengths[:, None], np.diff(chunks)[:, 0])).max(axis=1)


def share_of_the_longer(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    lengths = np.diff(spans)[:, 0]
    return (shared / np.maximum(lengths[:, None], np.diff(chunks)[:, 0])).max(axis=1)


def dice(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    lengths = np.diff(spans)[:, 0]
    both = lengths[:, None] + np.diff(chunks)[:, 0]
    return (2 * shared / both).max(axis=1)


def sum_of_shares(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    lengths = np.diff(spans)[:, 0]
    return shared.sum(axis=1) / lengths


def sum_of_shares_up_to_one(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    lengths = np.diff(spans)[:, 0]
    return np.minimum(1, shared.sum(axis=1) / lengths)


def share_in_all_chunks_together(chunks, spans):
    together = {n for start, end in chunks for n in range(start, end)}
    return [len(together & set(range(a, b))) / (b - a) for a, b in spans]


def two_best_added(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    lengths = np.diff(spans)[:, 0]
    return np.sort(shared, axis=1)[:, -2:].sum(axis=1) / lengths


def mean_share(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    lengths = np.diff(spans)[:, 0]
    return shared.mean(axis=1) / lengths


def mean_of_touching_chunks(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    lengths = np.diff(spans)[:, 0]
    touching = np.maximum(1, (shared > 0).sum(axis=1))
    return shared.sum(axis=1) / touching / lengths


def whole_or_nothing(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    lengths = np.diff(spans)[:, 0]
    return (shared.max(axis=1) == lengths).astype(float)


def touched(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    return (shared.max(axis=1) > 0).astype(float)


def at_least_half(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    lengths = np.diff(spans)[:, 0]
    return (shared.max(axis=1) / lengths >= 0.5).astype(float)


def whole_numbers(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    lengths = np.diff(spans)[:, 0]
    return shared.max(axis=1) // lengths


def one_decimal(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    lengths = np.diff(spans)[:, 0]
    return np.round(shared.max(axis=1) / lengths, 1)


def characters(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    return shared.max(axis=1)


def number_of_the_best_chunk(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    return shared.argmax(axis=1)


def ends_included(chunks, spans):
    lengths = np.diff(spans)[:, 0]
    ends = np.minimum(spans[:, None, 1], chunks[None, :, 1])
    shared = np.maximum(0, ends - np.maximum(spans[:, None, 0], chunks[None, :, 0]) + 1)
    return shared.max(axis=1) / (lengths + 1)


def ends_included_above_the_line(chunks, spans):
    lengths = np.diff(spans)[:, 0]
    ends = np.minimum(spans[:, None, 1], chunks[None, :, 1])
    shared = np.maximum(0, ends - np.maximum(spans[:, None, 0], chunks[None, :, 0]) + 1)
    return np.minimum(1, shared.max(axis=1) / lengths)


def one_per_chunk(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    lengths = np.diff(spans)[:, 0]
    return (shared / lengths[:, None]).max(axis=0)


def chunks_and_answers_exchanged(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    return (shared.T / np.diff(chunks)).max(axis=1)


def chunk_beside_the_answer_in_the_list(chunks, spans):
    pairs = zip(chunks, spans, strict=False)
    return [max(0, min(d, b) - max(c, a)) / (b - a) for (c, d), (a, b) in pairs]


def largest_of_all_answers(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    lengths = np.diff(spans)[:, 0]
    return np.full(len(spans), (shared.max(axis=1) / lengths).max())


def mean_of_the_answers(chunks, spans):
    shared = np.maximum(
        0, np.minimum(spans[:, None, 1], chunks[:, 1]) - np.maximum(spans[:, None, 0], chunks[:, 0])
    )
    lengths = np.diff(spans)[:, 0]
    return (shared.max(axis=1) / lengths).mean()


def all_covered(chunks, spans):
    return np.ones(len(spans))


def first_coverage_for_ever(chunks, spans, kept=[]):  # noqa: B006
    if not kept:
        ends = np.minimum(spans[:, None, 1], chunks[None, :, 1])
        shared = np.maximum(0, ends - np.maximum(spans[:, None, 0], chunks[None, :, 0]))
        kept.append(shared.max(axis=1) / np.diff(spans)[:, 0])
    return kept[0]


# Search in blocks


def rows_local_to_the_block(queries, documents, k, memory):
    size = max(1, memory // (4 * len(queries)))
    rows, scores = np.empty((len(queries), 0), dtype=int), np.empty((len(queries), 0))
    for start in range(0, len(documents), size):
        block = queries @ documents[start : start + size].T
        fresh = np.tile(np.arange(block.shape[1]), (len(queries), 1))
        rows, scores = np.hstack([rows, fresh]), np.hstack([scores, block])
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        rows, scores = (np.take_along_axis(x, order, axis=1) for x in (rows, scores))
    return rows


def rows_moved_by_the_number_of_the_block(queries, documents, k, memory):
    size = max(1, memory // (4 * len(queries)))
    rows, scores = np.empty((len(queries), 0), dtype=int), np.empty((len(queries), 0))
    for start in range(0, len(documents), size):
        block = queries @ documents[start : start + size].T
        fresh = np.tile(start // size + np.arange(block.shape[1]), (len(queries), 1))
        rows, scores = np.hstack([rows, fresh]), np.hstack([scores, block])
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        rows, scores = (np.take_along_axis(x, order, axis=1) for x in (rows, scores))
    return rows


def rows_moved_by_the_length_of_this_block(queries, documents, k, memory):
    """Right until the last block, which is shorter."""
    size = max(1, memory // (4 * len(queries)))
    rows, scores = np.empty((len(queries), 0), dtype=int), np.empty((len(queries), 0))
    for start in range(0, len(documents), size):
        block = queries @ documents[start : start + size].T
        fresh = np.tile(
            start // size * block.shape[1] + np.arange(block.shape[1]), (len(queries), 1)
        )
        rows, scores = np.hstack([rows, fresh]), np.hstack([scores, block])
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        rows, scores = (np.take_along_axis(x, order, axis=1) for x in (rows, scores))
    return rows


def rows_moved_by_one_block_too_many(queries, documents, k, memory):
    size = max(1, memory // (4 * len(queries)))
    rows, scores = np.empty((len(queries), 0), dtype=int), np.empty((len(queries), 0))
    for start in range(0, len(documents), size):
        block = queries @ documents[start : start + size].T
        fresh = np.tile(start + size + np.arange(block.shape[1]), (len(queries), 1))
        rows, scores = np.hstack([rows, fresh]), np.hstack([scores, block])
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        rows, scores = (np.take_along_axis(x, order, axis=1) for x in (rows, scores))
    return rows


def last_short_block_lost(queries, documents, k, memory):
    size = max(1, memory // (4 * len(queries)))
    rows, scores = np.empty((len(queries), 0), dtype=int), np.empty((len(queries), 0))
    for start in range(0, len(documents) // size * size, size):
        block = queries @ documents[start : start + size].T
        fresh = np.tile(start + np.arange(block.shape[1]), (len(queries), 1))
        rows, scores = np.hstack([rows, fresh]), np.hstack([scores, block])
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        rows, scores = (np.take_along_axis(x, order, axis=1) for x in (rows, scores))
    return rows


def last_block_lost(queries, documents, k, memory):
    size = max(1, memory // (4 * len(queries)))
    kept = documents[: max(size, len(documents) - size)]
    return np.argsort(-(queries @ kept.T), axis=1, kind="stable")[:, :k]


def only_the_last_block(queries, documents, k, memory):
    size = max(1, memory // (4 * len(queries)))
    blocks = [(s, documents[s : s + size]) for s in range(0, len(documents), size)]
    for start, block in blocks:
        rows = start + np.argsort(-(queries @ block.T), axis=1, kind="stable")[:, :k]
    return rows


def only_the_first_block(queries, documents, k, memory):
    size = max(1, memory // (4 * len(queries)))
    blocks = [(s, documents[s : s + size]) for s in range(0, len(documents), size)]
    return np.argsort(-(queries @ blocks[0][1].T), axis=1, kind="stable")[:, :k]


def winners_in_block_order(queries, documents, k, memory):
    size = max(1, memory // (4 * len(queries)))
    blocks = [(s, documents[s : s + size]) for s in range(0, len(documents), size)]
    winners = [
        start + np.argsort(-(queries @ block.T), axis=1, kind="stable")[:, :k]
        for start, block in blocks
    ]
    return np.concatenate(winners, axis=1)[:, :k]


def winners_in_reverse_block_order(queries, documents, k, memory):
    size = max(1, memory // (4 * len(queries)))
    blocks = [(s, documents[s : s + size]) for s in range(0, len(documents), size)]
    blocks.reverse()
    winners = [
        start + np.argsort(-(queries @ block.T), axis=1, kind="stable")[:, :k]
        for start, block in blocks
    ]
    return np.concatenate(winners, axis=1)[:, :k]


def a_share_of_k_from_each_block(queries, documents, k, memory):
    """Each block may keep its share only."""
    size = max(1, memory // (4 * len(queries)))
    blocks = [(s, documents[s : s + size]) for s in range(0, len(documents), size)]
    share = -(-k // len(blocks))
    rows = np.concatenate(
        [
            s + np.argsort(-(queries @ block.T), axis=1, kind="stable")[:, :share]
            for s, block in blocks
        ],
        axis=1,
    )
    scores = np.take_along_axis(queries @ documents.T, rows, axis=1)
    return np.take_along_axis(rows, np.argsort(-scores, axis=1, kind="stable")[:, :k], axis=1)


def the_best_of_each_block(queries, documents, k, memory):
    size = max(1, memory // (4 * len(queries)))
    blocks = [(s, documents[s : s + size]) for s in range(0, len(documents), size)]
    rows = np.concatenate(
        [s + np.argsort(-(queries @ block.T), axis=1, kind="stable")[:, :1] for s, block in blocks],
        axis=1,
    )
    scores = np.take_along_axis(queries @ documents.T, rows, axis=1)
    return np.take_along_axis(rows, np.argsort(-scores, axis=1, kind="stable")[:, :k], axis=1)


def k_clamped_to_the_block(queries, documents, k, memory):
    size = max(1, memory // (4 * len(queries)))
    rows, scores = np.empty((len(queries), 0), dtype=int), np.empty((len(queries), 0))
    for start in range(0, len(documents), size):
        block = queries @ documents[start : start + size].T
        fresh = np.tile(start + np.arange(block.shape[1]), (len(queries), 1))
        rows, scores = np.hstack([rows, fresh]), np.hstack([scores, block])
        order = np.argsort(-scores, axis=1, kind="stable")[:, : min(k, size)]
        rows, scores = (np.take_along_axis(x, order, axis=1) for x in (rows, scores))
    return rows


def blocks_shorter_than_k_left_out(queries, documents, k, memory):
    size = max(1, memory // (4 * len(queries)))
    blocks = [(s, documents[s : s + size]) for s in range(0, len(documents), size)]
    blocks = [b for b in blocks if len(b[1]) >= k]
    rows = np.concatenate(
        [
            start + np.argsort(-(queries @ block.T), axis=1, kind="stable")[:, :k]
            for start, block in blocks
        ],
        axis=1,
    )
    scores = np.take_along_axis(queries @ documents.T, rows, axis=1)
    return np.take_along_axis(rows, np.argsort(-scores, axis=1, kind="stable")[:, :k], axis=1)


def later_rows_first_among_equals(queries, documents, k, memory):
    size = max(1, memory // (4 * len(queries)))
    blocks = [(s, documents[s : s + size]) for s in range(0, len(documents), size)]
    rows, scores = np.empty((len(queries), 0), dtype=int), np.empty((len(queries), 0))
    for start, block in blocks:
        fresh = np.tile(start + np.arange(len(block)), (len(queries), 1))
        rows = np.concatenate([fresh, rows], axis=1)
        scores = np.concatenate([queries @ block.T, scores], axis=1)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        rows, scores = (np.take_along_axis(x, order, axis=1) for x in (rows, scores))
    return rows


def all_equals_reversed(queries, documents, k, memory):
    size = max(1, memory // (4 * len(queries)))
    rows, scores = np.empty((len(queries), 0), dtype=int), np.empty((len(queries), 0))
    for start in range(0, len(documents), size):
        block = queries @ documents[start : start + size].T
        fresh = np.tile(start + np.arange(block.shape[1]), (len(queries), 1))
        rows, scores = np.hstack([rows, fresh]), np.hstack([scores, block])
        order = np.argsort(scores, axis=1, kind="stable")[:, ::-1][:, :k]
        rows, scores = (np.take_along_axis(x, order, axis=1) for x in (rows, scores))
    return rows


def unstable_sort(queries, documents, k, memory):
    size = max(1, memory // (4 * len(queries)))
    rows, scores = np.empty((len(queries), 0), dtype=int), np.empty((len(queries), 0))
    for start in range(0, len(documents), size):
        block = queries @ documents[start : start + size].T
        fresh = np.tile(start + np.arange(block.shape[1]), (len(queries), 1))
        rows, scores = np.hstack([rows, fresh]), np.hstack([scores, block])
        order = np.argsort(-scores, axis=1)[:, :k]
        rows, scores = (np.take_along_axis(x, order, axis=1) for x in (rows, scores))
    return rows


def unstable_sort_of_everything(queries, documents, k, memory):
    return np.argsort(-(queries @ documents.T), axis=1)[:, :k]


def unstable_sort_backwards(queries, documents, k, memory):
    return np.argsort(queries @ documents.T, axis=1)[:, ::-1][:, :k]


def heap_of_scores_and_rows(queries, documents, k, memory):
    """Of equal scores the higher row is the larger pair."""
    import heapq

    return [
        [row for _, row in heapq.nlargest(k, ((float(d @ q), i) for i, d in enumerate(documents)))]
        for q in queries
    ]


def partition_without_a_sort(queries, documents, k, memory):
    size = max(1, memory // (4 * len(queries)))
    rows, scores = np.empty((len(queries), 0), dtype=int), np.empty((len(queries), 0))
    for start in range(0, len(documents), size):
        block = queries @ documents[start : start + size].T
        fresh = np.tile(start + np.arange(block.shape[1]), (len(queries), 1))
        rows, scores = np.hstack([rows, fresh]), np.hstack([scores, block])
        order = np.argpartition(-scores, min(k, scores.shape[1]) - 1, axis=1)[:, :k]
        rows, scores = (np.take_along_axis(x, order, axis=1) for x in (rows, scores))
    return rows


def partition_then_sorted_by_row(queries, documents, k, memory):
    k = min(k, len(documents))
    rows = np.argpartition(-(queries @ documents.T), k - 1, axis=1)[:, :k]
    return np.sort(rows, axis=1)


def partition_that_loses_the_first_of_equals(queries, documents, k, memory):
    scores = queries @ documents.T
    k = min(k, len(documents))
    rows = np.sort(np.argpartition(-scores, k - 1, axis=1)[:, :k], axis=1)
    order = np.argsort(-np.take_along_axis(scores, rows, axis=1), axis=1, kind="stable")
    return np.take_along_axis(rows, order, axis=1)


def places_kept_at_zero(queries, documents, k, memory):
    """The list of winners begins with row 0 and score 0, which negative scores never pass."""
    size = max(1, memory // (4 * len(queries)))
    blocks = [(s, documents[s : s + size]) for s in range(0, len(documents), size)]
    k = min(k, len(documents))
    rows, scores = np.zeros((len(queries), k), dtype=int), np.zeros((len(queries), k))
    for start, block in blocks:
        fresh = np.tile(start + np.arange(len(block)), (len(queries), 1))
        rows = np.concatenate([rows, fresh], axis=1)
        scores = np.concatenate([scores, queries @ block.T], axis=1)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        rows, scores = (np.take_along_axis(x, order, axis=1) for x in (rows, scores))
    return rows


def scores_of_the_winners_not_carried_on(queries, documents, k, memory):
    size = max(1, memory // (4 * len(queries)))
    blocks = [(s, documents[s : s + size]) for s in range(0, len(documents), size)]
    start, block = blocks[0]
    rows, scores = (
        np.argsort(-(queries @ block.T), axis=1, kind="stable")[:, :k],
        -np.sort(-(queries @ block.T), axis=1)[:, :k],
    )
    for start, block in blocks[1:]:
        rows = np.concatenate([rows, np.tile(start + np.arange(len(block)), (len(queries), 1))], 1)
        both = np.concatenate([scores, queries @ block.T], axis=1)
        order = np.argsort(-both, axis=1, kind="stable")[:, :k]
        rows = np.take_along_axis(rows, order, axis=1)
        scores = scores[:, : rows.shape[1]]
        scores = np.pad(scores, ((0, 0), (0, rows.shape[1] - scores.shape[1])))
    return rows


def stops_at_a_block_without_winners(queries, documents, k, memory):
    size = max(1, memory // (4 * len(queries)))
    blocks = [(s, documents[s : s + size]) for s in range(0, len(documents), size)]
    kept = blocks[0][1]
    for start, block in blocks[1:]:
        best = np.argsort(-(queries @ documents[: start + len(block)].T), axis=1, kind="stable")[
            :, :k
        ]
        if (best < start).all():
            break
        kept = documents[: start + len(block)]
    return np.argsort(-(queries @ kept.T), axis=1, kind="stable")[:, :k]


def blocks_that_share_a_document(queries, documents, k, memory):
    size = max(1, memory // (4 * len(queries)))
    blocks = [(s, documents[s : s + size]) for s in range(0, len(documents), size)]
    rows, scores = np.empty((len(queries), 0), dtype=int), np.empty((len(queries), 0))
    for start, block in blocks:
        before = max(0, start - 1)
        block = documents[before : start + len(block)]
        rows = np.concatenate([rows, np.tile(before + np.arange(len(block)), (len(queries), 1))], 1)
        scores = np.concatenate([scores, queries @ block.T], axis=1)
    order = np.argsort(-scores, axis=1, kind="stable")[:, : min(k, len(documents))]
    return np.take_along_axis(rows, order, axis=1)


def last_document_of_each_block_lost(queries, documents, k, memory):
    size = max(1, memory // (4 * len(queries)))
    blocks = [(s, documents[s : s + size]) for s in range(0, len(documents), size)]
    kept = [start + np.arange(max(1, len(block) - 1)) for start, block in blocks]
    rows = np.concatenate(kept)
    return rows[np.argsort(-(queries @ documents[rows].T), axis=1, kind="stable")[:, :k]]


def one_order_for_all_queries(queries, documents, k, memory):
    best = np.argsort(-(queries @ documents.T).max(axis=0), kind="stable")[:k]
    return np.tile(best, (len(queries), 1))


def missing_places_filled_with_minus_one(queries, documents, k, memory):
    rows = np.argsort(-(queries @ documents.T), axis=1, kind="stable")[:, :k]
    return np.pad(rows, ((0, 0), (0, k - rows.shape[1])), constant_values=-1)


def no_block_where_memory_is_short(queries, documents, k, memory):
    size = memory // (4 * len(queries))
    best = [
        s + np.argsort(-(queries @ documents[s : s + size].T), axis=1, kind="stable")[:, :k]
        for s in range(0, len(documents), size)
    ]
    rows = np.concatenate(best, axis=1)
    scores = np.take_along_axis(queries @ documents.T, rows, axis=1)
    return np.take_along_axis(rows, np.argsort(-scores, axis=1, kind="stable")[:, :k], axis=1)


def smallest_distance(queries, documents, k, memory):
    distances = ((queries[:, None] - documents[None]) ** 2).sum(axis=-1)
    return np.argsort(distances, axis=1, kind="stable")[:, :k]


def largest_cosine(queries, documents, k, memory):
    unit = documents / np.linalg.norm(documents, axis=1, keepdims=True)
    return np.argsort(-(queries @ unit.T), axis=1, kind="stable")[:, :k]


def least_similar(queries, documents, k, memory):
    return np.argsort(queries @ documents.T, axis=1, kind="stable")[:, :k]


def worst_of_the_best_first(queries, documents, k, memory):
    return np.argsort(-(queries @ documents.T), axis=1, kind="stable")[:, :k][:, ::-1]


def largest_absolute_score(queries, documents, k, memory):
    return np.argsort(-np.abs(queries @ documents.T), axis=1, kind="stable")[:, :k]


def best_scores(queries, documents, k, memory):
    return -np.sort(-(queries @ documents.T), axis=1)[:, :k]


def queries_for_each_document(queries, documents, k, memory):
    return np.argsort(-(documents @ queries.T), axis=1, kind="stable")[:, :k]


def one_column_per_query(queries, documents, k, memory):
    return np.argsort(-(queries @ documents.T), axis=1, kind="stable")[:, :k].T


def first_query_alone(queries, documents, k, memory):
    return np.argsort(-(queries @ documents.T), axis=1, kind="stable")[:, :k][0]


def first_k_queries(queries, documents, k, memory):
    return np.argsort(-(queries @ documents.T), axis=1, kind="stable")[:k]


def best_document_skipped(queries, documents, k, memory):
    return np.argsort(-(queries @ documents.T), axis=1, kind="stable")[:, : k + 1][:, 1:]


def rows_from_one(queries, documents, k, memory):
    return np.argsort(-(queries @ documents.T), axis=1, kind="stable")[:, :k] + 1


def sorted_along_the_queries(queries, documents, k, memory):
    return np.argsort(-(queries @ documents.T), axis=0, kind="stable")[:, :k]


def ranks_of_the_documents(queries, documents, k, memory):
    order = np.argsort(-(queries @ documents.T), axis=1, kind="stable")
    return np.argsort(order, axis=1)[:, :k]


def one_more_than_k(queries, documents, k, memory):
    return np.argsort(-(queries @ documents.T), axis=1, kind="stable")[:, : k + 1]


def first_rows_for_ever(queries, documents, k, memory, kept=[]):  # noqa: B006
    if not kept:
        kept.append(np.argsort(-(queries @ documents.T), axis=1, kind="stable")[:, :k])
    return kept[0]


# Recall


def rank_by_rank(found, exact):
    return (found == exact).mean()


def sorted_rank_by_rank(found, exact):
    return (np.sort(found) == np.sort(exact)).mean()


def all_lists_mixed(found, exact):
    return np.isin(exact, found).mean()


def sets_of_all_lists(found, exact):
    return len(set(found.ravel()) & set(exact.ravel())) / len(set(exact.ravel()))


def precision_of_all(found, exact):
    hits = [len(set(f) & set(e)) for f, e in zip(found.tolist(), exact.tolist(), strict=True)]
    return sum(hits) / (found >= 0).sum()


def mean_precision(found, exact):
    hits = [len(set(f) & set(e)) for f, e in zip(found.tolist(), exact.tolist(), strict=True)]
    return np.mean([h / max(1, n) for h, n in zip(hits, (found >= 0).sum(axis=1), strict=True)])


def jaccard(found, exact):
    return np.mean(
        [len(set(f) & set(e)) / len(set(f) | set(e)) for f, e in zip(found, exact, strict=True)]
    )


def jaccard_without_gaps(found, exact):
    return np.mean(
        [
            len(set(f) & set(e)) / len((set(f) | set(e)) - {-1})
            for f, e in zip(found.tolist(), exact.tolist(), strict=True)
        ]
    )


def f_measure(found, exact):
    hits = [len(set(f) & set(e)) for f, e in zip(found.tolist(), exact.tolist(), strict=True)]
    precision, recall = sum(hits) / (found >= 0).sum(), sum(hits) / exact.size
    return 2 * precision * recall / (precision + recall)


def some_neighbour(found, exact):
    hits = [len(set(f) & set(e)) for f, e in zip(found.tolist(), exact.tolist(), strict=True)]
    return np.mean(np.array(hits) > 0)


def all_neighbours(found, exact):
    hits = [len(set(f) & set(e)) for f, e in zip(found.tolist(), exact.tolist(), strict=True)]
    return np.mean(np.array(hits) == exact.shape[1])


def at_least_half_of_them(found, exact):
    hits = [len(set(f) & set(e)) for f, e in zip(found.tolist(), exact.tolist(), strict=True)]
    return np.mean(np.array(hits) >= exact.shape[1] / 2)


def recall_at_one(found, exact):
    return (found[:, 0] == exact[:, 0]).mean()


def first_neighbour_anywhere(found, exact):
    return (found == exact[:, :1]).any(axis=1).mean()


def first_found_is_a_neighbour(found, exact):
    return (found[:, :1] == exact).any(axis=1).mean()


def count_of_hits(found, exact):
    hits = [len(set(f) & set(e)) for f, e in zip(found.tolist(), exact.tolist(), strict=True)]
    return sum(hits)


def hits_per_query(found, exact):
    hits = [len(set(f) & set(e)) for f, e in zip(found.tolist(), exact.tolist(), strict=True)]
    return np.mean(hits)


def share_of_the_queries(found, exact):
    hits = [len(set(f) & set(e)) for f, e in zip(found.tolist(), exact.tolist(), strict=True)]
    return sum(hits) / len(exact) ** 2


def one_number_per_query(found, exact):
    hits = [len(set(f) & set(e)) for f, e in zip(found.tolist(), exact.tolist(), strict=True)]
    return np.array(hits) / exact.shape[1]


def median_query(found, exact):
    hits = [len(set(f) & set(e)) for f, e in zip(found.tolist(), exact.tolist(), strict=True)]
    return np.median(hits) / exact.shape[1]


def worst_query(found, exact):
    hits = [len(set(f) & set(e)) for f, e in zip(found.tolist(), exact.tolist(), strict=True)]
    return min(hits) / exact.shape[1]


def first_query_only(found, exact):
    hits = [len(set(f) & set(e)) for f, e in zip(found.tolist(), exact.tolist(), strict=True)]
    return hits[0] / exact.shape[1]


def last_query_only(found, exact):
    hits = [len(set(f) & set(e)) for f, e in zip(found.tolist(), exact.tolist(), strict=True)]
    return hits[-1] / exact.shape[1]


def share_missed(found, exact):
    hits = [len(set(f) & set(e)) for f, e in zip(found.tolist(), exact.tolist(), strict=True)]
    return 1 - sum(hits) / exact.size


def returned_at_all(found, exact):
    return (found >= 0).mean()


def column_by_column(found, exact):
    columns = zip(found.T.tolist(), exact.T.tolist(), strict=True)
    return sum(len(set(f) & set(e)) for f, e in columns) / exact.size


def stops_at_the_first_wrong_one(found, exact):
    hits = 0
    for mine, true in zip(found, exact, strict=True):
        for row in mine:
            if row not in true:
                break
            hits += 1
    return hits / exact.size


def document_zero_is_nothing(found, exact):
    return sum(len(set(f[f > 0]) & set(e)) for f, e in zip(found, exact, strict=True)) / exact.size


def minus_one_taken_as_an_index(found, exact):
    """A gap looks the last document up."""
    known = np.zeros((len(exact), max(exact.max(), found.max()) + 1), dtype=bool)
    np.put_along_axis(known, exact, True, axis=1)
    return np.take_along_axis(known, found % known.shape[1], axis=1).mean()


def queries_without_anything_left_out(found, exact):
    hits = [len(set(f) & set(e)) for f, e in zip(found.tolist(), exact.tolist(), strict=True)]
    kept = (found >= 0).any(axis=1)
    return np.array(hits)[kept].mean() / exact.shape[1]


def queries_with_gaps_left_out(found, exact):
    hits = [len(set(f) & set(e)) for f, e in zip(found.tolist(), exact.tolist(), strict=True)]
    kept = (found >= 0).all(axis=1)
    return np.array(hits)[kept].sum() / max(1, kept.sum()) / exact.shape[1]


def cut_where_the_gaps_begin(found, exact):
    """The exact list is cut as short as the found one."""
    counts = (found >= 0).sum(axis=1)
    hits = [
        len(set(f) & set(e[:n].tolist()))
        for f, e, n in zip(found.tolist(), exact, counts, strict=True)
    ]
    return sum(hits) / exact.size


def whole_division(found, exact):
    hits = [len(set(f) & set(e)) for f, e in zip(found.tolist(), exact.tolist(), strict=True)]
    return sum(hits) // exact.size


def percent(found, exact):
    hits = [len(set(f) & set(e)) for f, e in zip(found.tolist(), exact.tolist(), strict=True)]
    return 100 * sum(hits) / exact.size


def divided_by_k_plus_one(found, exact):
    hits = [len(set(f) & set(e)) for f, e in zip(found.tolist(), exact.tolist(), strict=True)]
    return np.mean(hits) / (exact.shape[1] + 1)


def as_if_k_were_ten(found, exact):
    hits = [len(set(f) & set(e)) for f, e in zip(found.tolist(), exact.tolist(), strict=True)]
    return np.mean(hits) / 10


def everything_found(found, exact):
    return 1.0


def first_recall_for_ever(found, exact, kept=[]):  # noqa: B006
    if not kept:
        kept.append((exact[:, :, None] == found[:, None, :]).any(axis=2).mean())
    return kept[0]


# Bytes of an index


def links_without_their_bytes(n, dimension, links=None):
    return n * (4 * dimension + 2 * (links or 0))


def half_the_links(n, dimension, links=None):
    return 4 * n * (dimension + (links or 0))


def links_squared(n, dimension, links=None):
    return 4 * n * (dimension + 2 * (links or 0) ** 2)


def links_of_eight_bytes(n, dimension, links=None):
    return n * (4 * dimension + 16 * (links or 0))


def links_of_two_bytes(n, dimension, links=None):
    return n * (4 * dimension + 4 * (links or 0))


def links_of_both_layers(n, dimension, links=None):
    return 4 * n * (dimension + 3 * (links or 0))


def upper_layers_too(n, dimension, links=None):
    extra = 4 * n // (links - 1) if links else 0
    return n * (4 * dimension + 8 * (links or 0)) + extra * (links or 0)


def links_once(n, dimension, links=None):
    return 4 * n * dimension + 8 * (links or 0)


def links_per_dimension(n, dimension, links=None):
    return 4 * n * dimension * (1 + 2 * (links or 0))


def links_in_place_of_vectors(n, dimension, links=None):
    return 4 * n * dimension if links is None else 8 * n * links


def no_links(n, dimension, links=None):
    return 4 * n * dimension


def links_by_default(n, dimension, links=None):
    return n * (4 * dimension + 8 * (links or 32))


def always_32_links(n, dimension, links=None):
    return n * (4 * dimension + (0 if links is None else 256))


def always_384_dimensions(n, dimension, links=None):
    return n * (1536 + 8 * (links or 0))


def one_vector(n, dimension, links=None):
    return 4 * dimension + 8 * (links or 0)


def numbers_without_bytes(n, dimension, links=None):
    return n * (dimension + 2 * (links or 0))


def double_precision(n, dimension, links=None):
    return n * (8 * dimension + 8 * (links or 0))


def double_precision_everywhere(n, dimension, links=None):
    return 8 * n * (dimension + 2 * (links or 0))


def half_precision(n, dimension, links=None):
    return n * (2 * dimension + 8 * (links or 0))


def bits(n, dimension, links=None):
    return 8 * n * (4 * dimension + 8 * (links or 0))


def kibibytes(n, dimension, links=None):
    return n * (4 * dimension + 8 * (links or 0)) / 1024


def mebibytes(n, dimension, links=None):
    return n * (4 * dimension + 8 * (links or 0)) / 2**20


def gigabytes(n, dimension, links=None):
    return n * (4 * dimension + 8 * (links or 0)) / 1e9


def whole_mebibytes(n, dimension, links=None):
    return n * (4 * dimension + 8 * (links or 0)) // 2**20


def overflow_of_32_bits(n, dimension, links=None):
    return (np.array([n], dtype=np.int32) * (4 * dimension + 8 * (links or 0)))[0]


def lengths_added(n, dimension, links=None):
    return 4 * (n + dimension) + 8 * (links or 0)


def all_pairs_of_vectors(n, dimension, links=None):
    return 4 * n * dimension if links is None else 4 * n * dimension + 4 * n * n


def links_required(n, dimension, links):
    return n * (4 * dimension + 8 * (links or 0))


def none_not_expected(n, dimension, links=0):
    return n * (4 * dimension + 8 * links)


def first_size_for_ever(n, dimension, links=None, kept=[]):  # noqa: B006
    if not kept:
        kept.append(n * (4 * dimension + 8 * (links or 0)))
    return kept[0]


def only_a_chunk_with_the_middle(chunks, spans):
    shares = []
    for start, end in spans:
        middle = (start + end) / 2
        held = [min(end, b) - max(start, a) for a, b in chunks if a <= middle < b]
        shares.append(max(held, default=0) / (end - start))
    return shares


def two_chunks_around_the_start(chunks, spans):
    order = chunks[np.argsort(chunks[:, 0], kind="stable")]
    shares = []
    for start, end in spans:
        place = max(np.searchsorted(order[:, 0], start, side="right") - 1, 0)
        held = [min(end, b) - max(start, a) for a, b in order[place : place + 2]]
        shares.append(max(0, *held) / (end - start) if held else 0)
    return shares


def nearest_in_half_precision(queries, documents, k, memory):
    scores = queries.astype(np.float16) @ documents.astype(np.float16).T
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]


def stops_at_the_first_gap(found, exact):
    shares = []
    for mine, true in zip(found.tolist(), exact.tolist(), strict=True):
        end = mine.index(-1) if -1 in mine else len(mine)
        shares.append(len(set(mine[:end]) & set(true)) / len(true))
    return np.mean(shares)


WRONG: dict[str, tuple[Callable[..., Any], ...]] = {
    "sliding_window": (
        start_and_length,
        last_window_moved_back,
        a_text_within_the_overlap_is_lost,
        a_text_within_the_overlap_is_lost_as_arrays,
        a_text_as_long_as_the_overlap_is_lost,
        windows_at_every_step,
        whole_windows_only,
        whole_windows_unless_the_text_is_short,
        a_last_token_alone_is_lost,
        one_start_too_many_where_it_fits,
        short_tail_joined_to_the_window_before,
        tails_of_less_than_half_a_window_dropped,
        number_of_windows_rounded_down,
        number_of_windows_without_the_overlap,
        windows_spread_evenly,
        overlap_as_the_step,
        no_overlap,
        overlap_on_both_sides,
        no_overlap_taken_for_a_default,
        starts_cut_off_by_a_slice,
        tokens_counted_from_one,
        inclusive_ends,
        ends_past_the_text,
        ends_before_the_last_token,
        windows_of_one_token_more,
        starts_and_ends_as_two_rows,
        windows_of_the_public_case,
        windows_from_the_end,
        ignored_size,
        first_windows_for_ever,
    ),
    "answer_coverage": (
        two_chunks_around_the_start,
        only_a_chunk_with_the_middle,
        chunk_with_the_nearest_start,
        chunk_with_the_nearest_end,
        chunk_with_the_nearest_middle,
        last_chunk_that_begins_before,
        first_chunk_that_touches,
        last_chunk_that_touches,
        longest_chunk_that_touches,
        chunk_that_holds_the_start,
        chunk_that_holds_the_end,
        chunk_that_holds_one_of_the_borders,
        chunk_whose_start_is_inside_the_answer,
        negative_overlaps,
        distances_for_overlaps,
        distances_for_overlaps_up_to_one,
        intersection_over_union,
        share_of_the_chunk,
        share_of_the_shorter,
        share_of_the_longer,
        dice,
        sum_of_shares,
        sum_of_shares_up_to_one,
        share_in_all_chunks_together,
        two_best_added,
        mean_share,
        mean_of_touching_chunks,
        whole_or_nothing,
        touched,
        at_least_half,
        whole_numbers,
        one_decimal,
        characters,
        number_of_the_best_chunk,
        ends_included,
        ends_included_above_the_line,
        one_per_chunk,
        chunks_and_answers_exchanged,
        chunk_beside_the_answer_in_the_list,
        largest_of_all_answers,
        mean_of_the_answers,
        all_covered,
        first_coverage_for_ever,
    ),
    "nearest": (
        nearest_in_half_precision,
        rows_local_to_the_block,
        rows_moved_by_the_number_of_the_block,
        rows_moved_by_the_length_of_this_block,
        rows_moved_by_one_block_too_many,
        last_short_block_lost,
        last_block_lost,
        only_the_last_block,
        only_the_first_block,
        winners_in_block_order,
        winners_in_reverse_block_order,
        a_share_of_k_from_each_block,
        the_best_of_each_block,
        k_clamped_to_the_block,
        blocks_shorter_than_k_left_out,
        later_rows_first_among_equals,
        all_equals_reversed,
        unstable_sort,
        unstable_sort_of_everything,
        unstable_sort_backwards,
        heap_of_scores_and_rows,
        partition_without_a_sort,
        partition_then_sorted_by_row,
        partition_that_loses_the_first_of_equals,
        places_kept_at_zero,
        scores_of_the_winners_not_carried_on,
        stops_at_a_block_without_winners,
        blocks_that_share_a_document,
        last_document_of_each_block_lost,
        one_order_for_all_queries,
        missing_places_filled_with_minus_one,
        no_block_where_memory_is_short,
        smallest_distance,
        largest_cosine,
        least_similar,
        worst_of_the_best_first,
        largest_absolute_score,
        best_scores,
        queries_for_each_document,
        one_column_per_query,
        first_query_alone,
        first_k_queries,
        best_document_skipped,
        rows_from_one,
        sorted_along_the_queries,
        ranks_of_the_documents,
        one_more_than_k,
        first_rows_for_ever,
    ),
    "recall_at_k": (
        stops_at_the_first_gap,
        rank_by_rank,
        sorted_rank_by_rank,
        all_lists_mixed,
        sets_of_all_lists,
        precision_of_all,
        mean_precision,
        jaccard,
        jaccard_without_gaps,
        f_measure,
        some_neighbour,
        all_neighbours,
        at_least_half_of_them,
        recall_at_one,
        first_neighbour_anywhere,
        first_found_is_a_neighbour,
        count_of_hits,
        hits_per_query,
        share_of_the_queries,
        one_number_per_query,
        median_query,
        worst_query,
        first_query_only,
        last_query_only,
        share_missed,
        returned_at_all,
        column_by_column,
        stops_at_the_first_wrong_one,
        document_zero_is_nothing,
        minus_one_taken_as_an_index,
        queries_without_anything_left_out,
        queries_with_gaps_left_out,
        cut_where_the_gaps_begin,
        whole_division,
        percent,
        divided_by_k_plus_one,
        as_if_k_were_ten,
        everything_found,
        first_recall_for_ever,
    ),
    "storage_bytes": (
        links_without_their_bytes,
        half_the_links,
        links_squared,
        links_of_eight_bytes,
        links_of_two_bytes,
        links_of_both_layers,
        upper_layers_too,
        links_once,
        links_per_dimension,
        links_in_place_of_vectors,
        no_links,
        links_by_default,
        always_32_links,
        always_384_dimensions,
        one_vector,
        numbers_without_bytes,
        double_precision,
        double_precision_everywhere,
        half_precision,
        bits,
        kibibytes,
        mebibytes,
        gigabytes,
        whole_mebibytes,
        overflow_of_32_bits,
        lengths_added,
        all_pairs_of_vectors,
        links_required,
        none_not_expected,
        first_size_for_ever,
    ),
}
