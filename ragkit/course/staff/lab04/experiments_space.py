"""Measure what training for the next token does to MiniGPT's space, over time and seeds.

Each seed is a whole run of the course's recipe: its own split, tokenizer, first weights, batches.
The control of a run is its own step 0. Curves are explored on dev. One comparison on test was
named before these runs: the kept tied checkpoint with step 0, which earlier test scores had
suggested. The others on test (untied with step 0, both whitened, tied with untied, the halves of
whitening over the seeds, swapped spectra) were chosen after test scores of these runs had been
seen. Each is measured on dev too, and its `how` says that it was not planned.

Keys, with <tying> tied or untied, <seed> in SEEDS, <n> in STEPS, <state> step0, kept or last:

    lab04.space.<tying>.<seed>.step<n>.hit_rate@5
    lab04.space.<tying>.<seed>.kept.<step or hit_rate@5>
    lab04.space.<tying>.<seed>.kept-step0.hit_rate@5
    lab04.space.seeds.table                                   a whole text
    lab04.space.seeds.<tying>.loss<n>                         n in LOSSES
    lab04.space.seeds.<tying>.<state>.<hit_rate@5, cone, dimensions, hub or topics>
    lab04.space.seeds.<tying>.kept-step0[.whitened].<hit_rate@5, lowest or highest>
    lab04.space.seeds.<tying>.kept-last.hit_rate@5
    lab04.space.seeds.<tying>.kept.<way>-plain.hit_rate@5     WAYS of `experiments_controls`
    lab04.space.seeds.tied-untied.hit_rate@5
    lab04.space.seeds.tied.swap.<step0 or kept>.hit_rate@5

and, for each paired difference on test, the same on dev as <key>.dev.hit_rate@5;

    lab04.space.seeds.<tying>.<table or output>.<never, often or opposite>      tied, one layer
    lab04.space.seeds.<tying>.twins.<word>-<word>.<cosine or rank>

Those of `seeds` are means over all of SEEDS, with the range over them as interval unless they are
paired differences; the rest of the keys is in `experiments_controls`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ragkit.cache.outputs import EmbeddingCache
from ragkit.cache.trajectories import TrajectoryCache
from ragkit.course.staff.entries import (
    Entries,
    Entry,
    difference_entry,
    flip_tolerance,
    number_entry,
)
from ragkit.course.staff.lab04 import experiments_controls as controls
from ragkit.course.staff.lab04.spaces import (
    METRIC,
    Space,
    centred,
    counted,
    knowledge_base,
    mean_cosine,
    pooled,
    token_counts,
    whitened,
    with_spectrum_of,
)
from ragkit.minigpt.corpus import corpus_file, training_sentences
from ragkit.minigpt.model import MiniGPTConfig
from ragkit.minigpt.train import TrainingPlan
from ragkit.minigpt.trajectory import STEPS, Trajectory
from ragkit.scoring.evaluation import Report, compare
from ragkit.vectors import Vectors, unit_rows

SEEDS = (0, 1, 2, 3)
TYINGS = ("tied", "untied")
RUNS = tuple((tying, seed) for tying in TYINGS for seed in SEEDS)
ONE_RUN = (("tied", 0),)  # the committed checkpoint's, for a quick measurement
LOSSES = (50, 100, 150, 200, 300, 400, 500, 600)
STATES = ("step0", "kept", "last")
TWINS = (("spoken", "written"), ("must", "should"))
OFTEN = 20  # occurrences in the training text
FLIPS = 3.5  # as of int8: last digits differ between machines, and grow over a run


@dataclass(frozen=True)
class TrainedSpaces:
    """One run of the recipe, and the spaces that its tables make."""

    run: Trajectory
    seed: int

    @cached_property
    def counts(self) -> Space:
        """Token counts of the course's texts under the run's tokenizer."""
        return counted(self.run.tokenizer)

    @cached_property
    def step_of(self) -> dict[str, int]:
        """The step of each of STATES."""
        return {"step0": 0, "kept": self.run.best.step, "last": max(self.run.tables)}

    @cached_property
    def spaces(self) -> dict[int, Space]:
        """The space at every step, in order."""
        return {step: self.at(step) for step in sorted(self.run.tables)}

    def at(self, step: int) -> Space:
        """The space of the table at one step."""
        return pooled(self.counts, self.run.tables[step])

    def state(self, name: str) -> Space:
        """The space of one of STATES."""
        return self.spaces[self.step_of[name]]

    @cached_property
    def frequencies(self) -> NDArray[np.float32]:
        """How often each token is in the sentences that the run was trained on, float32 [V]."""
        sentences = training_sentences()
        random.Random(self.seed).shuffle(sentences)
        kept = sentences[len(sentences) // 10 :]
        totals: NDArray[np.float32] = token_counts(self.run.tokenizer, kept).sum(axis=0)
        return totals


Runs = dict[str, list[TrainedSpaces]]


def measure_space(cache: EmbeddingCache, runs: Sequence[tuple[str, int]] = RUNS) -> Entries:
    """Measure every entry, or with fewer `runs` those that need no other; runs go through `cache`.

    A run that is not in the cache's folder is trained, which takes about 50 seconds of one core.
    """
    yield from controls.measure_controls(cache)
    trajectories = TrajectoryCache(cache.root)
    spaces = {run: trained_spaces(trajectories, *run) for run in runs}
    for (tying, seed), one in spaces.items():
        yield from _run(f"lab04.space.{tying}.{seed}", one)
    if spaces.keys() >= set(RUNS):
        yield from _seeds({tying: [spaces[tying, seed] for seed in SEEDS] for tying in TYINGS})


def trained_spaces(cache: TrajectoryCache, tying: str, seed: int) -> TrainedSpaces:
    """The run of a seed, tied or untied, from the cache or trained now."""
    config = MiniGPTConfig(tied=tying == "tied")
    return TrainedSpaces(cache.follow(corpus_file(), TrainingPlan(seed=seed), config), seed)


def _run(key: str, one: TrainedSpaces) -> Entries:
    """One run: its score on dev over time, and on test the kept checkpoint against step 0."""
    tolerance = flip_tolerance(len(knowledge_base("dev").queries), FLIPS)
    for step in STEPS:
        how = f"hit_rate@5 on dev of the table at step {step}"
        entry = number_entry(one.spaces[step].hit_rate("dev"), how, tolerance)
        yield f"{key}.step{step}.{METRIC}", entry
    kept = one.state("kept")
    how = "the step of the lowest validation loss"
    yield f"{key}.kept.step", number_entry(one.run.best.step, how, tolerance=50)
    how = "hit_rate@5 on dev of the kept checkpoint"
    yield f"{key}.kept.{METRIC}", number_entry(kept.hit_rate("dev"), how, tolerance)
    found = compare(kept.report("test"), one.state("step0").report("test"), METRIC)
    how = "kept checkpoint minus the run's own step 0, test, paired"
    yield f"{key}.kept-step0.{METRIC}", difference_entry(found, how, FLIPS)


def _seeds(runs: Runs) -> Entries:
    """What is the same in all runs, and how far they differ."""
    yield "lab04.space.seeds.table", {"text": _table(runs), "how": "dev split, mean over the seeds"}
    for tying, group in runs.items():
        key = f"lab04.space.seeds.{tying}"
        yield from _losses(key, group)
        for state in STATES if tying == "tied" else STATES[1:]:  # step 0 is the same table
            yield from _shape(f"{key}.{state}", [one.state(state) for one in group])
        yield from _against_step_0(key, group)
        yield from _ablated(f"{key}.kept", [one.state("kept") for one in group])
        for layer in ("table",) if tying == "tied" else ("table", "output"):
            yield from _rare_tokens(f"{key}.{layer}", f"{layer}s", group)
        yield from _twins(key, group)
    kept = {tying: [one.state("kept") for one in group] for tying, group in runs.items()}
    how = "kept tied minus kept untied table of the same seed"
    yield from _both_splits("lab04.space.seeds.tied-untied", kept["tied"], kept["untied"], how)
    yield from _swapped("lab04.space.seeds.tied.swap", runs["tied"])


def _losses(key: str, group: list[TrainedSpaces]) -> Entries:
    curves = [{point.step: point.validation for point in one.run.curve} for one in group]
    for step in LOSSES:
        how = f"validation loss at step {step}, nats per token; mean and range over the seeds"
        yield f"{key}.loss{step}", _range_entry([curve[step] for curve in curves], how, 0.02)


def _shape(key: str, spaces: list[Space]) -> Entries:
    """Score on dev and shape of a state, as means and ranges over the seeds."""
    over = "mean and range over the seeds"
    flips = flip_tolerance(len(knowledge_base("dev").queries))
    documents = len(knowledge_base("dev").documents)
    numbers: dict[str, tuple[Callable[[Space], float], str, float]] = {
        METRIC: (lambda space: space.hit_rate("dev"), "hit_rate@5 on dev", flips),
        "cone": (lambda space: space.cone, "mean cosine of all pairs of documents", 0.01),
        "dimensions": (lambda space: space.dimensions, "effective dimensions of the corpus", 0.5),
        "hub": (lambda space: space.hub, "questions with the commonest first document first", 2),
        "topics": (
            lambda space: float(space.same_topic.mean()),
            "share of documents whose nearest neighbour has the same topic",
            1.5 / documents,
        ),
    }
    for name, (number, how, tolerance) in numbers.items():
        values = [number(space) for space in spaces]
        yield f"{key}.{name}", _range_entry(values, f"{how}; {over}", tolerance)


def _against_step_0(key: str, group: list[TrainedSpaces]) -> Entries:
    """Kept checkpoints against their own step 0, as they are and whitened; and against the last."""
    ways: dict[str, Callable[[Space], Space]] = {"": lambda space: space, ".whitened": whitened}
    for way, change in ways.items():
        kept = [change(one.state("kept")) for one in group]
        first = [change(one.state("step0")) for one in group]
        how = f"kept minus own step 0{way.replace('.', ', both ')}"
        planned = key.endswith(".tied") and not way
        yield from _both_splits(f"{key}.kept-step0{way}", kept, first, how, planned=planned)
        single = [a.hit_rate("test") - b.hit_rate("test") for a, b in zip(kept, first, strict=True)]
        tolerance = flip_tolerance(len(knowledge_base("test").queries), FLIPS)
        for name, value in (("lowest", min(single)), ("highest", max(single))):
            entry = number_entry(value, f"{how}, test, {name} of the seeds", tolerance)
            yield f"{key}.kept-step0{way}.{name}", entry
    kept, last = ([one.state(state) for one in group] for state in ("kept", "last"))
    found = compare(_mean_report(kept, "dev"), _mean_report(last, "dev"), METRIC)
    how = "kept checkpoint minus the last step's, mean over the seeds, dev, paired"
    yield f"{key}.kept-last.{METRIC}", difference_entry(found, how)


def _ablated(key: str, kept: list[Space]) -> Entries:
    """The two halves of whitening apart, on every run's kept checkpoint."""
    for way, (words, change) in controls.WAYS.items():
        if way != "plain":
            changed = [change(space) for space in kept]
            how = f"kept table, {words}, minus as it is"
            yield from _both_splits(f"{key}.{way}-plain", changed, kept, how)


def _swapped(key: str, group: list[TrainedSpaces]) -> Entries:
    """Step 0 with the kept checkpoint's spectrum, and the reverse; all are centred."""
    for name, giver in (("step0", "kept"), ("kept", "step0")):
        own = [centred(one.state(name)) for one in group]
        swapped = [with_spectrum_of(one.state(name), one.state(giver)) for one in group]
        how = f"{name} with the spectrum of {giver} minus with its own"
        yield from _both_splits(f"{key}.{name}", swapped, own, how)


def _rare_tokens(key: str, layer: str, group: list[TrainedSpaces]) -> Entries:
    """Do the rows of tokens that never occur in training point the same way? (Gao et al. 2019)."""
    rows = [getattr(one.run, layer)[one.run.best.step] for one in group]
    pairs = list(zip(rows, (one.frequencies for one in group), strict=True))
    never = [r[: len(f)][f == 0] for r, f in pairs]
    often = [r[: len(f)][f >= OFTEN] for r, f in pairs]
    over = "rows of the kept checkpoint; mean and range over the seeds"
    how = f"mean cosine of all pairs of tokens that are not in the training text; {over}"
    yield f"{key}.never", _range_entry([mean_cosine(r) for r in never], how)
    how = f"mean cosine of all pairs of tokens that are in it {OFTEN} times or more; {over}"
    yield f"{key}.often", _range_entry([mean_cosine(r) for r in often], how)
    opposite = [float(_direction(a) @ _direction(b)) for a, b in zip(never, often, strict=True)]
    how = f"cosine of the mean direction of the first with that of the second; {over}"
    yield f"{key}.opposite", _range_entry(opposite, how, 0.03)


def _twins(key: str, group: list[TrainedSpaces]) -> Entries:
    """Cosine of two rows of the kept table, and the second's rank among the first's neighbours.

    A seed whose tokenizer cuts one of the words into pieces is left out.
    """
    for first, second in TWINS:
        cosines, ranks = [], []
        for one in group:
            unit = unit_rows(one.run.tables[one.run.best.step])
            a, b = (one.run.tokenizer.token_to_id(f"Ġ{word}") for word in (first, second))
            if a is None or b is None:
                continue
            near, seen = (unit @ unit[a])[: len(one.frequencies)], one.frequencies > 0
            cosines.append(float(near[b]))
            ranks.append(int((near[seen] > near[b]).sum()))  # the first itself is one of them
        how = f"rows of {first!r} and {second!r}, kept table; mean and range over seeds"
        yield f"{key}.twins.{first}-{second}.cosine", _range_entry(cosines, f"cosine; {how}", 0.02)
        how = f"rank among tokens of the training text, 1 is nearest; {how}"
        yield f"{key}.twins.{first}-{second}.rank", _range_entry(ranks, how, 5)


def _table(runs: Runs) -> str:
    """Steps down; for each tying the score as it is and whitened, cone, dimensions, hub."""
    names = ("as it is", "whitened", "mean cosine", "dimensions", "hub")
    lines = [
        "| step | " + " | ".join(f"{tying}: {name}" for tying in TYINGS for name in names) + " |",
        "|---|" + "---|" * len(names) * len(TYINGS),
    ]
    for step in (*STEPS, None):
        cells = []
        for group in runs.values():
            spaces = [one.state("kept") if step is None else one.spaces[step] for one in group]
            cells += [
                _mean_text([space.hit_rate("dev") for space in spaces], 2),
                _mean_text([whitened(space).hit_rate("dev") for space in spaces], 2),
                _mean_text([space.cone for space in spaces], 2),
                _mean_text([space.dimensions for space in spaces], 0),
                _mean_text([space.hub for space in spaces], 0),
            ]
        lines.append(f"| {'kept' if step is None else step} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _mean_text(values: Sequence[float], decimals: int) -> str:
    low, high = (f"{value:.{decimals}f}" for value in (min(values), max(values)))
    return f"{np.mean(values):.{decimals}f} [{low}–{high}]"


def _mean_report(spaces: list[Space], split: str) -> Report:
    """Each question's mean score over the spaces."""
    reports = [space.report(split).per_query[METRIC] for space in spaces]
    means = {query: float(np.mean([r[query] for r in reports])) for query in reports[0]}
    return Report({METRIC: means})


def _both_splits(
    key: str, ones: list[Space], others: list[Space], how: str, *, planned: bool = False
) -> Entries:
    """A paired difference of means over the seeds, on test (planned or not) and on dev."""
    note = "planned" if planned else "not planned: chosen after test scores had been seen"
    for split, infix in (("test", ""), ("dev", ".dev")):
        found = compare(_mean_report(ones, split), _mean_report(others, split), METRIC)
        words = f"{how}; mean over the seeds, {split}, paired" + (f"; {note}" if not infix else "")
        yield f"{key}{infix}.{METRIC}", difference_entry(found, words)


def _direction(rows: Vectors) -> Vectors:
    """Unit vector of the mean of unit rows, float32 [d]."""
    direction: Vectors = unit_rows(unit_rows(rows).mean(axis=0, keepdims=True))[0]
    return direction


def _range_entry(values: Sequence[float], how: str, tolerance: float = 0.01) -> Entry:
    """The entry of a mean over seeds, with the range over them as its interval."""
    entry = number_entry(float(np.mean(values)), how, tolerance)
    return {**entry, "interval": (min(values), max(values)), "n": len(values)}
