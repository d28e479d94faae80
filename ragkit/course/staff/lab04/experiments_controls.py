"""Measure the controls of MiniGPT's space that need no training: ablations and a ladder.

Keys, with <table> trained (the committed checkpoint) or step0 (what its run began with), <way> in
WAYS, <rung> in RUNGS:

    lab04.space.ablation.table                               a whole text
    lab04.space.ablation.<table>.<way>.hit_rate@5
    lab04.space.ablation.<table>.<way>-<way>.hit_rate@5      STEPS_OF
    lab04.space.ablation.trained-step0.<way>.hit_rate@5
    lab04.space.ablation.trained.<way>.<cone, dimensions or hub>
    lab04.space.shrinkage.table                              a whole text
    lab04.space.shrinkage.<encoder>.<chosen or chosen-plain.hit_rate@5>
    lab04.space.shrinkage.minilm.default-plain.hit_rate@5
    lab04.space.ladder.table                                 a whole text
    lab04.space.ladder.<rung>.<dev or test>
    lab04.space.ladder.counts-step0.hit_rate@5
    lab04.space.ladder.random.<dimensions>
    lab04.space.topics.<rung, trained, chance or step0.seeds>
    lab04.space.topics.minilm-counts
    lab04.space.minilm.<cone or dimensions>

The ablation and the ladder repeat on test what had been seen there before, so that their test
scores confirm nothing new; the tables give dev beside them. A shrinkage is chosen on dev.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ragkit.cache.outputs import EmbeddingCache
from ragkit.course.staff.entries import (
    Entries,
    difference_entry,
    flip_tolerance,
    mean_entry,
    number_entry,
)
from ragkit.course.staff.lab04.spaces import (
    METRIC,
    Space,
    centred,
    counted,
    encoded,
    equalised,
    knowledge_base,
    pooled,
    whitened,
)
from ragkit.encoders import MiniGPTEncoder, MiniLMEncoder
from ragkit.scoring.evaluation import Report, compare, evaluate
from ragkit.search.retrievers import BM25Retriever
from ragkit.vectors import Vectors, unit_rows

WAYS: Mapping[str, tuple[str, Callable[[Space], Space]]] = {
    "plain": ("as it is", lambda space: space),
    "centred": ("mean subtracted", centred),
    "equalised": ("variances equalised, mean kept", equalised),
    "both": ("both (whitened)", whitened),
}
STEPS_OF = (("centred", "plain"), ("equalised", "plain"), ("both", "centred"))
SHRINKAGES = (1.0, 0.9, 0.5, 0.3, 0.1, 0.03)  # the mildest first, which wins a draw
RUNGS: Mapping[str, str] = {
    "step0": "MiniGPT's table before training",
    "counts": "token counts",
    "tfidf-corpus": "tf-idf, idf from MiniGPT's corpus",
    "tfidf-documents": "tf-idf, idf from the documents",
    "bm25": "BM25, whole words",
    "minilm": "MiniLM",
}
WIDTHS, DRAWS = (64, 256, 1024, 4096), range(4)
CONTROLS = range(8)  # seeds of the table before training
SAME = "same topic"


def measure_controls(cache: EmbeddingCache) -> Entries:
    """Measure every entry; MiniLM's vectors go through `cache`."""
    trained, first = MiniGPTEncoder(), MiniGPTEncoder.untrained()
    counts = counted(trained.tokenizer)
    minilm = encoded(cache.wrap(MiniLMEncoder(backend="auto")))
    tables = {"trained": pooled(counts, rows_of(trained)), "step0": pooled(counts, rows_of(first))}
    yield from _ablation(tables)
    yield from _shrinkage({"minilm": minilm, **tables})
    rungs = {"step0": tables["step0"], **_counted_rungs(counts), "minilm": minilm}
    yield from _ladder(rungs)
    yield from _random_tables(counts)
    yield from _topics({**rungs, "trained": tables["trained"]}, counts)
    how = "mean cosine of all pairs of documents"
    yield "lab04.space.minilm.cone", number_entry(minilm.cone, how)
    how = "effective dimensions of the corpus"
    yield "lab04.space.minilm.dimensions", number_entry(minilm.dimensions, how, tolerance=0.5)


def rows_of(encoder: MiniGPTEncoder) -> Vectors:
    """The token table of an encoder, float32 [V, d]."""
    rows: Vectors = encoder.model.table.weight.detach().numpy()
    return rows


def _ablation(tables: Mapping[str, Space]) -> Entries:
    """The two halves of whitening apart, on the trained table and on what it began as."""
    key = "lab04.space.ablation"
    changed = {n: {way: f(space) for way, (_, f) in WAYS.items()} for n, space in tables.items()}
    yield f"{key}.table", {"text": _ablation_table(changed), "how": "hit_rate@5 on dev and test"}
    reports = {n: {w: s.report("test") for w, s in ways.items()} for n, ways in changed.items()}
    for name, ways in reports.items():
        for way, report in ways.items():
            how = f"{name} table, {WAYS[way][0]}, test"
            yield f"{key}.{name}.{way}.{METRIC}", mean_entry(report, METRIC, how)
        for one, other in STEPS_OF:
            how = f"{name} table, {WAYS[one][0]} minus {WAYS[other][0]}, test, paired"
            halves = difference_entry(compare(ways[one], ways[other], METRIC), how)
            yield f"{key}.{name}.{one}-{other}.{METRIC}", halves
    for way, (words, _) in WAYS.items():
        found = compare(reports["trained"][way], reports["step0"][way], METRIC)
        how = f"trained minus step 0, each {words}, test, paired"
        yield f"{key}.trained-step0.{way}.{METRIC}", difference_entry(found, how)
    for way, space in changed["trained"].items():
        how = f"trained table, {WAYS[way][0]}"
        yield f"{key}.trained.{way}.cone", number_entry(space.cone, f"mean cosine; {how}")
        dimensions = number_entry(space.dimensions, f"effective dimensions; {how}", tolerance=0.5)
        yield f"{key}.trained.{way}.dimensions", dimensions
        hub = f"questions with the commonest first document first; {how}"
        yield f"{key}.trained.{way}.hub", number_entry(space.hub, hub, tolerance=2)


def _ablation_table(changed: Mapping[str, Mapping[str, Space]]) -> str:
    lines = [
        "| table | treatment | dev | test | mean cosine | effective dimensions | hub |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, words in (("trained", "trained"), ("step0", "step 0")):
        for way, space in changed[name].items():
            scores = " | ".join(f"{space.hit_rate(split):.3f}" for split in ("dev", "test"))
            shape = f"{space.cone:.2f} | {space.dimensions:.0f} | {space.hub}"
            lines.append(f"| {words} | {WAYS[way][0]} | {scores} | {shape} |")
    return "\n".join(lines)


def _shrinkage(spaces: Mapping[str, Space]) -> Entries:
    """Whitening with the shrinkage that is best on dev, for each encoder."""
    key, labels = "lab04.space.shrinkage", {"minilm": "MiniLM", "step0": "MiniGPT, step 0"}
    head = " | ".join(f"{shrinkage:g}" for shrinkage in SHRINKAGES)
    lines = [f"| encoder, on dev | plain | {head} |", "|---|---|" + "---|" * len(SHRINKAGES)]
    for name, space in spaces.items():
        scores = {s: whitened(space, s).hit_rate("dev") for s in SHRINKAGES}
        chosen = max(scores, key=scores.__getitem__)
        cells = " | ".join(f"{score:.3f}" for score in (space.hit_rate("dev"), *scores.values()))
        lines.append(f"| {labels.get(name, 'MiniGPT, trained')} | {cells} |")
        how = "the shrinkage with the best hit_rate@5 on dev; of equals, the largest"
        yield f"{key}.{name}.chosen", number_entry(chosen, how)
        for label, shrinkage in {"chosen": chosen, "default": 0.1}.items():
            if label == "default" and name != "minilm":
                continue
            found = compare(whitened(space, shrinkage).report("test"), space.report("test"), METRIC)
            how = f"whitened with shrinkage {shrinkage:g} minus plain, test, paired"
            yield f"{key}.{name}.{label}-plain.{METRIC}", difference_entry(found, how)
    yield f"{key}.table", {"text": "\n".join(lines), "how": "hit_rate@5 on dev by shrinkage"}


def _counted_rungs(counts: Space) -> dict[str, Space]:
    """Token counts and tf-idf, exact: one dimension per token."""
    weights = {
        "counts": np.ones(1, dtype=np.float32),
        "tfidf-corpus": inverse_frequencies(counts.corpus),
        "tfidf-documents": inverse_frequencies(counts.documents),
    }
    return {name: _weighted(counts, weight) for name, weight in weights.items()}


def _weighted(counts: Space, weight: Vectors) -> Space:
    return counts.through(lambda rows: unit_rows(rows * weight))


def inverse_frequencies(counts: Vectors) -> Vectors:
    """idf of each token, ln((1 + n) / (1 + texts with it)) + 1, float32 [V]."""
    texts_with_it = (counts > 0).sum(axis=0)
    idf: Vectors = (np.log((1 + len(counts)) / (1 + texts_with_it)) + 1).astype(np.float32)
    return idf


def _ladder(rungs: Mapping[str, Space]) -> Entries:
    """From a random table to MiniLM, by way of the exact counts that the table blurs."""
    key = "lab04.space.ladder"
    lines = ["| rung | dev | test |", "|---|---|---|"]
    reports = {split: {n: s.report(split) for n, s in rungs.items()} for split in ("dev", "test")}
    for split, by_rung in reports.items():
        kb = knowledge_base(split)
        found = BM25Retriever().fit(kb.documents).run(kb.queries)
        by_rung["bm25"] = evaluate(kb.qrels, found, [METRIC])
    for rung, label in RUNGS.items():
        cells = []
        for split, by_rung in reports.items():
            report = by_rung[rung]
            low, high = report.interval(METRIC)
            cells.append(f"{report.mean[METRIC]:.3f} [{low:.2f}–{high:.2f}]")
            how = f"hit_rate@5 of {label}, {split}"
            yield f"{key}.{rung}.{split}", mean_entry(report, METRIC, how)
        lines.append(f"| {label} | {' | '.join(cells)} |")
    yield f"{key}.table", {"text": "\n".join(lines), "how": "hit_rate@5 with 95% intervals"}
    test = reports["test"]
    difference = compare(test["counts"], test["step0"], METRIC)
    how = "token counts minus the table before training, test, paired"
    yield f"{key}.counts-step0.{METRIC}", difference_entry(difference, how)


def _random_tables(counts: Space) -> Entries:
    """Random tables of more and more dimensions: do they come to the exact counts?"""
    tolerance = flip_tolerance(len(knowledge_base("dev").queries))
    for width in WIDTHS:
        scores = []
        for seed in DRAWS:
            shape = counts.documents.shape[1], width
            table = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
            scores.append(pooled(counts, table).hit_rate("dev"))
        how = f"hit_rate@5 on dev of random tables, {width} dimensions; mean, range over draws"
        entry = number_entry(float(np.mean(scores)), how, tolerance)
        yield (
            f"lab04.space.ladder.random.{width}",
            {**entry, "interval": (min(scores), max(scores)), "n": len(scores)},
        )


def _topics(spaces: Mapping[str, Space], counts: Space) -> Entries:
    """Is a document's nearest neighbour of the same topic? And how often by shared words alone?"""
    key = "lab04.space.topics"
    reports = {name: _topic_report(space) for name, space in spaces.items()}
    for name, report in reports.items():
        how = "share of documents whose nearest neighbour has the same topic, Wilson's interval"
        yield f"{key}.{name}", mean_entry(report, SAME, how)
    difference = compare(reports["minilm"], reports["counts"], SAME)
    how = "MiniLM minus token counts, the same documents, paired"
    yield f"{key}.minilm-counts", difference_entry(difference, how)
    tables = [rows_of(MiniGPTEncoder.untrained(seed=seed)) for seed in CONTROLS]
    shares = [float(pooled(counts, table).same_topic.mean()) for table in tables]
    how = f"{len(shares)} tables before training, of other seeds; mean and range"
    tolerance = flip_tolerance(len(counts.documents))
    entry = number_entry(float(np.mean(shares)), how, tolerance)
    yield f"{key}.step0.seeds", {**entry, "interval": (min(shares), max(shares)), "n": len(shares)}
    topics = [document.topic for document in knowledge_base("dev").documents]
    chance = np.mean([(topics.count(topic) - 1) / (len(topics) - 1) for topic in topics])
    yield f"{key}.chance", number_entry(float(chance), "chance of a neighbour of the same topic")


def _topic_report(space: Space) -> Report:
    documents = knowledge_base("dev").documents
    same = zip(documents, space.same_topic, strict=True)
    return Report({SAME: {document.doc_id: float(hit) for document, hit in same}})
