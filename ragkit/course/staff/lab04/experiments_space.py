"""Measure what training for the next token does to MiniGPT's space, over time and seeds.

Each seed is a whole run of the course's recipe: its own split, tokenizer, first weights, batches.
The control of a run is its own step 0. Curves are explored on dev. One comparison on test was
named before these runs: the kept tied checkpoint with step 0, which earlier test scores had
suggested. Untied with step 0, and the mean subtracted, were compared on test after test scores of
these runs had been seen, as their `how` says. So were the whitened tables and the swapped spectra,
for which dev is kept instead.

Keys, with <tying> tied or untied, <seed> in SEEDS, <n> in STEPS:

    lab04.space.<tying>.<seed>.step<n>.hit_rate@5
    lab04.space.<tying>.<seed>.kept.<step or hit_rate@5>
    lab04.space.tied.0.kept-step0.hit_rate@5                  the committed checkpoint's run
    lab04.space.seeds.<tying>.loss<n>                         n in LOSSES
    lab04.space.seeds.<tying>.kept.<cone or dimensions>
    lab04.space.seeds.tied.step0.cone
    lab04.space.seeds.tied.table.never                        tokens that training never saw
    lab04.space.seeds.untied.<table or output>.never
    lab04.space.seeds.<tying>.kept-step0.hit_rate@5
    lab04.space.seeds.tied.kept-step0.<lowest or highest>
    lab04.space.seeds.tied.kept-step0.whitened.dev.hit_rate@5
    lab04.space.seeds.tied.kept.centred-plain.hit_rate@5
    lab04.space.seeds.tied.swap.<step0 or kept>.dev.hit_rate@5

Those of `seeds` are means over all of SEEDS, with the range over them as interval unless they are
paired differences; the rest of the keys is in `experiments_controls`.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ragkit.cache.outputs import EmbeddingCache
from ragkit.cache.trajectories import TrajectoryCache
from ragkit.course.staff.entries import (
    Entries,
    Entry,
    difference_entry,
    flip_tolerance,
    mean_report,
    number_entry,
    range_entry,
)
from ragkit.course.staff.lab04.experiments_controls import measure_controls
from ragkit.course.staff.lab04.spaces import (
    METRIC,
    Space,
    centred,
    counted,
    knowledge_base,
    pooled,
    token_counts,
    whitened,
    with_spectrum_of,
)
from ragkit.course.staff.spectra import mean_cosine
from ragkit.minigpt.corpus import corpus_file, training_sentences
from ragkit.minigpt.model import MiniGPTConfig
from ragkit.minigpt.train import TrainingPlan
from ragkit.minigpt.trajectory import STEPS, Trajectory
from ragkit.scoring.evaluation import Report, compare
from ragkit.vectors import Vectors

SEEDS = (0, 1, 2, 3)
TYINGS = ("tied", "untied")
LOSSES = (50, 100, 150, 200, 300, 400, 500, 600)
FLIPS = 3.5  # as of int8: last digits differ between machines, and grow over a run
OVER = "mean and range over the seeds"
SEEN = "not planned: chosen after test scores had been seen"


@dataclass(frozen=True)
class TrainedSpaces:
    """One run of the recipe, and the spaces that its tables make."""

    run: Trajectory
    seed: int

    @cached_property
    def spaces(self) -> dict[int, Space]:
        """The space at every step."""
        counts = counted(self.run.tokenizer)
        return {step: pooled(counts, table) for step, table in self.run.tables.items()}

    @property
    def first(self) -> Space:
        """The space before training."""
        return self.spaces[0]

    @property
    def kept(self) -> Space:
        """The space of the lowest validation loss."""
        return self.spaces[self.run.best.step]

    def unseen(self, layer: Mapping[int, Vectors]) -> Vectors:
        """The kept rows of tokens that are in no sentence the run was trained on, float32 [n, d].

        `layer` is the run's `tables` or `outputs`.
        """
        sentences = training_sentences()
        random.Random(self.seed).shuffle(sentences)  # the split that `train` makes
        trained_on = sentences[len(sentences) // 10 :]
        never = token_counts(self.run.tokenizer, trained_on).sum(axis=0) == 0
        rows: Vectors = layer[self.run.best.step][: len(never)][never]
        return rows


Group = list[TrainedSpaces]  # the runs of all seeds, tied or untied


def measure_space(cache: EmbeddingCache) -> Entries:
    """Measure every entry, those of `experiments_controls` too; runs go through `cache`.

    A run that is not in the cache's folder is trained, which takes about 50 seconds of one core.
    """
    yield from measure_controls(cache)
    trajectories = TrajectoryCache(cache.root)
    tied, untied = ([_trained(trajectories, tying, seed) for seed in SEEDS] for tying in TYINGS)
    for tying, group in zip(TYINGS, (tied, untied), strict=True):
        for one in group:
            yield from _run(f"lab04.space.{tying}.{one.seed}", one)
        yield from _losses(f"lab04.space.seeds.{tying}", group)
    yield from _shapes(tied, untied)
    yield from _unseen_tokens(tied, untied)
    yield from _against_step_0(tied, untied)
    yield from _treated(tied)


def _trained(cache: TrajectoryCache, tying: str, seed: int) -> TrainedSpaces:
    """The run of a seed, tied or untied, from the cache or trained now."""
    config = MiniGPTConfig(tied=tying == "tied")
    return TrainedSpaces(cache.follow(corpus_file(), TrainingPlan(seed=seed), config), seed)


def _run(key: str, one: TrainedSpaces) -> Entries:
    """The score on dev of one run over time, and of the checkpoint that it keeps."""
    tolerance = flip_tolerance(len(knowledge_base("dev").queries), FLIPS)
    for step in STEPS:
        how = f"hit_rate@5 on dev of the table at step {step}"
        entry = number_entry(one.spaces[step].hit_rate("dev"), how, tolerance)
        yield f"{key}.step{step}.{METRIC}", entry
    how = "the step of the lowest validation loss"
    yield f"{key}.kept.step", number_entry(one.run.best.step, how, tolerance=50)
    how = "hit_rate@5 on dev of the kept checkpoint"
    yield f"{key}.kept.{METRIC}", number_entry(one.kept.hit_rate("dev"), how, tolerance)


def _losses(key: str, group: Group) -> Entries:
    curves = [{point.step: point.validation for point in one.run.curve} for one in group]
    for step in LOSSES:
        how = f"validation loss at step {step}, nats per token; {OVER}"
        yield f"{key}.loss{step}", range_entry([curve[step] for curve in curves], how, 0.02)


def _shapes(tied: Group, untied: Group) -> Entries:
    """How alike the documents' vectors are, before training and after it; how flat the corpus."""
    how = f"mean cosine of all pairs of documents; {OVER}"
    for name, spaces in {
        "tied.step0": [one.first for one in tied],
        "tied.kept": [one.kept for one in tied],
        "untied.kept": [one.kept for one in untied],
    }.items():
        yield f"lab04.space.seeds.{name}.cone", range_entry([s.cone for s in spaces], how)
    how = f"effective dimensions of the corpus; {OVER}"
    for name, group in (("tied", tied), ("untied", untied)):
        values = [one.kept.dimensions for one in group]
        yield f"lab04.space.seeds.{name}.kept.dimensions", range_entry(values, how, 0.5)


def _unseen_tokens(tied: Group, untied: Group) -> Entries:
    """Do the rows of tokens that never occur in training point the same way? (Gao et al. 2019)."""
    how = "mean cosine of all pairs of tokens that are not in the training text; rows of the kept"
    for name, rows in {
        "tied.table": [one.unseen(one.run.tables) for one in tied],
        "untied.table": [one.unseen(one.run.tables) for one in untied],
        "untied.output": [one.unseen(one.run.outputs) for one in untied],
    }.items():
        entry = range_entry([mean_cosine(r) for r in rows], f"{how} checkpoint; {OVER}")
        yield f"lab04.space.seeds.{name}.never", entry


def _against_step_0(tied: Group, untied: Group) -> Entries:
    """Kept checkpoints against their own step 0 on test."""
    how = "kept minus own step 0"
    found = compare(tied[0].kept.report("test"), tied[0].first.report("test"), METRIC)
    entry = difference_entry(found, f"{how}, test, paired", FLIPS)
    yield f"lab04.space.tied.{tied[0].seed}.kept-step0.{METRIC}", entry
    tolerance = flip_tolerance(len(knowledge_base("test").queries), FLIPS)
    single = [one.kept.hit_rate("test") - one.first.hit_rate("test") for one in tied]
    for name, value in (("lowest", min(single)), ("highest", max(single))):
        entry = number_entry(value, f"{how}, test, {name} of the seeds", tolerance)
        yield f"lab04.space.seeds.tied.kept-step0.{name}", entry
    for tying, group, note in (("tied", tied, "planned"), ("untied", untied, SEEN)):
        kept, first = [one.kept for one in group], [one.first for one in group]
        entry = _difference(kept, first, "test", f"{how}; {note}")
        yield f"lab04.space.seeds.{tying}.kept-step0.{METRIC}", entry


def _treated(tied: Group) -> Entries:
    """What is left of the loss without the mean, with even spectra, and with swapped ones."""
    key = "lab04.space.seeds.tied"
    kept, first = [one.kept for one in tied], [one.first for one in tied]
    how = f"kept, mean subtracted minus as it is; {SEEN}"
    entry = _difference(list(map(centred, kept)), kept, "test", how)
    yield f"{key}.kept.centred-plain.{METRIC}", entry
    even, even_first = list(map(whitened, kept)), list(map(whitened, first))
    entry = _difference(even, even_first, "dev", "kept minus own step 0, both whitened")
    yield f"{key}.kept-step0.whitened.dev.{METRIC}", entry
    states = {"step0": first, "kept": kept}
    for name, giver in (("step0", "kept"), ("kept", "step0")):
        swapped = list(map(with_spectrum_of, states[name], states[giver]))
        how = f"{name} with the spectrum of {giver} minus with its own, all centred"
        entry = _difference(swapped, list(map(centred, states[name])), "dev", how)
        yield f"{key}.swap.{name}.dev.{METRIC}", entry


def _difference(ones: list[Space], others: list[Space], split: str, how: str) -> Entry:
    """A paired difference of means over the seeds."""
    found = compare(_mean_report(ones, split), _mean_report(others, split), METRIC)
    return difference_entry(found, f"{how}; mean over the seeds, {split}, paired")


def _mean_report(spaces: list[Space], split: str) -> Report:
    return mean_report([space.report(split) for space in spaces])
