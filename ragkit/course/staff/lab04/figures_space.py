"""The figures of theory page 04 on what training does to a space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ragkit.cache.outputs import EmbeddingCache
from ragkit.course import ledger, plots
from ragkit.course.staff.lab04.experiments_controls import WAYS, rows_of
from ragkit.course.staff.lab04.experiments_space import LOSSES, SEEDS, TYINGS
from ragkit.course.staff.lab04.spaces import METRIC, counted, encoded, pooled
from ragkit.course.staff.spectra import variances
from ragkit.encoders import MiniGPTEncoder, MiniLMEncoder
from ragkit.minigpt.trajectory import STEPS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ragkit.course.plots.training import Curve, Point

TITLES = {"tied": "output layer tied to the table", "untied": "output layer of its own"}


def _training() -> Figure:
    measured = ledger.load()
    runs: dict[str, list[Curve]] = {}
    kept: dict[str, list[Point]] = {}
    losses = {}
    for tying in TYINGS:
        runs[TITLES[tying]], kept[TITLES[tying]] = [], []
        for key in (f"lab04.space.{tying}.{seed}" for seed in SEEDS):
            points = {step: measured[f"{key}.step{step}.{METRIC}"]["value"] for step in STEPS}
            best = measured[f"{key}.kept.step"]["value"]
            points[best] = measured[f"{key}.kept.{METRIC}"]["value"]
            steps = sorted(points)
            runs[TITLES[tying]].append((steps, [points[step] for step in steps]))
            kept[TITLES[tying]].append((best, points[best]))
        curve = [measured[f"lab04.space.seeds.{tying}.loss{step}"] for step in LOSSES]
        means, ranges = [e["value"] for e in curve], [e["interval"] for e in curve]
        losses[TITLES[tying]] = (LOSSES, means, ranges)
    return plots.training_runs(runs, kept, losses, f"{METRIC} on dev")


def _spectrum() -> Figure:
    trained, first = MiniGPTEncoder(), MiniGPTEncoder.untrained()
    counts = counted(trained.tokenizer)
    spaces = {
        "MiniGPT, step 0": pooled(counts, rows_of(first)),
        "MiniGPT, trained": pooled(counts, rows_of(trained)),
        "MiniLM": encoded(EmbeddingCache().wrap(MiniLMEncoder(backend="auto"))),
    }
    spectra = {name: variances(space.corpus) for name, space in spaces.items()}
    shares = {name: np.cumsum(spread) / spread.sum() for name, spread in spectra.items()}
    return plots.spectrum_curves(shares, {name: s.dimensions for name, s in spaces.items()})


def _ablation() -> Figure:
    measured = ledger.load()
    scores = {}
    for table, label in (("trained", "trained table"), ("step0", "its own step 0")):
        entries = [measured[f"lab04.space.ablation.{table}.{way}.{METRIC}"] for way in WAYS]
        scores[label] = [e["value"] for e in entries], [e["interval"] for e in entries]
    rows = [words for words, _ in WAYS.values()]
    return plots.interval_dots(rows, scores, f"{METRIC} on test")


FIGURES = {"04-training": _training, "04-spectrum": _spectrum, "04-ablation": _ablation}
