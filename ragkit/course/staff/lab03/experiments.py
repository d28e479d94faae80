"""Measure what lab 03 quotes: pairs, ceilings, depths, fusion, MaxSim, ties, teacher and student.

Every pair that some depth or pipeline needs is scored once, and all results use these scores. Keys:

    lab03.pairs.<cross or bi>.<kind of pair, or all>           see experiments_pairs
    lab03.ceiling.minilm.<recall or hit_rate>@<1, 10 or 50>
    lab03.<split>.depth-<depth>.<metric>                       METRICS; 0 is without a reranker
    lab03.test.depth-<depth>-0.<metric>                        the gain over no reranker
    lab03.dev.depth-5-kept.mrr@10, lab03.test.depth-5-kept-0.mrr@10
    lab03.<split>.kind.<kind>.gain, lab03.test.kind.<kind>.logit
    lab03.test.<rescued or broken>
    lab03.<fused-minilm, fused-bm25, fused-rerank-fused or fused-rerank-minilm>.mrr@10
    lab03.maxsim-minilm.<metric>
    lab03.ties.<decimals>.<lucky or unlucky>
    lab03.teacher.<kendall, spearman or balance>
    lab03.teacher.pairs.<both, student, teacher or neither>
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ragkit.cache.outputs import EmbeddingCache
from ragkit.course.staff.entries import (
    INT8_FLIPS,
    Entries,
    difference_entry,
    mean_entry,
    number_entry,
)
from ragkit.course.staff.lab03.experiments_pairs import minimal_pairs
from ragkit.course.systems import build_reranker
from ragkit.documents.kb import KnowledgeBase, load_kb
from ragkit.encoders import Encoder, MiniLMEncoder
from ragkit.ranking import ranked_ids
from ragkit.scoring.evaluation import Report, compare, evaluate
from ragkit.scoring.stats import bootstrap_interval
from ragkit.search.reranker import Reranker
from ragkit.search.retrievers import BM25Retriever, DenseRetriever, Run, reciprocal_rank_fusion
from ragkit.vectors import unit_rows

METRICS = ("hit_rate@1", "hit_rate@5", "mrr@10")
DEPTHS = (5, 10, 20, 50)
DEV_DEPTH = 20
CHOSEN = 10
WHOLE = 5  # the depth at which lists of ten are compared too
FLIPS = INT8_FLIPS

Logits = dict[str, dict[str, float]]


def measure(cache: EmbeddingCache) -> Entries:
    """Measure every entry of lab 03; unit vectors and scores go through `cache`."""
    minilm, cross = MiniLMEncoder(backend="auto"), build_reranker(cache)
    encoder = cache.wrap(minilm)
    yield from minimal_pairs(encoder, cross)
    kb, dev = load_kb(), load_kb(split="dev")
    dense, lexical, tokens = _dense(encoder, kb), _lexical(kb), _max_sim(minilm, kb)
    fused = {q: reciprocal_rank_fusion([dense[q], lexical[q]]) for q in dense}
    wanted = {
        q: {*ranked_ids(dense[q], max(DEPTHS)), *ranked_ids(fused[q], CHOSEN), *kb.qrels[q]}
        for q in dense
    }
    logits = _logits(cross, kb, wanted)
    yield from _ceilings(kb, dense)
    yield from _depths(kb, dense, logits, DEPTHS)
    yield from _gains(kb, dense, logits)
    dev_dense = _dense(encoder, dev)
    dev_wanted = {q: ranked_ids(row, DEV_DEPTH) for q, row in dev_dense.items()}
    dev_logits = _logits(cross, dev, dev_wanted)
    yield from _depths(dev, dev_dense, dev_logits, [d for d in DEPTHS if d <= DEV_DEPTH])
    yield from _whole_lists(kb, dense, logits)
    yield from _whole_lists(dev, dev_dense, dev_logits)
    yield from _by_kind(kb, dense, logits)
    yield from _by_kind(dev, dev_dense, dev_logits)
    yield from _moved(kb, dense, logits)
    yield from _pipelines(kb, dense, lexical, fused, logits)
    yield from _compared("lab03.maxsim-minilm", _report(kb, tokens), _report(kb, dense))
    yield from _ties(kb, dense)
    yield from _teacher(kb, dense, logits)


def _dense(encoder: Encoder, kb: KnowledgeBase) -> Run:
    """All documents by cosine."""
    return DenseRetriever(encoder).fit(kb.documents).run(kb.queries, len(kb.documents))


def _lexical(kb: KnowledgeBase) -> Run:
    return BM25Retriever().fit(kb.documents).run(kb.queries, len(kb.documents))


def _max_sim(minilm: MiniLMEncoder, kb: KnowledgeBase) -> Run:
    """All documents by MaxSim over token vectors, [CLS] and [SEP] left out."""
    documents = _token_vectors(minilm, [document.full_text for document in kb.documents])
    queries = _token_vectors(minilm, [query.text for query in kb.queries])
    return {
        query.query_id: {
            document.doc_id: float((asked @ rows.T).max(axis=1).sum())
            for document, rows in zip(kb.documents, documents, strict=True)
        }
        for query, asked in zip(kb.queries, queries, strict=True)
    }


def _token_vectors(minilm: MiniLMEncoder, texts: list[str]) -> list[Any]:
    """Unit vectors of each text's own tokens, float32 [t, 384]."""
    return [unit_rows(rows[1:-1]) for rows in minilm.token_vectors(texts)]


def _logits(cross: Reranker, kb: KnowledgeBase, wanted: Mapping[str, Iterable[str]]) -> Logits:
    """The cross-encoder's score of each query with each of its wanted documents."""
    scores = {}
    for query in kb.queries:
        ids = list(wanted[query.query_id])
        predicted = cross.predict([(query.text, kb.by_id[i].full_text) for i in ids])
        scores[query.query_id] = dict(zip(ids, predicted.tolist(), strict=True))
    return scores


def _reranked(first: Run, logits: Logits, depth: int) -> Run:
    return {q: {i: logits[q][i] for i in ranked_ids(first[q], depth)} for q in first}


def reranked_above_the_rest(first: Run, logits: Logits, depth: int) -> Run:
    """The candidates by logit, and below them all others in the first stage's order."""
    second = _reranked(first, logits, depth)
    above = 1000.0  # more than any score of the first stage plus any logit
    return {q: first[q] | {i: above + s for i, s in second[q].items()} for q in first}


def _report(kb: KnowledgeBase, run: Run) -> Report:
    return evaluate(kb.qrels, run, METRICS)


def _scores(key: str, report: Report, how: str, flips: float = 1.5) -> Entries:
    for metric in METRICS:
        yield f"{key}.{metric}", mean_entry(report, metric, how, flips)


def _compared(key: str, a: Report, b: Report, metrics: Iterable[str] = METRICS) -> Entries:
    """Report `a` minus report `b`."""
    how = "paired difference, bootstrap 95% interval, randomisation test"
    for metric in metrics:
        yield f"{key}.{metric}", difference_entry(compare(a, b, metric), how, FLIPS)


def _ceilings(kb: KnowledgeBase, first: Run) -> Entries:
    """The scores that no reranker of MiniLM's first 1, 10 or 50 documents can exceed."""
    wanted = [f"{metric}@{n}" for metric in ("recall", "hit_rate") for n in (1, CHOSEN, 50)]
    report = evaluate(kb.qrels, first, wanted)
    for metric in wanted:
        yield f"lab03.ceiling.minilm.{metric}", mean_entry(report, metric, "first stage, test")


def _depths(kb: KnowledgeBase, first: Run, logits: Logits, depths: Iterable[int]) -> Entries:
    """Scores before and after reranking at each depth; depth 0 is without a reranker."""
    before = _report(kb, first)
    yield from _scores(f"lab03.{kb.split}.depth-0", before, f"MiniLM alone, {kb.split} split")
    for depth in depths:
        after = _report(kb, _reranked(first, logits, depth))
        how = f"MiniLM, then the cross-encoder at depth {depth}, {kb.split} split"
        yield from _scores(f"lab03.{kb.split}.depth-{depth}", after, how, FLIPS)


def _gains(kb: KnowledgeBase, first: Run, logits: Logits) -> Entries:
    """What reranking changes at each depth, on test."""
    before = _report(kb, first)
    for depth in DEPTHS:
        after = _report(kb, _reranked(first, logits, depth))
        yield from _compared(f"lab03.test.depth-{depth}-0", after, before)


def _whole_lists(kb: KnowledgeBase, first: Run, logits: Logits) -> Entries:
    """Depth 5 with the first stage's order below it, so that mrr@10 sees ten documents."""
    after = _report(kb, reranked_above_the_rest(first, logits, WHOLE))
    if kb.split == "dev":
        how = f"the first {WHOLE} reranked, the first stage's order below, dev split"
        yield "lab03.dev.depth-5-kept.mrr@10", mean_entry(after, "mrr@10", how, FLIPS)
    else:
        key = "lab03.test.depth-5-kept-0"
        yield from _compared(key, after, _report(kb, first), ["mrr@10"])


def _by_kind(kb: KnowledgeBase, first: Run, logits: Logits) -> Entries:
    """The gain at depth 10 by kind, and the cross-encoder's logit of the right document."""
    before, after = _report(kb, first), _report(kb, _reranked(first, logits, CHOSEN))
    how = f"hit_rate@1 at depth {CHOSEN} minus before, {kb.split} split"
    for kind, ids in kb.kinds.items():
        found = compare(after.only(ids), before.only(ids), "hit_rate@1")
        key = f"lab03.{kb.split}.kind.{kind}"
        yield f"{key}.gain", difference_entry(found, how, FLIPS)
        if kb.split == "test":
            best = [max(logits[q][i] for i in kb.qrels[q]) for q in ids]
            how_high = "mean over questions of the highest logit of a right document"
            yield (
                f"{key}.logit",
                {**number_entry(float(np.mean(best)), how_high, 0.3), "n": len(ids)},
            )


def _moved(kb: KnowledgeBase, first: Run, logits: Logits) -> Entries:
    """How many questions gained a right document at rank 1, and how many lost it."""
    before, after = _report(kb, first), _report(kb, _reranked(first, logits, CHOSEN))
    change = after.values("hit_rate@1") - before.values("hit_rate@1")
    how = f"test questions whose first place changed at depth {CHOSEN}: "
    for name, count in (("rescued", (change > 0).sum()), ("broken", (change < 0).sum())):
        yield (
            f"lab03.test.{name}",
            {**number_entry(int(count), how + name, FLIPS), "n": len(change)},
        )


def _pipelines(kb: KnowledgeBase, dense: Run, lexical: Run, fused: Run, logits: Logits) -> Entries:
    """The fusion against its parts, and what reranking does to it."""
    reports = {
        "minilm": _report(kb, dense),
        "bm25": _report(kb, lexical),
        "fused": _report(kb, fused),
        "fused-rerank": _report(kb, _reranked(fused, logits, CHOSEN)),
    }
    for one, other in (
        ("fused", "minilm"),
        ("fused", "bm25"),
        ("fused-rerank", "fused"),
        ("fused-rerank", "minilm"),
    ):
        yield from _compared(f"lab03.{one}-{other}", reports[one], reports[other], ["mrr@10"])


def _ties(kb: KnowledgeBase, dense: Run) -> Entries:
    """hit_rate@1 of rounded cosines if every tie is broken well, and if every one badly."""
    for decimals in (1, 2):
        for luck, bonus in (("lucky", 1e-6), ("unlucky", -1e-6)):
            run = {
                q: {i: round(s, decimals) + bonus * (i in kb.qrels[q]) for i, s in row.items()}
                for q, row in dense.items()
            }
            report = evaluate(kb.qrels, run, "hit_rate@1")
            how = f"cosines rounded to {decimals} decimals, ties {luck}"
            yield f"lab03.ties.{decimals}.{luck}", mean_entry(report, "hit_rate@1", how)


def _teacher(kb: KnowledgeBase, dense: Run, logits: Logits) -> Entries:
    """Rank correlation on the first ten candidates, and (right, wrong) pairs by who orders them."""
    taus, rhos, pairs, balance = [], [], [], []
    for query in kb.queries:
        q = query.query_id
        ids = ranked_ids(dense[q], CHOSEN)
        student, teacher = (np.array([run[q][i] for i in ids]) for run in (dense, logits))
        taus.append(_kendall(student, teacher))
        rhos.append(float(np.corrcoef(_ranks(student), _ranks(teacher))[0, 1]))
        right = np.array([i in kb.qrels[q] for i in ids])
        margins = (s[right][:, None] - s[~right] for s in (student, teacher))
        verdicts = list(zip(*(m.ravel() > 0 for m in margins), strict=True))
        pairs += verdicts
        if verdicts:
            balance.append(verdicts.count((False, True)) - verdicts.count((True, False)))
    how = "mean over test queries, first ten candidates of MiniLM"
    yield "lab03.teacher.kendall", number_entry(float(np.mean(taus)), how, 0.02)
    yield "lab03.teacher.spearman", number_entry(float(np.mean(rhos)), how, 0.02)
    yield "lab03.teacher.balance", _total(balance)
    for name, verdict in (
        ("both", (True, True)),
        ("student", (True, False)),
        ("teacher", (False, True)),
        ("neither", (False, False)),
    ):
        count = pairs.count(verdict)
        how = f"pairs of a right and a wrong candidate ordered rightly by: {name}"
        yield f"lab03.teacher.pairs.{name}", {**number_entry(count, how, 20.0), "n": len(pairs)}


def _total(by_question: list[int]) -> dict[str, Any]:
    """The entry of a sum, resampled by question, since one question's pairs are not independent."""
    n = len(by_question)
    low, high = bootstrap_interval(np.array(by_question, dtype=float))
    how = "pairs only the teacher orders rightly minus only the student, bootstrap by question"
    entry = number_entry(sum(by_question), how, 20.0)
    return {**entry, "interval": (n * low, n * high), "n": n}


def _kendall(a: Any, b: Any) -> float:
    order = np.sign(a[:, None] - a) * np.sign(b[:, None] - b)
    return float(order.sum() / (len(a) * (len(a) - 1)))


def _ranks(scores: Any) -> Any:
    return np.argsort(np.argsort(scores))
