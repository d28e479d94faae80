"""What ragkit aims for, and whether the stored results meet it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from benchmarks import evaluating, indexes
from benchmarks.ask import OURS as ASK
from benchmarks.reranking import OURS as RERANK

Part = Mapping[str, Any]
Verdict = Literal["met", "missed", "not measured"]
LEAST_RECALL = 0.99
FULL_SIZE = 100_000  # the number of vectors that the targets of the indexes are about


@dataclass(frozen=True, slots=True)
class Target:
    """One aim: what is measured, from which part, and the bound, in `unit`."""

    what: str
    part: str
    bound: float
    measured: Callable[[Part], float | None]
    unit: str = "×"
    at_most: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """A target with what was measured, None if it was not."""

    target: Target
    value: float | None

    @property
    def verdict(self) -> Verdict:
        """Met at the bound itself, too."""
        if self.value is None:
            return "not measured"
        bound = self.target.bound
        met = self.value <= bound if self.target.at_most else self.value >= bound
        return "met" if met else "missed"


def outcomes(parts: Mapping[str, Part]) -> list[Outcome]:
    """Every target with its value; a part or backend that was not measured gives None."""
    found = []
    for target in TARGETS:
        try:
            value = target.measured(parts[target.part])
        except KeyError:
            value = None
        found.append(Outcome(target, value))
    return found


def missed(parts: Mapping[str, Part], part: str) -> bool:
    """True if some target of the part is missed."""
    return any(o.verdict == "missed" and o.target.part == part for o in outcomes(parts))


def least_width(curve: Part) -> str | None:
    """The smallest beam width whose recall is at least 0.99, None if there is none."""
    enough = [int(width) for width, value in curve["recall"].items() if value >= LEAST_RECALL]
    return str(min(enough)) if enough else None


def _worst_speedup(backend: str) -> Callable[[Part], float]:
    def worst(part: Part) -> float:
        kinds = part["throughput"].values()
        return min(float(kind["sides"][backend]["speedup"]["median"]) for kind in kinds)

    return worst


def _lost_points(part: Part) -> float:
    difference = part["quality"]["onnx-int8"]["differences"]["hit_rate@5"]["difference"]
    return round(-100 * float(difference), 6) + 0.0


def _graph_ratio(part: Part) -> float | None:
    """Time of the narrowest good enough walk over exact search; None if no width was enough."""
    curve = part["curve"]
    width = least_width(curve)
    if curve["size"] != FULL_SIZE:
        return None
    return float("inf") if width is None else float(curve["latency"][width]["ratio"]["median"])


def _flat_ratio(part: Part) -> float:
    return float(part["sizes"][str(FULL_SIZE)]["flat_over_raw"]["median"])


def _against(peer: str) -> Callable[[Part], float]:
    return lambda part: float(part["intervals"][peer]["speedup"]["median"])


def _slowest_lab(when: str) -> Callable[[Part], float]:
    return lambda part: max(float(seconds[when]) for seconds in part["labs"].values())


TARGETS = (
    Target("a cold `ragkit ask`", "ask", 1.0, lambda p: p["sides"][ASK]["seconds"]["median"], "s"),
    Target(
        "a cold `ragkit ask` over the sentence-transformers script",
        "ask",
        0.15,
        lambda p: p["sides"][ASK]["ratio"]["median"],
    ),
    Target("`import ragkit`", "ask", 0.15, lambda p: p["imports"]["added"]["median"], "s"),
    Target(
        "a warm question (ONNX) over sentence-transformers and FAISS",
        "encoding",
        0.35,
        lambda p: p["latency"]["onnx"]["ratio"]["median"],
    ),
    Target(
        "encoding in fp32, speed over sentence-transformers, worst kind of text",
        "encoding",
        1.1,
        _worst_speedup("onnx"),
        at_most=False,
    ),
    Target(
        "encoding in int8, speed over sentence-transformers, worst kind of text",
        "encoding",
        1.8,
        _worst_speedup("onnx-int8"),
        at_most=False,
    ),
    Target("hit_rate@5 lost by int8", "encoding", 1.0, _lost_points, "points"),
    Target(
        "reranking 10 candidates over an fp32 CrossEncoder",
        "reranking",
        0.6,
        lambda p: p["10"][RERANK]["ratio"]["median"],
    ),
    Target(f"FlatIndex over raw FAISS, {FULL_SIZE:,} vectors", "indexes", 1.05, _flat_ratio),
    Target(
        f"HNSWIndex with {indexes.RECALL} of {LEAST_RECALL} or more over FlatIndex, "
        f"{FULL_SIZE:,} vectors",
        "indexes",
        0.1,
        _graph_ratio,
    ),
    Target("scores and intervals over ranx", "evaluating", 1.0, _against(evaluating.RANX)),
    Target("scores and intervals over pytrec_eval", "evaluating", 1.0, _against(evaluating.TREC)),
    Target("`make test`", "suite", 240, lambda p: p["tests"], "s"),
    Target("the slowest lab, nothing cached", "suite", 40, _slowest_lab("cold"), "s"),
    Target("the slowest lab, second run", "suite", 15, _slowest_lab("warm"), "s"),
)
