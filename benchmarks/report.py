"""report.md: template.md, with its tables and numbers filled from results.json."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import tables as md
from benchmarks.figures import draw
from benchmarks.machine import FLAGS
from benchmarks.targets import targets_table

Part = Mapping[str, Any]
TEMPLATE = Path(__file__).with_name("template.md")
_TABLE = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)


def write(results: Mapping[str, Any], folder: Path) -> None:
    """Write report.md and its figures."""
    folder.mkdir(parents=True, exist_ok=True)
    draw(measured(results), folder / "figures")
    (folder / "report.md").write_text(render(results), encoding="utf-8")


def render(results: Mapping[str, Any]) -> str:
    """The whole report in Markdown, with a section per part that was measured."""
    parts = measured(results)
    template = TEMPLATE.read_text(encoding="utf-8")
    opening, *sections = re.split(r"^## (\w+): ", template, flags=re.MULTILINE)
    text = opening.format_map({**_header(results["parts"]), "targets": targets_table(parts)})
    for name, section in zip(sections[::2], sections[1::2], strict=True):
        if name in parts:
            words = section.format_map({**parts[name], **_range(parts[name])})
            text += "## " + _TABLE.sub(partial(_shown, parts[name]), words)
    return text.rstrip() + "\n"


def _shown(part: Part, found: re.Match[str]) -> str:
    return md.render(found[1], part)


def measured(results: Mapping[str, Any]) -> dict[str, Part]:
    """What each part measured, without where and when."""
    return {name: part["measured"] for name, part in results["parts"].items()}


def _range(part: Part) -> dict[str, str]:
    """The slowest and fastest median speed of fp32 ONNX over the kinds of text."""
    found = [value for _, value in md.find(part, "throughput/*/sides/onnx/speedup/median")]
    return {"slowest": f"{min(found):.2f}", "fastest": f"{max(found):.2f}"} if found else {}


def _header(parts: Mapping[str, Part]) -> dict[str, str]:
    """What was measured on, when, and whether that was in a hurry or in company."""
    machines: dict[str, list[str]] = {}
    for name, part in parts.items():
        machines.setdefault(_machine(part["environment"]), []).append(name)
    quick = [name for name, part in parts.items() if part["quick"]]
    busy = [n for n, part in parts.items() if part["load"] > 0.25 * part["environment"]["cores"]]
    notes = f" Quick, with small sizes and few repeats: {', '.join(quick)}." if quick else ""
    notes += f" Other programs were running when these began: {', '.join(busy)}." if busy else ""
    lines = (f"- {', '.join(names)}: {machine}." for machine, names in machines.items())
    dates = ", ".join(f"{name} {part['date']}" for name, part in parts.items())
    return {"machines": "\n".join(lines), "dates": dates, "notes": notes}


def _machine(machine: Part) -> str:
    libraries = ", ".join(f"{name} {number}" for name, number in machine["libraries"].items())
    found = machine["instructions"]
    features = ", ".join(found) or "none of the vector instructions looked for"
    missing = ", ".join(flag for flag in FLAGS if flag not in found)
    without = f", without {missing}" if found and missing else ""
    return (
        f"processor {machine['cpu']} with {features}{without}; {machine['cores']} cores, "
        f"{machine['threads']} threads, {md.size(machine['memory_bytes'])} of memory, "
        f"{machine['system']}; Python {machine['python']}, {libraries}"
    )
