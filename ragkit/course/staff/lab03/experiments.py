"""Measure what lab 03 quotes: what is chosen on dev, then four comparisons on test.

Keys, with METRICS of `runs`; see `experiments_dev` and `experiments_pairs` for the others:

    lab03.chosen.<depth, weight or lexical>      the settings that dev chose
    lab03.planned.<comparison>.mrr@10            PLANNED, on test
    lab03.planned.<comparison>.holm              its p-value, adjusted for there being four
    lab03.planned.<reorder or mix>.hit_rate@1    secondary: not among the four
    lab03.coverage.<bootstrap, wilson or no-width>
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import numpy as np

from ragkit.cache.outputs import EmbeddingCache
from ragkit.course.staff.entries import INT8_FLIPS, Entries, difference_entry, number_entry
from ragkit.course.staff.lab03 import runs
from ragkit.course.staff.lab03.experiments_dev import CHOSEN, DEPTHS, LEXICAL, WEIGHT, explore
from ragkit.course.staff.lab03.experiments_pairs import minimal_pairs
from ragkit.course.systems import build_reranker
from ragkit.documents.kb import KnowledgeBase, load_kb
from ragkit.encoders import MiniLMEncoder
from ragkit.scoring.evaluation import compare
from ragkit.scoring.proportions import wilson_interval
from ragkit.scoring.stats import Interval, bootstrap_interval, holm
from ragkit.search.fusion import convex_combination
from ragkit.search.retrievers import Run

PLANNED = {
    "reorder": ("reordered", "minilm"),
    "mix": ("mixed", "minilm"),
    "fuse": ("combined", "minilm"),
    "fuse-rrf": ("combined", "rrf"),
}
SECONDARY = ("reorder", "mix")
SHARE, QUESTIONS = 0.95, 24  # a share near 1 over few questions


def measure(cache: EmbeddingCache) -> Entries:
    """Measure every entry of lab 03; unit vectors and scores go through `cache`."""
    return _measure(cache, DEPTHS)


def sample(cache: EmbeddingCache) -> Entries:
    """Measure all but what needs more candidates than dev chose, which takes half the time."""
    return _measure(cache, [depth for depth in DEPTHS if depth <= CHOSEN])


def _measure(cache: EmbeddingCache, depths: Sequence[int]) -> Entries:
    minilm, cross = MiniLMEncoder(backend="auto"), build_reranker(cache)
    encoder = cache.wrap(minilm)
    yield from minimal_pairs(encoder, cross)
    yield from explore(load_kb(split="dev"), encoder, minilm, cross, depths)
    kb = load_kb()
    dense, lexical = runs.dense(encoder, kb), runs.lexical(kb)
    logits = runs.logits(cross, kb, dense, CHOSEN)
    yield from _planned(kb, dense, lexical, logits)
    yield from _coverage()


def _planned(kb: KnowledgeBase, dense: Run, lexical: Run, logits: Run) -> Entries:
    """The four comparisons that the lab names before it looks at the test questions."""
    for name, value in (("depth", CHOSEN), ("weight", WEIGHT), ("lexical", LEXICAL)):
        yield f"lab03.chosen.{name}", number_entry(value, "chosen on dev by mrr@10", 0)
    reports = {
        "minilm": runs.report(kb, dense),
        "reordered": runs.report(kb, runs.two_stages(dense, logits, CHOSEN, 1)),
        "mixed": runs.report(kb, runs.two_stages(dense, logits, CHOSEN, WEIGHT)),
        "combined": runs.report(kb, convex_combination([lexical, dense], [LEXICAL, 1 - LEXICAL])),
        "rrf": runs.report(kb, runs.by_ranks(dense, lexical)),
    }
    found = {
        name: compare(reports[one], reports[other], "mrr@10")
        for name, (one, other) in PLANNED.items()
    }
    adjusted = holm({name: comparison.p_value for name, comparison in found.items()})
    for name, (one, other) in PLANNED.items():
        how = f"{one} minus {other} on test, bootstrap 95% interval, randomisation test"
        yield f"lab03.planned.{name}.mrr@10", difference_entry(found[name], how, INT8_FLIPS)
        how = f"p of {one} minus {other}, adjusted by Holm for {len(PLANNED)} comparisons"
        yield f"lab03.planned.{name}.holm", number_entry(adjusted[name], how, 0.15)
    for name in SECONDARY:
        one, other = PLANNED[name]
        hits = compare(reports[one], reports[other], "hit_rate@1")
        how = f"{one} minus {other} on test, Newcombe's interval, McNemar's exact test"
        yield f"lab03.planned.{name}.hit_rate@1", difference_entry(hits, how, INT8_FLIPS)


def _coverage() -> Entries:
    """How often a 95% interval contains a true share of 0.95, over all samples of 24 questions."""
    chances = [
        comb(QUESTIONS, hits) * SHARE**hits * (1 - SHARE) ** (QUESTIONS - hits)
        for hits in range(QUESTIONS + 1)
    ]
    resampled = [bootstrap(hits) for hits in range(QUESTIONS + 1)]
    wilson = [wilson_interval(hits, QUESTIONS) for hits in range(QUESTIONS + 1)]
    how = f"chance that the 95% interval contains {SHARE}, {QUESTIONS} questions, by enumeration: "
    for name, intervals in (("bootstrap", resampled), ("wilson", wilson)):
        covered = sum(
            chance
            for chance, (low, high) in zip(chances, intervals, strict=True)
            if low <= SHARE <= high
        )
        yield f"lab03.coverage.{name}", number_entry(covered, how + name)
    flat = sum(c for c, (low, high) in zip(chances, resampled, strict=True) if low == high)
    how = f"chance that {QUESTIONS} questions give a bootstrap interval without width"
    yield "lab03.coverage.no-width", number_entry(flat, how)


def bootstrap(hits: int) -> Interval:
    """The interval of a share of `hits` among QUESTIONS, by the bootstrap."""
    return bootstrap_interval(np.repeat([1.0, 0.0], [hits, QUESTIONS - hits]))
