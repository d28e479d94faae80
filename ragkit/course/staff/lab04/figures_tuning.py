"""The figure of theory page 04 on what fine-tuning gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragkit.course import ledger, plots
from ragkit.course.staff.lab04.experiments_tuning import CHOSEN_BY, SEEDS, SHARES, TESTED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LABELS = {
    "labels": "labels, all pairs",
    "filtered": "filtered hard negatives",
    "teacher": "the teacher",
}


def _tuned() -> Figure:
    measured = ledger.load()
    rows = {
        f"labels, {measured[f'lab04.curve.{share}.pairs']['value']} pairs": f"lab04.curve.{share}"
        for share in SHARES
    }
    rows |= {
        LABELS[recipe]: f"lab04.tuned.{recipe}" for recipe in sorted(TESTED, key=[*LABELS].index)
    }
    entries = [measured[f"{key}.{CHOSEN_BY}"] for key in rows.values()]
    seeds = [
        [measured[f"{key}.{seed}.{CHOSEN_BY}"]["value"] for seed in SEEDS if "tuned" in key]
        for key in rows.values()
    ]
    return plots.seed_dots(
        list(rows),
        [entry["value"] for entry in entries],
        [entry["interval"] for entry in entries],
        seeds,
        f"{CHOSEN_BY} on test",
    )


FIGURES = {"04-tuned": _tuned}
