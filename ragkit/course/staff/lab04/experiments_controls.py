"""Measure the controls of MiniGPT's space that need no training: each takes one suspect away.

Keys, with <table> trained (the committed checkpoint) or step0 (what its run began with), <way> in
WAYS, <width> in WIDTHS:

    lab04.space.ablation.table                                a whole text
    lab04.space.ablation.<table>.<way>.hit_rate@5
    lab04.space.ablation.trained.<centred or equalised>-plain.hit_rate@5
    lab04.space.ablation.<table>.plain.dimensions
    lab04.space.minilm.dimensions
    lab04.space.shrinkage.table                               a whole text
    lab04.space.shrinkage.minilm.<chosen, chosen-plain.hit_rate@5 or default-plain.hit_rate@5>
    lab04.space.shrinkage.trained.chosen-plain.hit_rate@5
    lab04.space.ladder.random.<width>

The scores of the ablation on test repeat what had been seen there before, so that they confirm
nothing new; its table has those on dev. A shrinkage is chosen on dev.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ragkit.cache.outputs import EmbeddingCache
from ragkit.course.staff.entries import (
    Entries,
    Entry,
    difference_entry,
    flip_tolerance,
    mean_entry,
    number_entry,
    range_entry,
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
from ragkit.scoring.evaluation import compare
from ragkit.vectors import Vectors

WAYS: Mapping[str, tuple[str, Callable[[Space], Space]]] = {
    "plain": ("as it is", lambda space: space),
    "centred": ("mean subtracted", centred),
    "equalised": ("variances equalised, mean kept", equalised),
    "both": ("both (whitened)", whitened),
}
SHRINKAGES = (1.0, 0.9, 0.5, 0.3, 0.1, 0.03)  # the mildest first, which wins a draw
DEFAULT = 0.1  # that of `Whitening.fit`
WIDTHS, DRAWS = (64, 1024), range(4)  # of random tables


def measure_controls(cache: EmbeddingCache) -> Entries:
    """Measure every entry; MiniLM's vectors go through `cache`."""
    trained, first = MiniGPTEncoder(), MiniGPTEncoder.untrained()
    counts = counted(trained.tokenizer)
    minilm = encoded(cache.wrap(MiniLMEncoder(backend="auto")))
    tables = {"trained": pooled(counts, rows_of(trained)), "step0": pooled(counts, rows_of(first))}
    yield from _ablation(tables)
    for name, space in tables.items():
        yield f"lab04.space.ablation.{name}.plain.dimensions", _dimensions(space)
    yield "lab04.space.minilm.dimensions", _dimensions(minilm)
    yield from _shrinkage({"minilm": minilm, **tables})
    yield from _random_tables(counts)


def rows_of(encoder: MiniGPTEncoder) -> Vectors:
    """The token table of an encoder, float32 [V, d]."""
    rows: Vectors = encoder.model.table.weight.detach().numpy()
    return rows


def _dimensions(space: Space) -> Entry:
    return number_entry(space.dimensions, "effective dimensions of the corpus", tolerance=0.5)


def _ablation(tables: Mapping[str, Space]) -> Entries:
    """The two halves of whitening apart, on the trained table and on what it began as."""
    key = "lab04.space.ablation"
    changed = {n: {way: f(space) for way, (_, f) in WAYS.items()} for n, space in tables.items()}
    yield f"{key}.table", {"text": _ablation_table(changed), "how": "hit_rate@5 on dev"}
    reports = {n: {w: s.report("test") for w, s in ways.items()} for n, ways in changed.items()}
    for name, ways in reports.items():
        for way, report in ways.items():
            how = f"{name} table, {WAYS[way][0]}, test"
            yield f"{key}.{name}.{way}.{METRIC}", mean_entry(report, METRIC, how)
    for way in ("centred", "equalised"):
        found = compare(reports["trained"][way], reports["trained"]["plain"], METRIC)
        how = f"trained table, {WAYS[way][0]} minus as it is, test, paired"
        yield f"{key}.trained.{way}-plain.{METRIC}", difference_entry(found, how)


def _ablation_table(changed: Mapping[str, Mapping[str, Space]]) -> str:
    names = ("hit_rate@5 on dev", "mean cosine", "effective dimensions", "largest hub (questions)")
    lines = [f"| table | treatment | {' | '.join(names)} |", "|---|---|---|---|---|---|"]
    for name, label in (("trained", "trained"), ("step0", "step 0")):
        for way, space in changed[name].items():
            score, shape = space.hit_rate("dev"), f"{space.cone:.2f} | {space.dimensions:.0f}"
            lines.append(f"| {label} | {WAYS[way][0]} | {score:.2f} | {shape} | {space.hub} |")
    return "\n".join(lines)


def _shrinkage(spaces: Mapping[str, Space]) -> Entries:
    """Whitening with the shrinkage that is best on dev, for each encoder."""
    key = "lab04.space.shrinkage"
    scores = {n: [whitened(s, x).hit_rate("dev") for x in SHRINKAGES] for n, s in spaces.items()}
    yield f"{key}.table", {"text": _shrinkage_table(spaces, scores), "how": "hit_rate@5 on dev"}
    chosen = {name: SHRINKAGES[int(np.argmax(row))] for name, row in scores.items()}
    how = "the shrinkage with the best hit_rate@5 on dev; of equals, the largest"
    yield f"{key}.minilm.chosen", number_entry(chosen["minilm"], how)
    for name, label, shrinkage in (
        ("minilm", "chosen", chosen["minilm"]),
        ("minilm", "default", DEFAULT),
        ("trained", "chosen", chosen["trained"]),
    ):
        plain, changed = spaces[name], whitened(spaces[name], shrinkage)
        found = compare(changed.report("test"), plain.report("test"), METRIC)
        how = f"whitened with shrinkage {shrinkage:g} minus plain, test, paired"
        yield f"{key}.{name}.{label}-plain.{METRIC}", difference_entry(found, how)


def _shrinkage_table(spaces: Mapping[str, Space], scores: Mapping[str, list[float]]) -> str:
    labels = {"minilm": "MiniLM", "trained": "MiniGPT, trained", "step0": "MiniGPT, step 0"}
    first = ["not whitened", *(f"{shrinkage:g}" for shrinkage in SHRINKAGES)]
    columns = [[spaces[name].hit_rate("dev"), *scores[name]] for name in labels]
    lines = [f"| shrinkage | {' | '.join(labels.values())} |", "|---|---|---|---|"]
    for label, *row in zip(first, *columns, strict=True):
        lines.append(f"| {label} | {' | '.join(f'{score:.2f}' for score in row)} |")
    return "\n".join(lines)


def _random_tables(counts: Space) -> Entries:
    """Random tables, narrow and wide: with more dimensions they blur the token counts less."""
    tolerance = flip_tolerance(len(knowledge_base("dev").queries))
    for width in WIDTHS:
        scores = []
        for seed in DRAWS:
            shape = counts.documents.shape[1], width
            table = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
            scores.append(pooled(counts, table).hit_rate("dev"))
        how = f"hit_rate@5 on dev of random tables, {width} dimensions; mean, range over draws"
        yield f"lab04.space.ladder.random.{width}", range_entry(scores, how, tolerance)
