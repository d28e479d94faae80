"""The exercises of lab 02 on search: blocks that fit a memory, recall, storage."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from ragkit.course.staff.exercise import Array, Case, Exercise, Mistake


def _vectors(rng: Generator, scores: Array) -> tuple[Array, Array]:
    """Queries [q, q + 1] and documents [n, q + 1] with these inner products, whole float32 numbers.

    Every query looks at an axis of its own and none at the last one, so that the documents have
    any length; whole numbers make the scores exact, in whatever order they are summed.
    """
    asked, count = scores.shape
    axes = rng.permutation(asked)
    documents = np.empty((count, asked + 1), dtype=np.float32)
    documents[:, axes] = scores.T
    documents[:, -1] = rng.permutation(count) + 1
    return np.eye(asked + 1, dtype=np.float32)[axes], documents


def _distinct(rng: Generator, asked: int, count: int, most: int = 0) -> Array:
    """Scores int [asked, count], all different within a row; the best is `most`, or chance's."""
    highest = most or int(rng.integers(count // 2, count))
    return highest - np.array([rng.permutation(count) for _ in range(asked)])


def _spread(rng: Generator, block: int) -> Array:
    """Scores int [3, n] for three full blocks and a short one, all different within a row.

    Each query has its three best in three blocks, out of order; none in the second block, which
    holds the worst of all, and the very best are in the last block, the first and the third.
    """
    rest = int(rng.integers(1, block))
    count = 3 * block + rest
    starts = {0: 0, 2: 2 * block, 3: 3 * block}
    scores = np.zeros((3, count), dtype=int)
    for row, blocks in zip(scores, [(3, 0, 2), (0, 3, 2), (2, 3, 0)], strict=True):
        row[block : 2 * block] = rng.permutation(block) + 1
        room = {b: min(block, count - start) for b, start in starts.items()}
        best = [starts[b] + int(rng.integers(room[b])) for b in blocks]
        row[best] = count - np.arange(3)
        row[row == 0] = rng.permutation(np.arange(block + 1, count - 2))
    return scores - int(rng.integers(1, block))


def _nearest_cases(rng: Generator) -> list[Case]:
    block = int(rng.integers(4, 6))
    few = int(rng.integers(6, 9))
    levels = rng.permutation(np.repeat([3, 2, 1], [8, 24, 29]))
    tied = np.stack([levels, np.roll(levels[::-1], 1)])
    row = np.dtype(np.float32).itemsize
    drawn = {
        "three blocks and a short one": (_spread(rng, block), 3, 3 * row * block + 5),
        "equal scores in several blocks": (tied, 20, 2 * row * 25),
        "blocks of two documents and k = 5": (_distinct(rng, 3, 11), 5, 3 * row * 2),
        "less memory than one document needs, and no score above 0": (
            _distinct(rng, 3, few, -1),
            2,
            int(rng.integers(1, 3 * row)),
        ),
        "one query, k = 1 and memory for everything": (_distinct(rng, 1, few), 1, 1000),
        "a k larger than the number of documents": (_distinct(rng, 2, few), few + 3, 2 * row * 4),
        "many documents and a large k": (_distinct(rng, 2, 1000, 6000), 300, 2 * row * 128),
    }
    return [
        Case(
            (*_vectors(rng, scores), k, memory),
            kind,
            "{} queries, {} documents, k={}, {} bytes".format(*scores.shape, k, memory),
            weight=1 + (kind == "three blocks and a short one"),
        )
        for kind, (scores, k, memory) in drawn.items()
    ]


def _ranked(scores: Array) -> Array:
    """The row numbers of each query's documents by score, best first, ties by row: int [q, n]."""
    return np.array(
        [sorted(range(len(row)), key=lambda n: (-row[n], n)) for row in scores.tolist()]
    )


def _order(queries: Array, documents: Array) -> Array:
    """Row numbers of all documents for each query, best first: int [q, n]."""
    return _ranked(queries @ documents.T)


def _lengths(rows: Array) -> Array:
    """The length of each row, [n]."""
    lengths: Array = np.linalg.norm(rows, axis=1)
    return lengths


def _block(queries: Array, memory: int) -> int:
    """How many documents' scores fit the memory, at least one."""
    return max(1, memory // (4 * len(queries)))


def _winners(queries: Array, documents: Array, k: int, memory: int) -> list[Array]:
    """The k best rows of each block by itself, int [q, up to k] each."""
    block = _block(queries, memory)
    return [
        start + _order(queries, documents[start : start + block])[:, :k]
        for start in range(0, len(documents), block)
    ]


def _later_blocks_first(queries: Array, documents: Array, k: int, memory: int) -> Array:
    """The k best rows, of equal scores those of later blocks first, within a block by row."""
    block = _block(queries, memory)
    rows = range(len(documents))
    scores = (queries @ documents.T).tolist()
    return np.array([sorted(rows, key=lambda n: (-row[n], -(n // block), n))[:k] for row in scores])


def _whole_blocks(queries: Array, documents: Array, memory: int) -> Array:
    """The documents without those of a last block that is not full."""
    return documents[: len(documents) - len(documents) % _block(queries, memory)]


nearest = Exercise(
    name="nearest",
    cases=_nearest_cases,
    # queries float32 [q, d], documents float32 [n, d] -> int [q, k]
    expected=lambda queries, documents, k, memory: _order(queries, documents)[:, :k],
    mistakes=[
        Mistake(
            "the row numbers begin again at 0 in every block; count from the first document.",
            lambda queries, documents, k, memory: (
                _order(queries, documents)[:, :k] % _block(queries, memory)
            ),
        ),
        Mistake(
            "the last, shorter block is not searched.",
            lambda queries, documents, k, memory: _order(
                queries, _whole_blocks(queries, documents, memory)
            )[:, :k],
        ),
        Mistake(
            "these are the winners of the last block; those of the blocks before it are forgotten.",
            lambda queries, documents, k, memory: _winners(queries, documents, k, memory)[-1],
        ),
        Mistake(
            "the winners stand in the order of their blocks; the best of all come first.",
            lambda queries, documents, k, memory: np.concatenate(
                _winners(queries, documents, k, memory), axis=1
            )[:, :k],
        ),
        Mistake(
            "of equal scores the later document comes first; it is the lower row that should.",
            lambda queries, documents, k, memory: (
                len(documents) - 1 - _order(queries, documents[::-1])[:, :k]
            ),
        ),
        Mistake(
            "of equal scores those of a later block come first; it is the lower row that should.",
            _later_blocks_first,
        ),
        Mistake(
            "these are the least similar documents: a large inner product means near.",
            lambda queries, documents, k, memory: _order(-queries, documents)[:, :k],
        ),
        Mistake(
            "the right documents, but worst first.",
            lambda queries, documents, k, memory: _order(queries, documents)[:, :k][:, ::-1],
        ),
        Mistake(
            "these are the scores; return the row numbers of the documents.",
            lambda queries, documents, k, memory: np.sort(queries @ documents.T)[:, ::-1][:, :k],
        ),
        Mistake(
            "this ranks by distance (L2); where vectors are not of length 1, that is another "
            "order than the inner product's.",
            lambda queries, documents, k, memory: _ranked(
                queries @ documents.T - np.square(documents).sum(axis=1) / 2
            )[:, :k],
        ),
        Mistake(
            "this ranks by cosine; where vectors are not of length 1, that is another order than "
            "the inner product's.",
            lambda queries, documents, k, memory: _order(
                queries, documents / _lengths(documents)[:, None]
            )[:, :k],
        ),
        Mistake(
            "the row numbers are right but transposed: return one row per query, [q, k].",
            lambda queries, documents, k, memory: _order(queries, documents)[:, :k].T,
        ),
        Mistake(
            "only the first query is answered; return one row per query.",
            lambda queries, documents, k, memory: _order(queries, documents)[0, :k],
        ),
        Mistake(
            "the best document is skipped: ranks start at 0 in Python.",
            lambda queries, documents, k, memory: _order(queries, documents)[:, 1 : k + 1],
        ),
        Mistake(
            "the row numbers start at 1; the first document is row 0.",
            lambda queries, documents, k, memory: _order(queries, documents)[:, :k] + 1,
        ),
        Mistake(
            "these are the first k documents, in the order in which they were given.",
            lambda queries, documents, k, memory: np.tile(
                np.arange(min(k, len(documents))), (len(queries), 1)
            ),
            trivial=True,
        ),
    ],
)


def _exact(rng: Generator, asked: int, k: int) -> Array:
    """True neighbours int [asked, k] among documents 0 to 12; each row has the first and the last.

    The last stands in the second half of each row and the first in the first half.
    """
    rows = []
    for _ in range(asked):
        others = (rng.permutation(11) + 1).tolist()
        ends = [int(rng.integers(k // 2)), int(rng.integers(k // 2, k - 1))]
        row = others[: k - 2]
        row.insert(ends[0], 0)
        row.insert(ends[1] + 1, 12)
        rows.append(row)
    return np.array(rows)


def _found(exact: Array) -> Array:
    """What an approximate index might return, int [q, k]; it never finds the last document.

    By row: none right, two with a gap between them, all others behind a wrong one, all others
    but one at their ranks. All rows after these have all their neighbours but the last, in another
    order.
    """
    found = np.full_like(exact, -1)
    for number, (row, true) in enumerate(zip(found, exact, strict=True)):
        wrong = min(set(range(1, 12)) - set(true.tolist()))
        kept = true[true != 12]
        match number:
            case 0:
                row[0] = wrong
            case 1:
                row[:4] = kept[-1], wrong, -1, 0
            case 2:
                row[:] = wrong, *kept[::-1]
            case 3:
                row[:] = np.where(true == 12, -1, true)
                row[np.flatnonzero(row > 0)[-1]] = wrong
            case _:
                row[:-1] = np.roll(kept, 1)
    return found


def _recall_cases(rng: Generator) -> list[Case]:
    asked = int(rng.integers(4, 6))
    k = asked + int(rng.integers(1, 3))
    exact = _exact(rng, asked, k)
    partly = _found(exact)
    nothing = np.stack([np.full(k, -1), np.roll(exact[1], 1)])
    detail = f"{asked} queries, k={k}"
    return [
        Case((partly, exact), "lists with gaps, where -1 means nothing found", detail, weight=2),
        Case((np.roll(exact, 1, axis=1), exact), "an index that finds everything", detail),
        Case((np.roll(exact, 1, axis=0), exact), "lists that answer the wrong queries", detail),
        Case((partly[2:3], exact[2:3]), "a single query", f"k={k}"),
        Case((nothing, exact[:2]), "a query for which nothing was found", f"2 queries, k={k}"),
    ]


def _both(found: Array, exact: Array) -> Array:
    """How many of each query's exact neighbours were found, int [q]."""
    rows = zip(found.tolist(), exact.tolist(), strict=True)
    return np.array([len(set(mine) & set(true)) for mine, true in rows])


def _returned(found: Array) -> Array:
    """How many documents each query got, right or wrong, int [q]."""
    counts: Array = (found >= 0).sum(axis=1)
    return counts


recall_at_k = Exercise(
    name="recall_at_k",
    cases=_recall_cases,
    # found and exact int [q, k] -> a number
    expected=lambda found, exact: _both(found, exact).sum() / exact.size,
    mistakes=[
        Mistake(
            "rank is compared with rank; a true neighbour found at another rank counts too.",
            lambda found, exact: (found == exact).mean(),
        ),
        Mistake(
            "the lists of all queries are mixed; compare each query's list with its own.",
            lambda found, exact: np.isin(found, exact).mean(),
        ),
        Mistake(
            "a true neighbour counts if any query found it; its own query should have.",
            lambda found, exact: np.isin(exact, found).mean(),
        ),
        Mistake(
            "this divides by the number of all that was found, without the -1: that is precision.",
            lambda found, exact: _both(found, exact).sum() / _returned(found).sum(),
        ),
        Mistake(
            "each query's share is of what it found, without the -1: that is precision.",
            lambda found, exact: (_both(found, exact) / np.maximum(1, _returned(found))).mean(),
        ),
        Mistake(
            "this divides by the union of both lists (Jaccard); recall is a share of the true "
            "neighbours.",
            lambda found, exact: np.mean(
                [
                    len(set(mine) & set(true)) / len(set(mine) | set(true))
                    for mine, true in zip(found.tolist(), exact.tolist(), strict=True)
                ]
            ),
        ),
        Mistake(
            "a query counts fully as soon as one neighbour was found: that is a hit rate.",
            lambda found, exact: (_both(found, exact) > 0).mean(),
        ),
        Mistake(
            "a query counts only if all its neighbours were found; return the mean share.",
            lambda found, exact: (_both(found, exact) == exact.shape[1]).mean(),
        ),
        Mistake(
            "only rank 1 is compared: that is recall@1.",
            lambda found, exact: (found[:, 0] == exact[:, 0]).mean(),
        ),
        Mistake(
            "this is the number of neighbours found; divide by the number looked for.",
            lambda found, exact: _both(found, exact).sum(),
        ),
        Mistake(
            "this is the number of neighbours found per query; return a share, from 0 to 1.",
            lambda found, exact: _both(found, exact).mean(),
        ),
        Mistake(
            "this is one number per query; return their mean.",
            lambda found, exact: _both(found, exact) / exact.shape[1],
        ),
        Mistake(
            "this is the share that was missed; recall is the share that was found.",
            lambda found, exact: 1 - _both(found, exact).sum() / exact.size,
        ),
        Mistake(
            "whatever was returned counts as found; only true neighbours do.",
            lambda found, exact: (found >= 0).mean(),
            trivial=True,
        ),
        Mistake("this is 1 whatever was found.", lambda found, exact: 1.0, trivial=True),
        Mistake("this is 0 whatever was found.", lambda found, exact: 0.0, trivial=True),
    ],
)


def _storage_cases(rng: Generator) -> list[Case]:
    few, some, more, many = (
        int(number) for number in rng.integers([20, 200, 2000, 10**7], [200, 2000, 9000, 10**8])
    )
    wide, narrow = (int(number) for number in rng.choice([64, 96, 384, 768], 2, replace=False))
    links, others = (int(number) for number in rng.choice([8, 16, 24, 48], 2, replace=False))
    return [
        Case((few, wide), "a flat index", f"{few} vectors of {wide} dimensions"),
        Case((more, narrow, None), "a flat index, `links` given as None", f"{more} vectors"),
        Case((some, wide, links), "an HNSW index", f"{some} vectors, M = {links}", weight=2),
        Case(
            (more, narrow, others),
            "an HNSW index of another size",
            f"{more} vectors of {narrow} dimensions, M = {others}",
            weight=2,
        ),
        Case((many, 384, 12), "millions of vectors under HNSW", f"{many} vectors, M = 12"),
    ]


def _storage(n: int, dimension: int, links: int | None) -> int:
    """The expected bytes, from the arrays that would hold one vector."""
    vector = np.zeros(dimension, dtype=np.float32).nbytes
    neighbours = np.zeros(2 * (links or 0), dtype=np.int32).nbytes
    return n * (vector + neighbours)


def _bytes(formula: Callable[[int, int, int], float]) -> Callable[..., float]:
    """A function of (n, dimension, links=None) that sees 0 links for a flat index."""
    return lambda n, dimension, links=None: formula(n, dimension, links or 0)


def _in_units(size: float) -> Callable[..., float]:
    """The right answer in units of so many bytes."""
    return _bytes(lambda n, d, m: n * (4 * d + 8 * m) / size)


storage_bytes = Exercise(
    name="storage_bytes",
    cases=_storage_cases,
    expected=lambda n, dimension, links=None: _storage(n, dimension, links),
    mistakes=[
        Mistake("a float32 takes 4 bytes, not 1.", _bytes(lambda n, d, m: n * (d + 2 * m))),
        Mistake(
            "the links are counted, and not their bytes: each is a number of 4 bytes.",
            _bytes(lambda n, d, m: n * (4 * d + 2 * m)),
        ),
        Mistake(
            "a float32 takes 4 bytes, not 8: that is float64.",
            _bytes(lambda n, d, m: n * (8 * d + 8 * m)),
        ),
        Mistake(
            "a link takes 4 bytes, not 8.",
            _bytes(lambda n, d, m: n * (4 * d + 16 * m)),
        ),
        Mistake("this is in bits; return bytes.", _in_units(1 / 8)),
        Mistake("this is in KiB; return bytes.", _in_units(2**10)),
        Mistake("this is in MiB; return bytes.", _in_units(2**20)),
        Mistake("this is in GiB; return bytes.", _in_units(2**30)),
        Mistake("this is in MB, millions of bytes; return bytes.", _in_units(10**6)),
        Mistake("this is in GB, billions of bytes; return bytes.", _in_units(10**9)),
        Mistake(
            "the bottom layer has 2M links per vector, twice as many as are counted here.",
            _bytes(lambda n, d, m: n * (4 * d + 4 * m)),
        ),
        Mistake(
            "the links are counted once; every vector has its own.",
            _bytes(lambda n, d, m: 4 * n * d + 8 * m),
        ),
        Mistake(
            "only the links are counted; HNSW stores the vectors too.",
            _bytes(lambda n, d, m: n * 8 * m if m else 4 * n * d),
        ),
        Mistake(
            "these are the bytes of one vector; there are `n`.",
            _bytes(lambda n, d, m: 4 * d + 8 * m),
        ),
        Mistake(
            "the links are left out: HNSW stores the vectors and the graph.",
            _bytes(lambda n, d, m: 4 * n * d),
            trivial=True,
        ),
    ],
)
