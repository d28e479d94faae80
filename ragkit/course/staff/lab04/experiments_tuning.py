"""Measure what fine-tuning MiniLM on the dev questions gives: recipes, epochs, pairs, seeds.

The plan, four epochs at usual settings, was fixed and not tuned. Recipes are compared by
cross-validation over the dev questions: each is answered by a model that was not taught it. Test
is for what was planned: each of `TESTED`, taught all pairs, against MiniLM as it comes, for the
mean over SEEDS.

Keys, with <recipe> in `tuning.RECIPES`:

    lab04.cv.table                              a whole text: every recipe after each epoch
    lab04.cv.<one>-<other>.mrr@10               DIFFERENCES, at the last epoch
    lab04.tuned.<recipe>.<seed>.mrr@10          on test, minus MiniLM as it comes
    lab04.tuned.<recipe>.mrr@10                 mean over the seeds; planned
    lab04.tuned.labels.<lowest, highest>.mrr@10
    lab04.tuned.holm.<recipe>                   p of mrr@10, adjusted for the planned family
    lab04.tuned.kind.<kind>.mrr@10              labels, mean over the seeds, by kind
    lab04.curve.<share>.mrr@10                  labels from 1/share of the pairs, minus MiniLM
    lab04.curve.<share>.pairs
    lab04.forgotten.handbook.mrr@10             labels, on the handbook's questions, minus MiniLM
    lab04.moved.cosine
    lab04.filter.<changed or none>              questions whose mined negative the filter changes
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ragkit.cache.outputs import EmbeddingCache
from ragkit.cache.weights import WeightCache
from ragkit.course.staff.entries import (
    INT8_FLIPS,
    Entries,
    Entry,
    difference_entry,
    flip_tolerance,
    mean_report,
    number_entry,
)
from ragkit.course.staff.lab04.tuning import NAMES, PLAN, RECIPES, Lessons
from ragkit.documents.chunking import Chunk, sentence_chunks, to_documents
from ragkit.documents.handbook import load_handbook
from ragkit.documents.kb import KnowledgeBase, Query, load_kb
from ragkit.documents.spans import Span
from ragkit.encoders import Encoder, MiniLMEncoder
from ragkit.finetuning.choice import held_out_folds, score
from ragkit.finetuning.encoder import TrainableEncoder
from ragkit.finetuning.pairs import Pair
from ragkit.finetuning.recipe import fine_tune_once
from ragkit.finetuning.train import Lesson, fine_tune
from ragkit.scoring.evaluation import Comparison, Report, compare, evaluate
from ragkit.scoring.stats import holm
from ragkit.search.retrievers import DenseRetriever

CHOSEN_BY = "mrr@10"
FOLDS = 3
EPOCHS = 4
SEEDS = (0, 1, 2)
TESTED = ("labels", "teacher", "filtered")
SAMPLED = ("labels", "teacher")  # those that the lab trains
SHARES = (4, 2)  # a quarter, half of the pairs
DIFFERENCES = (
    ("labels", "plain"),
    ("unmasked", "labels"),
    ("mined", "labels"),
    ("filtered", "labels"),
)
FLIPS = INT8_FLIPS
DRAWN = 0.015  # how far mrr@10 may move where another processor draws another dropout


def measure_tuning(cache: EmbeddingCache) -> Entries:
    """Measure every entry: some 15 minutes of one core."""
    kb, lessons = load_kb(), Lessons(load_kb(split="dev"), cache)
    plain = report_of(cache.wrap(MiniLMEncoder(backend="auto")), kb)
    tuned = {
        recipe: [_taught(lessons.of(recipe), seed, cache) for seed in SEEDS] for recipe in TESTED
    }
    reports = {name: [report_of(e, kb) for e in encoders] for name, encoders in tuned.items()}
    for recipe, runs in reports.items():
        for seed, report in zip(SEEDS, runs, strict=True):
            yield _single(recipe, seed, report, plain)
    yield from _filtered(lessons)
    yield from _planned(reports, plain)
    yield from _by_kind(kb, mean_report(reports["labels"]), plain)
    yield from _forgotten(tuned["labels"], cache)
    yield from _moved(tuned["labels"][0], kb, cache)
    yield from _learning_curve(kb, lessons, plain)
    yield from _cross_validated(lessons, cache)


def measure_first_seed(cache: EmbeddingCache) -> Entries:
    """Measure `lab04.tuned.<recipe>.0` alone, for the runs that the lab trains: two minutes.

    The weights go through the cache's folder, where the lab finds them.
    """
    kb, lessons = load_kb(), Lessons(load_kb(split="dev"), cache)
    yield from _filtered(lessons)
    plain = report_of(cache.wrap(MiniLMEncoder(backend="auto")), kb)
    for recipe in SAMPLED:
        encoder = _taught(lessons.of(recipe), 0, cache)
        yield _single(recipe, 0, report_of(encoder, kb), plain)


def _taught(lesson: Lesson, seed: int, cache: EmbeddingCache) -> TrainableEncoder:
    """MiniLM after a lesson; the first seed's weights are kept."""
    encoder, plan = TrainableEncoder(), replace(PLAN, seed=seed)
    if seed == 0:
        fine_tune_once(encoder, lesson, plan, WeightCache(cache.root))
    else:
        fine_tune(encoder, lesson, plan)
    return encoder


def report_of(encoder: Encoder, kb: KnowledgeBase) -> Report:
    """Score a dense search for the judged questions of `kb`: mrr@10."""
    return evaluate(kb.qrels, DenseRetriever(encoder).fit(kb.documents).run(kb.queries), CHOSEN_BY)


def _single(recipe: str, seed: int, after: Report, before: Report) -> tuple[str, Entry]:
    found = compare(after, before, CHOSEN_BY)
    how = "test, one seed, minus MiniLM as it comes, paired"
    return f"lab04.tuned.{recipe}.{seed}.{CHOSEN_BY}", _drawn(found, how)


def _drawn(found: Comparison, how: str) -> Entry:
    """A difference of a trained model: the next processor may draw other dropout."""
    entry = difference_entry(found, how)
    return entry | {"tolerance": max(DRAWN, flip_tolerance(found.queries, FLIPS))}


def _planned(reports: dict[str, list[Report]], plain: Report) -> Entries:
    """The planned comparisons: each recipe, mean over the seeds, against MiniLM as it comes."""
    p_values, how = {}, "test, mean over the seeds, minus MiniLM as it comes, paired"
    for recipe, runs in reports.items():
        found = compare(mean_report(runs), plain, CHOSEN_BY)
        yield f"lab04.tuned.{recipe}.{CHOSEN_BY}", _drawn(found, f"{how}; planned")
        p_values[recipe] = found.p_value
    single = [run.mean[CHOSEN_BY] - plain.mean[CHOSEN_BY] for run in reports["labels"]]
    for name, value in (("lowest", min(single)), ("highest", max(single))):
        entry = number_entry(value, f"{CHOSEN_BY} on test, {name} of the seeds", DRAWN)
        yield f"lab04.tuned.labels.{name}.{CHOSEN_BY}", entry
    for recipe, p in holm(p_values).items():
        how = f"p of {CHOSEN_BY}, adjusted for {len(p_values)} planned comparisons (Holm)"
        yield f"lab04.tuned.holm.{recipe}", number_entry(p, how, 0.1)


def _filtered(lessons: Lessons) -> Entries:
    """How many questions the teacher's filter gives another negative than mining does, or none."""
    mined, filtered = (lessons.of(recipe).negatives or {} for recipe in ("mined", "filtered"))
    counts = {
        "changed": sum(filtered[query] != mined[query] for query in mined),
        "none": sum(not filtered[query] for query in mined),
    }
    for name, count in counts.items():
        entry = number_entry(
            count, f"dev questions whose negative after the filter is {name}", FLIPS
        )
        yield f"lab04.filter.{name}", entry | {"n": len(mined)}


def _by_kind(kb: KnowledgeBase, after: Report, before: Report) -> Entries:
    """Not planned: where the gain lies, and what Spanish loses."""
    for kind, ids in kb.kinds.items():
        found = compare(after.only(ids), before.only(ids), CHOSEN_BY)
        how = f"labels, {kind}, test, mean over the seeds, minus MiniLM, paired; not planned"
        yield f"lab04.tuned.kind.{kind}.{CHOSEN_BY}", _drawn(found, how) | {"tolerance": 0.05}


def _forgotten(tuned: Sequence[Encoder], cache: EmbeddingCache) -> Entries:
    """Another search with the same models: the handbook's passages for the handbook's questions."""
    base = handbook_kb()
    before = report_of(cache.wrap(MiniLMEncoder(backend="auto")), base)
    after = mean_report([report_of(encoder, base) for encoder in tuned])
    how = "handbook, packs of sentences to 128 tokens, mean over the seeds, minus MiniLM, paired"
    entry = _drawn(compare(after, before, CHOSEN_BY), how) | {"tolerance": 0.05}
    yield f"lab04.forgotten.handbook.{CHOSEN_BY}", entry


def handbook_kb() -> KnowledgeBase:
    """The handbook as documents of whole sentences; those that hold a whole span are right."""
    books = [load_handbook(split=split) for split in ("dev", "test")]
    tokens = MiniLMEncoder(backend="auto").tokens
    chunks = sentence_chunks(books[0].text, 128, lambda text: [s for _, s in tokens(text)])
    documents = to_documents(chunks)
    queries, qrels = [], {}
    for question in (question for book in books for question in book.questions):
        right = [
            document.doc_id
            for document, chunk in zip(documents, chunks, strict=True)
            if any(_holds(chunk, span) for span in question.spans)
        ]
        if right:
            queries.append(Query(question.query_id, question.text))
            qrels[question.query_id] = dict.fromkeys(right, 1)
    return KnowledgeBase(documents, queries, qrels, [], "handbook", Path("handbook.md"))


def _holds(chunk: Chunk, span: Span) -> bool:
    return chunk.span.start <= span.start and span.end <= chunk.span.end


def _moved(tuned: Encoder, kb: KnowledgeBase, cache: EmbeddingCache) -> Entries:
    """How far the vectors themselves went: cosine of each document with what it was."""
    texts = [document.full_text for document in kb.documents]
    before = cache.wrap(MiniLMEncoder(backend="auto")).encode(texts)
    after = tuned.encode(texts)
    how = "mean cosine of a document's vector with what it was, labels, first seed"
    yield "lab04.moved.cosine", number_entry(float((before * after).sum(axis=1).mean()), how, 0.02)


def _learning_curve(kb: KnowledgeBase, lessons: Lessons, plain: Report) -> Entries:
    """The labels recipe from some of the pairs, drawn anew by each seed; steps as many as fit."""
    for share in SHARES:
        reports, size = [], len(lessons.pairs) // share
        for seed in SEEDS:
            drawn = np.random.default_rng(seed).permutation(len(lessons.pairs))[:size]
            encoder, pairs = TrainableEncoder(), [lessons.pairs[i] for i in drawn]
            fine_tune(encoder, lessons.of("labels", pairs), replace(PLAN, seed=seed))
            reports.append(report_of(encoder, kb))
        how = f"labels from 1/{share} of the pairs, mean over the seeds, minus MiniLM, test"
        found = compare(mean_report(reports), plain, CHOSEN_BY)
        yield f"lab04.curve.{share}.{CHOSEN_BY}", _drawn(found, how)
        yield f"lab04.curve.{share}.pairs", number_entry(size, "pairs that were taught")


def _cross_validated(lessons: Lessons, cache: EmbeddingCache) -> Entries:
    """Every recipe on the dev questions, each answered by a model that was not taught it."""
    plain = report_of(cache.wrap(MiniLMEncoder(backend="auto")), lessons.kb)
    curves = {recipe: _held_out(lessons, recipe) for recipe in RECIPES}
    last = {"plain": plain} | {recipe: curve[-1] for recipe, curve in curves.items()}
    for one, other in DIFFERENCES:
        how = f"{one} minus {other} after {EPOCHS} epochs, dev, {FOLDS} folds, paired"
        yield (
            f"lab04.cv.{one}-{other}.{CHOSEN_BY}",
            _drawn(compare(last[one], last[other], CHOSEN_BY), how),
        )
    how = f"{CHOSEN_BY} on dev, {FOLDS} folds"
    yield "lab04.cv.table", {"text": _table(plain, curves), "how": how}


def _table(plain: Report, curves: dict[str, list[Report]]) -> str:
    """A row per recipe: the score after each epoch, and the last one minus that of labels."""
    epochs = " | ".join(f"epoch {epoch}" for epoch in range(1, EPOCHS + 1))
    lines = [
        f"| taught by | {epochs} | last epoch, minus labels |",
        "|---|" + "---|" * (EPOCHS + 1),
    ]
    start = f"{plain.mean[CHOSEN_BY]:.3f}"
    lines.append(f"| nothing: MiniLM as it comes | {' | '.join([start] * EPOCHS)} | |")
    for recipe, curve in curves.items():
        scores = " | ".join(f"{report.mean[CHOSEN_BY]:.3f}" for report in curve)
        found = compare(curve[-1], curves["labels"][-1], CHOSEN_BY)
        low, high = (100 * bound for bound in found.interval)
        gap = (
            "" if recipe == "labels" else f"{100 * found.difference:+.1f} [{low:+.1f}, {high:+.1f}]"
        )
        lines.append(f"| {NAMES[recipe]} | {scores} | {gap} |")
    return "\n".join(lines)


def _held_out(lessons: Lessons, recipe: str) -> list[Report]:
    """After each epoch, the report of all questions, each by the model that did not see it."""
    merged: list[dict[str, float]] = [{} for _ in range(EPOCHS)]
    for held in held_out_folds(lessons.pairs, FOLDS):
        taught = [pair for pair in lessons.pairs if pair.query_id not in held]
        for scores, report in zip(merged, _epochs(lessons, recipe, taught, held), strict=True):
            scores |= report.per_query[CHOSEN_BY]
    order = [query.query_id for query in lessons.kb.queries]
    return [Report({CHOSEN_BY: {query: scores[query] for query in order}}) for scores in merged]


def _epochs(lessons: Lessons, recipe: str, taught: list[Pair], held: set[str]) -> list[Report]:
    """The reports of the held-out questions after each epoch of a lesson without them."""
    encoder, reports = TrainableEncoder(), list[Report]()

    def on_epoch(_: int) -> None:
        reports.append(score(encoder, lessons.kb, held))

    fine_tune(encoder, lessons.of(recipe, taught), replace(PLAN, epochs=EPOCHS), on_epoch=on_epoch)
    return reports
