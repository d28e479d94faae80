"""What ragkit aims for, and whether the stored results meet it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from benchmarks.tables import find, number, table

Verdict = Literal["met", "missed", "not measured"]
SCALE = {"points": 100.0}


class Target(NamedTuple):
    """One aim; a path with a star leads to several values, of which the worst counts."""

    what: str
    path: str
    sign: Literal["≤", "≥"]
    bound: float
    unit: str = "×"

    def value(self, parts: Mapping[str, Any]) -> float | None:
        """What was measured, in `unit`; None if it was not."""
        found = [float(value) for _, value in find(parts, self.path)]
        worst = max if self.sign == "≤" else min
        return SCALE.get(self.unit, 1.0) * worst(found) if found else None

    def verdict(self, value: float | None) -> Verdict:
        """Met at the bound itself, too."""
        if value is None:
            return "not measured"
        return (
            "met"
            if (value <= self.bound if self.sign == "≤" else value >= self.bound)
            else "missed"
        )


ST = "sentence-transformers"
FULL = "100000"
TARGETS = (
    Target("a cold `ragkit ask`", "ask/sides/ragkit ask/seconds/median", "≤", 1, "s"),
    Target(
        f"a cold `ragkit ask` over the {ST} script", "ask/sides/ragkit ask/ratio/median", "≤", 0.15
    ),
    Target("`import ragkit`", "ask/imports/added/median", "≤", 0.15, "s"),
    Target(
        f"a warm question (ONNX) over {ST} and FAISS",
        "encoding/latency/onnx/ratio/median",
        "≤",
        0.35,
    ),
    Target(
        f"encoding in fp32, speed over {ST}, worst kind of text",
        "encoding/throughput/*/sides/onnx/speedup/median",
        "≥",
        1.1,
    ),
    Target(
        f"encoding in int8, speed over {ST}, worst kind of text",
        "encoding/throughput/*/sides/onnx-int8/speedup/median",
        "≥",
        1.8,
    ),
    Target(
        "hit_rate@5 in int8 minus hit_rate@5 in PyTorch",
        "encoding/quality/onnx-int8/differences/hit_rate@5/difference",
        "≥",
        -1,
        "points",
    ),
    Target(
        "reranking 10 candidates over an fp32 CrossEncoder",
        "reranking/10/ragkit, int8 ONNX/ratio/median",
        "≤",
        0.6,
    ),
    Target(
        "FlatIndex over raw FAISS, 100,000 vectors",
        f"indexes/sizes/{FULL}/flat_over_raw/median",
        "≤",
        1.05,
    ),
    Target(
        "HNSWIndex over FlatIndex, 100,000 vectors",
        f"indexes/sizes/{FULL}/latency/HNSWIndex/ratio/median",
        "≤",
        0.1,
    ),
    Target("recall@10 of the same HNSWIndex", f"indexes/sizes/{FULL}/recall", "≥", 0.99, ""),
    Target("scores and intervals over ranx", "evaluating/intervals/ranx/speedup/median", "≤", 1),
    Target(
        "scores and intervals over pytrec_eval",
        "evaluating/intervals/pytrec_eval/speedup/median",
        "≤",
        1,
    ),
    Target("`make test`", "suite/tests", "≤", 270, "s"),
    Target("the slowest of labs 01 to 03, nothing cached", "suite/labs/0[1-3]*/cold", "≤", 40, "s"),
    Target("the slowest of labs 01 to 03, second run", "suite/labs/0[1-3]*/warm", "≤", 15, "s"),
    Target("lab 04, which trains, nothing cached", "suite/labs/04*/cold", "≤", 180, "s"),
    Target("lab 04, second run", "suite/labs/04*/warm", "≤", 60, "s"),
)


def targets_table(parts: Mapping[str, Any]) -> str:
    """How many targets are met, and one row per target, in Markdown."""
    rows, verdicts = [], []
    for target in TARGETS:
        value = target.value(parts)
        verdicts.append(target.verdict(value))
        bound = f"{target.sign} {number(target.bound)} {target.unit}".rstrip()
        shown = "" if value is None else f"{number(value)} {target.unit}".rstrip()
        word = f"**{verdicts[-1]}**" if verdicts[-1] == "missed" else verdicts[-1]
        rows.append([target.what, bound, shown, word])
    counts = ", ".join(f"{verdicts.count(v)} {v}" for v in ("met", "missed", "not measured"))
    return f"{counts}.\n\n" + table(["what", "target", "measured", ""], rows)
