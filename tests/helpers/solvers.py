"""Right answers to each exercise, at least three, as different students and libraries write them.

Every check must accept them. Each stands alone: its source runs in a cell that imports only numpy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# The answers carry no annotations: a notebook cell would evaluate them, and knows no `Any`.

# Lab 01


def loop_mean_pool(states, mask):
    pooled = []
    for vectors, real in zip(states, mask, strict=True):
        total, count = [0.0] * len(vectors[0]), 0
        for vector, counts in zip(vectors, real, strict=True):
            if counts:
                count += 1
                for i, number in enumerate(vector):
                    total[i] += float(number)
        pooled.append([number / count for number in total])
    return pooled


def einsum_mean_pool(states, mask):
    weights = mask / mask.sum(axis=1, keepdims=True)
    return np.einsum("btd,bt->bd", states, weights)


def torch_mean_pool(states, mask):
    import torch

    texts = zip(torch.tensor(states), torch.tensor(mask).bool(), strict=True)
    return torch.stack([text[real].mean(dim=0) for text, real in texts])


def pandas_mean_pool(states, mask):
    import pandas as pd

    texts = np.repeat(np.arange(len(states)), states.shape[1])[mask.ravel()]
    return pd.DataFrame(states[mask]).groupby(texts).mean()


def fraction_mean_pool(states, mask):
    from fractions import Fraction

    pooled = []
    for vectors, real in zip(states, mask, strict=True):
        columns = zip(*(map(Fraction, map(float, v)) for v in vectors[real]), strict=True)
        pooled.append(tuple(sum(column) / int(real.sum()) for column in columns))
    return tuple(pooled)


def sliced_mean_pool(states, mask):
    """Padding stands at the end, so the count of real tokens is where to cut."""
    lengths = mask.sum(axis=1)
    totals = np.cumsum(states, axis=1, dtype=np.float64)
    last = totals[np.arange(len(states)), lengths - 1]
    return last.astype(np.float32) / lengths.astype(np.float32)[:, None]


def loop_normalise(rows):
    from math import hypot

    unit = []
    for row in rows:
        length = hypot(*row)
        unit.append([float(number) / length for number in row])
    return unit


def transposed_normalise(rows):
    lengths = np.sqrt(np.square(rows).sum(axis=1))
    return (rows.T / lengths).T


def torch_normalise(rows):
    import torch

    return torch.nn.functional.normalize(torch.tensor(rows), dim=1, eps=0.0)


def diagonal_normalise(rows):
    """The length of row i is the root of entry (i, i) of the rows times themselves."""
    return np.diag(1 / np.sqrt(np.diag(rows @ rows.T))) @ rows


def pandas_normalise(rows):
    import pandas as pd

    table = pd.DataFrame(rows)
    return table.div(table.pow(2).sum(axis=1).pow(0.5), axis=0)


def einsum_normalise(rows):
    return [row * np.float32(np.einsum("d,d->", row, row) ** -0.5) for row in rows]


def heap_top_k(query, documents, k):
    from heapq import nlargest

    scores = []
    for document in documents:
        score = 0.0
        for a, b in zip(query, document, strict=True):
            score += float(a) * float(b)
        scores.append(score)
    return nlargest(k, range(len(scores)), key=scores.__getitem__)


def threshold_top_k(query, documents, k):
    scores = np.einsum("nd,d->n", documents, query)
    least = np.partition(scores, -k)[-k] if k < len(scores) else -np.inf
    rows = np.flatnonzero(scores >= least)
    return rows[np.lexsort((rows, -scores[rows]))][:k]


def torch_top_k(query, documents, k):
    import torch

    scores = torch.tensor(documents) @ torch.tensor(query)
    return torch.sort(scores, descending=True, stable=True).indices[:k]


def selection_top_k(query, documents, k):
    """The best is taken out k times; `argmax` finds the first of equal scores."""
    scores, rows = (documents @ query).astype(float), []
    for _ in range(k):
        rows.append(np.array(scores.argmax()))  # 0-d
        scores[rows[-1]] = -np.inf
    return rows


def pandas_top_k(query, documents, k):
    import pandas as pd

    scores = pd.DataFrame(documents).mul(query).sum(axis=1)
    return scores.nlargest(k, keep="first").index


def single_top_k(query, documents, k):
    """In float32, with places as floats, and the ascending sort read from its end."""
    scores = documents.astype(np.float32) @ query.astype(np.float32)
    upwards = np.argsort(scores[::-1], kind="stable")
    return (len(scores) - 1.0 - upwards[::-1])[:k]


def loop_hit_rate(rankings, qrels, k):
    hits = 0
    for query_id in qrels:
        if query_id not in rankings:
            continue
        for doc_id in rankings[query_id][:k]:
            if doc_id in qrels[query_id] and qrels[query_id][doc_id] > 0:
                hits += 1
                break
    return hits / len(qrels)


def matrix_hit_rate(rankings, qrels, k):
    gains = np.zeros((len(qrels), k))
    for row, (query_id, judged) in zip(gains, qrels.items(), strict=True):
        first = rankings.get(query_id, [])[:k]
        row[: len(first)] = [judged.get(doc_id, 0) for doc_id in first]
    return (gains > 0).any(axis=1).mean()


def trec_hit_rate(rankings, qrels, k):
    import pytrec_eval

    judged = {
        str(query_id): {str(doc_id): int(grade > 0) for doc_id, grade in docs.items()}
        for query_id, docs in qrels.items()
    }
    run = {
        str(query_id): {str(doc_id): -float(place) for place, doc_id in enumerate(docs[:k])}
        for query_id, docs in rankings.items()
    }
    scored = pytrec_eval.RelevanceEvaluator(judged, {f"success.{k}"}).evaluate(run)
    return sum(scores[f"success_{k}"] for scores in scored.values()) / len(qrels)


def set_hit_rate(rankings, qrels, k):
    from fractions import Fraction

    right = {q: {d for d, grade in judged.items() if grade > 0} for q, judged in qrels.items()}
    missed = [q for q in qrels if right[q].isdisjoint(rankings.get(q, ())[:k])]
    return 1 - Fraction(len(missed), len(qrels))


def pandas_hit_rate(rankings, qrels, k):
    import pandas as pd

    found = [(q, d) for q, ranking in rankings.items() for d in ranking[:k]]
    graded = [(q, d, grade) for q, judged in qrels.items() for d, grade in judged.items()]
    run = pd.DataFrame(found, columns=["query", "document"])
    judged = pd.DataFrame(graded, columns=["query", "document", "grade"])
    hits = judged[judged.grade > 0].merge(run)
    return hits["query"].nunique() / judged["query"].nunique()


def library_hit_rate(rankings, qrels, k):
    from ragkit.scoring.metrics import hit_rate as score

    return np.array(sum(score(rankings.get(q, []), qrels[q], k) for q in qrels) / len(qrels))


def loop_info_nce(queries, documents, temperature):
    from math import exp, log

    loss = 0.0
    for i, query in enumerate(queries.tolist()):
        logits = []
        for document in documents.tolist():
            dot = sum(a * b for a, b in zip(query, document, strict=True))
            logits.append(dot / temperature)
        largest = max(logits)
        loss += largest + log(sum(exp(logit - largest) for logit in logits)) - logits[i]
    return loss / len(queries)


def margin_info_nce(queries, documents, temperature):
    logits = np.inner(queries.astype(float), documents) / temperature
    margins = logits - logits.diagonal()[:, np.newaxis]  # how far each is ahead of the right one
    largest = margins.max(axis=1)
    return np.mean(largest + np.log(np.exp(margins.T - largest).sum(axis=0)))


def torch_info_nce(queries, documents, temperature):
    import torch

    logits = torch.tensor(queries).double() @ torch.tensor(documents).double().T / temperature
    return -logits.log_softmax(dim=1).diagonal().mean()


def scipy_info_nce(queries, documents, temperature):
    from scipy.special import log_softmax

    logits = queries.astype(float) @ documents.astype(float).T / temperature
    return -np.trace(log_softmax(logits, axis=1)) / len(logits)


def library_info_nce(queries, documents, temperature):
    import torch

    from ragkit.encoders.losses import info_nce as loss

    return loss(torch.tensor(queries), torch.tensor(documents), temperature)


def hottest_info_nce(queries, documents, temperature):
    """In the batch's own precision: the largest logit of a row is taken out and put back."""
    logits = (queries @ documents.T) / np.asarray(temperature, dtype=queries.dtype)
    largest = logits.max(axis=1, keepdims=True)
    sums = largest[:, 0] + np.log(np.exp(logits - largest).sum(axis=1))
    return np.average(sums - logits[np.arange(len(sums)), np.arange(len(sums))])


def loop_mean_cosine(vectors):
    from itertools import combinations
    from math import hypot

    cosines = []
    for a, b in combinations(vectors.tolist(), 2):
        dot = sum(x * y for x, y in zip(a, b, strict=True))
        cosines.append(dot / hypot(*a) / hypot(*b))
    return sum(cosines) / len(cosines)


def summed_mean_cosine(vectors):
    """The squared length of the sum of n unit vectors is n plus every cosine, twice."""
    n, rows = len(vectors), vectors.astype(np.float64)
    total = (rows / np.sqrt(np.einsum("nd,nd->n", rows, rows))[:, None]).sum(axis=0)
    return (total @ total - n) / (n * (n - 1))


def scipy_mean_cosine(vectors):
    from scipy.spatial.distance import pdist

    return 1 - pdist(vectors, "cosine").mean()


def masked_mean_cosine(vectors):
    lengths = np.linalg.norm(vectors, axis=1)
    cosines = (vectors @ vectors.T) / np.outer(lengths, lengths)
    return cosines[~np.eye(len(vectors), dtype=bool)].mean()


def torch_mean_cosine(vectors):
    import torch

    rows = torch.tensor(vectors)
    first, second = torch.combinations(torch.arange(len(rows)), 2).T
    return torch.cosine_similarity(rows[first], rows[second], dim=1).mean()


def distance_mean_cosine(vectors):
    """Half the squared distance of two unit vectors is 1 minus their cosine."""
    rows = vectors / np.sqrt((vectors**2).sum(axis=1))[:, None]
    squares = ((rows[:, None] - rows) ** 2).sum(axis=2)
    return 1 - squares.sum() / (2 * len(rows) * (len(rows) - 1))


# Lab 02


def loop_sliding_window(count, size, overlap):
    windows, start = [], 0
    while True:
        end = min(start + size, count)
        windows.append((start, end))
        if end == count:
            return windows
        start = end - overlap


def unique_sliding_window(count, size, overlap):
    """Of all windows that end at the same token, the first holds the others."""
    starts = np.arange(0, max(count, 1), size - overlap)
    ends, first = np.unique(np.minimum(starts + size, count), return_index=True)
    return np.column_stack([starts[first], ends])


def torch_sliding_window(count, size, overlap):
    import torch

    if count <= size:
        return torch.tensor([[0, count]])
    step = size - overlap
    starts = torch.arange(count).unfold(0, size, step)[:, 0]  # of whole windows only
    if starts[-1] + size < count:
        starts = torch.cat([starts, starts[-1:] + step])
    return torch.stack([starts, (starts + size).clamp(max=count)], dim=1)


def loop_answer_coverage(chunks, spans):
    shares = []
    for start, end in spans:
        best = 0
        for chunk_start, chunk_end in chunks:
            if chunk_start < end and start < chunk_end:
                best = max(best, min(end, chunk_end) - max(start, chunk_start))
        shares.append(best / (end - start))
    return shares


def clipped_answer_coverage(chunks, spans):
    """Each chunk is clipped to each span; what is left of it is what they share."""
    starts, ends = spans.T
    clipped = np.clip(chunks[:, :, None], starts, ends)  # [n, 2, m]
    return np.diff(clipped, axis=1)[:, 0].max(axis=0) / (ends - starts)


def scipy_answer_coverage(chunks, spans):
    """Both as tables of characters, 1 where a piece holds one: their product counts."""
    from scipy.sparse import csr_array

    width = int(max(chunks.max(), spans.max()))

    def characters(pieces):
        columns = [np.arange(start, end) for start, end in pieces]
        bounds = np.cumsum([0] + [len(column) for column in columns])
        ones = np.ones(bounds[-1])
        return csr_array((ones, np.concatenate(columns), bounds), shape=(len(pieces), width))

    answers = characters(spans)
    shared = answers @ characters(chunks).T
    return shared.toarray().max(axis=1) / answers.sum(axis=1)


def counted_sliding_window(count, size, overlap):
    """How many windows there are, by arithmetic; the pairs are fractions."""
    from fractions import Fraction
    from math import ceil

    number = max(1, ceil(Fraction(count - overlap, size - overlap)))
    starts = [Fraction(n * (size - overlap)) for n in range(number)]
    return tuple((start, min(start + size, Fraction(count))) for start in starts)


def pandas_sliding_window(count, size, overlap):
    import pandas as pd

    table = pd.DataFrame({"start": range(0, count, size - overlap)})
    table["end"] = (table.start + size).clip(upper=count)
    return table.drop_duplicates("end").astype("float32")


def fraction_answer_coverage(chunks, spans):
    from fractions import Fraction

    return [
        max(Fraction(sum(c <= n < d for n in range(a, b)), int(b - a)) for c, d in chunks)
        for a, b in spans
    ]


def torch_answer_coverage(chunks, spans):
    """Characters as bits of a table; int32 and float32."""
    import torch

    width = int(max(chunks.max(), spans.max()))
    places = torch.arange(width, dtype=torch.int32)
    held, asked = (
        ((places >= pieces[:, :1]) & (places < pieces[:, 1:])).float()
        for pieces in (torch.tensor(chunks), torch.tensor(spans))
    )
    return ((asked @ held.T) / asked.sum(dim=1, keepdim=True)).amax(dim=1)


def heap_nearest(queries, documents, k, memory):
    """A heap per query; whatever is smaller than its least is thrown away."""
    import heapq

    rows = []
    for query in queries.tolist():
        kept = []
        for row, document in enumerate(documents.tolist()):
            score = sum(a * b for a, b in zip(query, document, strict=True))
            heapq.heappush(kept, (score, -row))
            if len(kept) > k:
                heapq.heappop(kept)
        rows.append([-row for _, row in sorted(kept, reverse=True)])
    return rows


def lexsort_nearest(queries, documents, k, memory):
    """Blocks from the last to the first: their order does not matter where rows decide ties."""
    size = max(1, memory // (4 * len(queries)))
    kept = [(np.empty(0), np.empty(0, dtype=int))] * len(queries)
    for start in reversed(range(0, len(documents), size)):
        block = queries @ documents[start : start + size].T
        for number, fresh in enumerate(block):
            scores = np.append(kept[number][0], fresh)
            rows = np.append(kept[number][1], np.arange(start, start + len(fresh)))
            best = np.lexsort((rows, -scores))[:k]
            kept[number] = scores[best], rows[best]
    return [rows for _, rows in kept]


def torch_nearest(queries, documents, k, memory):
    import torch

    asked = torch.tensor(queries)
    scores, rows = torch.empty(len(asked), 0), torch.empty(len(asked), 0, dtype=torch.long)
    size = max(1, memory // 4 // len(asked))
    for numbers in torch.arange(len(documents)).split(size):
        scores = torch.cat([scores, asked @ torch.tensor(documents[numbers.numpy()]).T], dim=1)
        rows = torch.cat([rows, numbers.expand(len(asked), -1)], dim=1)
        scores, order = scores.sort(dim=1, descending=True, stable=True)
        scores, rows = scores[:, :k], rows.gather(1, order)[:, :k]
    return rows


def threshold_nearest(queries, documents, k, memory):
    """All that reach the k-th score, then in order; one query at a time."""
    answers = []
    for query in queries:
        scores = np.einsum("d,nd->n", query, documents)
        least = np.partition(scores, -min(k, len(scores)))[-min(k, len(scores))]
        rows = np.flatnonzero(scores >= least)
        answers.append(tuple(rows[np.argsort(-scores[rows], kind="mergesort")][:k].tolist()))
    return tuple(answers)


def pandas_nearest(queries, documents, k, memory):
    import pandas as pd

    size = max(1, int(memory / queries.nbytes * queries.shape[1]))
    blocks = [range(s, min(s + size, len(documents))) for s in range(0, len(documents), size)]
    answers = []
    for query in queries:
        parts = [
            pd.Series(documents[block] @ query, index=block).nlargest(k, keep="first")
            for block in blocks
        ]
        answers.append(pd.concat(parts).nlargest(k, keep="first").index.to_numpy(dtype="float32"))
    return answers


def loop_recall_at_k(found, exact):
    hits = looked_for = 0
    for mine, true in zip(found.tolist(), exact.tolist(), strict=True):
        for row in true:
            looked_for += 1
            if row in mine:
                hits += 1
    return hits / looked_for


def broadcast_recall_at_k(found, exact):
    return (exact[:, :, None] == found[:, None, :]).any(axis=2).mean()


def trec_recall_at_k(found, exact):
    import pytrec_eval

    run = {str(q): {str(row): 1.0 for row in rows} for q, rows in enumerate(found)}
    qrels = {str(q): {str(row): 1 for row in rows} for q, rows in enumerate(exact)}
    scored = pytrec_eval.RelevanceEvaluator(qrels, {"set_recall"}).evaluate(run)
    return sum(scores["set_recall"] for scores in scored.values()) / len(exact)


def counted_recall_at_k(found, exact):
    """Multisets of pairs of query and document, as an exact fraction."""
    from collections import Counter
    from fractions import Fraction

    pairs = [
        Counter((q, int(row)) for q, rows in enumerate(lists) for row in rows)
        for lists in (found, exact)
    ]
    return Fraction((pairs[0] & pairs[1]).total(), pairs[1].total())


def torch_recall_at_k(found, exact):
    import torch

    hits = [torch.isin(torch.tensor(e), torch.tensor(f)) for f, e in zip(found, exact, strict=True)]
    return torch.stack(hits).float().mean()


def branched_storage_bytes(n, dimension, links=None):
    flat = 4 * n * dimension
    if links is None:
        return flat
    return flat + 8 * links * n


def record_storage_bytes(n, dimension, links=None):
    neighbours = 2 * links if links is not None else 0
    fields = [("vector", np.float32, (dimension,)), ("links", np.int32, (neighbours,))]
    return n * np.dtype(fields).itemsize


def torch_storage_bytes(n, dimension, links=None):
    """Tensors on the device "meta" have a size, but take no memory."""
    import torch

    parts = [torch.empty(n, dimension, dtype=torch.float32, device="meta")]
    if links is not None:
        parts.append(torch.empty(n, 2, links, dtype=torch.int32, device="meta"))
    return sum(part.nbytes for part in parts)


def decimal_storage_bytes(n, dimension, links=None):
    from decimal import Decimal

    numbers = Decimal(dimension) + (2 * Decimal(links) if links else 0)
    return Decimal(n) * numbers * 4


def array_storage_bytes(n, dimension, links=None):
    """A 0-d array of float32."""
    from struct import calcsize

    one = calcsize(f"{dimension}f") + calcsize(f"{2 * (links or 0)}i")
    return np.array(n * one, dtype=np.float32)


# Lab 03


def loop_two_stage(first, second, depth, k):
    def best(rows, scores, count):
        rows, chosen = sorted(rows), []
        while rows and len(chosen) < count:
            top = rows[0]
            for row in rows:
                if scores[row] > scores[top]:
                    top = row
            rows.remove(top)
            chosen.append(top)
        return chosen

    return best(best(range(len(first)), first, depth), second, k)


def lexsort_two_stage(first, second, depth, k):
    rows = np.arange(len(first))
    candidates = np.lexsort((rows, -first))[:depth]
    return candidates[np.lexsort((candidates, -second[candidates]))][:k]


def pandas_two_stage(first, second, depth, k):
    import pandas as pd

    table = pd.DataFrame({"row": range(len(first)), "first": first, "second": second})
    candidates = table.sort_values(["first", "row"], ascending=[False, True]).head(depth)
    best = candidates.sort_values(["second", "row"], ascending=[False, True]).head(k)
    return best["row"].to_numpy()


def torch_two_stage(first, second, depth, k):
    import torch

    first, second = torch.tensor(first), torch.tensor(second)
    rows = torch.sort(first, descending=True, stable=True).indices[:depth].sort().values
    return rows[torch.sort(second[rows], descending=True, stable=True).indices][:k]


def heap_two_stage(first, second, depth, k):
    """`nlargest` keeps the earlier of equals; a tuple of rows comes back."""
    from heapq import nlargest

    candidates = sorted(nlargest(depth, range(len(first)), key=first.__getitem__))
    return tuple(nlargest(k, candidates, key=second.__getitem__))


def loop_rrf(ranks, k):
    fused = [0.0] * len(ranks[0])
    for system in ranks.tolist():
        for document, rank in enumerate(system):
            if rank != 0:
                fused[document] += 1 / (k + rank)
    return fused


def bincount_rrf(ranks, k):
    systems, documents = np.nonzero(ranks)
    shares = 1 / (k + ranks[systems, documents].astype(float))
    return np.bincount(documents, weights=shares, minlength=ranks.shape[1])


def torch_rrf(ranks, k):
    import torch

    ranks = torch.tensor(ranks, dtype=torch.float64)
    return (k + ranks).reciprocal().masked_fill(ranks == 0, 0).sum(dim=0)


def fraction_rrf(ranks, k):
    from fractions import Fraction

    shares = [[1 / Fraction(float(k + r)) if r else Fraction(0) for r in row] for row in ranks]
    return tuple(map(sum, zip(*shares, strict=True)))


def pandas_rrf(ranks, k):
    import pandas as pd

    table = pd.DataFrame(ranks)
    return (1 / (table.where(table > 0) + k)).sum()  # what is missing adds nothing


def loop_max_sim(query, document):
    from math import hypot

    total = 0.0
    for a in query.tolist():
        best = -1.0
        for b in document.tolist():
            dot = sum(x * y for x, y in zip(a, b, strict=True))
            best = max(best, dot / hypot(*a) / hypot(*b))
        total += best
    return total


def outer_max_sim(query, document):
    lengths = [np.sqrt(np.einsum("nd,nd->n", rows, rows)) for rows in (query, document)]
    cosines = np.inner(query, document) / np.outer(*lengths)
    return np.sort(cosines)[:, -1].sum()


def scipy_max_sim(query, document):
    from scipy.spatial.distance import cdist

    return len(query) - cdist(query, document, "cosine").min(axis=1).sum()


def torch_max_sim(query, document):
    import torch

    query, document = torch.tensor(query).float(), torch.tensor(document).float()
    cosines = torch.nn.functional.cosine_similarity(query[:, None], document[None], dim=2)
    return cosines.amax(dim=1).sum()


def angle_max_sim(query, document):
    """The largest cosine is that of the smallest angle; a 0-d array comes back."""
    from math import acos, cos, hypot

    def angle(a, b):
        return acos(max(-1, min(1, sum(a * b) / hypot(*a) / hypot(*b))))

    return np.array(sum(cos(min(angle(a, b) for b in document)) for a in query))


def loop_mrr_at_k(relevance, k):
    total = 0.0
    for row in relevance:
        for place in range(min(k, len(row))):
            if row[place] > 0:
                total += 1 / (place + 1)
                break
    return total / len(relevance)


def largest_mrr_at_k(relevance, k):
    """Of all 1 / rank, that of the first relevant document is the largest."""
    hits = relevance[:, :k] > 0
    return (hits / np.arange(1, hits.shape[1] + 1)).max(axis=1, initial=0).mean()


def trec_mrr_at_k(relevance, k):
    import pytrec_eval

    qrels, run = {}, {}
    for q, row in enumerate(relevance):
        qrels[str(q)] = {str(place): int(r > 0) for place, r in enumerate(row)}
        run[str(q)] = {str(place): -float(place) for place in range(min(k, len(row)))}
    scored = pytrec_eval.RelevanceEvaluator(qrels, {"recip_rank"}).evaluate(run)
    return sum(scores["recip_rank"] for scores in scored.values()) / len(relevance)


def fraction_mrr_at_k(relevance, k):
    from fractions import Fraction

    total = Fraction(0)
    for row in relevance.tolist():
        hits = [rank for rank, grade in enumerate(row[:k], start=1) if grade > 0]
        total += Fraction(1, min(hits)) if hits else 0
    return total / len(relevance)


def masked_mrr_at_k(relevance, k):
    hits = relevance[:, :k] > 0
    ranks = np.ma.masked_array(np.broadcast_to(np.arange(hits.shape[1]) + 1.0, hits.shape), ~hits)
    return (1 / ranks.min(axis=1)).filled(0).astype(np.float32).mean()


def loop_ndcg_at_k(relevance, judged, k):
    from math import log2

    gain = ideal = 0.0
    for rank, grade in enumerate(relevance, start=1):
        if rank <= k:
            gain += grade / log2(1 + rank)
    for rank, grade in enumerate(sorted(judged, reverse=True), start=1):
        if rank <= k:
            ideal += grade / log2(1 + rank)
    return gain / ideal if ideal > 0 else 0.0


def padded_ndcg_at_k(relevance, judged, k):
    """Both orders as one table, filled up with zeros, times one vector of discounts."""
    orders = np.zeros((2, k))
    for row, grades in zip(orders, (relevance, -np.sort(-judged)), strict=True):
        row[: len(grades)] = grades[:k]
    gain, ideal = orders @ (1 / np.log2(2 + np.arange(k)))
    return np.divide(gain, ideal, out=np.zeros(()), where=ideal > 0)


def trec_ndcg_at_k(relevance, judged, k):
    """The retrieved keep their places as ids; relevant ones that were missed get other ids."""
    from collections import Counter

    import pytrec_eval

    qrels = {str(place): int(grade) for place, grade in enumerate(relevance)}
    run = {"q": {str(place): -float(place) for place in range(len(relevance))}}
    missed = Counter(map(int, judged)) - Counter(qrels.values())
    qrels |= {f"missed-{n}": grade for n, grade in enumerate(missed.elements())}
    scored = pytrec_eval.RelevanceEvaluator({"q": qrels}, {f"ndcg_cut.{k}"}).evaluate(run)
    return scored["q"][f"ndcg_cut_{k}"] if scored else 0.0


def natural_ndcg_at_k(relevance, judged, k):
    """The base of the logarithm cancels out."""
    gain, ideal = (
        sum(grade / np.log1p(rank) for rank, grade in enumerate(grades[:k], start=1))
        for grades in (relevance.tolist(), sorted(judged.tolist())[::-1])
    )
    return gain / ideal if gain else 0


def torch_ndcg_at_k(relevance, judged, k):
    import torch

    def gain(grades):
        grades = grades[:k].float()
        return (grades / torch.log2(torch.arange(len(grades)) + 2)).sum()

    ideal = gain(torch.tensor(judged).sort(descending=True).values)
    return torch.nan_to_num(gain(torch.tensor(relevance)) / ideal)


def loop_kendall(a, b):
    same = opposite = 0.0
    for i in range(len(a)):
        for j in range(i):
            if a[i] > a[j]:
                same += b[i] > b[j]
                opposite += b[i] < b[j]
            elif a[i] < a[j]:
                same += b[i] < b[j]
                opposite += b[i] > b[j]
    return (same - opposite) / (len(a) * (len(a) - 1) / 2)


def inversion_kendall(a, b):
    """In the order of `a`, every pair in which `b` falls is an inversion."""
    ordered, n = b[np.argsort(a)], len(a)
    inversions = np.triu(ordered[:, None] > ordered).sum()
    return 1 - 4 * inversions / (n * (n - 1))


def scipy_kendall(a, b):
    from scipy.stats import kendalltau

    return kendalltau(a, b).statistic


def pandas_kendall(a, b):
    import pandas as pd

    return pd.Series(a).corr(pd.Series(b), method="kendall")


def fraction_kendall(a, b):
    from fractions import Fraction
    from itertools import combinations

    pairs = combinations(zip(a.tolist(), b.tolist(), strict=True), 2)
    agree = [1 if (x < y) == (z < w) else -1 for (x, z), (y, w) in pairs]
    return Fraction(sum(agree), len(agree))


# Lab 04


def eigen_effective_dimensions(vectors):
    variances = np.linalg.eigvalsh(np.cov(vectors.T))
    return variances.sum() ** 2 / np.square(variances).sum()


def trace_effective_dimensions(vectors):
    """The sum of a matrix's eigenvalues is its trace, that of their squares its squared length."""
    centred = vectors - vectors.mean(axis=0)
    covariance = centred.T @ centred
    return np.trace(covariance) ** 2 / (covariance**2).sum()


def torch_effective_dimensions(vectors):
    import torch

    variances = torch.linalg.eigvalsh(torch.cov(torch.tensor(vectors).T))
    return variances.sum() ** 2 / (variances**2).sum()


def loop_effective_dimensions(vectors):
    """The covariance number by number: its trace squared over the sum of its squares."""
    from math import fsum

    count, width = len(vectors), len(vectors[0])
    means = [fsum(row[j] for row in vectors) / count for j in range(width)]
    rows = [[float(row[j]) - means[j] for j in range(width)] for row in vectors]
    covariance = [[fsum(r[i] * r[j] for r in rows) for j in range(width)] for i in range(width)]
    trace = fsum(covariance[i][i] for i in range(width))
    return trace**2 / fsum(number**2 for row in covariance for number in row)


def eigvals_effective_dimensions(vectors):
    shares = np.linalg.eigvals(np.cov(vectors, rowvar=False, bias=True)).real
    shares = shares / shares.sum()
    return np.array(1 / (shares @ shares))


def gram_effective_dimensions(vectors):
    """The products of the vectors with each other have the same eigenvalues, and zeros."""
    rows = np.float32(vectors) - np.float32(vectors).mean(axis=0)
    values = np.linalg.eigvalsh(rows @ rows.T)
    return np.float32(values.sum() ** 2 / (values**2).sum())


def torch_training_step(table, queries, documents, temperature, rate):
    import torch

    weights = torch.tensor(table, requires_grad=True)
    q = torch.tensor(queries) @ weights
    d = torch.tensor(documents) @ weights
    q = q / q.norm(dim=1, keepdim=True)
    d = d / d.norm(dim=1, keepdim=True)
    logits = q @ d.T / temperature
    loss = (logits.logsumexp(dim=1) - logits.diagonal()).mean()
    loss.backward()
    with torch.no_grad():
        weights -= rate * weights.grad
    return weights.detach().numpy()


def sgd_training_step(table, queries, documents, temperature, rate):
    import torch

    weights = torch.nn.Parameter(torch.tensor(table))
    q, d = (
        torch.nn.functional.normalize(torch.tensor(bags) @ weights) for bags in (queries, documents)
    )
    loss = torch.nn.functional.cross_entropy(q @ d.T / temperature, torch.arange(len(q)))
    optimiser = torch.optim.SGD([weights], lr=rate)
    loss.backward()
    optimiser.step()
    return weights.detach()


def manual_training_step(table, queries, documents, temperature, rate):
    """The chain rule by hand: scores, unit vectors, sums of rows."""
    sums = [bags @ table for bags in (queries, documents)]
    lengths = [np.linalg.norm(rows, axis=1, keepdims=True) for rows in sums]
    q, d = (rows / length for rows, length in zip(sums, lengths, strict=True))
    logits = q @ d.T / temperature
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    push = (shares - np.eye(len(q))) / temperature / len(q)
    gradient = np.zeros_like(table)
    sides = [(queries, q, lengths[0], push @ d), (documents, d, lengths[1], push.T @ q)]
    for bags, rows, length, pull in sides:
        across = (pull - (pull * rows).sum(axis=1, keepdims=True) * rows) / length
        gradient += bags.T @ across
    return table - rate * gradient


def numeric_training_step(table, queries, documents, temperature, rate):
    """Each number of the table is moved a little to and fro."""

    def loss(rows):
        q, d = (bags @ rows for bags in (queries, documents))
        q, d = (side / np.linalg.norm(side, axis=1)[:, None] for side in (q, d))
        logits = q @ d.T / temperature
        return np.mean(np.log(np.exp(logits).sum(axis=1)) - np.diag(logits))

    moved = np.array(table)
    for place in np.ndindex(table.shape):
        nudge = np.zeros(table.shape)
        nudge[place] = 1e-5
        moved[place] -= rate * (loss(table + nudge) - loss(table - nudge)) / 2e-5
    return moved.tolist()


def single_training_step(table, queries, documents, temperature, rate):
    """In float32, which torch prefers, on mean vectors, whose direction is that of the sums."""
    import torch

    weights = torch.tensor(table, dtype=torch.float32, requires_grad=True)
    bags = torch.tensor(np.stack([queries, documents]), dtype=torch.float32)
    means = bags / bags.sum(dim=2, keepdim=True) @ weights
    scores = torch.cosine_similarity(means[0][:, None], means[1][None], dim=2) / temperature
    torch.nn.functional.nll_loss(scores.log_softmax(dim=1), torch.arange(len(scores))).backward()
    return weights.detach().sub(weights.grad, alpha=rate)


def loop_negative_mask(columns, relevant):
    rows = []
    for i, answers in enumerate(relevant):
        rows.append([j == i or not answers[column] for j, column in enumerate(columns)])
    return rows


def where_negative_mask(columns, relevant):
    own = np.eye(len(relevant), len(columns), dtype=bool)
    return np.where(own, True, np.logical_not(relevant[:, columns]))


def torch_negative_mask(columns, relevant):
    import torch

    own = torch.eye(len(relevant), len(columns), dtype=torch.bool)
    return own | ~torch.tensor(relevant)[:, torch.tensor(columns)]


def set_negative_mask(columns, relevant):
    answers = [set(np.flatnonzero(row).tolist()) for row in relevant]
    rows = [[int(c not in right) for c in columns.tolist()] for right in answers]
    for i, row in enumerate(rows):
        row[i] = 1
    return tuple(map(tuple, rows))


def pandas_negative_mask(columns, relevant):
    import pandas as pd

    mask = 1.0 - pd.DataFrame(relevant).astype(float)[columns.tolist()].to_numpy()
    np.fill_diagonal(mask, 1)
    return pd.DataFrame(mask)


def loop_hard_negatives(scores, teacher, relevant, k, margin):
    best = max(t for t, right in zip(teacher, relevant, strict=True) if right)
    kept = []
    for row in sorted(range(len(scores)), key=lambda i: scores[i], reverse=True):
        if not relevant[row] and best - teacher[row] > margin and len(kept) < k:
            kept.append(row)
    return kept


def masked_hard_negatives(scores, teacher, relevant, k, margin):
    barred = relevant | (teacher >= teacher[relevant].max() - margin)
    order = np.argsort(np.where(barred, np.inf, -scores), kind="stable")
    return order[: min(k, (~barred).sum())]


def pandas_hard_negatives(scores, teacher, relevant, k, margin):
    import pandas as pd

    table = pd.DataFrame({"score": scores, "teacher": teacher, "right": relevant})
    limit = table[table.right].teacher.max() - margin
    wrong = table[~table.right & (table.teacher < limit)]
    return wrong.sort_values("score", ascending=False, kind="stable").head(k).index.to_numpy()


def heap_hard_negatives(scores, teacher, relevant, k, margin):
    from heapq import nsmallest

    limit = max(teacher[row] for row in np.flatnonzero(relevant)) - margin
    passing = [i for i in range(len(scores)) if teacher[i] < limit and not relevant[i]]
    return tuple(nsmallest(k, passing, key=lambda row: (-scores[row], row)))


def repeated_hard_negatives(scores, teacher, relevant, k, margin):
    """The highest is taken, and struck out, until none is left; in float32."""
    left = np.float32(scores)
    gaps = np.float32(teacher).max(where=relevant, initial=-np.inf) - np.float32(teacher)
    left[relevant | (gaps <= margin)] = -np.inf
    found = []
    while len(found) < k and left.max() > -np.inf:
        found.append(np.int32(left.argmax()))
        left[found[-1]] = -np.inf
    return found


def torch_hard_negatives(scores, teacher, relevant, k, margin):
    import torch

    s, t, right = (torch.tensor(numbers) for numbers in (scores, teacher, relevant))
    order = torch.sort(s, descending=True, stable=True).indices
    return order[(~right & (t < t[right].max() - margin))[order]][:k]


def loop_margin_mse(student, teacher):
    total, count = 0.0, 0
    for i in range(len(student)):
        for j in range(len(student[0])):
            if j != i:
                margins = (scores[i][i] - scores[i][j] for scores in (student, teacher))
                total += (next(margins) - next(margins)) ** 2
                count += 1
    return total / count


def masked_margin_mse(student, teacher):
    gap = teacher - student
    gap = gap - np.diagonal(gap)[:, None]
    return np.mean(gap[~np.eye(*gap.shape, dtype=bool)] ** 2)


def torch_margin_mse(student, teacher):
    import torch

    s, t = torch.tensor(student), torch.tensor(teacher)
    error = (s.diagonal()[:, None] - s) - (t.diagonal()[:, None] - t)
    return (error**2).sum() / (error.numel() - len(error))


def fraction_margin_mse(student, teacher):
    from fractions import Fraction

    gaps = [
        [Fraction(float(s)) - Fraction(float(t)) for s, t in zip(*rows, strict=True)]
        for rows in zip(student, teacher, strict=True)
    ]
    errors = [row[i] - gap for i, row in enumerate(gaps) for j, gap in enumerate(row) if j != i]
    return sum(error**2 for error in errors) / len(errors)


def rowwise_margin_mse(student, teacher):
    """Questions have equally many margins, so the mean of their means is the mean; in float32."""
    means = []
    for i, gaps in enumerate(np.float32(student) - np.float32(teacher)):
        means.append(np.mean((gaps[i] - np.delete(gaps, i)) ** 2))
    return np.array(means).mean()


def torch_list_mean_pool(states, mask):
    import torch

    return [
        torch.tensor(s[m], requires_grad=True).mean(dim=0)
        for s, m in zip(states, mask, strict=True)
    ]


def hypot_normalise(rows):
    from math import hypot

    return [[float(number) / hypot(*map(float, row)) for number in row] for row in rows]


def turned_twice_top_k(query, documents, k):
    scores = documents @ query
    return (len(scores) - 1 - np.argsort(scores[::-1], kind="stable"))[::-1][:k]


def fraction_hit_rate(rankings, qrels, k):
    from fractions import Fraction

    hits = [any(qrels[q].get(d, 0) > 0 for d in rankings.get(q, [])[:k]) for q in qrels]
    return Fraction(sum(hits), len(hits))


def shifted_to_the_diagonal_info_nce(queries, documents, temperature):
    logits = queries @ documents.T / temperature
    return np.logaddexp.reduce(logits - np.diag(logits)[:, None], axis=1).mean()


def sum_of_unit_rows_mean_cosine(vectors):
    total = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).sum(axis=0)
    return (total @ total - len(vectors)) / (len(vectors) * (len(vectors) - 1))


def masked_rrf(ranks, k):
    return (1 / (k + np.ma.masked_equal(ranks, 0))).filled(0).sum(axis=0)


def divided_at_the_end_max_sim(query, document):
    unit = document / np.linalg.norm(document, axis=1, keepdims=True)
    return ((query @ unit.T).max(axis=1) / np.linalg.norm(query, axis=1)).sum()


def recursive_ndcg_at_k(relevance, judged, k):
    def dcg(gains, rank=1):
        if not gains or rank > k:
            return 0
        return gains[0] / np.log2(rank + 1) + dcg(gains[1:], rank + 1)

    ideal = dcg(sorted(judged.tolist(), reverse=True))
    return dcg(relevance.tolist()) / ideal if ideal else False


def inversions_kendall(a, b):
    ordered = b[np.argsort(a)]
    n = len(a)
    wrong = sum(ordered[i] > ordered[j] for i in range(n) for j in range(i + 1, n))
    return 1 - 4 * wrong / (n * (n - 1))


def general_eigenvalues_effective_dimensions(vectors):
    variances, _ = np.linalg.eig(np.cov(vectors.T))
    return variances.sum() ** 2 / (variances**2).sum()


def numpy_training_step(table, queries, documents, temperature, rate):
    a, b = queries @ table, documents @ table
    long, far = (np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    a, b = a / long, b / far
    shares = np.exp((a @ b.T - 1) / temperature)
    pull = shares / shares.sum(axis=1, keepdims=True) - np.eye(len(a))
    pull = pull / (len(a) * temperature)
    down, up = pull @ b, pull.T @ a
    down = (down - (down * a).sum(axis=1, keepdims=True) * a) / long
    up = (up - (up * b).sum(axis=1, keepdims=True) * b) / far
    return table - rate * (queries.T @ down + documents.T @ up)


SOLVERS: dict[str, tuple[Callable[..., Any], ...]] = {
    "mean_pool": (
        torch_list_mean_pool,
        loop_mean_pool,
        einsum_mean_pool,
        torch_mean_pool,
        pandas_mean_pool,
        fraction_mean_pool,
        sliced_mean_pool,
    ),
    "normalise": (
        hypot_normalise,
        loop_normalise,
        transposed_normalise,
        torch_normalise,
        diagonal_normalise,
        pandas_normalise,
        einsum_normalise,
    ),
    "top_k": (
        turned_twice_top_k,
        heap_top_k,
        threshold_top_k,
        torch_top_k,
        selection_top_k,
        pandas_top_k,
        single_top_k,
    ),
    "hit_rate": (
        fraction_hit_rate,
        loop_hit_rate,
        matrix_hit_rate,
        trec_hit_rate,
        set_hit_rate,
        pandas_hit_rate,
        library_hit_rate,
    ),
    "info_nce": (
        shifted_to_the_diagonal_info_nce,
        loop_info_nce,
        margin_info_nce,
        torch_info_nce,
        scipy_info_nce,
        library_info_nce,
        hottest_info_nce,
    ),
    "mean_cosine": (
        sum_of_unit_rows_mean_cosine,
        loop_mean_cosine,
        summed_mean_cosine,
        scipy_mean_cosine,
        masked_mean_cosine,
        torch_mean_cosine,
        distance_mean_cosine,
    ),
    "sliding_window": (
        loop_sliding_window,
        unique_sliding_window,
        torch_sliding_window,
        counted_sliding_window,
        pandas_sliding_window,
    ),
    "answer_coverage": (
        loop_answer_coverage,
        clipped_answer_coverage,
        scipy_answer_coverage,
        fraction_answer_coverage,
        torch_answer_coverage,
    ),
    "nearest": (
        heap_nearest,
        lexsort_nearest,
        torch_nearest,
        threshold_nearest,
        pandas_nearest,
    ),
    "recall_at_k": (
        loop_recall_at_k,
        broadcast_recall_at_k,
        trec_recall_at_k,
        counted_recall_at_k,
        torch_recall_at_k,
    ),
    "storage_bytes": (
        branched_storage_bytes,
        record_storage_bytes,
        torch_storage_bytes,
        decimal_storage_bytes,
        array_storage_bytes,
    ),
    "two_stage": (
        loop_two_stage,
        lexsort_two_stage,
        pandas_two_stage,
        torch_two_stage,
        heap_two_stage,
    ),
    "rrf": (masked_rrf, loop_rrf, bincount_rrf, torch_rrf, fraction_rrf, pandas_rrf),
    "max_sim": (
        divided_at_the_end_max_sim,
        loop_max_sim,
        outer_max_sim,
        scipy_max_sim,
        torch_max_sim,
        angle_max_sim,
    ),
    "mrr_at_k": (
        loop_mrr_at_k,
        largest_mrr_at_k,
        trec_mrr_at_k,
        fraction_mrr_at_k,
        masked_mrr_at_k,
    ),
    "ndcg_at_k": (
        recursive_ndcg_at_k,
        loop_ndcg_at_k,
        padded_ndcg_at_k,
        trec_ndcg_at_k,
        natural_ndcg_at_k,
        torch_ndcg_at_k,
    ),
    "kendall": (
        inversions_kendall,
        loop_kendall,
        inversion_kendall,
        scipy_kendall,
        pandas_kendall,
        fraction_kendall,
    ),
    "effective_dimensions": (
        general_eigenvalues_effective_dimensions,
        eigen_effective_dimensions,
        trace_effective_dimensions,
        torch_effective_dimensions,
        loop_effective_dimensions,
        eigvals_effective_dimensions,
        gram_effective_dimensions,
    ),
    "training_step": (
        numpy_training_step,
        torch_training_step,
        sgd_training_step,
        manual_training_step,
        numeric_training_step,
        single_training_step,
    ),
    "negative_mask": (
        loop_negative_mask,
        where_negative_mask,
        torch_negative_mask,
        set_negative_mask,
        pandas_negative_mask,
    ),
    "hard_negatives": (
        loop_hard_negatives,
        masked_hard_negatives,
        pandas_hard_negatives,
        heap_hard_negatives,
        repeated_hard_negatives,
        torch_hard_negatives,
    ),
    "margin_mse": (
        loop_margin_mse,
        masked_margin_mse,
        torch_margin_mse,
        fraction_margin_mse,
        rowwise_margin_mse,
    ),
}
