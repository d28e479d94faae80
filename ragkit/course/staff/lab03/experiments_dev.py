"""What lab 03 explores and chooses, all of it on the dev questions. Keys:

lab03.dev.minilm.<metric>                          the first stage alone
lab03.dev.ceiling.<N>                              hit_rate@N of MiniLM
lab03.dev.depth-<depth>.weight-<weight>.mrr@10     two stages; at weight 1 pure reordering
lab03.dev.misled.weight-<1.0 or 0.3>               wrong firsts that MiniLM had put far down
lab03.dev.whole-lists.mrr@10                       depth 5 reordered, the first stage's rest below
lab03.dev.lexical-<weight>.mrr@10                  BM25's weight beside MiniLM
lab03.dev.rrf.mrr@10
lab03.dev.kind.<KINDS>.<right or rival>            logits at depth 10
lab03.dev.<maxsim or maxsim-colbert>.mrr@10        minus MiniLM
lab03.dev.ties.<decimals>.<lucky or unlucky>
lab03.teacher.<kendall or balance>, lab03.teacher.pairs.<both, student, teacher or neither>
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ragkit.course.staff.entries import (
    INT8_FLIPS,
    Entries,
    difference_entry,
    mean_entry,
    number_entry,
)
from ragkit.course.staff.lab03 import runs
from ragkit.documents.kb import KnowledgeBase
from ragkit.encoders import ColBERTBackbone, Encoder, MiniLMEncoder
from ragkit.ranking import ranked_ids
from ragkit.scoring.evaluation import compare, evaluate
from ragkit.scoring.stats import bootstrap_interval
from ragkit.search.fusion import convex_combination
from ragkit.search.reranker import Reranker
from ragkit.search.retrievers import Run

DEPTHS = (5, 10, 20, 50)
WEIGHTS = tuple(n / 10 for n in range(1, 11))
CHOSEN, WEIGHT, LEXICAL = 10, 0.4, 0.2  # what `choose` makes of the measured values
FAR = 10
KINDS = ("lexical", "situational", "spanish")


def choose(ledger: dict[str, Any]) -> tuple[int, float, float]:
    """Depth, weight and BM25's weight by mrr@10 on dev.

    Depths whose best mrr@10 is less than one question's worth below the best of all count as equal,
    and the smallest of them, which costs least, is taken.
    """

    def score(key: str) -> float:
        return float(ledger[f"lab03.dev.{key}.mrr@10"]["value"])

    best = {d: max(WEIGHTS, key=lambda w, d=d: score(_two(d, w))) for d in DEPTHS}  # type: ignore[misc]
    worth = 1 / ledger["lab03.dev.minilm.mrr@10"]["n"]
    highest = max(score(_two(d, w)) for d, w in best.items())
    depth = next(d for d in DEPTHS if score(_two(d, best[d])) > highest - worth)
    return depth, best[depth], max(WEIGHTS, key=lambda w: score(f"lexical-{w}"))


def _two(depth: int, weight: float) -> str:
    return f"depth-{depth}.weight-{weight}"


def explore(
    dev: KnowledgeBase,
    encoder: Encoder,
    minilm: MiniLMEncoder,
    cross: Reranker,
    depths: Sequence[int] = DEPTHS,
) -> Entries:
    """Measure every entry that needs no test question and no more candidates than `depths` say."""
    dense, lexical = runs.dense(encoder, dev), runs.lexical(dev)
    logits = runs.logits(cross, dev, dense, max(depths))
    yield from _first_stage(dev, dense)
    yield from _two_stages(dev, dense, logits, depths)
    if max(depths) == max(DEPTHS):
        yield from _misled(dev, dense, logits)
    yield from _fusion(dev, dense, lexical)
    yield from _kinds(dev, dense, logits)
    yield from _late_interaction(dev, dense, minilm)
    yield from _ties(dev, dense)
    yield from _teacher(dev, dense, logits)


def _first_stage(dev: KnowledgeBase, dense: Run) -> Entries:
    """MiniLM's scores, and what no reranker of its first N documents can exceed."""
    alone = runs.report(dev, dense)
    for metric in ("hit_rate@1", "mrr@10"):
        yield f"lab03.dev.minilm.{metric}", mean_entry(alone, metric, "MiniLM, dev")
    ceilings = evaluate(dev.qrels, dense, ["hit_rate@10", "hit_rate@50"])
    for n in (10, 50):
        yield f"lab03.dev.ceiling.{n}", mean_entry(ceilings, f"hit_rate@{n}", "MiniLM, dev")


def _two_stages(dev: KnowledgeBase, dense: Run, logits: Run, depths: Sequence[int]) -> Entries:
    """mrr@10 of every depth and weight."""
    for depth in depths:
        for weight in WEIGHTS:
            found = runs.report(dev, runs.two_stages(dense, logits, depth, weight))
            how = f"MiniLM, then the cross-encoder with weight {weight} at depth {depth}, dev"
            key = f"lab03.dev.{_two(depth, weight)}.mrr@10"
            yield key, mean_entry(found, "mrr@10", how, INT8_FLIPS)
    whole = runs.report(dev, reordered_above_the_rest(dense, logits, DEPTHS[0]))
    how = f"the first {DEPTHS[0]} reordered, the first stage's order below, dev"
    yield "lab03.dev.whole-lists.mrr@10", mean_entry(whole, "mrr@10", how, INT8_FLIPS)


def _misled(dev: KnowledgeBase, dense: Run, logits: Run) -> Entries:
    """At the largest depth, first documents that are wrong and that MiniLM had put far down."""
    deepest = max(DEPTHS)
    for weight in (1.0, 0.3):
        run = runs.two_stages(dense, logits, deepest, weight)
        firsts = {q: ranked_ids(row, 1)[0] for q, row in run.items()}
        wrong = [q for q in firsts if firsts[q] not in dev.qrels[q]]
        far = sum(firsts[q] not in ranked_ids(dense[q], FAR) for q in wrong)
        how = f"wrong firsts at depth {deepest}, weight {weight}, beyond MiniLM's first {FAR}, dev"
        entry = {**number_entry(far, how, INT8_FLIPS), "n": len(wrong)}
        yield f"lab03.dev.misled.weight-{weight}", entry


def reordered_above_the_rest(first: Run, second: Run, depth: int) -> Run:
    """The candidates by logit, and below them all others in the first stage's order."""
    above = 1000.0  # more than any score of the first stage plus any logit
    reordered = runs.two_stages(first, second, depth, 1)
    return {q: first[q] | {i: above + s for i, s in reordered[q].items()} for q in first}


def _fusion(dev: KnowledgeBase, dense: Run, lexical: Run) -> Entries:
    """mrr@10 of BM25 and MiniLM together: by each weight, and by ranks."""
    for weight in WEIGHTS:
        found = runs.report(dev, convex_combination([lexical, dense], [weight, 1 - weight]))
        how = f"BM25 with weight {weight}, MiniLM with the rest, dev"
        yield f"lab03.dev.lexical-{weight}.mrr@10", mean_entry(found, "mrr@10", how)
    fused = runs.report(dev, runs.by_ranks(dense, lexical))
    how = "reciprocal rank fusion of BM25 and MiniLM, dev"
    yield "lab03.dev.rrf.mrr@10", mean_entry(fused, "mrr@10", how)


def _kinds(dev: KnowledgeBase, dense: Run, logits: Run) -> Entries:
    """Logits of the best right and the best wrong candidate, by kind."""
    for kind in KINDS:
        pairs = [_right_and_rival(logits[q], dev.qrels[q]) for q in dev.kinds[kind]]
        means = np.mean([pair for pair in pairs if pair], axis=0)
        for name, mean in zip(("right", "rival"), means, strict=True):
            how = f"mean logit of the best {name} document at depth {CHOSEN}, {kind}, dev"
            yield f"lab03.dev.kind.{kind}.{name}", number_entry(float(mean), how, 0.3)


def _right_and_rival(row: dict[str, float], right: dict[str, int]) -> list[float]:
    """The highest logit of a right and of a wrong candidate; nothing if none is right."""
    candidates = list(row)[:CHOSEN]
    rights = [row[i] for i in candidates if i in right]
    return [max(rights), max(row[i] for i in candidates if i not in right)] if rights else []


def _late_interaction(dev: KnowledgeBase, dense: Run, minilm: MiniLMEncoder) -> Entries:
    """MaxSim over the token vectors of two models, each minus MiniLM with its mean."""
    before = runs.report(dev, dense)
    for key, encoder in (("maxsim", minilm), ("maxsim-colbert", ColBERTBackbone())):
        after = runs.report(dev, runs.max_sim(encoder, dev))
        how = f"MaxSim over the token vectors of {encoder.name} minus MiniLM, dev"
        found = compare(after, before, "mrr@10")
        yield f"lab03.dev.{key}.mrr@10", difference_entry(found, how, INT8_FLIPS)


def _ties(dev: KnowledgeBase, dense: Run) -> Entries:
    """hit_rate@1 of rounded cosines if every tie is broken well, and if every one badly."""
    for decimals in (1, 2):
        for luck, nudge in (("lucky", 1e-6), ("unlucky", -1e-6)):
            rounded = {
                q: {i: round(s, decimals) + nudge * (i in dev.qrels[q]) for i, s in row.items()}
                for q, row in dense.items()
            }
            found = evaluate(dev.qrels, rounded, "hit_rate@1")
            how = f"cosines rounded to {decimals} decimals, ties {luck}, dev"
            yield f"lab03.dev.ties.{decimals}.{luck}", mean_entry(found, "hit_rate@1", how)


def _teacher(dev: KnowledgeBase, dense: Run, logits: Run) -> Entries:
    """Rank correlation on the first ten candidates, and (right, wrong) pairs by who orders them."""
    taus, pairs, balance = [], [], []
    for query in dev.queries:
        q = query.query_id
        ids = ranked_ids(dense[q], CHOSEN)
        student, teacher = (np.array([run[q][i] for i in ids]) for run in (dense, logits))
        taus.append(_kendall(student, teacher))
        right = np.array([i in dev.qrels[q] for i in ids])
        margins = (s[right][:, None] - s[~right] for s in (student, teacher))
        verdicts = list(zip(*(m.ravel() > 0 for m in margins), strict=True))
        pairs += verdicts
        if verdicts:
            balance.append(verdicts.count((False, True)) - verdicts.count((True, False)))
    how = "mean over dev queries, first ten candidates of MiniLM"
    yield "lab03.teacher.kendall", number_entry(float(np.mean(taus)), how, 0.02)
    yield "lab03.teacher.balance", _total(balance)
    for name, verdict in (
        ("both", (True, True)),
        ("student", (True, False)),
        ("teacher", (False, True)),
        ("neither", (False, False)),
    ):
        how = f"pairs of a right and a wrong candidate ordered rightly by: {name}, dev"
        entry = {**number_entry(pairs.count(verdict), how, 20.0), "n": len(pairs)}
        yield f"lab03.teacher.pairs.{name}", entry


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
