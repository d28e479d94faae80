"""Write and read checks and drills as data, which the bundle has in place of the answers.

A check keeps its public cases, their right values and those of the known mistakes; a drill keeps
digests of its numbers and choices. Neither holds a function that computes an answer, a hidden case
or a rubric.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ragkit.course import plain
from ragkit.course.drills import properties
from ragkit.course.drills.base import Choice, Constructed, Drill, Number, Part, Sealed, Text
from ragkit.course.drills.reading import Reading
from ragkit.course.judging import Case, Check, Key, Wrong
from ragkit.files import write_atomically


def write_checks(checks: Iterable[Check], path: Path) -> None:
    """Write the public checks as JSON."""
    _write(path, {check.name: _check_as_data(check) for check in checks})


def read_checks(path: Path) -> dict[str, Check]:
    """The checks that `write_checks` wrote, by name."""
    found = json.loads(path.read_text(encoding="utf-8"))
    return {name: _check_from_data(name, data) for name, data in found.items()}


def write_drills(drills: Mapping[str, Drill], path: Path) -> None:
    """Write the drills as JSON, their numbers and choices sealed."""
    _write(path, {name: _drill_as_data(name, drill) for name, drill in drills.items()})


def read_drills(path: Path) -> dict[str, Drill]:
    """The drills that `write_drills` wrote, by name."""
    found = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: Drill([_part_from_data(part) for part in data["parts"]], data["form"])
        for name, data in found.items()
    }


def _write(path: Path, data: Any) -> None:
    write_atomically(path, (json.dumps(data, ensure_ascii=False, indent=None) + "\n").encode())


def _check_as_data(check: Check) -> dict[str, Any]:
    keys = [
        {
            "arguments": plain.encode(key.case.arguments),
            "kind": key.case.kind,
            "detail": key.case.detail,
            "expected": plain.encode(key.expected),
            "mistakes": [[w.sentence, plain.encode(w.answer), w.trivial] for w in key.mistakes],
        }
        for key in check.keys
    ]
    return {"tolerance": check.tolerance, "parameters": check.parameters, "keys": keys}


def _check_from_data(name: str, data: Mapping[str, Any]) -> Check:
    keys = [
        Key(
            Case(plain.decode(key["arguments"]), key["kind"], key["detail"]),
            plain.decode(key["expected"]),
            tuple(Wrong(said, plain.decode(wrong), triv) for said, wrong, triv in key["mistakes"]),
        )
        for key in data["keys"]
    ]
    return Check(name, keys, data["tolerance"], tuple(data["parameters"]))


def _drill_as_data(name: str, drill: Drill) -> dict[str, Any]:
    parts = [_part_as_data(f"{name}/{place}", part) for place, part in enumerate(drill.parts)]
    return {"form": drill.form, "parts": parts}


def _part_as_data(place: str, part: Part) -> dict[str, Any]:
    match part:
        case Text():
            return {"text": part.label}
        case Constructed():
            return {"constructed": part.judge.__name__, "label": part.label, "width": part.width}
        case Number() | Choice():
            part = part.sealed(place)
    return {
        "label": part.label,
        "place": part.place,
        "seals": part.seals,
        "otherwise": part.otherwise,
        "reading": asdict(part.reading),
    }


def _part_from_data(data: Mapping[str, Any]) -> Part:
    if "text" in data:
        return Text(data["text"])
    if "constructed" in data:
        return Constructed(data["label"], getattr(properties, data["constructed"]), data["width"])
    seals = tuple((step, tuple(digests), *rest) for step, digests, *rest in data["seals"])
    reading = Reading(**data["reading"])
    return Sealed(data["label"], data["place"], seals, data["otherwise"], reading)
