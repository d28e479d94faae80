"""report.md, rendered from results.json alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import markdown as md
from benchmarks import sections
from benchmarks.figures import draw
from benchmarks.section_indexes import of_indexes
from benchmarks.targets import missed, outcomes

Part = Mapping[str, Any]
SECTIONS: Mapping[str, tuple[str, Callable[[Part], list[str]]]] = {
    "ask": ("A cold question", sections.of_ask),
    "encoding": ("Encoding", sections.of_encoding),
    "reranking": ("Reranking", sections.of_reranking),
    "indexes": ("Indexes", of_indexes),
    "evaluating": ("Evaluating", sections.of_evaluating),
    "suite": ("Labs and tests", sections.of_suite),
}
ALWAYS_PROFILED = ("ask", "evaluating")


def write(results: Mapping[str, Any], folder: Path) -> None:
    """Write report.md and its figures."""
    folder.mkdir(parents=True, exist_ok=True)
    draw(_measured(results), folder / "figures")
    (folder / "report.md").write_text(render(results), encoding="utf-8")


def render(results: Mapping[str, Any]) -> str:
    """The whole report in Markdown."""
    parts = _measured(results)
    blocks = ["# Benchmarks", *_header(results["parts"]), "## Targets", targets_table(results)]
    for name, (title, section) in SECTIONS.items():
        if name not in parts:
            continue
        blocks += [f"## {title}", *section(parts[name])]
        profile = results["parts"][name].get("profile")
        if profile and (name in ALWAYS_PROFILED or missed(parts, name)):
            blocks.append(md.profile(profile))
    return "\n\n".join(blocks) + "\n"


def _measured(results: Mapping[str, Any]) -> dict[str, Part]:
    return {name: part["measured"] for name, part in results["parts"].items()}


def _header(parts: Mapping[str, Part]) -> list[str]:
    """How to reproduce it, what it ran on, when, and how to read the numbers."""
    machines: list[tuple[Part, list[str]]] = []
    for name, part in parts.items():
        same = [names for machine, names in machines if machine == part["environment"]]
        if same:
            same[0].append(name)
        else:
            machines.append((part["environment"], [name]))
    lines = [f"- {', '.join(names)}: {_machine(machine)}." for machine, names in machines]
    dates = ", ".join(f"{name} {part['date']}" for name, part in parts.items())
    quick = [name for name, part in parts.items() if part["quick"]]
    busy = [
        name for name, part in parts.items() if part["load"] > 0.25 * part["environment"]["cores"]
    ]
    notes = []
    if quick:
        notes.append(f"Quick runs, with small sizes and few repeats: {', '.join(quick)}.")
    if busy:
        notes.append(
            f"The machine was also doing something else when these began: {', '.join(busy)}."
        )
    return [
        "`make bench` measures it all again; `python -m benchmarks --report` only writes this "
        "page again, from `results.json`. Sides of a comparison take turns (A, B, A, B) after a "
        "warm-up, with the same number of threads, and are first checked to compute the same "
        "thing. Given are the median and in brackets the quartiles; a ratio is the median of the "
        "ratios of neighbouring repeats, and below 1 means less time.",
        "\n".join(lines),
        f"Measured: {dates}.",
        *notes,
    ]


def _machine(machine: Part) -> str:
    libraries = ", ".join(f"{name} {number}" for name, number in machine["libraries"].items())
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['threads']} threads, "
        f"{', '.join(machine['instructions']) or 'no vector instructions known'}, "
        f"{md.size(machine['memory_bytes'])} of memory, {machine['system']}, "
        f"Python {machine['python']}, {libraries}"
    )


def targets_table(results: Mapping[str, Any]) -> str:
    """How many targets are met, and a row each in Markdown."""
    found, rows = outcomes(_measured(results)), []
    for outcome in found:
        target = outcome.target
        sign = "≤" if target.at_most else "≥"
        value = "" if outcome.value is None else f"{md.number(outcome.value)} {target.unit}"
        verdict = f"**{outcome.verdict}**" if outcome.verdict == "missed" else outcome.verdict
        rows.append(
            [target.what, f"{sign} {md.number(target.bound)} {target.unit}", value, verdict]
        )
    counts = {verdict: sum(o.verdict == verdict for o in found) for verdict in ("met", "missed")}
    absent = len(found) - sum(counts.values())
    summary = f"{counts['met']} met, {counts['missed']} missed, {absent} not measured."
    return summary + "\n\n" + md.table(["what", "target", "measured", ""], rows)
